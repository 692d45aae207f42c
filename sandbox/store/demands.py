"""The demand list: wishes, votes and answers. A wish that is hidden stays where it is."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, false, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from sandbox.domain.audit import Event
from sandbox.domain.demands import Demand, DemandState, Step, Wish
from sandbox.domain.errors import Conflict, NotFound
from sandbox.store.database import Database, number_of, stamp
from sandbox.store.log import Log
from sandbox.store.schema import demand_votes, demands


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandPage:
    """A part of the list."""

    demands: tuple[Demand, ...]
    total: int


class Demands:
    """All demands, by number."""

    def __init__(self, database: Database, log: Log, now: Callable[[], datetime]) -> None:
        self._database, self._log, self._now = database, log, now

    def add(self, wish: Wish, *, asker: str, contact: str, event: Event) -> Demand:
        """Put a wish on the list.

        Args:
            asker: a person's name; empty for a visitor.
            contact: is kept here alone, never on the log.

        Raises:
            Conflict: the same wish is there already.
        """
        now = stamp(self._now())
        with self._database.transaction() as connection:
            there = connection.execute(
                select(demands.c.id, demands.c.hidden).where(demands.c.wish_sha256 == wish.sha256)
            ).first()
            if there is not None:
                fix = "" if there.hidden else f"Vote for it: it is number {there.id}."
                raise Conflict("Somebody has asked for this before, in the same words.", fix=fix)
            made = connection.execute(
                insert(demands).values(
                    title=wish.title,
                    data=wish.data,
                    holder=wish.holder,
                    purpose=wish.purpose,
                    wish_sha256=wish.sha256,
                    contact=contact,
                    asker=asker or None,
                    state=DemandState.ASKED,
                    version=1,
                    asked_at=now,
                    changed_at=now,
                )
            )
            number = number_of(made)
            self._log.append(
                connection, event, facts={"demand": number, "wish_sha256": wish.sha256}, id=number
            )
            return _one(connection, number)

    def vote(self, demand_id: int, *, person: str, event: Event) -> Demand:
        """Count a vote.

        Args:
            person: who votes; empty for a visitor, who is counted and not kept.

        Raises:
            Conflict: this person has voted for it.
        """
        with self._database.transaction() as connection:
            _one(connection, demand_id)
            if person:
                try:
                    with connection.begin_nested():
                        connection.execute(
                            insert(demand_votes).values(
                                demand_id=demand_id, person=person, cast_at=stamp(self._now())
                            )
                        )
                except IntegrityError as twice:
                    raise Conflict("You have voted for this.", fix="One vote each.") from twice
            else:
                connection.execute(
                    update(demands)
                    .where(demands.c.id == demand_id)
                    .values(visitor_votes=demands.c.visitor_votes + 1)
                )
            self._log.append(connection, event)
            return _one(connection, demand_id)

    def answer(
        self,
        demand: Demand,
        row: Step,
        *,
        text: str,
        event: Event,
        opened_as: str = "",
        merged_into: int | None = None,
    ) -> Demand:
        """Take a step of the state machine.

        Raises:
            Conflict: somebody answered since the demand was read.
        """
        with self._database.transaction() as connection:
            moved = connection.execute(
                update(demands)
                .where(
                    demands.c.id == demand.id,
                    demands.c.state == row.start,
                    demands.c.version == demand.version,
                )
                .values(
                    state=row.end,
                    version=demand.version + 1,
                    answer=text,
                    opened_as=opened_as or None,
                    merged_into=merged_into,
                    changed_at=stamp(self._now()),
                )
            )
            if moved.rowcount != 1:
                now = _one(connection, demand.id)
                raise Conflict(
                    f"Demand {demand.id} was answered meanwhile: it is {now.state}.", fix="Look at it again."
                )
            self._log.append(connection, event)
            return _one(connection, demand.id)

    def set_hidden(self, demand_id: int, reason: str, *, event: Event) -> Demand:
        """Hide a demand for a reason, or show it again when the reason is empty.

        Raises:
            Conflict: it is so already.
        """
        there = demands.c.hidden == "" if reason else demands.c.hidden != ""
        with self._database.transaction() as connection:
            changed = connection.execute(
                update(demands).where(demands.c.id == demand_id, there).values(hidden=reason)
            )
            if changed.rowcount != 1:
                _one(connection, demand_id)
                raise Conflict(f"Demand {demand_id} is {'hidden' if reason else 'shown'} already.")
            self._log.append(connection, event)
            return _one(connection, demand_id)

    def get(self, demand_id: int) -> Demand | None:
        """The demand, hidden or not; None when there is none."""
        with self._database.reading() as connection:
            return _found(connection, demand_id)

    def contact(self, demand_id: int) -> str:
        """How to reach the one who asked; empty when they did not say."""
        with self._database.reading() as connection:
            query = select(demands.c.contact).where(demands.c.id == demand_id)
            return str(connection.execute(query).scalar() or "")

    def page(
        self,
        *,
        offset: int,
        limit: int,
        states: Collection[DemandState] = (),
        newest: bool = False,
        hidden: bool = False,
    ) -> DemandPage:
        """A part of the list: those most wanted first, or the newest first.

        Args:
            states: only these; all when empty.
            hidden: only the hidden ones instead of only the others.
        """
        where = [demands.c.hidden != "" if hidden else demands.c.hidden == ""]
        if states:
            where.append(demands.c.state.in_(states))
        count = _votes()
        wanted = (count + demands.c.visitor_votes).desc()
        order = (demands.c.id.desc(),) if newest else (wanted, demands.c.id.desc())
        with self._database.reading() as connection:
            total = connection.execute(select(func.count()).select_from(demands).where(*where)).scalar_one()
            rows = connection.execute(_query().where(*where).order_by(*order).offset(offset).limit(limit))
            return DemandPage(demands=tuple(_demand(row) for row in rows), total=int(total))

    def merged_with(self, numbers: Collection[int]) -> dict[int, tuple[int, ...]]:
        """The shown demands that were merged with each of these, by number."""
        query = (
            select(demands.c.merged_into, demands.c.id)
            .where(demands.c.merged_into.in_(numbers), demands.c.hidden == "")
            .order_by(demands.c.id)
        )
        found: dict[int, tuple[int, ...]] = {}
        with self._database.reading() as connection:
            for row in connection.execute(query):
                found[row.merged_into] = (*found.get(row.merged_into, ()), row.id)
        return found

    def voted(self, person: str, numbers: Collection[int]) -> frozenset[int]:
        """Which of these the person has voted for."""
        with self._database.reading() as connection:
            query = select(demand_votes.c.demand_id).where(
                demand_votes.c.person == person, demand_votes.c.demand_id.in_(numbers)
            )
            return frozenset(connection.execute(query).scalars())

    def asked_since(self, moment: datetime, *, person: str | None = None, visitors: bool = False) -> int:
        """How many were asked since then: by one person, or by all visitors."""
        by = or_(
            demands.c.asker == person if person else false(),
            and_(demands.c.asker.is_(None)) if visitors else false(),
        )
        with self._database.reading() as connection:
            query = select(func.count()).select_from(demands).where(demands.c.asked_at >= stamp(moment), by)
            return int(connection.execute(query).scalar_one())


def _votes() -> Any:
    return (
        select(func.count())
        .select_from(demand_votes)
        .where(demand_votes.c.demand_id == demands.c.id)
        .correlate(demands)
        .scalar_subquery()
    )


def _query() -> Any:
    return select(demands, _votes().label("votes"))


def _found(connection: Connection, demand_id: int) -> Demand | None:
    row = connection.execute(_query().where(demands.c.id == demand_id)).first()
    return _demand(row) if row is not None else None


def _one(connection: Connection, demand_id: int) -> Demand:
    found = _found(connection, demand_id)
    if found is None:
        raise NotFound(f"There is no demand {demand_id}.")
    return found


def _demand(row: Row[Any]) -> Demand:
    return Demand(
        id=row.id,
        wish=Wish(title=row.title, data=row.data, holder=row.holder, purpose=row.purpose),
        asker=row.asker or "",
        state=DemandState(row.state),
        version=row.version,
        answer=row.answer,
        opened_as=row.opened_as or "",
        merged_into=row.merged_into,
        hidden=row.hidden,
        votes=int(row.votes),
        visitor_votes=row.visitor_votes,
        asked_at=row.asked_at,
        changed_at=row.changed_at,
    )
