"""Sums for the public: counted by the database, from the books alone. No private row is near."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select

from sandbox.domain.privacy_loss import Accounting
from sandbox.store.database import Database
from sandbox.store.schema import (
    audit_log,
    dataset_versions,
    demands,
    lineage_accounts,
    project_accounts,
    questions,
    releases,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """How much of a cap is used, in whole numbers."""

    spent_nano: int
    cap_nano: int

    @property
    def percent(self) -> float:
        """0 to 100."""
        return 100.0 * self.spent_nano / self.cap_nano if self.cap_nano else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVersion:
    """When a dataset got which policy."""

    dataset: str
    version: int
    policy_sha256: str
    published_at: str  # ISO 8601, UTC


class Figures:
    """Reads only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def lineages(self) -> dict[str, Spent]:
        """What is used of every lineage's budget."""
        with self._database.reading() as connection:
            return {
                row.lineage: Spent(spent_nano=row.spent_nano, cap_nano=row.cap_nano)
                for row in connection.execute(select(lineage_accounts).order_by(lineage_accounts.c.lineage))
            }

    def accountings(self) -> dict[str, Accounting]:
        """What every lineage's losses are of."""
        with self._database.reading() as connection:
            rows = connection.execute(select(lineage_accounts.c.lineage, lineage_accounts.c.accounting))
            return {row.lineage: Accounting(row.accounting) for row in rows}

    def projects(self) -> dict[tuple[str, str], Spent]:
        """(lineage, project) -> what is used of its quota; only those that have asked something."""
        with self._database.reading() as connection:
            return {
                (row.lineage, row.project): Spent(spent_nano=row.spent_nano, cap_nano=row.cap_nano)
                for row in connection.execute(select(project_accounts))
            }

    def questions_by_dataset(self, datasets: Collection[str]) -> dict[str, int]:
        """How many questions were asked, answered or not: an outcome could depend on rows, being asked cannot."""
        return self._counts(questions.c.dataset, questions.c.dataset.in_(datasets))

    def questions_by_month(self, datasets: Collection[str]) -> dict[str, int]:
        """``2026-03`` -> how many were asked about these datasets."""
        return self._counts(func.substr(questions.c.asked_at, 1, 7), questions.c.dataset.in_(datasets))

    def releases_by_status(self, datasets: Collection[str]) -> dict[str, int]:
        """How many requests from these datasets stand where."""
        return self._counts(releases.c.status, releases.c.dataset.in_(datasets))

    def demands_by_state(self) -> dict[str, int]:
        """How many demands stand where; ``hidden`` is a state of its own here."""
        counted = self._counts(demands.c.state, demands.c.hidden == "")
        hidden = sum(self._counts(demands.c.state, demands.c.hidden != "").values())
        return {**counted, "hidden": hidden} if hidden else counted

    def policy_versions(self) -> tuple[PolicyVersion, ...]:
        """Every version of every dataset, in order of dataset and version."""
        c = dataset_versions.c
        query = select(c.dataset, c.version, c.policy_hash, c.published_at).order_by(c.dataset, c.version)
        with self._database.reading() as connection:
            return tuple(
                PolicyVersion(
                    dataset=row.dataset,
                    version=row.version,
                    policy_sha256=row.policy_hash,
                    published_at=row.published_at,
                )
                for row in connection.execute(query)
            )

    def moments(self, action: str) -> dict[str, str]:
        """Object -> when this was first done to it, by the log."""
        query = (
            select(audit_log.c.object, func.min(audit_log.c.at))
            .where(audit_log.c.action == action)
            .group_by(audit_log.c.object)
        )
        with self._database.reading() as connection:
            return {str(row[0]): str(row[1]) for row in connection.execute(query)}

    def _counts(self, by: Any, *where: ColumnElement[bool]) -> dict[str, int]:
        query = select(by.label("what"), func.count()).where(*where).group_by("what").order_by("what")
        with self._database.reading() as connection:
            return {str(row[0]): int(row[1]) for row in connection.execute(query)}
