"""What is suspended: the one place that says so. A row is in force until it is ended, and stays afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from sandbox.domain.audit import Event
from sandbox.domain.errors import Conflict, NotFound
from sandbox.domain.suspension import Suspension
from sandbox.store.database import Database, number_of, stamp
from sandbox.store.log import Log
from sandbox.store.schema import suspensions

_c = suspensions.c


class Suspensions:
    """Of whole datasets and of single columns."""

    def __init__(self, database: Database, log: Log, now: Callable[[], datetime]) -> None:
        self._database, self._log, self._now = database, log, now

    def begin(self, suspension: Suspension, *, event: Event) -> Suspension:
        """Stop every use of it, at once.

        Args:
            suspension: without number and time, which it gets here.

        Raises:
            Conflict: the same place is suspended already, by the same objection or likewise by hand.
        """
        with self._database.transaction() as connection:
            same = select(_c.id).where(
                _c.dataset == suspension.dataset,
                _c.table == suspension.table,
                _c.column == suspension.column,
                _c.objection_id.is_not_distinct_from(suspension.objection or None),
                _c.ended == "",
            )
            if connection.execute(same).first() is not None:
                raise Conflict(f"{suspension.place} is suspended already.")
            made = connection.execute(
                insert(suspensions).values(
                    dataset=suspension.dataset,
                    table=suspension.table,
                    column=suspension.column,
                    reason=suspension.reason,
                    objection_id=suspension.objection or None,
                    made_by=suspension.made_by,
                    since=stamp(self._now()),
                )
            )
            number = number_of(made)
            self._log.append(connection, event, facts={"suspension": number})
            return _suspension(connection.execute(select(suspensions).where(_c.id == number)).one())

    def end(self, suspension: Suspension, *, event: Event) -> Suspension:
        """Let it be used again, as far as no other suspension holds it.

        Raises:
            Conflict: it is over.
        """
        with self._database.transaction() as connection:
            ended = connection.execute(
                update(suspensions)
                .where(_c.id == suspension.id, _c.ended == "")
                .values(ended=stamp(self._now()))
            )
            row = connection.execute(select(suspensions).where(_c.id == suspension.id)).first()
            if row is None:
                raise NotFound(f"There is no suspension {suspension.id}.")
            if ended.rowcount != 1:
                raise Conflict(f"The suspension of {suspension.place} is over.")
            self._log.append(connection, event, facts={"suspension": suspension.id})
            return _suspension(row)

    def of(self, dataset: str) -> tuple[Suspension, ...]:
        """Those in force on a dataset, oldest first."""
        return self._where(_c.dataset == dataset, _c.ended == "")

    def datasets(self) -> frozenset[str]:
        """All of which anything is suspended now."""
        with self._database.reading() as connection:
            return frozenset(connection.scalars(select(_c.dataset).where(_c.ended == "").distinct()))

    def by_objection(self, objection_id: int) -> tuple[Suspension, ...]:
        """Those in force that come of an objection."""
        return self._where(_c.objection_id == objection_id, _c.ended == "")

    def all(self) -> tuple[Suspension, ...]:
        """Every one that ever was, oldest first."""
        return self._where()

    def _where(self, *where: Any) -> tuple[Suspension, ...]:
        with self._database.reading() as connection:
            rows = connection.execute(select(suspensions).where(*where).order_by(_c.id))
            return tuple(_suspension(row) for row in rows)


def suspended_now(of: Any, name: Any) -> Any:
    """Whether a suspension of the whole dataset is in force, as a column ``suspended`` of a query.

    Args:
        of, name: the table that the query is about, and its column with the dataset's name.
    """
    held = select(_c.id).where(_c.dataset == name, _c.column == "", _c.ended == "")
    return held.correlate(of).exists().label("suspended")


def _suspension(row: Row[Any]) -> Suspension:
    return Suspension(
        id=row.id,
        dataset=row.dataset,
        table=row.table,
        column=row.column,
        reason=row.reason,
        objection=row.objection_id or 0,
        made_by=row.made_by,
        since=row.since,
        ended=row.ended,
    )
