"""Messages on their way out: written with the notices that they tell of, kept until they are sent, and after.

A message is sent and then marked: one that was sent by a process that died before it could mark it is sent again, under
the same key. Nothing is deleted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, or_, select, update

from sandbox.domain.notice_choices import Channel, Sending
from sandbox.domain.notice_rule import Message
from sandbox.store.database import Database, stamp
from sandbox.store.schema import outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """What has not left.

    Attributes:
        waiting: all that is to be sent, digests of later today among them.
        late: those that nobody has tried although they were due.
        failing: those that were tried in vain, and are tried again.
        since: when the oldest that is late or failing was made, ISO 8601, UTC; empty when there is none.
        given_up: those that were given up lately.
    """

    waiting: int
    late: int
    failing: int
    since: str
    given_up: int


class Outbox:
    """What is to leave the portal, and what has left it."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database, self._now = database, now

    def put(self, key: str, *, person: str, channel: Channel, notices: Sequence[int] = ()) -> None:
        """A message that is due now; nothing when there is one of this key."""
        with self._database.transaction() as connection:
            if _keyed(connection, key) is None:
                self._insert(connection, key, person, channel, notices, due=self._now(), digest=False)

    def put_all(self, due_now: Sequence[tuple[str, str, Channel, int]]) -> None:
        """Messages of one notice each, all due now: key, person, channel and the notice's number."""
        rows = [
            self._row(key, person, channel, (number,), due=self._now(), digest=False)
            for key, person, channel, number in due_now
        ]
        with self._database.transaction() as connection:
            if rows:
                connection.execute(insert(outbox), rows)

    def gather(self, notice: int, *, person: str, channel: Channel, due: datetime) -> None:
        """Put a notice into the person's digest of the day."""
        key = f"digest-{channel}-{person}-{stamp(due)[:13]}"
        with self._database.transaction() as connection:
            row = _keyed(connection, key)
            if row is None:
                self._insert(connection, key, person, channel, [notice], due=due, digest=True)
            elif row.state == Sending.WAITING:
                numbers = [*json.loads(row.notices), notice]
                self._set(connection, row.id, notices=json.dumps(numbers))
            else:  # a clock that was put back: it went out already
                self._insert(connection, f"{key}-{notice}", person, channel, [notice], due=due, digest=True)

    def made_since(self, moment: datetime, *, person: str, channel: Channel) -> int:
        """How many were made for one person at once, digests not counted."""
        query = (
            select(func.count())
            .select_from(outbox)
            .where(
                outbox.c.person == person,
                outbox.c.channel == str(channel),
                outbox.c.digest.is_(False),
                outbox.c.made_at >= stamp(moment),
            )
        )
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def due(self, channel: Channel, *, limit: int = 50) -> tuple[Message, ...]:
        """What is to be sent now, the longest due first."""
        query = (
            select(outbox)
            .where(
                outbox.c.state == str(Sending.WAITING),
                outbox.c.due_at <= stamp(self._now()),
                outbox.c.channel == str(channel),
            )
            .order_by(outbox.c.due_at, outbox.c.id)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return tuple(_message(row) for row in connection.execute(query))

    def newest(self, *, state: Sending | None = None, limit: int = 50) -> tuple[Message, ...]:
        """Messages, newest first."""
        query = select(outbox).order_by(outbox.c.id.desc()).limit(limit)
        if state is not None:
            query = query.where(outbox.c.state == str(state))
        with self._database.reading() as connection:
            return tuple(_message(row) for row in connection.execute(query))

    def counts(self) -> dict[Sending, int]:
        """How many there are in each state."""
        query = select(outbox.c.state, func.count()).group_by(outbox.c.state)
        with self._database.reading() as connection:
            found = {Sending(state): int(count) for state, count in connection.execute(query)}
        return {state: found.get(state, 0) for state in Sending}

    def unsent(self, *, late: timedelta, lately: timedelta) -> Unsent:
        """How the messages stand that have not left.

        Args:
            late: how long something may be due before it is late.
            lately: how far back what was given up is looked at.
        """
        waits = outbox.c.state == str(Sending.WAITING)
        failing = and_(waits, outbox.c.attempts > 0)
        is_late = and_(waits, outbox.c.attempts == 0, outbox.c.due_at <= stamp(self._now() - late))
        given_up = and_(
            outbox.c.state == str(Sending.GIVEN_UP), outbox.c.ended_at >= stamp(self._now() - lately)
        )
        query = select(
            *(func.count().filter(which) for which in (waits, is_late, failing, given_up)),
            func.min(outbox.c.made_at).filter(or_(is_late, failing)),
        ).select_from(outbox)
        with self._database.reading() as connection:
            counted = connection.execute(query).one()
        return Unsent(
            waiting=counted[0],
            late=counted[1],
            failing=counted[2],
            given_up=counted[3],
            since=str(counted[4] or ""),
        )

    def end(self, message: Message, state: Sending, *, failure: str = "") -> None:
        """It was sent, is wanted by nobody, or is given up."""
        with self._database.transaction() as connection:
            self._set(
                connection,
                message.id,
                state=str(state),
                ended_at=stamp(self._now()),
                failure=failure,
                attempts=message.attempts + (state is not Sending.DROPPED),
            )

    def later(self, message: Message, *, due: datetime, failure: str) -> None:
        """It could not be sent, and is tried again."""
        with self._database.transaction() as connection:
            self._set(
                connection,
                message.id,
                due_at=stamp(due),
                failure=failure,
                attempts=message.attempts + 1,
            )

    def try_again(self) -> int:
        """What was given up is due now, from the beginning.

        Returns:
            How many there are.
        """
        now = stamp(self._now())
        values = {"state": str(Sending.WAITING), "due_at": now, "made_at": now, "attempts": 0, "ended_at": ""}
        with self._database.transaction() as connection:
            changed = connection.execute(
                update(outbox).where(outbox.c.state == str(Sending.GIVEN_UP)).values(values)
            )
            return changed.rowcount

    def _insert(
        self,
        connection: Connection,
        key: str,
        person: str,
        channel: Channel,
        notices: Sequence[int],
        *,
        due: datetime,
        digest: bool,
    ) -> None:
        connection.execute(
            insert(outbox).values(self._row(key, person, channel, notices, due=due, digest=digest))
        )

    def _row(
        self, key: str, person: str, channel: Channel, notices: Sequence[int], *, due: datetime, digest: bool
    ) -> dict[str, Any]:
        return {
            "key": key,
            "person": person,
            "channel": str(channel),
            "notices": json.dumps(list(notices)),
            "digest": digest,
            "state": str(Sending.WAITING),
            "made_at": stamp(self._now()),
            "due_at": stamp(due),
            "attempts": 0,
            "ended_at": "",
            "failure": "",
        }

    def _set(self, connection: Connection, number: int, **values: Any) -> None:
        connection.execute(update(outbox).where(outbox.c.id == number).values(values))


def _keyed(connection: Connection, key: str) -> Row[Any] | None:
    return connection.execute(select(outbox).where(outbox.c.key == key)).first()


def _message(row: Row[Any]) -> Message:
    return Message(
        id=row.id,
        key=row.key,
        person=row.person,
        channel=Channel(row.channel),
        notices=tuple(json.loads(row.notices)),
        digest=row.digest,
        state=Sending(row.state),
        made_at=row.made_at,
        due_at=row.due_at,
        attempts=row.attempts,
        ended_at=row.ended_at,
        failure=row.failure,
    )
