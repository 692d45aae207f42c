"""The ledger: what was asked, what it cost, and what was answered.

- ``reserve`` charges in one transaction with the question's row and its entry in the log, before any row of data
  is read. From then on it is spent, whatever happens: a refund after a failure would answer a question.
- The bytes of an answer are stored before they are sent. The same question at the same price on the same snapshot
  and policy gets the same bytes, free: asking again cannot average the noise away.
- A question in flight is waited for, not run twice.
- A question is the same at any price: one that was answered at a better price is served those bytes. An answer may
  be refined: then only a part of its price is charged, and the rest was paid by the answer that it refines.
- What is derived from stored answers is kept with a price of nothing (``keep_derived``), and serves nobody else.

Order of calls: reserve -> start -> settle | fail. ``recover`` once, when a process starts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, update

from sandbox.domain.access import Grant
from sandbox.domain.audit import Event
from sandbox.domain.budget import Allowance, ChargeState, check_affordable, check_step
from sandbox.domain.canonical import sha256_hex
from sandbox.domain.errors import Conflict, NotFound, OverBudget, Unanswered
from sandbox.domain.privacy_loss import ZERO, Guarantee, Loss
from sandbox.store.accounts import Accounts, accounts_on, spent_under, take
from sandbox.store.charges import Charges, stored_bytes
from sandbox.store.database import Database, number_of, stamp
from sandbox.store.log import Log
from sandbox.store.schema import questions
from sandbox.store.workers import is_gone

IN_FLIGHT = (ChargeState.RESERVED, ChargeState.RUNNING)
_POLL_S = 0.05
ABANDONED_S = 600  # no engine runs this long: whoever asked was cut off before it could say so


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """The right to run a question, or the answer that makes running it unnecessary.

    Attributes:
        charged: what this call took from the accounts; nothing when an earlier answer serves.
        answer: the stored bytes; None when the caller has to run the question.
    """

    question_id: int
    charged: Loss
    answer: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Identity:
    """What makes two questions the same."""

    dataset: str
    question_hash: str
    snapshot: str
    policy_hash: str
    price_nano: int
    price_atto_delta: int

    def values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    def where_but_price(self) -> list[Any]:
        return [
            questions.c[name] == value
            for name, value in self.values().items()
            if name not in ("price_nano", "price_atto_delta")
        ]


class Ledger(Accounts, Charges):
    """Accounts, questions and answers.

    Args:
        worker: names this process, so that the next one can recover its questions.
        sleep: waits between two looks at a question in flight, in seconds.
    """

    def __init__(
        self,
        database: Database,
        log: Log,
        *,
        now: Callable[[], datetime],
        worker: str,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(database, log)
        self._now, self._worker, self._sleep = now, worker, sleep

    def reserve(
        self,
        *,
        grant: Grant,
        lineage: str,
        snapshot: str,
        policy_hash: str,
        canonical: str,
        cost: Loss,
        guarantee: Guarantee,
        event: Event,
        price: Loss | None = None,
        bounds: str = "",
        idempotency_key: str = "",
        allowances: Sequence[Allowance] = (),
        before_charge: Callable[[], object] | None = None,
        wait_s: float = 30.0,
    ) -> Reservation:
        """Charge a question durably, or find its answer.

        Args:
            canonical: the question's canonical text.
            cost: the price of running it.
            price: what the answer is worth, where a part of that was paid before; else its cost.
            guarantee: how people read the budget; for the error's words only.
            bounds: what else the answer follows from, in one form: the profile, and what the asker limits.
            idempotency_key: the same key on the same grant is the same call; empty for none.
            allowances: what the grant's agreement gives within the accounts.
            before_charge: raises when the question could not be run at all, so that nothing is spent on it. Called
                outside of any transaction, and not when a stored answer serves.
            wait_s: how long to wait for the same question in flight.

        Raises:
            OverBudget: names the account or allowance that is short and what is left.
            Conflict: the same question is still in flight, or the key was used for another one.
            Unanswered: the call with this key was charged before and failed.
        """
        worth = price or cost
        identity = _Identity(
            dataset=grant.dataset,
            question_hash=question_hash(canonical, bounds),
            snapshot=snapshot,
            policy_hash=policy_hash,
            price_nano=worth.nano,
            price_atto_delta=worth.atto_delta,
        )
        row = self._row(identity, grant, lineage, canonical, idempotency_key)
        waited = 0.0
        while True:
            earlier = self._look(row, identity)
            if earlier is None or not self._in_flight(earlier):
                if before_charge is not None and (earlier is None or earlier.state in IN_FLIGHT):
                    before_charge()
                try:
                    with self._database.transaction() as connection:
                        return self._reserved(connection, row, identity, cost, guarantee, event, allowances)
                except _InFlight as found:
                    earlier = found.row
            if waited >= wait_s or self._database.in_transaction:
                raise Conflict(
                    f"The same question is being answered (number {earlier.id}).",
                    fix="Ask again in a moment: its answer will cost you nothing.",
                )
            self._sleep(_POLL_S)
            waited += _POLL_S

    def keep_free(
        self,
        *,
        grant: Grant,
        lineage: str,
        snapshot: str,
        policy_hash: str,
        canonical: str,
        bounds: str,
        answer: bytes,
        event: Event,
        idempotency_key: str = "",
    ) -> Reservation:
        """Keep an answer that costs nothing, as a question that was charged nothing: it can be audited, and sent on.

        Args:
            bounds: what the answer was worked out from: the base release.
        """
        identity = _Identity(
            dataset=grant.dataset,
            question_hash=sha256_hex(f"{canonical}\n{bounds}".encode()),
            snapshot=snapshot,
            policy_hash=policy_hash,
            price_nano=0,
            price_atto_delta=0,
        )
        row = {
            **identity.values(),
            "grant_id": grant.id,
            "person": grant.person,
            "project": grant.project,
            "lineage": lineage,
            "canonical": canonical,
            "idempotency_key": idempotency_key or None,
            "worker": self._worker,
        }
        with self._database.transaction() as connection:
            earlier = _known(connection, row)
            if earlier is not None:
                return _repeated(connection, earlier, identity)
            same = _same(connection, identity)
            if same is not None:
                return self._reused(connection, row, same, event)
            take(connection, lineage, grant.project, ZERO)  # opens the project's account
            number = self._insert(connection, row, ZERO, ChargeState.RUNNING, same_as=None)
            self._log.append(
                connection, event, facts={"question": number, "lineage": lineage, "nano": 0}, id=number
            )
            digest = sha256_hex(answer)
            self._step(connection, number, ChargeState.RELEASED, answer=answer, answer_sha256=digest)
            told = Event(
                "system:ledger", "question.answered", f"question:{number}", {"answer_sha256": digest}
            )
            self._log.append(connection, told)
        return Reservation(question_id=number, charged=ZERO, answer=None)

    def keep_derived(
        self,
        *,
        grant: Grant,
        lineage: str,
        snapshot: str,
        policy_hash: str,
        canonical: str,
        answer: bytes,
        event: Event,
        bounds: str = "",
        idempotency_key: str = "",
    ) -> Reservation:
        """Keep what was worked out from stored answers: it cost nothing.

        Raises:
            Conflict: the key was used for another question.
            Unanswered: the call with this key was charged before and failed.
        """
        identity = _Identity(
            dataset=grant.dataset,
            question_hash=question_hash(canonical, bounds),
            snapshot=snapshot,
            policy_hash=policy_hash,
            price_nano=0,
            price_atto_delta=0,
        )
        row = self._row(identity, grant, lineage, canonical, idempotency_key)
        digest = sha256_hex(answer)
        with self._database.transaction() as connection:
            earlier = _known(connection, row)
            if earlier is not None:
                return _repeated(connection, earlier, identity)
            same = connection.execute(
                select(questions).where(
                    *identity.where_but_price(),
                    questions.c.price_nano == 0,
                    questions.c.same_as.is_(None),
                    questions.c.answer_sha256 == digest,
                )
            ).first()
            if same is not None:
                return self._reused(connection, row, same, event)
            take(connection, lineage, grant.project, ZERO)  # its history hangs on the project's account
            number = self._insert(
                connection,
                row,
                ZERO,
                ChargeState.RELEASED,
                same_as=None,
                answer=answer,
                answer_sha256=digest,
                ended_at=stamp(self._now()),
            )
            self._log.append(
                connection, event, facts={"question": number, "answer_sha256": digest, "nano": 0}, id=number
            )
        return Reservation(question_id=number, charged=ZERO, answer=answer)

    def start(self, question_id: int, *, event: Event) -> None:
        """RESERVED to RUNNING, just before the engine is asked."""
        with self._database.transaction() as connection:
            self._step(connection, question_id, ChargeState.RUNNING)
            self._log.append(connection, event)

    def settle(self, question_id: int, answer: bytes, *, event: Event) -> None:
        """RUNNING to RELEASED: the answer's bytes are kept before anybody sees them."""
        with self._database.transaction() as connection:
            self._step(
                connection, question_id, ChargeState.RELEASED, answer=answer, answer_sha256=sha256_hex(answer)
            )
            self._log.append(connection, event)

    def fail(self, question_id: int, *, event: Event) -> None:
        """RESERVED or RUNNING to FAILED. The charge stays."""
        with self._database.transaction() as connection:
            self._step(connection, question_id, ChargeState.FAILED)
            self._log.append(connection, event)

    def recover(self, *, event: Event, older_than_s: float = 3600) -> tuple[int, ...]:
        """Mark what dead processes left in flight as FAILED; all of it stays spent. Call it when a process starts.

        Taken are the questions of this worker's name, of processes of this machine that run no more, and those
        older than ``older_than_s`` (of machines that cannot be asked).

        Returns:
            The numbers of the questions.
        """
        late = stamp(self._now() - timedelta(seconds=older_than_s))
        flying = questions.c.state.in_([*IN_FLIGHT])
        with self._database.transaction() as connection:
            workers = connection.execute(select(questions.c.worker).where(flying).distinct()).scalars()
            gone = [worker for worker in workers if worker == self._worker or is_gone(worker)]
            left = connection.execute(
                select(questions.c.id)
                .where(flying, or_(questions.c.worker.in_(gone), questions.c.asked_at < late))
                .order_by(questions.c.id)
            ).scalars()
            numbers = tuple(int(number) for number in left)
            for number in numbers:
                self._step(connection, number, ChargeState.FAILED)
            if numbers:
                self._log.append(connection, event, facts={"questions": list(numbers)})
        return numbers

    def _row(
        self, identity: _Identity, grant: Grant, lineage: str, canonical: str, idempotency_key: str
    ) -> dict[str, Any]:
        return {
            **identity.values(),
            "grant_id": grant.id,
            "person": grant.person,
            "project": grant.project,
            "lineage": lineage,
            "canonical": canonical,
            "idempotency_key": idempotency_key or None,
            "worker": self._worker,
        }

    def _look(self, row: dict[str, Any], identity: _Identity) -> Row[Any] | None:
        """What is known of the call or the question, without waiting for any writer."""
        with self._database.reading() as connection:
            return _known(connection, row) or _same(connection, identity)

    def _in_flight(self, row: Row[Any]) -> bool:
        """True while somebody may still settle it."""
        late = stamp(self._now() - timedelta(seconds=ABANDONED_S))
        return row.state in IN_FLIGHT and row.asked_at >= late and not is_gone(row.worker)

    def _reserved(
        self,
        connection: Connection,
        row: dict[str, Any],
        identity: _Identity,
        cost: Loss,
        guarantee: Guarantee,
        event: Event,
        allowances: Sequence[Allowance],
    ) -> Reservation:
        earlier = _known(connection, row) or _same(connection, identity)
        if earlier is not None and earlier.state in IN_FLIGHT:
            if self._in_flight(earlier):
                raise _InFlight(earlier)
            self._step(connection, earlier.id, ChargeState.FAILED)  # left behind; nobody else may wait for it
            self._log.append(connection, Event("system:ledger", "question.failed", f"question:{earlier.id}"))
        earlier = _known(connection, row)
        if earlier is not None:
            return _repeated(connection, earlier, identity)
        same = _same(connection, identity)
        accounts = accounts_on(connection, row["lineage"], row["project"])
        if same is not None:
            return self._reused(connection, row, same, event)
        # For its words; the charge itself is decided by the UPDATEs' own conditions.
        check_affordable(cost, accounts, per_question=cost, guarantee=guarantee)
        if not take(connection, row["lineage"], row["project"], cost):
            raise OverBudget("The budget was spent in this moment.", fix="Ask with a smaller epsilon.")
        # After taking: whoever else draws on this lineage waits from then on, so that no sum is an old one.
        for allowance in allowances:
            spent = spent_under(
                connection, allowance.application, person=allowance.person, since=allowance.since
            )
            allowance.check(cost, spent=spent, guarantee=guarantee)
        number = self._insert(connection, row, cost, ChargeState.RESERVED, same_as=None)
        self._log.append(
            connection,
            event,
            facts={"question": number, "lineage": row["lineage"], "nano": cost.nano},
            id=number,
        )
        return Reservation(question_id=number, charged=cost)

    def _reused(
        self, connection: Connection, row: dict[str, Any], same: Row[Any], event: Event
    ) -> Reservation:
        body = stored_bytes(connection, same)
        # Also needs the project's account, which its history hangs on: a charge of nothing opens it.
        take(connection, row["lineage"], row["project"], ZERO)
        number = self._insert(connection, row, ZERO, ChargeState.RELEASED, same_as=same.id)
        told = Event(event.actor, "question.reused", event.object, event.facts)
        self._log.append(
            connection, told, facts={"question": number, "same_as": same.id, "nano": 0}, id=number
        )
        return Reservation(question_id=number, charged=ZERO, answer=body)

    def _insert(
        self,
        connection: Connection,
        row: dict[str, Any],
        charged: Loss,
        state: ChargeState,
        *,
        same_as: int | None,
        **more: Any,
    ) -> int:
        now = stamp(self._now())
        values = {
            **row,
            "charged_nano": charged.nano,
            "charged_atto_delta": charged.atto_delta,
            "state": state,
            "same_as": same_as,
            "asked_at": now,
            "ended_at": now if same_as else "",
            **more,
        }
        made = connection.execute(insert(questions).values(values))
        return number_of(made)

    def _step(self, connection: Connection, question_id: int, to: ChargeState, **more: Any) -> None:
        now = connection.execute(select(questions.c.state).where(questions.c.id == question_id)).scalar()
        if now is None:
            raise NotFound(f"There is no question {question_id}.")
        check_step(ChargeState(now), to)
        ended = {} if to is ChargeState.RUNNING else {"ended_at": stamp(self._now())}
        moved = connection.execute(
            update(questions)
            .where(questions.c.id == question_id, questions.c.state == now)
            .values(state=to, **ended, **more)
        )
        if moved.rowcount != 1:
            raise Conflict(f"Question {question_id} was changed in this moment.")


def question_hash(canonical: str, bounds: str = "") -> str:
    """Names a question, whatever its price and the version of the data."""
    return sha256_hex((f"{canonical}\n{bounds}" if bounds else canonical).encode())


class _InFlight(Exception):
    def __init__(self, row: Row[Any]) -> None:
        super().__init__()
        self.row = row


def _known(connection: Connection, row: dict[str, Any]) -> Row[Any] | None:
    """The earlier call with the same key on the same grant."""
    if row["idempotency_key"] is None:
        return None
    return connection.execute(
        select(questions).where(
            questions.c.grant_id == row["grant_id"], questions.c.idempotency_key == row["idempotency_key"]
        )
    ).first()


def _same(connection: Connection, identity: _Identity) -> Row[Any] | None:
    """The same question: answered at this price, or at the best of better ones, or in flight at this one."""
    found: Sequence[Row[Any]] = connection.execute(
        select(questions)
        .where(
            *identity.where_but_price(),
            questions.c.price_nano >= identity.price_nano,
            questions.c.price_atto_delta == identity.price_atto_delta,
            questions.c.same_as.is_(None),
            questions.c.state.in_([ChargeState.RELEASED, *IN_FLIGHT]),
        )
        .order_by(questions.c.id)
    ).all()
    here = [row for row in found if row.price_nano == identity.price_nano]
    flying = [row for row in here if row.state in IN_FLIGHT]
    answered = [row for row in here if row not in flying] or sorted(
        (row for row in found if row.state == ChargeState.RELEASED), key=lambda row: -row.price_nano
    )
    return next(iter(answered or flying), None)


def _repeated(connection: Connection, earlier: Row[Any], identity: _Identity) -> Reservation:
    # The question alone: a call that is repeated after a new version came out is still the same call.
    if (earlier.dataset, earlier.question_hash) != (identity.dataset, identity.question_hash):
        raise Conflict(
            "This idempotency key was used for another question.", fix="Use a new key for a new question."
        )
    if earlier.state == ChargeState.FAILED:
        raise Unanswered
    return Reservation(question_id=earlier.id, charged=ZERO, answer=stored_bytes(connection, earlier))
