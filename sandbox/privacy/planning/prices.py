"""Price words → a plan at that price. Everything here is public: question, policy, profile, and no row.

An accuracy is turned into a price by looking for the cheapest one whose plan keeps it. Dearer plans have less noise,
but for one thing: at a higher price the planner may loosen the bounds, which lets the noise jump up. So the price
that is found keeps the accuracy, a slightly lower one does not, and that is checked on plans, never assumed; and
where the dearest plan does not keep it, cheaper ones are looked at before it is said to be out of reach.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from sandbox.domain.errors import BadInput
from sandbox.domain.finish import Finish, Name
from sandbox.domain.policy import BudgetTerms
from sandbox.domain.price import ACCURACY_FIX, ByAccuracy, ByEpsilon, ByShare, Price
from sandbox.domain.privacy_loss import Guarantee, Loss
from sandbox.privacy.planning.measurements import ColumnEstimate, Plan

PlanAt = Callable[[Loss], Plan]

_FINE = 100_000  # a price is found to this part of itself
_STEPS_DOWN = 64  # from the dearest plan, by a quarter each: to a hundred-millionth of it
_HOPELESS = (
    8.0  # so far from what is allowed, tighter bounds at a still lower price do not make up for its noise
)
_LESS = (999, 1000)  # so much less does not keep the accuracy


def priced(
    price: Price, plan_at: PlanAt, *, budget: BudgetTerms, whole: Loss, finish: Finish | None = None
) -> Plan:
    """The plan at a price.

    Args:
        plan_at: plans the question at a loss.
        budget: says δ and the most that one question may cost.
        whole: what the asker may spend in all; a share is a share of it.
        finish: what is done with the answer; an accuracy is about columns that are shown as they are.

    Raises:
        BadInput: the price is too small to be measured, or no price that one question may cost keeps the accuracy.
    """
    match price:
        case ByEpsilon(epsilon):
            return plan_at(_loss_of(epsilon, budget.guarantee))
        case ByShare(percent):
            nano = whole.nano * percent.numerator // (100 * percent.denominator)
            if nano < 1:
                raise BadInput(
                    f"{float(percent):g} % of what you may spend buys nothing.",
                    where="budget",
                    fix="Use a larger share.",
                )
            return plan_at(Loss(nano))
        case ByAccuracy():
            return _exact_enough(price, plan_at, budget=budget, finish=finish)


def widths_of(
    price: ByAccuracy, columns: Sequence[ColumnEstimate], finish: Finish | None = None
) -> Mapping[str, Decimal]:
    """The half width that each named aggregate may have.

    Raises:
        BadInput: an aggregate has no such name, or its error is not known before its answer.
    """
    known = {c.name: c for c in columns if c.error_95 is not None}
    wanted = dict(price.within)
    if "" in wanted:
        unknown = [c for c in columns if c.error_95 is None]
        reckoned = finish is not None and any(not isinstance(value, Name) for _, value in finish.columns)
        if unknown or reckoned:
            what = f"The error of {unknown[0].name}" if unknown else "The error of what is reckoned here"
            raise BadInput(
                f"{what} depends on the answer, so that no price can be found for it.",
                where="accuracy",
                fix=_named_fix(sorted(known), wanted[""]),
            )
        return dict.fromkeys(known, wanted[""])
    for name in wanted:
        if name not in known:
            there = any(c.name == name for c in columns)
            problem = (
                f"The error of {name} depends on the answer, so that no price can be found for it."
                if there
                else f"There is no aggregate called {name[:60]}."
            )
            raise BadInput(problem, where="accuracy", fix=_named_fix(sorted(known), wanted[name]))
    return wanted


def cheapest(need: Callable[[Plan], float], plan_at: PlanAt, *, most: Loss) -> tuple[Plan, bool]:
    """The plan with the lowest price whose ``need`` is at most 1, and True; or the plan that comes nearest, and False.

    Steps of a quarter down from the dearest plan, then a bisection over whole nanos below the lowest that keeps it.

    Args:
        need: the largest error of a plan, as a part of what is allowed.
    """
    best = nearest = plan_at(most)
    for step in range(1, _STEPS_DOWN):
        found = _tried(plan_at, most.nano * 3**step // 4**step)
        if found is None or need(found) > _HOPELESS:
            break
        nearest = min(nearest, found, key=need)
        best = found if need(found) <= 1 else best
    if need(best) > 1:
        return nearest, False
    while True:
        low, high = best.loss.nano * 3 // 4, best.loss.nano
        while high - low > max(1, high // _FINE):
            middle = (low + high) // 2
            found = _tried(plan_at, middle)
            if found is not None and need(found) <= 1:
                high, best = middle, found
            else:
                low = middle
        less = _tried(plan_at, high * _LESS[0] // _LESS[1])
        if less is None or need(less) > 1:
            return best, True
        best = less  # bounds were loosened on the way up: there is a lower price below


def _tried(plan_at: PlanAt, nano: int) -> Plan | None:
    try:
        return plan_at(Loss(nano))
    except BadInput:
        return None  # too little to be split, or noise beyond 64 bits


def _exact_enough(price: ByAccuracy, plan_at: PlanAt, *, budget: BudgetTerms, finish: Finish | None) -> Plan:
    most, guarantee = budget.per_question, budget.guarantee
    widths = widths_of(price, plan_at(most).columns, finish)

    def need(plan: Plan) -> float:
        return float(
            max(Fraction(_error(c)) / Fraction(widths[c.name]) for c in plan.columns if c.name in widths)
        )

    found, keeps = cheapest(need, plan_at, most=most)
    if not keeps:
        reached = ", ".join(f"{c.name} ±{c.error_95:,.6g}" for c in found.columns if c.name in widths)
        cost = Loss(math.ceil(min(found.loss.nano * need(found) ** 2, 1e15)))
        raise BadInput(
            f"This accuracy would cost about ε={guarantee.epsilon(cost):.3g}; one question may cost at most "
            f"ε={guarantee.epsilon(most):.4g}. The best is {reached}, for "
            f"ε={guarantee.epsilon(found.loss):.4g}.",
            where="accuracy",
            fix=f"Ask for {reached} at best, or use fewer aggregates or keys.",
        )
    return found


def _error(column: ColumnEstimate) -> float:
    assert column.error_95 is not None  # noqa: S101 - widths are of columns that have one
    return column.error_95


def _named_fix(known: Sequence[str], width: Decimal) -> str:
    if not known:
        return "Say epsilon=0.5 or budget='1%' instead; the estimate shows what to expect."
    named = ", ".join(f"{name} ±{width}" for name in known)
    return f"Name those whose error is known: accuracy='{named}'; or say epsilon or budget. {ACCURACY_FIX}"


@functools.lru_cache(maxsize=1024)
def _loss_of(epsilon: float, guarantee: Guarantee) -> Loss:
    return guarantee.loss(epsilon)
