"""A dataset as it stands now: what every journey looks up first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sandbox.domain.errors import NotAllowed, NotFound
from sandbox.domain.objection import decides
from sandbox.domain.people import Person
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.suspension import touching
from sandbox.store import Store

NO_COLUMN: Mapping[str, frozenset[str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A published dataset."""

    policy: DatasetPolicy
    policy_hash: str
    snapshot: str
    files: dict[str, str]  # of unconditional datasets: file -> SHA-256 in the vault, see ``open_data``


def no_such_dataset(name: str) -> NotFound:
    """What is said of a dataset that does not exist, and of one whose owner says nothing of it."""
    return NotFound(f"There is no dataset {name!r}.", fix="See the catalogue for the names.")


def published(store: Store, name: str) -> Published:
    """The dataset, suspended or not: whether it may be used under a grant is said by ``permission``.

    Raises:
        NotFound: never published, or hidden: the words are the same.
    """
    found = known(store, name)
    if found.policy.hidden:
        raise no_such_dataset(name)
    return found


def known(store: Store, name: str) -> Published:
    """The dataset, hidden or not: for those whom an application for it concerns.

    Raises:
        NotFound: never published.
    """
    row = store.datasets.get(name)
    if row is None:
        raise no_such_dataset(name)
    return Published(
        policy=row.policy,
        policy_hash=row.policy_hash,
        snapshot=row.snapshot,
        files=dict(row.public_files),
    )


def in_use(store: Store, name: str, *, columns: Mapping[str, frozenset[str]] | None = NO_COLUMN) -> Published:
    """The dataset, for what is done with it without a grant.

    Args:
        columns: what is used of it, by table; None: all of it, so that one suspended column stops it.

    Raises:
        NotFound: never published.
        NotAllowed: suspended.
    """
    found = published(store, name)
    held = touching(store.suspensions.of(name), columns)
    if held is not None:
        raise NotAllowed(
            f"{held.place} is suspended.", clause="suspension", fix="Ask its owner when it will be resumed."
        )
    return found


def decided_by(store: Store, person: Person, name: str) -> DatasetPolicy:
    """The policy of a dataset, for its owner and administrators.

    Raises:
        NotAllowed: the same words whether it is somebody else's, hidden, or not there.
    """
    row = store.datasets.get(name)
    if row is None or not decides(row.policy, person):
        raise NotAllowed(
            f"You are neither the owner of a dataset {name!r} nor an administrator of one.",
            clause="role",
            fix="Ask its owner.",
        )
    return row.policy
