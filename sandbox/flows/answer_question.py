"""A question, from text to private answer.

parse -> plan (no data read) -> look for what a stored answer spares -> reserve the price durably -> run in the
engine's own process -> store the answer -> send it on the next tick. Past the reservation the price stays spent,
whatever happens, and the caller sees one constant error.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, TypeVar

from sandbox.domain.access import Grant
from sandbox.domain.agreement import allowances, budget_of, question_limit
from sandbox.domain.audit import Event
from sandbox.domain.budget import ChargeState, check_affordable
from sandbox.domain.canonical import sha256_hex
from sandbox.domain.derived import profiled_table
from sandbox.domain.errors import BadInput, NotAllowed, NotFound, Unanswered
from sandbox.domain.limits import NO_LIMITS, Limits
from sandbox.domain.people import Person
from sandbox.domain.permission import Action
from sandbox.domain.price import USUAL_EPSILON, ByEpsilon, Price, price_of
from sandbox.domain.privacy_loss import ZERO, Loss
from sandbox.domain.question import Question, canonical_sql, columns_by_table
from sandbox.domain.ticks import leaves_after_ms
from sandbox.flows.buy_base import base_for
from sandbox.flows.commitments import day_began, left_under
from sandbox.flows.permission import Permission, Permit
from sandbox.flows.published import Published, published
from sandbox.flows.reuse_answers import Answered, ReuseAnswers
from sandbox.privacy.answering.reuse import Refinement, Wanted, as_asked, refined, shown_again
from sandbox.privacy.asking.options import agreed_limits, agreed_price, check_options
from sandbox.privacy.asking.parse import Asked, read
from sandbox.privacy.base.cells import NotInBase
from sandbox.privacy.base.free import Free, free_answer
from sandbox.privacy.base.release import BaseRelease
from sandbox.privacy.engine import Engine
from sandbox.privacy.planning.plan import Plan, plan
from sandbox.privacy.planning.prices import priced
from sandbox.privacy.planning.profile import profile_from_document
from sandbox.privacy.planning.remembered import Remembered
from sandbox.store import Store

_log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a question would cost and how exact it would be. Computed without access to data."""

    plan: Plan
    question: str
    epsilon: float
    delta: float
    percent_of_project: float  # of what the agreement gives, 0-100
    charge: Loss  # what it would take now: less where stored answers spare a part, nothing where one serves
    asks_left: int  # how many more questions of this price fit in what is left
    affordable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerQuestion:
    """The journey's parts."""

    store: Store
    engine: Engine
    tick_ms: int
    permission: Permission
    today: Callable[[], date]
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _plans: Remembered[Plan] = field(default_factory=Remembered, repr=False, compare=False)
    _questions: Remembered[Question | None] = field(default_factory=Remembered, repr=False, compare=False)

    @property
    def _reuse(self) -> ReuseAnswers:
        return ReuseAnswers(self.store.ledger, self._questions)

    def estimate(
        self,
        person: Person,
        grant: Grant,
        *,
        sql: str,
        epsilon: float | None = None,
        budget: str | None = None,
        accuracy: str | Mapping[str, object] | None = None,
        limits: Limits = NO_LIMITS,
    ) -> Estimate:
        """Price and error of every column, spending nothing."""
        said = price_of(epsilon=epsilon, budget=budget, accuracy=accuracy)
        agreed = self.permission.agreement(grant, Action.ASK)
        dataset, wanted = self._wanted(agreed, grant, sql=sql, price=said, limits=limits)
        self._permitted(person, grant, dataset, wanted.asked.question, cost=ZERO)
        planned = wanted.planned
        spared = self._reuse.spared(dataset, wanted)
        free = spared.free or (said is None and self._in_base(grant, sql, limits, free=False) is not None)
        charge = ZERO if free else planned.loss if spared.refined is None else spared.refined.added
        guarantee = dataset.policy.guarantee
        left = left_under(
            self.store, dataset.policy, grant, allowances(agreed, person=person.name, day_began=self._day())
        ).nano
        quota = budget_of(agreed).nano
        price = planned.loss.nano
        return Estimate(
            plan=planned,
            question=wanted.canonical,
            epsilon=guarantee.epsilon(planned.loss),
            delta=guarantee.delta,
            percent_of_project=100.0 * price / quota if quota else 100.0,
            asks_left=left // price if price else 0,
            charge=charge,
            affordable=charge.nano <= left and planned.loss.fits_in(question_limit(agreed)),
        )

    def ask(
        self,
        person: Person,
        grant: Grant,
        *,
        sql: str,
        epsilon: float | None = None,
        budget: str | None = None,
        accuracy: str | Mapping[str, object] | None = None,
        idempotency_key: str = "",
        limits: Limits = NO_LIMITS,
        free: bool = False,
    ) -> Answered:
        """Answer, or raise.

        Where nobody names a price and a base release was bought, counts that it measured are answered from it, free.

        Args:
            epsilon, budget, accuracy: its price, one of them; see ``sandbox.domain.price``.
            limits: what to count at most of one unit, where that is to be less than what is best.
            free: from stored answers and the base release only, however exact that is; never pay.

        Raises:
            QuestionRefused, BadInput, NotAllowed, OverBudget: before anything was spent.
            OperatorError: the engine is down; nothing was spent.
            Unanswered: charged, and no answer; constant.
        """
        started = self.monotonic()
        price = price_of(epsilon=epsilon, budget=budget, accuracy=accuracy)
        if price is None and not free:
            from_base = self._from_base(person, grant, sql, idempotency_key, limits, free=False)
            if from_base is not None:
                return from_base
        agreed = self.permission.agreement(grant, Action.ASK)
        dataset, wanted = self._wanted(agreed, grant, sql=sql, price=price, limits=limits)
        planned = wanted.planned
        if len(idempotency_key) > 200:
            raise BadInput("idempotency_key is longer than 200 characters.", where="idempotency_key")
        check_affordable(
            planned.loss,
            (),
            per_question=question_limit(agreed),
            guarantee=dataset.policy.guarantee,
        )
        permit = self._permitted(person, grant, dataset, wanted.asked.question, cost=planned.loss)
        spared = self._reuse.spared(dataset, wanted, free=free)
        if spared.derived is not None:
            return self._reuse.derived(
                person, grant, dataset, wanted, spared.derived, idempotency_key, permit.facts
            )
        if free and not spared.served:
            from_base = self._from_base(person, grant, sql, idempotency_key, limits, free=True)
            assert from_base is not None  # noqa: S101 - it says so where the base cannot say
            return from_base
        found = spared.refined
        cost = planned.loss if found is None else found.added
        reservation = self.store.ledger.reserve(
            grant=grant,
            lineage=dataset.policy.budget_lineage,
            snapshot=dataset.snapshot,
            policy_hash=dataset.policy_hash,
            canonical=wanted.canonical,
            cost=cost,
            price=planned.loss,
            guarantee=dataset.policy.guarantee,
            bounds=wanted.bounds,
            idempotency_key=idempotency_key,
            allowances=allowances(agreed, person=person.name, day_began=self._day()),
            before_charge=self.engine.health,  # a stopped engine is an operator's error, and costs nothing
            event=Event(
                actor=person.name,
                action="question.reserved",
                object=f"dataset:{dataset.policy.name}",
                facts={
                    "grant": grant.id,
                    "question_sha256": sha256_hex(wanted.canonical.encode()),
                    "nano": cost.nano,
                    **({"atto_delta": cost.atto_delta} if cost.atto_delta else {}),
                    **permit.facts,
                },
            ),
        )
        if reservation.answer is not None:
            stored = Answered(id=reservation.question_id, body=reservation.answer, cached=True)
            return _shown(stored, wanted)
        try:
            answered = self._on_tick(
                started, lambda: self._run(dataset, wanted, found, reservation.question_id)
            )
            return _shown(answered, wanted)
        except Exception as failure:
            if isinstance(failure, Unanswered):
                raise
            _log.error(
                "question %d failed after its reservation: %s",
                reservation.question_id,
                type(failure).__name__,
            )
            raise Unanswered from None

    def again(self, person: Person, grant: Grant, question_id: int, *, sql: str = "") -> Answered:
        """An answer that this person was given under this grant, once more: nothing is asked, kept or charged.

        Args:
            sql: the question as it was asked; it says what is done with the noisy values. Empty for nothing.

        Raises:
            NotFound: no such answer of this person's.
            NotAllowed: the agreement permits the question no more.
            BadInput: ``sql`` is another question.
        """
        line = self.store.ledger.line(question_id)
        if line is None or (line.grant_id, line.person) != (grant.id, person.name):
            raise NotFound(f"You have no answer {question_id}.", fix="See what you asked under the grant.")
        if line.state is not ChargeState.RELEASED:
            raise NotFound(
                f"Question {question_id} has no answer.", fix="Ask it again; its price is charged anew."
            )
        agreed = self.permission.agreement(grant, Action.ASK)
        dataset, wanted = self._wanted(agreed, grant, sql=sql or line.canonical, price=None, limits=NO_LIMITS)
        if wanted.canonical != line.canonical:
            raise BadInput(
                "This is not the question of that answer.", where="as", fix="Open it from the list."
            )
        self._permitted(person, grant, dataset, wanted.asked.question, cost=ZERO)
        body = shown_again(wanted, self.store.ledger.answer(question_id))
        return Answered(id=question_id, body=body, cached=not line.cost.nano)

    def _from_base(
        self, person: Person, grant: Grant, sql: str, idempotency_key: str, limits: Limits, *, free: bool
    ) -> Answered | None:
        """The answer from the base release; None where the question is to be paid for.

        Raises:
            QuestionRefused: only with ``free``: the base cannot say.
        """
        found = self._in_base(grant, sql, limits, free=free)
        if found is None:
            return None
        dataset, asked, base, answer = found
        permit = self._permitted(person, grant, dataset, asked.question, cost=ZERO)
        canonical = canonical_sql(asked.question)
        kept = self.store.ledger.keep_free(
            grant=grant,
            lineage=dataset.policy.budget_lineage,
            snapshot=dataset.snapshot,
            policy_hash=dataset.policy_hash,
            canonical=canonical,
            bounds=f"base {base.id}",
            answer=answer.body,
            idempotency_key=idempotency_key,
            event=Event(
                actor=person.name,
                action="question.reserved",
                object=f"dataset:{dataset.policy.name}",
                facts={
                    "grant": grant.id,
                    "question_sha256": sha256_hex(canonical.encode()),
                    "base": base.id,
                    **permit.facts,
                },
            ),
        )
        return Answered(id=kept.question_id, body=answer.shown, cached=kept.answer is not None)

    def _in_base(
        self, grant: Grant, sql: str, limits: Limits, *, free: bool
    ) -> tuple[Published, Asked, BaseRelease, Free] | None:
        """What the base release says; None where the question is to be paid for.

        Raises:
            QuestionRefused: only with ``free``: the base cannot say.
        """
        dataset = published(self.store, grant.dataset)
        base = base_for(self.store, dataset)
        if base is None and not free:
            return None
        asked = read(sql, dataset.policy)
        check_options(asked.options, delta=dataset.policy.guarantee.delta)
        if asked.options.price is not None or agreed_limits(asked.options, limits) != NO_LIMITS:
            if free:
                raise NotInBase(
                    "The base has its own price and bounds.", fix="Name none, or pay for this question."
                )
            return None
        if base is None:
            raise NotInBase(
                "No stored answer says this. No base release of this version was bought.",
                fix="Name an epsilon to pay for the question.",
            )
        try:
            answer = free_answer(base, asked, dataset.policy)
        except NotInBase:
            if free:
                raise
            return None
        if not answer.measured and not free:
            return None
        return dataset, asked, base, answer

    def _run(
        self, dataset: Published, wanted: Wanted, found: Refinement | None, question_id: int
    ) -> Answered:
        self.store.ledger.start(
            question_id, event=Event("system:portal", "question.started", f"question:{question_id}")
        )
        try:
            cost = wanted.planned.loss if found is None else found.added
            body = self.engine.answer(
                dataset=dataset.policy.name,
                snapshot=dataset.snapshot,
                sql=wanted.canonical,
                nano=cost.nano,
                atto_delta=cost.atto_delta,
                profile=wanted.profile.id if wanted.profile is not None else "",
                limits=wanted.limits,
                planned_at=0 if found is None else found.base.planned_at,
            )
            if found is not None:
                body = refined(wanted, found, body)
        except Exception as failure:
            _log.error("the engine did not answer question %d: %s", question_id, type(failure).__name__)
            self.store.ledger.fail(
                question_id, event=Event("system:portal", "question.failed", f"question:{question_id}")
            )
            raise Unanswered from None
        self.store.ledger.settle(
            question_id,
            body,
            event=Event(
                "system:portal",
                "question.answered",
                f"question:{question_id}",
                {"answer_sha256": sha256_hex(body)},
            ),
        )
        return Answered(id=question_id, body=body, cached=False)

    def _on_tick(self, started: float, run: Callable[[], T]) -> T:
        """Let a result, or its failure, leave on a tick (``leaves_after_ms``) counted from the question's arrival."""
        try:
            return run()
        finally:
            elapsed_ms = (self.monotonic() - started) * 1000
            self.sleep((leaves_after_ms(elapsed_ms, tick_ms=self.tick_ms) - elapsed_ms) / 1000)

    def _wanted(
        self, agreed: Mapping[str, Any], grant: Grant, *, sql: str, price: Price | None, limits: Limits
    ) -> tuple[Published, Wanted]:
        dataset = published(self.store, grant.dataset)
        policy = dataset.policy
        asked = read(sql, policy)
        check_options(asked.options, delta=policy.guarantee.delta)
        price = agreed_price(asked.options, price, otherwise=ByEpsilon(USUAL_EPSILON))
        limits = agreed_limits(asked.options, limits)
        bought = self.store.profiles.released(
            policy.budget_lineage, profiled_table(asked.question.source, policy)
        )
        profile = profile_from_document(bought.document) if bought is not None else None

        def plan_of(question: Question, target: Loss) -> Plan:
            key = (dataset.policy_hash, question, target, profile and profile.id, limits)
            make = functools.partial(plan, question, policy, target=target, profile=profile, limits=limits)
            return self._plans.get(key, make)

        assert policy.budget is not None  # noqa: S101 - check() demands it of private datasets
        whole = budget_of(agreed)
        key = (
            dataset.policy_hash,
            asked.question,
            price,
            whole,
            asked.finish,
            profile and profile.id,
            limits,
        )
        make = functools.partial(
            priced,
            price,
            functools.partial(plan_of, asked.question),
            budget=policy.budget,
            whole=whole,
            finish=asked.finish,
        )
        planned = self._plans.get(key, make)
        return dataset, Wanted(
            asked=asked,
            price=price,
            planned=planned,
            plan_of=plan_of,
            policy=policy,
            snapshot=dataset.snapshot,
            profile=profile,
            limits=limits,
        )

    def _permitted(
        self, person: Person, grant: Grant, dataset: Published, question: Question, *, cost: Loss
    ) -> Permit:
        columns = columns_by_table(question, unit=dataset.policy.unit_column)
        return self.permission(person, grant, Action.ASK, columns=columns, cost=cost)

    def _day(self) -> str:
        return day_began(self.today())


def _shown(answered: Answered, wanted: Wanted) -> Answered:
    """The answer as it was asked to look: what was paid for is stored, and this is free."""
    return replace(answered, body=as_asked(wanted, answered.body))


def grant_for(
    store: Store, person: Person, *, grant_id: int | None, dataset: str | None, today: date
) -> Grant:
    """The grant a person means: the one named, or the only one that holds for the dataset today.

    Raises:
        NotFound: no such grant of this person.
        BadInput: several would fit.
        NotAllowed: none holds for the dataset.
    """
    mine = store.grants.of_person(person.name)
    if grant_id is not None:
        for grant in mine:
            if grant.id == grant_id:
                return grant
        raise NotFound(f"You have no grant {grant_id}.", fix="See your grants on the portal.")
    fitting = [g for g in mine if g.holds_on(today) and (dataset is None or g.dataset == dataset)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise BadInput(
            "Several of your grants would fit.",
            where="grant",
            fix="Name one of: " + ", ".join(f"{g.id} ({g.dataset}, {g.project})" for g in fitting) + ".",
        )
    raise NotAllowed(
        f"You have no grant that holds today{f' for {dataset}' if dataset else ''}.",
        clause="grant",
        fix="Apply for one in the catalogue.",
    )
