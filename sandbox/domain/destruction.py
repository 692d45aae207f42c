"""The destruction of a dataset's data: begun, carried out, certified. Nothing undoes it.

- Its owner or an administrator asks for it, and types the dataset's name. It tightens: no second person is needed.
- The keys go first. From then on no copy of the files opens, wherever it lies; copies of the keys do not count as ours.
- What was learned and released before stays: answers, the base, crates. They are not the data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.domain.audit import Entry
from sandbox.domain.canonical import canonical_json
from sandbox.domain.errors import BadInput, Conflict
from sandbox.domain.policy import DatasetPolicy

FORMAT = "sandbox-destruction-v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Destruction:
    """One dataset's.

    Attributes:
        finished_at: empty while it is under way.
        certificate: canonical JSON; empty while it is under way.
        signature: the platform's, over ``signed_bytes``; hexadecimal.
    """

    dataset: str
    reason: str
    asked_by: str
    asked_at: str  # ISO 8601, UTC
    finished_at: str = ""
    certificate: str = ""
    signature: str = ""

    @property
    def finished(self) -> bool:
        return bool(self.finished_at)


def check_destroyable(policy: DatasetPolicy, *, typed: str) -> None:
    """Raise unless there are data to destroy, and the person meant it.

    Args:
        typed: the dataset's name, as the person wrote it.

    Raises:
        BadInput: another name was typed; or there are no closed data.
    """
    if not policy.private:
        raise BadInput(
            f"{policy.name} has no data that are kept closed.",
            where="dataset",
            fix="Only those of conditional datasets are.",
        )
    if typed != policy.name:
        raise BadInput(
            "The name that was typed is not the dataset's.",
            where="name",
            fix=f"Type {policy.name} to destroy its data for ever.",
        )


def check_not_destroyed(found: Destruction | None) -> None:
    """Raise when there are no data any more.

    Raises:
        Conflict: they were destroyed.
    """
    if found is not None:
        raise Conflict(
            f"The data of {found.dataset} were destroyed on {found.asked_at[:10]}.",
            fix="Publish other data under another name, on the same lineage.",
        )


def certificate(
    destruction: Destruction, *, keys: Sequence[str], snapshots: Sequence[str], entry: Entry
) -> dict[str, Any]:
    """What the platform signs.

    Args:
        keys: the ids of the keys that were destroyed.
        snapshots: the versions that nobody can open any more.
        entry: of the log, which says the same.
    """
    return {
        "format": FORMAT,
        "dataset": destruction.dataset,
        "asked_by": destruction.asked_by,
        "asked_at": destruction.asked_at,
        "reason": destruction.reason,
        "destroyed_at": entry.at,
        "keys": sorted(keys),
        "snapshots": list(snapshots),
        "log": {"entry": entry.seq, "hash": entry.hash},
    }


def signed_bytes(document: Mapping[str, Any]) -> bytes:
    """What the signature is over."""
    return f"{FORMAT}\n".encode() + canonical_json(dict(document))
