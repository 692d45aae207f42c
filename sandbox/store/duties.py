"""What people owe and what they may not any more: reports on the use of data, and blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, insert, select, true, update

from sandbox.domain.access import Block
from sandbox.domain.audit import Event
from sandbox.domain.errors import Conflict, NotFound
from sandbox.store.database import Database, number_of, stamp
from sandbox.store.log import Log
from sandbox.store.schema import blocks, feedback


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of the data, as its users say."""

    application: int
    due: date
    person: str
    usefulness: int  # 1 to 5
    text: str
    given_at: str  # ISO 8601, UTC


class Duties:
    """Reports and blocks."""

    def __init__(self, database: Database, log: Log, now: Callable[[], datetime]) -> None:
        self._database, self._log, self._now = database, log, now

    def report(
        self, *, application: int, due: date, person: str, usefulness: int, text: str, event: Event
    ) -> Report:
        """Keep a report for a day on which one is due.

        Raises:
            Conflict: there is one.
        """
        with self._database.transaction() as connection:
            here = (feedback.c.application_id == application, feedback.c.due == due.isoformat())
            if connection.execute(select(feedback.c.person).where(*here)).first() is not None:
                raise Conflict(f"The report that was due on {due} is there already.")
            connection.execute(
                insert(feedback).values(
                    application_id=application,
                    due=due.isoformat(),
                    person=person,
                    usefulness=usefulness,
                    text=text,
                    given_at=stamp(self._now()),
                )
            )
            self._log.append(connection, event)
            return _report(connection.execute(select(feedback).where(*here)).one())

    def reports(self, application: int) -> tuple[Report, ...]:
        """The reports of an application, by the day they were due."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(feedback).where(feedback.c.application_id == application).order_by(feedback.c.due)
            )
            return tuple(_report(row) for row in rows)

    def block(
        self, *, person: str, lineage: str, clause: str, reason: str, until: date, by: str, event: Event
    ) -> Block:
        """Keep a person from a lineage's data, to a day."""
        with self._database.transaction() as connection:
            made = connection.execute(
                insert(blocks).values(
                    person=person,
                    lineage=lineage,
                    clause=clause,
                    reason=reason,
                    until=until.isoformat(),
                    made_by=by,
                    made_at=stamp(self._now()),
                )
            )
            number = number_of(made)
            self._log.append(connection, event, facts={"block": number}, id=number)
            return _block(connection.execute(select(blocks).where(blocks.c.id == number)).one())

    def lift(self, block_id: int, *, event: Event) -> Block:
        """End a block before its day."""
        with self._database.transaction() as connection:
            lifted = connection.execute(
                update(blocks)
                .where(blocks.c.id == block_id, blocks.c.lifted_at == "")
                .values(lifted_at=stamp(self._now()))
            )
            row = connection.execute(select(blocks).where(blocks.c.id == block_id)).first()
            if row is None:
                raise NotFound(f"There is no block {block_id}.")
            if lifted.rowcount != 1:
                raise Conflict(f"Block {block_id} was lifted before.")
            self._log.append(connection, event)
            return _block(row)

    def blocks_of(self, person: str) -> tuple[Block, ...]:
        """A person's blocks, past and lifted ones too."""
        return self._blocks(blocks.c.person == person)

    def blocks_on(self, lineage: str) -> tuple[Block, ...]:
        """A lineage's blocks, likewise."""
        return self._blocks(blocks.c.lineage == lineage)

    def blocks(self) -> tuple[Block, ...]:
        """All of them, in order."""
        return self._blocks(true())

    def _blocks(self, where: Any) -> tuple[Block, ...]:
        with self._database.reading() as connection:
            return tuple(
                _block(row) for row in connection.execute(select(blocks).where(where).order_by(blocks.c.id))
            )


def _report(row: Row[Any]) -> Report:
    return Report(
        application=row.application_id,
        due=date.fromisoformat(row.due),
        person=row.person,
        usefulness=row.usefulness,
        text=row.text,
        given_at=row.given_at,
    )


def _block(row: Row[Any]) -> Block:
    return Block(
        id=row.id,
        person=row.person,
        lineage=row.lineage,
        clause=row.clause,
        reason=row.reason,
        until=date.fromisoformat(row.until),
        lifted=bool(row.lifted_at),
    )
