"""Grants: who may use what, for what and until when. They begin and end with what is done to applications.

``access`` writes them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, case, func, select

from sandbox.domain.access import Grant
from sandbox.domain.policy import Mode
from sandbox.store.database import Database, parts
from sandbox.store.schema import grants


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectSpan:
    """What a day makes of a project's grants on a dataset."""

    project: str
    dataset: str
    starts: date  # the first of them
    holds: bool  # one of them does
    ahead: bool  # one that is not revoked begins later
    revoked: bool  # all of them are


class Grants:
    """All grants, also past and revoked ones."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, grant_id: int) -> Grant | None:
        """The grant, or None."""
        found = self._where(grants.c.id == grant_id)
        return found[0] if found else None

    def all(self, *, dataset: str = "") -> tuple[Grant, ...]:
        """All, or a dataset's, also past and revoked ones; in order."""
        return self._where(grants.c.dataset == dataset) if dataset else self._where()

    def project_spans(self, today: date, *, dataset: str = "") -> tuple[ProjectSpan, ...]:
        """Every project on every dataset, or on one; summed up by the database."""
        live = ~grants.c.revoked
        day = today.isoformat()
        here = live & (grants.c.starts <= day) & (grants.c.ends >= day)
        query = select(
            grants.c.project,
            grants.c.dataset,
            func.min(grants.c.starts).label("starts"),
            func.sum(case((here, 1), else_=0)).label("holds"),
            func.sum(case((live & (grants.c.starts > day), 1), else_=0)).label("ahead"),
            func.sum(case((live, 1), else_=0)).label("live"),
        ).group_by(grants.c.project, grants.c.dataset)
        with self._database.reading() as connection:
            rows = connection.execute(query.where(grants.c.dataset == dataset) if dataset else query).all()
        return tuple(
            ProjectSpan(
                project=row.project,
                dataset=row.dataset,
                starts=date.fromisoformat(row.starts),
                holds=bool(row.holds),
                ahead=bool(row.ahead),
                revoked=not row.live,
            )
            for row in rows
        )

    def of_projects(self, projects: Collection[str]) -> tuple[Grant, ...]:
        """The grants of these projects, also those that ended; in order."""
        names = sorted(projects)
        found = (grant for some in parts(names) for grant in self._where(grants.c.project.in_(some)))
        return tuple(sorted(found, key=lambda grant: grant.id))

    def of_person(self, person: str) -> tuple[Grant, ...]:
        """A person's grants, also past and revoked ones."""
        return self._where(grants.c.person == person)

    def under(self, application_id: int) -> tuple[Grant, ...]:
        """The grants that came of an application, also those that ended."""
        return self._where(grants.c.application_id == application_id)

    def _where(self, *where: Any) -> tuple[Grant, ...]:
        with self._database.reading() as connection:
            return tuple(
                grant_of(row)
                for row in connection.execute(select(grants).where(*where).order_by(grants.c.id))
            )


def grant_of(row: Row[Any]) -> Grant:
    """The grant of a row."""
    return Grant(
        id=row.id,
        person=row.person,
        dataset=row.dataset,
        project=row.project,
        purpose=row.purpose,
        mode=Mode(row.mode),
        starts=date.fromisoformat(row.starts),
        ends=date.fromisoformat(row.ends),
        agreement_hash=row.agreement_hash,
        application=row.application_id,
        revoked=bool(row.revoked),
    )
