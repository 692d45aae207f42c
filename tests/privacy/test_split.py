"""A price is split by need: all of it, no more, and no other split gives less variance in all."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.domain.errors import BadInput
from sandbox.domain.policy import BudgetTerms, Column, ColumnType, DatasetPolicy
from sandbox.domain.privacy_loss import Accounting, Loss
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.planning.measurements import Plan, What
from sandbox.privacy.planning.needs import distance_squared, noise_variance, weights
from sandbox.privacy.planning.plan import plan
from sandbox.privacy.planning.split import least_total, parts, power_of, split
from tests.privacy.made_up import PRICE, hospital

POWERS = [1, 2]
NEEDS = st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=8)


def total(needs: Sequence[float], shares: Sequence[float], power: int) -> float:
    return sum(need / share**power for need, share in zip(needs, shares, strict=True))


@given(NEEDS, st.integers(0, 10**12), st.sampled_from(POWERS))
def test_a_price_is_spent_to_the_last_nano_and_not_one_more(
    needs: list[float], whole: int, power: int
) -> None:
    shares = split(whole, needs, power=power)
    assert sum(shares) <= whole
    if whole >= len(needs):
        assert sum(shares) == whole
        assert min(shares) >= 1


@given(NEEDS, st.data(), st.sampled_from(POWERS))
def test_no_other_split_has_less_variance_in_all(needs: list[float], data: st.DataObject, power: int) -> None:
    best = parts(needs, power=power)
    assert sum(best) == pytest.approx(1)
    assert total(needs, best, power) == pytest.approx(least_total(needs, power=power))
    pieces = data.draw(st.lists(st.floats(0.01, 1), min_size=len(needs), max_size=len(needs)))
    other = [piece / sum(pieces) for piece in pieces]
    assert total(needs, best, power) <= total(needs, other, power) * (1 + 1e-9)


def test_a_root_of_the_wrong_order_is_caught() -> None:
    """The control: what is best for Gaussian noise is not for Laplace noise, nor an even split for either."""
    needs = [100.0, 1.0, 1.0]
    for power in POWERS:
        least = least_total(needs, power=power)
        assert total(needs, parts(needs, power=3 - power), power) > 1.01 * least
        assert total(needs, [1 / 3] * 3, power) > 1.3 * least


HOSPITAL = hospital()
QUESTIONS = [
    "select count(*) from visits",
    "select count(*), sum(age) from visits",
    "select ward, avg(age), count(age) n, count(*) from visits group by ward",
    "select sum(cost) s, avg(cost) a from visits",
    "select sum(cost) s, avg(age) a, stddev(cost) d, count(distinct patient_id) u from visits",
    "select median(age) m, avg(age) a from visits",
]


def policy_with(accounting: Accounting) -> DatasetPolicy:
    assert HOSPITAL.budget is not None
    return replace(HOSPITAL, budget=replace(HOSPITAL.budget, accounting=accounting))


def planned(sql: str, accounting: Accounting, *, nano: int = PRICE.nano) -> Plan:
    policy = policy_with(accounting)
    return plan(parse(sql, policy), policy, target=Loss(nano))


def variances(ready: Plan, spent: dict[str, float]) -> list[float]:
    """Of each aggregate, when so much is spent on each measurement."""
    targets = {m.target.name: m.target for m in ready.measurements}
    accounting = ready.guarantee.accounting
    return [
        sum(
            c
            * c
            * noise_variance(
                distance_squared(targets[n], ready.bounding, accounting),
                price=spent[n],
                accounting=accounting,
            )
            for n, c in weights(recipe, targets, None).items()
        )
        for recipe in ready.recipes
    ]


@pytest.mark.parametrize("accounting", Accounting)
@pytest.mark.parametrize("sql", QUESTIONS)
def test_a_plan_s_aggregates_have_less_variance_in_all_than_by_any_other_split(
    sql: str, accounting: Accounting
) -> None:
    """Each relative to what it has when it is asked alone at the full price, under the same bounds."""
    ready = planned(sql, accounting)
    assert ready.loss == PRICE  # all of it
    whole = {m.target.name: m.noise.nano for m in ready.measurements}
    power = power_of(accounting)
    targets = {m.target.name: m.target for m in ready.measurements}
    alone = []
    for recipe in ready.recipes:
        own = weights(recipe, targets, None)
        best = parts(
            [c * c * distance_squared(targets[n], ready.bounding, accounting) for n, c in own.items()],
            power=power,
        )
        spent = {n: PRICE.measure * part for n, part in zip(own, best, strict=True)}
        (variance,) = variances(replace(ready, recipes=(recipe,)), spent)
        alone.append(variance)

    def relative(spent: dict[str, float]) -> float:
        return sum(v / a for v, a in zip(variances(ready, spent), alone, strict=True))

    mine = relative({name: nano / 1e9 for name, nano in whole.items()})
    lot = random.Random(1)
    for draw in range(200):
        pieces = {name: 1.0 if draw == 0 else lot.uniform(0.05, 1) for name in whole}
        other = {name: PRICE.measure * piece / sum(pieces.values()) for name, piece in pieces.items()}
        assert mine <= relative(other) * (1 + 1e-6)


def test_an_average_alone_gets_more_for_its_sum_than_for_its_count() -> None:
    """As it needs: its noise is that of the sum, and of the count as far as the average is from the middle."""
    for accounting in Accounting:
        nanos = {m.target.what: m.noise.nano for m in planned(QUESTIONS[2], accounting).measurements}
        assert sum(nanos.values()) == PRICE.nano
        lone = {
            m.target.what: m.noise.nano
            for m in planned("select avg(age) from visits", accounting).measurements
        }
        assert lone[What.CENTRED] > 1.3 * lone[What.FILLED]
        # COUNT(age) beside it needs more of the count.
        assert nanos[What.FILLED] / nanos[What.CENTRED] > lone[What.FILLED] / lone[What.CENTRED]


def test_aggregates_that_share_nothing_get_the_same() -> None:
    for accounting in Accounting:
        one, other = planned("select count(*), sum(age) from visits", accounting).measurements
        assert abs(one.noise.nano - other.noise.nano) <= 2


@pytest.mark.parametrize("sql", QUESTIONS)
def test_however_small_the_price_each_measurement_is_paid_for_or_the_question_refused(
    sql: str,
) -> None:
    many = len(planned(sql, Accounting.ZCDP).measurements)
    ready = planned(sql, Accounting.ZCDP, nano=many + 3)
    assert ready.loss.nano == many + 3
    with pytest.raises(BadInput):
        planned(sql, Accounting.ZCDP, nano=many - 1)


@settings(deadline=None)  # the first time, a noise is looked for
@given(st.floats(0.05, 0.95))
def test_the_weights_are_the_slopes_of_the_average_and_the_variance(share: float) -> None:
    """Against a small step in each noisy number."""
    age = HOSPITAL.tables["visits"].columns["age"]
    assert age.upper is not None
    ready = planned("select avg(age) a, variance(age) v from visits", Accounting.ZCDP)
    targets = {m.target.name: m.target for m in ready.measurements}
    n, middle = 1e6, 50.0
    away = share * 50.0
    spread = 25.0**2
    total, squares = n * away, n * (spread + away**2)
    mean, variance = ready.recipes
    found = weights(mean, targets, middle + away)
    if away >= 12.5:  # nearer to the middle the count is kept clear of its noise
        assert found[mean.count] / found[mean.total] == pytest.approx(away)
    slopes = {
        variance.squares: 1 / n,
        variance.total: (((squares / n) - ((total + 1) / n) ** 2) - (squares / n - (total / n) ** 2)),
        variance.count: (squares / (n + 1) - (total / (n + 1)) ** 2) - (squares / n - (total / n) ** 2),
    }
    told = weights(variance, targets, middle + away)
    for name, slope in slopes.items():
        size = abs(slope) / slopes[variance.squares]
        assert size <= told[name] / told[variance.squares] * (1 + 1e-3)


@pytest.mark.parametrize("accounting", Accounting)
def test_the_units_that_decide_which_keys_are_shown_get_as_much_as_an_aggregate(
    accounting: Accounting,
) -> None:
    """No aggregate is worked out from them, and yet they must not go away with nothing."""
    city = Column(type=ColumnType.TEXT, unlisted_keys=True)
    budget = BudgetTerms(epsilon="20", delta="1e-5", unlisted_delta="1e-6", accounting=accounting)
    policy = replace(hospital(city=city), budget=budget)
    question = parse("select city, sum(age) s, count(*) n from visits group by city", policy)
    ready = plan(question, policy, target=Loss(3_000_000_000))
    nanos = [m.noise.nano for m in ready.measurements]
    assert len(nanos) == 3
    assert all(abs(nano - 1_000_000_000) <= 3 for nano in nanos)
    again = plan(question, policy, target=ready.loss)
    assert [m.noise for m in again.measurements] == [m.noise for m in ready.measurements]
