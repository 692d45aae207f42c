"""Breaches on record: added, and lifted when they were wrong; never taken out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from sandbox.domain.audit import Event
from sandbox.domain.breaches import Breach, Measure, Notice
from sandbox.domain.errors import Conflict, NotFound
from sandbox.store.database import Database, number_of, stamp
from sandbox.store.log import Log
from sandbox.store.schema import breaches


class Breaches:
    """All breaches, by number."""

    def __init__(self, database: Database, log: Log, now: Callable[[], datetime]) -> None:
        self._database, self._log, self._now = database, log, now

    def add(self, notice: Notice, *, dataset: str, project: str, person: str, event: Event) -> Breach:
        """Put a breach on record.

        Args:
            person: a name; empty when it is about the project.
        """
        with self._database.transaction() as connection:
            made = connection.execute(
                insert(breaches).values(
                    dataset=dataset,
                    project=project,
                    person=person or None,
                    clause=notice.clause,
                    measure=notice.measure,
                    notice=notice.text,
                    recorded_at=stamp(self._now()),
                )
            )
            number = number_of(made)
            self._log.append(
                connection, event, facts={"breach": number, "notice_sha256": notice.sha256}, id=number
            )
            return _one(connection, number)

    def lift(self, breach_id: int, *, reason: str, event: Event) -> Breach:
        """Say that it should not have been recorded. The notice stays, with the reason.

        Raises:
            Conflict: it was lifted already.
        """
        with self._database.transaction() as connection:
            changed = connection.execute(
                update(breaches)
                .where(breaches.c.id == breach_id, breaches.c.lifted == "")
                .values(lifted=reason)
            )
            if changed.rowcount != 1:
                _one(connection, breach_id)
                raise Conflict(f"Breach {breach_id} was lifted already.")
            self._log.append(connection, event)
            return _one(connection, breach_id)

    def get(self, breach_id: int) -> Breach | None:
        """The breach, or None."""
        found = self._where(breaches.c.id == breach_id)
        return found[0] if found else None

    def all(self) -> tuple[Breach, ...]:
        """All, the newest first."""
        return self._where()

    def of_project(self, project: str) -> tuple[Breach, ...]:
        """A project's, the newest first."""
        return self._where(breaches.c.project == project)

    def _where(self, *where: Any) -> tuple[Breach, ...]:
        with self._database.reading() as connection:
            rows = connection.execute(select(breaches).where(*where).order_by(breaches.c.id.desc()))
            return tuple(_breach(row) for row in rows)


def _one(connection: Connection, breach_id: int) -> Breach:
    row = connection.execute(select(breaches).where(breaches.c.id == breach_id)).first()
    if row is None:
        raise NotFound(f"There is no breach {breach_id}.")
    return _breach(row)


def _breach(row: Row[Any]) -> Breach:
    return Breach(
        id=row.id,
        dataset=row.dataset,
        project=row.project,
        person=row.person or "",
        notice=Notice(clause=row.clause, measure=Measure(row.measure), text=row.notice),
        lifted=row.lifted,
        recorded_at=row.recorded_at,
    )
