"""Objections, their evidence by hash, and, in a table of its own, who handed them in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from sandbox.domain.audit import Event
from sandbox.domain.errors import Conflict, NotFound
from sandbox.domain.evidence_file import EvidenceFile, EvidenceKind
from sandbox.domain.objection import Kind, Objection, ObjectorContact, Scope, State, Step
from sandbox.store.database import Database, number_of, stamp
from sandbox.store.log import Log
from sandbox.store.schema import objection_contacts, objection_evidence, objections

_c = objections.c


class Objections:
    """All of them, by number."""

    def __init__(self, database: Database, log: Log, now: Callable[[], datetime]) -> None:
        self._database, self._log, self._now = database, log, now

    def add(
        self,
        objection: Objection,
        *,
        contact: ObjectorContact,
        secret_sha256: str,
        event: Event,
    ) -> Objection:
        """Keep an objection as it came.

        Args:
            objection: without number and times, which it gets here; its evidence lies in the vault.
            secret_sha256: of the tracking word.
        """
        now = stamp(self._now())
        with self._database.transaction() as connection:
            made = connection.execute(
                insert(objections).values(
                    dataset=objection.dataset,
                    kind=objection.kind,
                    scope=objection.scope,
                    table=objection.table,
                    column=objection.column,
                    text=objection.text,
                    unit_file=objection.unit_file,
                    secret_sha256=secret_sha256,
                    state=objection.state,
                    version=1,
                    at_once=objection.at_once,
                    named=objection.named,
                    data_version=objection.data_version,
                    received_at=now,
                    changed_at=now,
                    decided_by="",
                    answer="",
                )
            )
            number = number_of(made)
            connection.execute(insert(objection_contacts).values(objection_id=number, **asdict(contact)))
            for position, file in enumerate(objection.evidence, start=1):
                connection.execute(
                    insert(objection_evidence).values(objection_id=number, position=position, **asdict(file))
                )
            self._log.append(connection, event, id=number)
            return _one(connection, number)

    def move(
        self,
        objection: Objection,
        row: Step,
        *,
        event: Event,
        answer: str = "",
        decided_by: str = "",
        forget_unit: bool = False,
    ) -> Objection:
        """Take a step of the objection's state machine.

        Args:
            answer: the reason, for the objector; the one before stays where none is given.
            forget_unit: whom it is about is not needed any more.

        Raises:
            Conflict: somebody else changed it since it was read.
        """
        more = {
            **({"answer": answer} if answer else {}),
            **({"decided_by": decided_by} if decided_by else {}),
            **({"unit_file": ""} if forget_unit else {}),
        }
        with self._database.transaction() as connection:
            moved = connection.execute(
                update(objections)
                .where(_c.id == objection.id, _c.state == row.start, _c.version == objection.version)
                .values(state=row.end, version=objection.version + 1, changed_at=stamp(self._now()), **more)
            )
            if moved.rowcount != 1:
                now = _one(connection, objection.id)
                raise Conflict(
                    f"Objection {objection.id} was changed by somebody else; it is "
                    f"{now.state.replace('_', ' ')} now.",
                    fix="Look at it again.",
                )
            self._log.append(connection, event)
            return _one(connection, objection.id)

    def get(self, objection_id: int) -> Objection | None:
        """The objection, or None."""
        found = self._where(_c.id == objection_id)
        return found[0] if found else None

    def secret_sha256(self, objection_id: int) -> str:
        """The hash of its tracking word; empty when there is no such objection."""
        with self._database.reading() as connection:
            row = connection.execute(select(_c.secret_sha256).where(_c.id == objection_id)).first()
            return str(row.secret_sha256) if row is not None else ""

    def contact(self, objection_id: int) -> ObjectorContact:
        """Who handed it in. For the owner and administrators alone."""
        query = select(objection_contacts).where(objection_contacts.c.objection_id == objection_id)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFound(f"There is no objection {objection_id}.")
        return ObjectorContact(name=row.name, contact=row.contact, person=row.person)

    def all(self, *, dataset: str = "", states: Sequence[State] = ()) -> tuple[Objection, ...]:
        """All, one dataset's, or those in some states; in order."""
        where = [_c.dataset == dataset] if dataset else []
        return self._where(*where, *([_c.state.in_(states)] if states else []))

    def withheld(self, dataset: str) -> tuple[str, ...]:
        """The files that name the units which no version of a dataset holds any more."""
        found = self.all(dataset=dataset, states=(State.CORRECTED_RESUMED,))
        return tuple(o.unit_file for o in found if o.unit_file)

    def count(
        self,
        *,
        since: str,
        dataset: str = "",
        person: str = "",
        at_once: bool = False,
        state: State | None = None,
    ) -> int:
        """How many there were.

        Args:
            since: received from then on; with ``state``: that changed to it from then on. ISO 8601, UTC.
            person: from this account.
            at_once: only those that suspended when they came.
        """
        query = select(func.count()).select_from(objections)
        if person:
            query = query.join(objection_contacts, objection_contacts.c.objection_id == _c.id)
            query = query.where(objection_contacts.c.person == person)
        if dataset:
            query = query.where(_c.dataset == dataset)
        if at_once:
            query = query.where(_c.at_once.is_(True))
        if state is not None:
            query = query.where(_c.state == state, _c.changed_at >= since)
        else:
            query = query.where(_c.received_at >= since)
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def _where(self, *where: Any) -> tuple[Objection, ...]:
        with self._database.reading() as connection:
            return _objections(connection, *where)


def _one(connection: Connection, number: int) -> Objection:
    found = _objections(connection, _c.id == number)
    if not found:
        raise NotFound(f"There is no objection {number}.")
    return found[0]


def _objections(connection: Connection, *where: Any) -> tuple[Objection, ...]:
    rows = connection.execute(select(objections).where(*where).order_by(_c.id)).all()
    files: dict[int, list[EvidenceFile]] = {}
    for f in connection.execute(
        select(objection_evidence)
        .where(objection_evidence.c.objection_id.in_(select(_c.id).where(*where)))
        .order_by(objection_evidence.c.position)
    ):
        kept = EvidenceFile(sha256=f.sha256, kind=EvidenceKind(f.kind), size_bytes=f.size_bytes)
        files.setdefault(f.objection_id, []).append(kept)
    return tuple(_objection(row, tuple(files.get(row.id, ()))) for row in rows)


def _objection(row: Row[Any], evidence: tuple[EvidenceFile, ...]) -> Objection:
    return Objection(
        id=row.id,
        dataset=row.dataset,
        kind=Kind(row.kind),
        scope=Scope(row.scope),
        table=row.table,
        column=row.column,
        text=row.text,
        unit_file=row.unit_file,
        state=State(row.state),
        version=row.version,
        at_once=bool(row.at_once),
        named=bool(row.named),
        data_version=row.data_version,
        evidence=evidence,
        received_at=row.received_at,
        changed_at=row.changed_at,
        decided_by=row.decided_by,
        answer=row.answer,
    )
