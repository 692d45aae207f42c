"""Notices: derived from the log in its order, each entry once for each person; the cursor says how far.

They say nothing that the log does not: what is written here is written in one transaction with the cursor, and can be
derived again. So these calls take no event: it would tell of a telling.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from sandbox.domain.canonical import canonical_json
from sandbox.domain.notice_rule import Notice, Topic, Urgency
from sandbox.store.database import Database, stamp
from sandbox.store.schema import audit_head, notice_cursor, notices


class Notices:
    """What people are told in the portal."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database, self._now = database, now

    def found(self) -> None:
        """Begin where the log stands, once, when the table is made: what it held before is old, and told to nobody."""
        with self._database.transaction() as connection:
            if connection.execute(select(notice_cursor.c.id)).first() is None:
                head = connection.execute(select(audit_head.c.seq)).scalar_one_or_none()
                try:
                    with connection.begin_nested():
                        connection.execute(insert(notice_cursor).values(id=1, seq=int(head or 0)))
                except IntegrityError:
                    return  # another process was first

    def behind(self) -> bool:
        """Whether the log has entries that were not looked at."""
        with self._database.reading() as connection:
            head = connection.execute(select(audit_head.c.seq)).scalar_one_or_none()
            return int(head or 0) > _cursor(connection)

    def cursor(self) -> int:
        """The number of the last entry that was looked at."""
        with self._database.reading() as connection:
            return _cursor(connection)

    def add(self, found: Sequence[Notice], *, cursor: int) -> tuple[Notice, ...]:
        """Keep notices, and how far the log was read for them.

        Returns:
            The notices with their numbers.
        """
        with self._database.transaction() as connection:
            connection.execute(update(notice_cursor).values(seq=cursor))
            if not found:
                return ()
            connection.execute(insert(notices), [_values(notice) for notice in found])
            seqs = sorted({notice.seq for notice in found})
            query = select(notices).where(notices.c.seq.in_(seqs)).order_by(notices.c.id)
            return tuple(_notice(row) for row in connection.execute(query))

    def unread(self, person: str) -> int:
        """How many this person has not read."""
        query = select(func.count()).where(notices.c.person == person, notices.c.read_at == "")
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def page(
        self,
        person: str,
        *,
        unread: bool = False,
        topic: Topic | None = None,
        offset: int = 0,
        limit: int = 50,
    ) -> tuple[tuple[Notice, ...], int]:
        """A person's notices, newest first, and how many there are in all."""
        where = [notices.c.person == person]
        if unread:
            where.append(notices.c.read_at == "")
        if topic is not None:
            where.append(notices.c.topic == str(topic))
        query = select(notices).where(*where).order_by(notices.c.id.desc()).offset(offset).limit(limit)
        with self._database.reading() as connection:
            total = connection.execute(select(func.count()).select_from(notices).where(*where)).scalar_one()
            return tuple(_notice(row) for row in connection.execute(query)), int(total)

    def several(self, numbers: Collection[int]) -> tuple[Notice, ...]:
        """Those of these numbers, oldest first."""
        query = select(notices).where(notices.c.id.in_(numbers)).order_by(notices.c.id)
        with self._database.reading() as connection:
            return tuple(_notice(row) for row in connection.execute(query))

    def mark_read(self, person: str, *, number: int | None = None, up_to: int | None = None) -> int:
        """Note that a person has read one of theirs, or all up to a number.

        Returns:
            How many of them had not been read.
        """
        where = [notices.c.person == person, notices.c.read_at == ""]
        if number is not None:
            where.append(notices.c.id == number)
        if up_to is not None:
            where.append(notices.c.id <= up_to)
        with self._database.transaction() as connection:
            changed = connection.execute(update(notices).where(*where).values(read_at=stamp(self._now())))
            return changed.rowcount


def _cursor(connection: Connection) -> int:
    return int(connection.execute(select(notice_cursor.c.seq)).scalar_one())


def _values(notice: Notice) -> dict[str, Any]:
    return {
        "seq": notice.seq,
        "person": notice.person,
        "kind": notice.kind,
        "topic": str(notice.topic),
        "urgency": str(notice.urgency),
        "details": canonical_json(dict(notice.values)).decode(),
        "link": notice.link,
        "at": notice.at,
        "read_at": "",
    }


def _notice(row: Row[Any]) -> Notice:
    return Notice(
        id=row.id,
        seq=row.seq,
        person=row.person,
        kind=row.kind,
        topic=Topic(row.topic),
        urgency=Urgency(row.urgency),
        values=json.loads(row.details),
        link=row.link,
        at=row.at,
        read_at=row.read_at,
    )
