"""The same audit under pure accounting: Laplace noise, told apart by its own likelihood ratio, at delta 0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.domain.privacy_loss import Accounting, Guarantee
from sandbox.privacy.answering.run import count_exactly
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.mechanisms.noise import draw
from sandbox.privacy.planning.measurements import Plan
from sandbox.privacy.planning.plan import plan
from tests.privacy.audit.loss import epsilon_at_least
from tests.privacy.audit.report import LONG, PAIRS, found
from tests.privacy.audit.test_measured_loss import (
    CASES,
    EPSILON,
    OTHERS,
    POLICY,
    as_if_one_row,
    less_noise,
    no_clamp,
    no_limit_on_rows,
)
from tests.privacy.made_up import LIMITS
from tests.privacy.test_sensitivity import view_with

assert POLICY.budget is not None
PURE = replace(POLICY, budget=replace(POLICY.budget, accounting=Accounting.PURE))
GUARANTEE = Guarantee(1e-3, Accounting.PURE)
FAULTS: dict[str, tuple[Callable[[Plan], Plan], ...]] = {
    "count, rows": (less_noise, as_if_one_row),
    "sum, rows": (less_noise, as_if_one_row, no_clamp),
    "units by key, rows": (less_noise,),
    "average by key, groups": (less_noise,),
    "median, rows": (less_noise,),
    "sum by key, one group of one row": (less_noise, no_limit_on_rows),
}


def planned(case: str) -> Plan:
    known = CASES[case]
    question = parse(known.sql, PURE)
    return plan(question, PURE, target=GUARANTEE.loss(EPSILON), bounding=known.bounding)


def statistics(
    ready: Plan, one: dict[str, list[int]], other: dict[str, list[int]]
) -> tuple[list[float], list[float]]:
    """The log likelihood ratio of so many answers on D and on D'."""
    samples = ([0.0] * PAIRS, [0.0] * PAIRS)
    for m in ready.measurements:
        for here, there in zip(one[m.target.name], other[m.target.name], strict=True):
            if here == there:
                continue
            for sample, exact in zip(samples, (here, there), strict=True):
                for place, noisy in enumerate(draw([exact] * PAIRS, m.noise)):
                    sample[place] += (abs(noisy - there) - abs(noisy - here)) / m.noise.scale
    return samples


@pytest.mark.parametrize("case", FAULTS)
def test_the_measured_loss_stays_below_the_price_and_each_planted_fault_is_caught(
    case: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folders: list[Path] = [tmp_path_factory.mktemp(which) for which in ("with", "without")]
    units = [*OTHERS, CASES[case].person], OTHERS
    views = [view_with(f, u, PURE) for f, u in zip(folders, units, strict=True)]

    def lost(ready: Plan) -> float:
        one, other = (count_exactly(ready, view, LIMITS) for view in views)
        return epsilon_at_least(*statistics(ready, one, other), delta=0.0)

    ready = planned(case)
    claim = GUARANTEE.epsilon(ready.loss)
    loss = lost(ready)
    caught = {broken.__name__: lost(broken(ready)) for broken in FAULTS[case]}
    found(
        "The same under pure accounting (epsilon at δ = 0)",
        case,
        claimed=f"≤ {claim:.3f}",
        measured=f"≥ {loss:.3f}",
        control="; ".join(f"{fault.replace('_', ' ')}: ≥ {value:.2f}" for fault, value in caught.items()),
    )
    assert loss <= claim
    if LONG:
        assert loss > 0.15 * claim, "an audit that sees nothing proves nothing"
    assert all(value > claim for value in caught.values()), caught
