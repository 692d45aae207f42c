"""Training records: added only; the newest of a course is the one that holds."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, datetime

from sqlalchemy import insert, select

from sandbox.domain.audit import Event
from sandbox.domain.errors import NotFound
from sandbox.domain.training import TrainingRecord
from sandbox.store.database import Database, stamp
from sandbox.store.log import Log
from sandbox.store.schema import people, training_records


class Training:
    """Who took which course, and until when it counts."""

    def __init__(self, database: Database, log: Log, now: Callable[[], datetime]) -> None:
        self._database, self._log, self._now = database, log, now

    def add(self, person: str, course: str, *, until: date, by: str, event: Event) -> None:
        """Record a course."""
        with self._database.transaction() as connection:
            if connection.execute(select(people.c.name).where(people.c.name == person)).first() is None:
                raise NotFound(f"There is no person {person!r}.")
            connection.execute(
                insert(training_records).values(
                    person=person,
                    course=course,
                    until=until.isoformat(),
                    recorded_at=stamp(self._now()),
                    recorded_by=by,
                )
            )
            self._log.append(connection, event)

    def records(
        self, person: str = "", *, people: Collection[str] | None = None
    ) -> tuple[TrainingRecord, ...]:
        """One person's, these people's, or everybody's, oldest first."""
        query = select(training_records).order_by(training_records.c.id)
        if person:
            query = query.where(training_records.c.person == person)
        if people is not None:
            query = query.where(training_records.c.person.in_(people))
        with self._database.reading() as connection:
            return tuple(
                TrainingRecord(
                    number=row.id,
                    person=row.person,
                    course=row.course,
                    until=date.fromisoformat(row.until),
                    recorded_at=row.recorded_at,
                    recorded_by=row.recorded_by,
                )
                for row in connection.execute(query)
            )
