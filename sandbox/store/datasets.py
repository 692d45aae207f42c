"""Datasets as they are published: policy, snapshot and public files, version by version."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from sandbox.domain.audit import Event
from sandbox.domain.canonical import content_hash
from sandbox.domain.errors import BadInput, Conflict, NotFound, Tampered
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.policy_change import Approval, check_change
from sandbox.domain.policy_document import policy_from_document, policy_to_document
from sandbox.store.catalogue import index, not_indexed
from sandbox.store.database import Database, stamp
from sandbox.store.log import Log
from sandbox.store.schema import dataset_reviewers, dataset_versions, datasets, suspensions
from sandbox.store.suspensions import suspended_now


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A dataset's newest version.

    Attributes:
        suspended: all of it is, now; see ``store.suspensions``.
        public_files: of unconditional datasets: file -> SHA-256 in the vault, see ``flows.open_data``.
        raw_files: of conditional ones: table -> file in the raw store; empty where nobody noted it.
        report: what publishing told the owner. Its numbers come from rows: for nobody else.
    """

    policy: DatasetPolicy
    policy_hash: str
    snapshot: str
    version: int
    published_at: str  # ISO 8601, UTC
    suspended: bool
    public_files: Mapping[str, str]
    raw_files: Mapping[str, str]
    report: Mapping[str, Any]


class Datasets:
    """What is published here."""

    def __init__(self, database: Database, log: Log, now: Callable[[], datetime]) -> None:
        self._database, self._log, self._now = database, log, now

    def publish(
        self,
        policy: DatasetPolicy,
        *,
        policy_hash: str,
        snapshot: str,
        public_files: Mapping[str, str],
        event: Event,
        report: Mapping[str, Any] | None = None,
        raw_files: Mapping[str, str] | None = None,
        approval: Approval | None = None,
    ) -> Dataset:
        """Make a version the newest one. A suspended dataset stays suspended.

        Args:
            policy_hash: ``content_hash`` of the policy's document.
            report: text and whole numbers.
            raw_files: what the version was made of, by table.
            approval: a second person's, where the policy is looser than the one before.

        Raises:
            Conflict: the dataset's budget would change to another lineage.
            NotAllowed: the policy loosens, and nobody else approved this very change.
        """
        document = policy_to_document(policy)
        if content_hash(document) != policy_hash:
            raise BadInput("The hash is not that of the policy.", where="policy_hash")
        with self._database.transaction() as connection:
            before = connection.execute(select(datasets).where(datasets.c.name == policy.name)).first()
            version = before.version + 1 if before is not None else 1
            if before is None:
                connection.execute(
                    insert(datasets).values(
                        name=policy.name,
                        owner=policy.owner,
                        lineage=policy.budget_lineage,
                        version=version,
                    )
                )
            else:
                if before.lineage != policy.budget_lineage:
                    # The same rows under another name would have a fresh budget.
                    raise Conflict(
                        f"{policy.name} draws on the budget of {before.lineage}; that is for life.",
                        fix=f"Set lineage: {before.lineage}.",
                    )
                held = _get(connection, policy.name)
                check_change(
                    f"dataset:{policy.name}",
                    held.policy,
                    policy,
                    base_hash=held.policy_hash,
                    policy_hash=policy_hash,
                    approval=approval,
                )
                connection.execute(
                    update(datasets)
                    .where(datasets.c.name == policy.name)
                    .values(version=version, owner=policy.owner)
                )
            connection.execute(
                insert(dataset_versions).values(
                    dataset=policy.name,
                    version=version,
                    policy=_json(document),
                    policy_hash=policy_hash,
                    snapshot=snapshot,
                    report=_json(report or {}),
                    public_files=_json(public_files),
                    published_at=stamp(self._now()),
                    raw_files=_json(raw_files or {}),
                )
            )
            index(connection, policy)
            self._log.append(connection, event, facts={"version": version})
            return _get(connection, policy.name)

    def get(self, name: str) -> Dataset | None:
        """The newest version, or None."""
        with self._database.reading() as connection:
            row = connection.execute(_newest().where(datasets.c.name == name)).first()
            return _dataset(row) if row is not None else None

    def all(self) -> tuple[Dataset, ...]:
        """The newest version of every dataset, by name."""
        with self._database.reading() as connection:
            return tuple(_dataset(row) for row in connection.execute(_newest().order_by(datasets.c.name)))

    def owned_by(self, owner: str) -> tuple[str, ...]:
        """The names of an owner's datasets, in order; no policy is read."""
        query = select(datasets.c.name).where(datasets.c.owner == owner).order_by(datasets.c.name)
        with self._database.reading() as connection:
            return tuple(connection.scalars(query))

    def of_reviewer(self, reviewer: str) -> tuple[Dataset, ...]:
        """The newest version of each dataset whose pool names this person, in order of their names."""
        mine = select(dataset_reviewers.c.dataset).where(dataset_reviewers.c.reviewer == reviewer)
        with self._database.reading() as connection:
            query = _newest().where(datasets.c.name.in_(mine)).order_by(datasets.c.name)
            found = tuple(_dataset(row) for row in connection.execute(query))
        return tuple(row for row in found if reviewer in row.policy.release.pool)  # the policy is what counts

    def generation(self) -> tuple[int, ...]:
        """Another one whenever the lists of datasets would say something else.

        Versions, suspensions and their ends only become more.
        """
        query = select(
            select(func.count()).select_from(dataset_versions).scalar_subquery(),
            select(func.count()).select_from(suspensions).scalar_subquery(),
            select(func.count()).select_from(suspensions).where(suspensions.c.ended != "").scalar_subquery(),
        )
        with self._database.reading() as connection:
            return tuple(connection.execute(query).one())

    def several(self, names: Sequence[str]) -> tuple[Dataset, ...]:
        """The newest versions of those of these names that there are, in this order."""
        with self._database.reading() as connection:
            rows = connection.execute(_newest().where(datasets.c.name.in_(names)))
            found = {row.dataset: _dataset(row) for row in rows}
        return tuple(found[name] for name in names if name in found)

    def first_published(self, names: Sequence[str]) -> dict[str, str]:
        """When the first version of each of these came: name -> ISO 8601, UTC."""
        first = (dataset_versions.c.version == 1) & dataset_versions.c.dataset.in_(names)
        query = select(dataset_versions.c.dataset, dataset_versions.c.published_at).where(first)
        with self._database.reading() as connection:
            return {row.dataset: row.published_at for row in connection.execute(query)}

    def of_lineage(self, lineage: str) -> tuple[tuple[str, str], ...]:
        """Name and owner of each dataset that draws on a budget, by name."""
        query = select(datasets.c.name, datasets.c.owner).where(datasets.c.lineage == lineage)
        with self._database.reading() as connection:
            return tuple((row.name, row.owner) for row in connection.execute(query.order_by(datasets.c.name)))

    def history(self, name: str, *, offset: int = 0, limit: int = 20) -> tuple[Dataset, ...]:
        """Versions, the newest first."""
        query = select(suspended_now(dataset_versions, dataset_versions.c.dataset), dataset_versions).where(
            dataset_versions.c.dataset == name
        )
        query = query.order_by(dataset_versions.c.version.desc())
        with self._database.reading() as connection:
            return tuple(_dataset(row) for row in connection.execute(query.limit(limit).offset(offset)))

    def versions(self, name: str) -> tuple[Dataset, ...]:
        """All versions, the newest last."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(suspended_now(dataset_versions, dataset_versions.c.dataset), dataset_versions)
                .where(dataset_versions.c.dataset == name)
                .order_by(dataset_versions.c.version)
            )
            return tuple(_dataset(row) for row in rows)

    def made_under(self, name: str, snapshot: str) -> DatasetPolicy:
        """The policy that a snapshot's private views were made under, which later versions may have left behind.

        Raises:
            NotFound: the dataset had no such snapshot.
        """
        for version in self.versions(name):
            if version.snapshot == snapshot:
                return version.policy
        raise NotFound(f"{name} had no snapshot {snapshot[:12]}.")


def refresh_catalogue(database: Database) -> None:
    """Index what has no entry of this program's form yet: after an update, and never otherwise.

    What is in the index follows from what is published, so that it is no event of its own. A policy that was changed
    in the database stays without an entry: reading it says so.
    """
    with database.reading() as connection:
        if not not_indexed(connection):
            return
    with database.transaction() as connection:
        for name in not_indexed(connection):  # again: another process may have been quicker
            row = connection.execute(_newest().where(datasets.c.name == name)).one()
            with suppress(Tampered):
                index(connection, _dataset(row).policy)


def _newest() -> Any:
    return select(suspended_now(dataset_versions, dataset_versions.c.dataset), dataset_versions).join_from(
        datasets,
        dataset_versions,
        (dataset_versions.c.dataset == datasets.c.name) & (dataset_versions.c.version == datasets.c.version),
    )


def _get(connection: Connection, name: str) -> Dataset:
    row = connection.execute(_newest().where(datasets.c.name == name)).first()
    if row is None:
        raise NotFound(f"There is no dataset {name!r}.")
    return _dataset(row)


@functools.lru_cache(maxsize=1024)
def _policy(text: str, policy_hash: str, dataset: str) -> DatasetPolicy:
    """The policy that a stored text says; the same text is read once. Another text, however like, is another key."""
    document = json.loads(text)
    if content_hash(document) != policy_hash:
        raise Tampered(f"The policy of {dataset} was changed in the database.", place=f"dataset {dataset}")
    return policy_from_document(document)


def _dataset(row: Row[Any]) -> Dataset:
    return Dataset(
        policy=_policy(row.policy, row.policy_hash, row.dataset),
        policy_hash=row.policy_hash,
        snapshot=row.snapshot,
        version=row.version,
        published_at=row.published_at,
        suspended=bool(row.suspended),
        public_files=json.loads(row.public_files),
        raw_files=json.loads(row.raw_files),
        report=json.loads(row.report),
    )


def _json(value: Mapping[str, Any]) -> str:
    """In the order it was given, which canonical form would lose: owners order their tables and columns."""
    return json.dumps(dict(value), ensure_ascii=False, allow_nan=False)
