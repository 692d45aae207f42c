"""The ledger, read: what was asked, charged and answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from sandbox.domain.budget import ChargeState
from sandbox.domain.canonical import sha256_hex
from sandbox.domain.errors import NotFound, Tampered
from sandbox.domain.privacy_loss import Loss
from sandbox.store.database import Database
from sandbox.store.schema import questions


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One line of the ledger."""

    id: int
    grant_id: int
    person: str
    project: str
    lineage: str
    dataset: str
    snapshot: str
    canonical: str
    cost: Loss  # what was charged; zero when an earlier answer served
    state: ChargeState
    asked_at: str  # ISO 8601, UTC
    answer_sha256: str  # empty before the answer
    same_as: int | None  # the question whose answer served


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """An answer that was paid for; its bytes are ``answer(id)``."""

    id: int
    canonical: str
    question_hash: str
    price: Loss  # what it is worth


class Charges:
    """The reading half of the ledger."""

    _database: Database

    def answer(self, question_id: int) -> bytes:
        """The stored bytes of an answered question.

        Raises:
            NotFound: no such question, or not answered.
            Tampered: the bytes are not those that were stored.
        """
        with self._database.reading() as connection:
            row = connection.execute(select(questions).where(questions.c.id == question_id)).first()
            if row is None or row.state != ChargeState.RELEASED:
                raise NotFound(f"There is no answer {question_id}.")
            return stored_bytes(connection, row)

    def kept(
        self, *, dataset: str, snapshot: str, policy_hash: str, limit: int = 500
    ) -> tuple[KeptAnswer, ...]:
        """The answers of a version that were paid for, newest first: what others may be refined or derived from."""
        c = questions.c
        with self._database.reading() as connection:
            rows = connection.execute(
                select(c.id, c.canonical, c.question_hash, c.price_nano)
                .where(
                    c.dataset == dataset,
                    c.snapshot == snapshot,
                    c.policy_hash == policy_hash,
                    c.state == ChargeState.RELEASED,
                    c.same_as.is_(None),
                    c.price_nano > 0,
                    c.price_atto_delta == 0,
                )
                .order_by(c.id.desc())
                .limit(limit)
            )
            return tuple(
                KeptAnswer(
                    id=r.id, canonical=r.canonical, question_hash=r.question_hash, price=Loss(r.price_nano)
                )
                for r in rows
            )

    def line(self, question_id: int) -> Charge | None:
        """One line, or None."""
        found = self._charges(questions.c.id == question_id)
        return found[0] if found else None

    def lines(self) -> tuple[Charge, ...]:
        """All of it, in order."""
        return self._charges()

    def lines_of(self, grant_id: int) -> tuple[Charge, ...]:
        """All that was asked under a grant, in order."""
        return self._charges(questions.c.grant_id == grant_id)

    def history(self, *, project: str, lineage: str) -> tuple[Charge, ...]:
        """All that a project asked on a lineage, newest first, free answers too."""
        return self._charges(questions.c.project == project, questions.c.lineage == lineage)[::-1]

    def charges_of(self, project: str, lineage: str) -> tuple[Charge, ...]:
        """All that a project was charged for on a lineage, in order."""
        return self._charges(
            questions.c.project == project, questions.c.lineage == lineage, questions.c.same_as.is_(None)
        )

    def answered_on(self, lineage: str, snapshot: str, *, limit: int) -> tuple[Charge, ...]:
        """The answers on a snapshot that were not free repeats, over all projects, newest first."""
        found = self._charges(
            questions.c.lineage == lineage,
            questions.c.snapshot == snapshot,
            questions.c.state == ChargeState.RELEASED,
            questions.c.same_as.is_(None),
        )
        return found[::-1][:limit]

    def _charges(self, *where: Any) -> tuple[Charge, ...]:
        with self._database.reading() as connection:
            rows = connection.execute(select(questions).where(*where).order_by(questions.c.id))
            return tuple(_charge(row) for row in rows)


def stored_bytes(connection: Connection, row: Row[Any]) -> bytes:
    """The answer of a question's row, its own or the one that served it, hashed again."""
    if row.same_as is not None:
        row = connection.execute(select(questions).where(questions.c.id == row.same_as)).one()
    body = bytes(row.answer)
    if sha256_hex(body) != row.answer_sha256:
        raise Tampered(f"The stored answer {row.id} was changed.", place=f"question {row.id}")
    return body


def _charge(row: Row[Any]) -> Charge:
    return Charge(
        id=row.id,
        grant_id=row.grant_id,
        person=row.person,
        project=row.project,
        lineage=row.lineage,
        dataset=row.dataset,
        snapshot=row.snapshot,
        canonical=row.canonical,
        cost=Loss(row.charged_nano, row.charged_atto_delta),
        state=ChargeState(row.state),
        asked_at=row.asked_at,
        answer_sha256=row.answer_sha256,
        same_as=row.same_as,
    )
