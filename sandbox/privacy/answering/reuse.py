"""What a stored answer spares: it serves as it is, or is refined for the difference of two prices.

- The same question at the same price, or at a lower one, is served the stored bytes.
- At a better price, the fresh draw is bought for the difference alone and combined with what is stored. Bounds stay
  those of the stored answer: where that would make the result clearly worse than a new answer, it is a new question
  at its whole price.

Everything here is worked out from public values: what was asked, its plan, and what was measured before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sandbox.domain.answer import shown, stored, to_bytes
from sandbox.domain.errors import BadInput
from sandbox.domain.limits import Limits
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.price import ByAccuracy, Price
from sandbox.domain.privacy_loss import Accounting, Loss
from sandbox.domain.question import Question, canonical_sql
from sandbox.privacy.answering.assemble import assemble
from sandbox.privacy.answering.finishing import finished
from sandbox.privacy.answering.measured import Measured, bounds_text, measured_bytes, measured_of
from sandbox.privacy.asking.parse import Asked
from sandbox.privacy.mechanisms.combined import combined, together
from sandbox.privacy.planning.measurements import Plan
from sandbox.privacy.planning.prices import widths_of
from sandbox.privacy.planning.profile import Profile
from sandbox.privacy.planning.refining import expected_error, topped_up, with_noises

_AS_EXACT = 1.01  # a refined answer may have so much more noise than a new one
_AS_GOOD = 1.15  # and so much more error, where its bounds are not those that a new one would have
_MORE = (1.0, 1.01, 1.03, 1.06, 1.1)  # what an accuracy may take more of, until the refined answer keeps it


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A question at its price.

    Attributes:
        planned: the plan of a new answer.
        plan_of: plans any question of the same table at any loss, by the same profile and limits.
    """

    asked: Asked
    price: Price
    planned: Plan
    plan_of: Callable[[Question, Loss], Plan]
    policy: DatasetPolicy
    snapshot: str
    profile: Profile | None
    limits: Limits

    def plan_at(self, loss: Loss) -> Plan:
        """The plan of the question at another price."""
        return self.plan_of(self.asked.question, loss)

    @property
    def canonical(self) -> str:
        return canonical_sql(self.asked.question)

    @property
    def bounds(self) -> str:
        """What its plan follows from besides question, policy and price."""
        return bounds_text(self.profile.id if self.profile is not None else "", self.limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refinement:
    """A stored answer, and what makes it as good as is asked.

    Attributes:
        added: what the fresh draw costs.
        plan: of the refined answer.
    """

    base: Measured
    added: Loss
    plan: Plan


def refinement(wanted: Wanted, base: Measured) -> Refinement | None:
    """How an answer of the same question is made as good as is asked; None where it has to be asked anew."""
    target = wanted.planned.loss
    if wanted.policy.guarantee.accounting is not Accounting.ZCDP or target.atto_delta:
        return None
    if base.bounds != wanted.bounds or base.nano >= target.nano:
        return None
    try:
        first = wanted.plan_at(Loss(base.planned_at))
        if not base.is_of(first):
            return None  # it was planned by another version of this program
        for more in _MORE if isinstance(wanted.price, ByAccuracy) else _MORE[:1]:
            # Charged as it is offered, and not what it comes to: so the engine splits the same number.
            added = Loss(int(target.nano * more) - base.nano)
            fresh = topped_up(first, added)
            noises = {
                m.target.name: together(base.vectors[m.target.name].noise, m.noise)
                for m in fresh.measurements
            }
            found = Refinement(base=base, added=added, plan=with_noises(first, noises, wanted.profile))
            if found.added.nano < target.nano and _good_enough(wanted, found.plan):
                return found
    except (BadInput, KeyError, ValueError):
        pass  # the difference is too small to be measured
    return None


def refined(wanted: Wanted, found: Refinement, fresh: bytes) -> bytes:
    """The stored bytes of the refined answer.

    Args:
        fresh: the engine's answer, whose measurements are combined with those of the base.

    Raises:
        ValueError: the engine measured something else than was asked for.
    """
    drawn = measured_of(fresh)
    if drawn is None or not drawn.is_of(found.plan):
        raise ValueError("the engine measured something else")
    vectors = {name: combined(vector, drawn.vectors[name]) for name, vector in found.base.vectors.items()}
    answer = assemble(
        found.plan,
        {name: vector.numbers for name, vector in vectors.items()},
        dataset=wanted.policy.name,
        snapshot=wanted.snapshot,
    )
    before = wanted.policy.guarantee.epsilon(Loss(found.base.nano))
    note = (
        f"An earlier answer to this question (ε = {before:.3g}) was refined: only the difference was charged."
    )
    kept = replace(found.base, vectors=vectors)
    return stored(to_bytes(replace(answer, notes=(*answer.notes, note))), measured_bytes(kept))


def as_asked(wanted: Wanted, body: bytes) -> bytes:
    """Stored bytes as the asker sees them: without what was measured, and finished as it was asked."""
    if wanted.asked.finish is None:
        return shown(body)
    return finished(shown(body), wanted.asked.finish, plan_behind(wanted, measured_of(body)))


def shown_again(wanted: Wanted, body: bytes) -> bytes:
    """The bytes of an earlier answer, finished as it was asked.

    Where nothing is known of its noise any more, what is reckoned from several of its values has no interval.
    """
    finish = wanted.asked.finish
    if finish is None:
        return shown(body)
    measured = measured_of(body)
    there = None if measured is None else wanted.plan_at(Loss(measured.planned_at))
    known = measured is not None and there is not None and measured.is_of(there)
    plan = with_noises(there, measured.noises, wanted.profile) if known and there and measured else None
    return finished(shown(body), finish, plan, question=wanted.asked.question)


def plan_behind(wanted: Wanted, measured: Measured | None) -> Plan:
    """The plan of a stored answer to the question that is asked; of a new answer where nothing is known of it."""
    if measured is None:
        return wanted.planned
    there = wanted.plan_at(Loss(measured.planned_at))
    return with_noises(there, measured.noises, wanted.profile) if measured.is_of(there) else wanted.planned


def _good_enough(wanted: Wanted, refined_plan: Plan) -> bool:
    """True when noise and bounds together make it about as good as a new answer."""
    planned = wanted.planned
    if isinstance(wanted.price, ByAccuracy):
        widths = widths_of(wanted.price, refined_plan.columns, wanted.asked.finish)
        if any(
            c.error_95 is None or c.error_95 > widths[c.name]
            for c in refined_plan.columns
            if c.name in widths
        ):
            return False
    if wanted.profile is not None:
        anew = expected_error(planned, wanted.profile)
        return expected_error(refined_plan, wanted.profile) <= _AS_GOOD * anew
    # Without a profile there is one bounding for all prices.
    scales = [[plan.noise(r.total).scale for r in plan.recipes] for plan in (planned, refined_plan)]
    return all(now <= _AS_EXACT * anew for anew, now in zip(*scales, strict=True))
