"""A dataset as it stands now: what every journey looks up first."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.domain.errors import NotAllowed, NotFound
from sandbox.domain.policy import DatasetPolicy
from sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A published dataset."""

    policy: DatasetPolicy
    policy_hash: str
    snapshot: str
    files: dict[str, str]  # unconditional datasets: table -> sha256 in the vault


def published(store: Store, name: str) -> Published:
    """The dataset, or an error.

    Raises:
        NotFound: never published.
        NotAllowed: suspended.
    """
    row = store.datasets.get(name)
    if row is None:
        names = ", ".join(d.policy.name for d in store.datasets.all())
        raise NotFound(
            f"There is no dataset {name!r}.", fix=f"Published: {names}." if names else "None is published."
        )
    if row.suspended:
        raise NotAllowed(
            f"{name} is suspended.", clause="suspension", fix="Ask its owner when it will be resumed."
        )
    return Published(
        policy=row.policy, policy_hash=row.policy_hash, snapshot=row.snapshot, files=dict(row.public_files)
    )
