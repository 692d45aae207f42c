"""What a verified crate proves, in words."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.domain.errors import Tampered
from sandbox.domain.receipt import Receipt, check_signed

Verify = Callable[[bytes, bytes], None]  # takes (signature, message), raises Tampered


@dataclass(frozen=True, slots=True, kw_only=True)
class CrateReport:
    """What a verified crate says.

    Attributes:
        files: (name, sha256, bytes) of each released file.
        agreement_signed: whether the key that signed the crate signed the agreement too.
        rules: the version of the checks; empty where the crate does not tell.
        found: how many findings there are of each verdict and check.
        job: number, image and code of the job that made the files; None where none did.
        receipts: of the private answers behind the files, each checked.
    """

    release: int
    dataset: str
    released_at: str
    files: tuple[tuple[str, str, int], ...]
    agreement_sha256: str
    approvals: int
    log_seq: int
    log_hash: str
    agreement_signed: bool = False
    rules: str = ""
    found: tuple[tuple[str, str, int], ...] = ()
    job: tuple[int, str, str] | None = None
    receipts: tuple[Receipt, ...] = ()

    def lines(self) -> tuple[str, ...]:
        """The report for people."""
        by = (
            "the platform's" if self.agreement_signed else "not signed with this key, but with an earlier one"
        )
        return (
            f"release {self.release} of {self.dataset}, {self.released_at}",
            *(f"{name}: {size} bytes, sha256 {digest}" for name, digest, size in self.files),
            f"agreement: sha256 {self.agreement_sha256}, {by}",
            f"approved by {self.approvals} reviewers; log at entry {self.log_seq} ({self.log_hash[:16]}…)",
            *self._checks(),
            *self._job(),
            *(
                f"private answer: question {r.ledger}, entry {r.log} of the log, its receipt holds"
                for r in self.receipts
            ),
            "Not told by it: whether the release was recalled since. Ask the platform.",
        )

    def _checks(self) -> tuple[str, ...]:
        if not self.rules:
            return ()
        told = ", ".join(f"{count} × {check} ({verdict})" for verdict, check, count in self.found)
        return (f"checks, version {self.rules}: {told or 'nothing found'}",)

    def _job(self) -> tuple[str, ...]:
        if self.job is None:
            return ()
        number, image, code = self.job
        return (f"made by job {number} on raw rows; image {image}; code sha256 {code}",)


def told_by(
    parts: Mapping[str, bytes], verify: Verify, *, agreement_signature: Callable[[], bytes]
) -> dict[str, Any]:
    """What the parts of a crate tell beyond its manifest; a part that an earlier crate does not have tells nothing.

    Raises:
        Tampered: a receipt in it does not hold.
    """
    findings = _json(parts, "findings.json", {})
    job = _json(parts, "job.json", None)
    counted: dict[tuple[str, str], int] = {}
    for finding in findings.get("findings", []):
        name = (str(finding["verdict"]), str(finding["check"]))
        counted[name] = counted.get(name, 0) + 1
    return {
        "agreement_signed": _holds(lambda: verify(agreement_signature(), parts["agreement.json"])),
        "rules": str(findings.get("rules", {}).get("version", "")),
        "found": tuple((verdict, check, count) for (verdict, check), count in sorted(counted.items())),
        "job": (int(job["job"]), str(job["image"]), str(job["code_sha256"])) if job else None,
        "receipts": tuple(check_signed(receipt, verify) for receipt in _json(parts, "receipts.json", [])),
    }


def _json(parts: Mapping[str, bytes], path: str, otherwise: Any) -> Any:
    # Signed by the platform: its shape is ours.
    return json.loads(parts[path]) if path in parts else otherwise


def _holds(check: Callable[[], None]) -> bool:
    try:
        check()
    except Tampered:
        return False
    return True
