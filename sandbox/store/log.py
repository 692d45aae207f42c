"""The log, as it is kept: append-only, hash-chained, its head signed at every append.

- An event is written in the transaction of the change it tells of: both happen or neither.
- The head is locked before it is read, so the chain never forks.
- Nothing is appended to a log whose head was forged or rolled back: a new signature over it would hide that.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from sandbox.domain.audit import EMPTY_HEAD, Entry, Event, Fact, Head, chained, verify_chain
from sandbox.domain.canonical import canonical_json
from sandbox.domain.errors import BadInput, Tampered
from sandbox.store.anchor import Anchor
from sandbox.store.database import Database, stamp
from sandbox.store.keys import Signer, verify_signature
from sandbox.store.schema import audit_head, audit_log

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class End:
    """Where the log ends, and where its anchor is.

    Attributes:
        anchored_at: when the anchor was moved last; empty: never.
    """

    head: Head
    anchored: Head
    anchored_at: str


class Log:
    """The installation's log.

    Args:
        now: the current time, in UTC.
    """

    def __init__(
        self, database: Database, signer: Signer, anchor: Anchor, now: Callable[[], datetime]
    ) -> None:
        self._database, self._signer, self._anchor, self._now = database, signer, anchor, now

    def found(self) -> None:
        """Put the head of an empty log in place, once, when the database is made."""
        with self._database.transaction() as connection:
            if connection.execute(select(audit_head.c.id)).first() is None:
                signature = self._signer.sign(EMPTY_HEAD.signed_bytes()).hex()
                values = {"id": 1, "seq": EMPTY_HEAD.seq, "hash": EMPTY_HEAD.hash, "signature": signature}
                try:
                    with connection.begin_nested():
                        connection.execute(insert(audit_head).values(values))
                except IntegrityError:
                    return  # another process was first; its row is the head

    def append(
        self,
        connection: Connection,
        event: Event,
        *,
        facts: Mapping[str, Fact] | None = None,
        id: int | None = None,
    ) -> Entry:
        """Write an event inside the caller's transaction.

        Args:
            facts: added to the event's own; what only the store knows, such as the charge.
            id: replaces ``new`` in an object such as ``release:new``, whose number did not exist before.

        Raises:
            Tampered: the head's signature does not hold, or the database is older than its anchor.
        """
        head, signature = self._locked_head(connection)
        self._refuse_forged(head, signature)
        return self._write(connection, _told(event, facts, id), head)

    def record(self, event: Event) -> Entry:
        """Write an event that changes nothing else: a notebook opened, a crate downloaded."""
        with self._database.transaction() as connection:
            return self.append(connection, event)

    def accept_restored(self, event: Event) -> Entry:
        """Go on with a database that was put back on purpose, or whose signing key was replaced.

        For the operator alone: the log's own entry says so for ever, and the anchor is set to it.
        """
        with self._database.transaction() as connection:
            head, _ = self._locked_head(connection)
            there = self._anchor.read()
            facts: dict[str, Fact] = {
                "restored_at": head.seq,
                "anchor_was": there[0].seq if there else None,
                "anchor_hash": there[0].hash if there else None,
            }
            entry = self._write(connection, _told(event, facts, None), head)
        new = Head(entry.seq, entry.hash)
        self._anchor.replace(new, self._signer.sign(new.signed_bytes()))
        return entry

    def head(self) -> Head:
        """The newest entry's number and hash."""
        with self._database.reading() as connection:
            return _head(connection)[0]

    def entries(
        self, *, after: int = 0, limit: int = 100, actor: str = "", action: str = "", object: str = ""
    ) -> tuple[Entry, ...]:
        """Entries in order, from the one after ``after``.

        Args:
            action: the whole action or its first words: ``release`` finds ``release.voted``.
        """
        query = (
            _filtered(actor, action, object)
            .where(audit_log.c.seq > after)
            .order_by(audit_log.c.seq)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return tuple(entry_of(row) for row in connection.execute(query))

    def newest(
        self, *, offset: int = 0, limit: int = 100, actor: str = "", action: str = "", object: str = ""
    ) -> tuple[Entry, ...]:
        """Entries, newest first."""
        query = _filtered(actor, action, object).order_by(audit_log.c.seq.desc()).offset(offset).limit(limit)
        with self._database.reading() as connection:
            return tuple(entry_of(row) for row in connection.execute(query))

    def last(self, actions: Collection[str]) -> Entry | None:
        """The newest entry of exactly these actions, found by their index."""
        newest = select(func.max(audit_log.c.seq)).where(audit_log.c.action.in_(sorted(actions)))
        with self._database.reading() as connection:
            seq = connection.execute(newest).scalar()
            return entry_at(connection, seq) if seq is not None else None

    def verify(self, public_pem: bytes | None = None) -> int:
        """Walk the whole chain, from the first entry to the signed head, and hold it against the anchor.

        Args:
            public_pem: the key that must have signed; the installation's own when not given.

        Returns:
            The number of entries.

        Raises:
            Tampered: names the entry that was edited, dropped, swapped, added, or rolled back.
        """
        with self._database.reading() as connection:
            head, signature = _head(connection)
            there = self._anchor.read()
            try:
                verify_signature(public_pem or self._signer.public_pem, signature, head.signed_bytes())
            except Tampered as broken:
                raise Tampered(
                    f"The log's head (entry {head.seq}) is not signed by us.", place="head"
                ) from broken
            at_anchor: list[str] = []

            def watched() -> Iterator[Entry]:
                for row in _all(connection):
                    entry = entry_of(row)
                    if there is not None and entry.seq == there[0].seq:
                        at_anchor.append(entry.hash)
                    yield entry

            count = verify_chain(watched(), head)
        self._check_anchor(there, head, at_anchor, public_pem)
        return count

    def check_end(self) -> End:
        """Hold the signed head and the anchor against the newest entries: quick, and blind to what lies before.

        Raises:
            Tampered: the head is not signed by us, or the database is not what was committed last.
        """
        there, moved_at = self._anchor.read(), self._anchor.moved_at()  # before the head: it never runs ahead
        with self._database.reading() as connection:
            head, signature = _head(connection)
            last = entry_at(connection, head.seq)
            anchored = entry_at(connection, there[0].seq) if there is not None else None
        try:
            self._signer.check(signature, head.signed_bytes())
        except Tampered as broken:
            raise Tampered(
                f"The log's head (entry {head.seq}) is not signed by us.", place="head"
            ) from broken
        if head.seq and (last is None or last.hash != head.hash):
            raise Tampered(f"Entry {head.seq} is not the one that was signed.", place=f"entry {head.seq}")
        self._check_anchor(there, head, [anchored.hash] if anchored else [], None)
        return End(head=head, anchored=there[0] if there else EMPTY_HEAD, anchored_at=moved_at)

    def proved(self, object: str) -> tuple[Entry, ...]:
        """All entries about an object, each proved by the chain from there up to the signed head.

        Raises:
            Tampered: names the first entry that was edited, dropped, swapped or added since the object's first.
        """
        with self._database.reading() as connection:
            head, signature = _head(connection)
            self._refuse_forged(head, signature)
            rows = connection.execute(_filtered("", "", object).order_by(audit_log.c.seq)).all()
            if not rows:
                return ()
            first = entry_of(rows[0])
            before = Head(first.seq - 1, first.previous)
            later = (entry_of(row) for row in _all(connection, after=before.seq))
            verify_chain(later, head, after=before)
            return tuple(entry_of(row) for row in rows)

    def _check_anchor(
        self, there: tuple[Head, bytes] | None, head: Head, at_anchor: list[str], public_pem: bytes | None
    ) -> None:
        if there is None:
            if head.seq:
                raise Tampered(
                    "The log's anchor is gone: nothing says that this is all of the log.", place="anchor"
                )
            return
        anchored, signature = there
        try:
            verify_signature(public_pem or self._signer.public_pem, signature, anchored.signed_bytes())
        except Tampered as broken:
            raise Tampered(
                f"The log's anchor (entry {anchored.seq}) is not signed by us.", place="anchor"
            ) from broken
        if anchored.seq > head.seq:
            raise _rolled_back(head, anchored)
        if anchored.seq and at_anchor != [anchored.hash]:
            raise Tampered(
                f"Entry {anchored.seq} is not the one in the anchor: the log was written anew.",
                place=f"entry {anchored.seq}",
            )

    def _refuse_forged(self, head: Head, signature: bytes) -> None:
        try:
            self._signer.check(signature, head.signed_bytes())
        except Tampered as broken:
            raise Tampered(
                f"The log's head (entry {head.seq}) is not signed by us.", place="head"
            ) from broken
        there = self._anchor.read()
        if there is None:
            return
        anchored, _ = there
        # The anchor moves after a commit, and we hold the head: it cannot be ahead of an honest database.
        if anchored.seq > head.seq:
            raise _rolled_back(head, anchored)
        if anchored.seq == head.seq and anchored.hash != head.hash:
            raise Tampered(f"Entry {head.seq} is not the one in the anchor.", place=f"entry {head.seq}")

    def _locked_head(self, connection: Connection) -> tuple[Head, bytes]:
        return _head(connection, lock=not self._database.is_sqlite)

    def _write(self, connection: Connection, event: Event, head: Head) -> Entry:
        try:
            entry = chained(event, at=stamp(self._now()), after=head)
            facts = canonical_json(dict(event.facts)).decode()
        except UnicodeEncodeError as broken:
            raise BadInput(
                "A text holds half a character.",
                where=event.action,
                fix="Type it again, or leave the character out.",
            ) from broken
        connection.execute(
            insert(audit_log).values(
                seq=entry.seq,
                at=entry.at,
                actor=event.actor,
                action=event.action,
                object=event.object,
                facts=facts,
                previous=entry.previous,
                hash=entry.hash,
            )
        )
        new = Head(entry.seq, entry.hash)
        signature = self._signer.sign(new.signed_bytes())
        connection.execute(update(audit_head).values(seq=new.seq, hash=new.hash, signature=signature.hex()))
        self._database.after_commit("anchor", lambda: self._anchor.advance(new, signature))
        return entry


def _told(event: Event, facts: Mapping[str, Fact] | None, id: int | None) -> Event:
    told = replace(event, facts={**event.facts, **(facts or {})})
    if id is not None and event.object.endswith(":new"):
        told = replace(told, object=f"{event.object.removesuffix('new')}{id}")
    return told


def _rolled_back(head: Head, anchored: Head) -> Tampered:
    return Tampered(
        f"The log ends at entry {head.seq}, but entry {anchored.seq} was committed: "
        "the database was cut short or an old copy was put back.",
        place=f"entry {head.seq + 1}",
    )


def _head(connection: Connection, *, lock: bool = False) -> tuple[Head, bytes]:
    query = select(audit_head)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise Tampered("The log has no head.", place="head")
    try:
        return Head(int(row.seq), str(row.hash)), bytes.fromhex(row.signature)
    except (TypeError, ValueError) as broken:
        raise Tampered("The log's head cannot be read.", place="head") from broken


def _filtered(actor: str, action: str, object: str) -> Any:
    query = select(audit_log)
    if actor:
        query = query.where(audit_log.c.actor == actor)
    if action:
        query = query.where(audit_log.c.action.startswith(action, autoescape=True))
    if object:
        query = query.where(audit_log.c.object == object)
    return query


def _all(connection: Connection, *, after: int | None = None) -> Iterator[Row[Any]]:
    """Every row in order, a page at a time: a long log does not fit in memory."""
    query = select(audit_log).order_by(audit_log.c.seq).limit(_PAGE)
    rows = connection.execute(query if after is None else query.where(audit_log.c.seq > after)).all()
    while rows:
        yield from rows
        rows = connection.execute(query.where(audit_log.c.seq > rows[-1].seq)).all()


def entry_at(connection: Connection, seq: int) -> Entry | None:
    """One entry, inside a reading; None when there is none of this number."""
    row = connection.execute(select(audit_log).where(audit_log.c.seq == seq)).first()
    return entry_of(row) if row is not None else None


def entry_of(row: Row[Any]) -> Entry:
    """A row as the domain's value; what was not written in canonical form was not written by us."""
    place = f"entry {row.seq}"
    texts = (row.at, row.actor, row.action, row.object, row.facts, row.previous, row.hash)
    if not all(isinstance(text, str) for text in texts):
        raise Tampered(f"Entry {row.seq} was changed after it was written.", place=place)
    try:
        facts = json.loads(row.facts)
        intact = isinstance(facts, dict) and canonical_json(facts).decode() == row.facts
    except (ValueError, TypeError, RecursionError):
        intact = False
    if not intact:
        raise Tampered(f"Entry {row.seq} was changed after it was written.", place=place)
    return Entry(row.seq, row.at, Event(row.actor, row.action, row.object, facts), row.previous, row.hash)
