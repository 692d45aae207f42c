"""A release as one ZIP that proves itself: files, findings, agreement, votes, ledger, log position, signature.

- ``manifest.json`` names every file with its SHA-256; ``manifest.sig`` signs it; nothing else may be inside.
- The ZIP is canonical (sorted, uncompressed, fixed times). ``verify_crate`` writes it again from what it read and
  compares the bytes, so that not one byte can be changed, added or hidden anywhere in it.
- Reviewers are ``reviewer 1``, ``reviewer 2``; nothing in it tells who voted.

The description follows RO-Crate 1.2, and Five Safes RO-Crate 0.4 where the code behind the files is known.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from sandbox.disclosure.crate_description import description
from sandbox.disclosure.crate_phases import JobFacts
from sandbox.disclosure.crate_report import CrateReport, told_by
from sandbox.disclosure.crate_workflow import FOLDER, Workflow, of_questions, parts_of
from sandbox.domain.canonical import canonical_json, sha256_hex
from sandbox.domain.errors import Tampered
from sandbox.domain.findings import Finding
from sandbox.domain.privacy_loss import Loss
from sandbox.domain.release import Decision, Release, check_file_name
from sandbox.domain.tree_head import TreeHead

FORMAT = "sandbox-crate-v1"
RULES_VERSION = "1"  # of the checks; raise it whenever a verdict can change
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
DESCRIPTION = "ro-crate-metadata.json"
MAX_CRATE_BYTES = 64 * 2**20
MAX_ENTRIES = 500
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a ZIP can say: the same bytes on every day
_UNIX_FILE = 0o100644 << 16


class LedgerLine(Protocol):
    """One charge, as the ledger holds it."""

    @property
    def id(self) -> int: ...
    @property
    def canonical(self) -> str: ...
    @property
    def cost(self) -> Loss: ...
    @property
    def asked_at(self) -> str: ...
    @property
    def answer_sha256(self) -> str: ...


def build_crate(
    *,
    release: Release,
    files: Mapping[str, bytes],
    findings: Sequence[Finding],
    agreement: bytes,
    agreement_signature: bytes,
    policy_title: str,
    source: str,
    licence: str,
    snapshot: str,
    log_head: TreeHead,
    ledger: Sequence[LedgerLine],
    released_at: str,
    address: str,
    public_key_pem: bytes,
    sign: Callable[[bytes], bytes],
    job: JobFacts | None = None,
    code: tuple[str, bytes] | None = None,
    receipts: Sequence[Mapping[str, Any]] = (),
) -> bytes:
    """Pack a release. The same arguments and signature give the same bytes.

    Args:
        files: the rebuilt bytes of each released file, by name.
        findings: what the requester may see; the crate goes to the requester.
        agreement: its canonical document, as it was signed.
        released_at: ISO 8601, UTC.
        address: of the platform, for browsers.
        public_key_pem: to tell which key signed; a verifier uses a copy it got elsewhere.
        sign: an Ed25519 signature of a message, 64 bytes.
        job: the job that made the files, where one did; ``code``: its (bare name, content).
        receipts: signed receipts of the private answers behind the files.

    Raises:
        BadInput: a file's name is not a bare one.
    """
    parts = {f"files/{check_file_name(name)}": data for name, data in files.items()}
    parts |= {
        "agreement.json": agreement,
        "agreement.sig": base64.b64encode(agreement_signature) + b"\n",
        "findings.json": canonical_json(_findings(findings, agreement)),
        "review.json": canonical_json(_review(release)),
        "ledger.json": canonical_json([_line(line) for line in ledger]),
        "log.json": canonical_json(log_head.document()),
        "public_key.pem": public_key_pem,
    }
    parts |= {f"questions/{f.name}.sql": f.sql.encode() + b"\n" for f in release.files if f.sql}
    if job is not None:
        parts["job.json"] = canonical_json(job.document())
    if receipts:
        parts["receipts.json"] = canonical_json([dict(receipt) for receipt in receipts])
    workflow = (
        Workflow(name=check_file_name(code[0]), code=code[1])
        if code is not None
        else of_questions({f.name: f.sql for f in release.files if f.sql})
    )
    if workflow is not None:
        parts |= parts_of(workflow, title=policy_title, licence=licence, made_at=released_at)
    parts[DESCRIPTION] = description(
        release=release,
        parts=parts,
        title=policy_title,
        source=source,
        licence=licence,
        snapshot=snapshot,
        released_at=released_at,
        agreement=json.loads(agreement),
        rules_version=RULES_VERSION,
        workflow=workflow,
        job=job,
        address=address,
    )
    manifest = canonical_json(
        {
            "format": FORMAT,
            "release": release.id,
            "dataset": release.dataset,
            "released_at": released_at,
            "agreement_sha256": sha256_hex(agreement),
            "approvals": sum(v.decision is Decision.APPROVE for v in release.votes),
            "log_seq": log_head.size,
            "log_hash": log_head.root,
            "files": [
                {"path": path, "sha256": sha256_hex(data), "size_bytes": len(data)}
                for path, data in sorted(parts.items())
            ],
        }
    )
    parts[MANIFEST] = manifest
    parts[SIGNATURE] = base64.b64encode(sign(_signed(manifest))) + b"\n"
    return _zip(parts)


def verify_crate(data: bytes, verify: Callable[[bytes, bytes], None]) -> CrateReport:
    """Check a crate offline.

    Args:
        verify: takes (signature, message) and raises Tampered when the platform's key did not sign it.

    Raises:
        Tampered: names the file that was edited, added, dropped or renamed.
    """
    parts = _unzip(data)
    for needed in (MANIFEST, SIGNATURE):
        if needed not in parts:
            raise Tampered(f"The crate has no {needed}.", place=needed)
    verify(_decoded(parts[SIGNATURE]), _signed(parts[MANIFEST]))
    manifest = _manifest(parts[MANIFEST])
    listed = {entry["path"]: entry for entry in manifest["files"]}
    present = set(parts) - {MANIFEST, SIGNATURE}
    for path in sorted(listed):
        if path not in present:
            raise Tampered(f"{path} is missing from the crate.", place=path)
        if sha256_hex(parts[path]) != listed[path]["sha256"]:
            raise Tampered(f"{path} was changed after the crate was signed.", place=path)
    for path in sorted(present - set(listed)):
        raise Tampered(f"{path} was added after the crate was signed.", place=path)
    if _zip(parts) != data:
        # Contents hold, but bytes between, before or after them differ: hidden data, or another ZIP writer.
        raise Tampered("The crate's packaging was changed after it was signed.", place="zip structure")
    return CrateReport(
        release=manifest["release"],
        dataset=manifest["dataset"],
        released_at=manifest["released_at"],
        files=tuple(
            (path.removeprefix("files/"), entry["sha256"], entry["size_bytes"])
            for path, entry in sorted(listed.items())
            if path.startswith("files/")
        ),
        agreement_sha256=manifest["agreement_sha256"],
        approvals=manifest["approvals"],
        log_seq=manifest["log_seq"],
        log_hash=manifest["log_hash"],
        **told_by(parts, verify, agreement_signature=lambda: _decoded(parts["agreement.sig"])),
    )


def _signed(manifest: bytes) -> bytes:
    # The prefix keeps a signature made for one purpose from being used for another.
    return FORMAT.encode() + b"\n" + manifest


def _zip(parts: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(parts):
            info = zipfile.ZipInfo(path, date_time=_EPOCH)
            info.create_system = 3  # Unix, on every system
            info.external_attr = _UNIX_FILE
            archive.writestr(info, parts[path])
    return out.getvalue()


def _unzip(data: bytes) -> dict[str, bytes]:
    """Read entries without trusting any size, name or method that the ZIP declares."""
    if len(data) > MAX_CRATE_BYTES:
        raise Tampered(f"The crate has more than {MAX_CRATE_BYTES} bytes.", place="zip structure")
    parts: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ENTRIES:
                raise Tampered(f"The crate has {len(entries)} entries.", place="zip structure")
            # Ours are uncompressed and do not overlap, so together they cannot be longer than the crate itself.
            if sum(entry.file_size for entry in entries) > len(data):
                raise Tampered("The crate's entries are longer than the crate.", place="zip structure")
            for entry in entries:
                path = entry.filename
                if path in parts:
                    raise Tampered(f"{path} is in the crate twice.", place=path)
                if not _is_plain(path) or entry.flag_bits & 1:
                    raise Tampered(f"{path!r} is no name of a crate.", place=path)
                if entry.compress_type != zipfile.ZIP_STORED:
                    raise Tampered(f"{path} is compressed; a crate's files are not.", place=path)
                parts[path] = _content(archive, entry)
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, NotImplementedError, RuntimeError) as broken:
        raise Tampered(f"The crate is no ZIP that can be read ({broken}).", place="zip structure") from broken
    return parts


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    try:
        return archive.read(entry)
    except zipfile.BadZipFile as broken:
        raise Tampered(
            f"{entry.filename} was changed after the crate was signed.", place=entry.filename
        ) from broken


def _is_plain(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    return (
        folder in ("", "files", "questions", FOLDER)
        and bool(name)
        and ".." not in name
        and name.isprintable()
    )


def _decoded(signature: bytes) -> bytes:
    try:
        decoded = base64.b64decode(signature.strip(), validate=True)
    except binascii.Error as broken:
        raise Tampered("The signature cannot be read.", place=SIGNATURE) from broken
    # Base64 has spare bits and blanks: only one way to write a signature is ours.
    if base64.b64encode(decoded) + b"\n" != signature:
        raise Tampered("The signature's text was changed.", place=SIGNATURE)
    return decoded


def _manifest(data: bytes) -> dict[str, Any]:
    # Signed by the platform, so its shape is ours; another format is from a newer or older platform.
    manifest: dict[str, Any] = json.loads(data)
    if manifest.get("format") != FORMAT:
        raise Tampered(f"The crate's format is {manifest.get('format')!r}, not {FORMAT!r}.", place=MANIFEST)
    return manifest


def _findings(findings: Sequence[Finding], agreement: bytes) -> dict[str, Any]:
    return {
        "rules": {"version": RULES_VERSION, "parameters": json.loads(agreement).get("release", {})},
        "findings": [
            {
                "file": f.file,
                "check": f.check,
                "verdict": str(f.verdict),
                "place": f.place,
                "reason": f.reason,
                "source": f.source,
            }
            for f in findings
        ],
    }


def _review(release: Release) -> dict[str, Any]:
    # In the order of the decisions' words, so that the order of voting tells nothing either.
    decisions = sorted(str(vote.decision) for vote in release.votes)
    return {
        "context": release.context,
        "votes": [{"reviewer": f"reviewer {i}", "decision": d} for i, d in enumerate(decisions, start=1)],
        "submitted": [
            {"file": f.name, "sha256": f.sha256, "size_bytes": f.size_bytes} for f in release.files
        ],
    }


def _line(line: LedgerLine) -> dict[str, Any]:
    return {
        "question": line.id,
        "sql": line.canonical,
        "nano": line.cost.nano,
        "atto_delta": line.cost.atto_delta,
        "asked_at": line.asked_at,
        "answer_sha256": line.answer_sha256,
    }
