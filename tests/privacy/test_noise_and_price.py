"""What is charged is what OpenDP asks for, intervals cover, and the measured loss stays below the claimed one."""

from __future__ import annotations

import math

import opendp.prelude as dp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.domain.errors import BadInput, QuestionRefused
from sandbox.domain.policy import Column, ColumnType
from sandbox.domain.privacy_loss import Accounting, Loss
from sandbox.privacy.answering.assemble import average
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.mechanisms.noise import Noise, draw, half_width_95, noise_for, price, standard_deviation
from sandbox.privacy.mechanisms.sensitivity import root_up
from sandbox.privacy.planning.measurements import Plan, What
from sandbox.privacy.planning.plan import plan
from tests.privacy.made_up import PRICE, hospital, with_table

POLICY = hospital()
DRAWS = 10_000

QUESTIONS = [
    "select count(*) from visits",
    "select count(distinct patient_id) from visits",
    "select sum(cost) from visits",
    "select avg(age) from visits",
    "select ward, sum(cost), count(*), count(distinct patient_id) u from visits group by ward",
    "select sex, smoker, avg(cost), sum(cost), avg(age) from visits group by sex, smoker",
    "select variance(age) v, stddev(cost) s, count(cost) n from visits",
    "select sex, median(age) m, quantile_cont(cost, 0.9) q, count(*) from visits group by sex",
    "select floor(age / 10) * 10 d, age > 40 o, sum(cost), stddev(age) s from visits group by d, o",
]


def planned(sql: str, *, nano: int = PRICE.nano) -> Plan:
    return plan(parse(sql, POLICY), POLICY, target=Loss(nano))


@pytest.mark.parametrize("sql", QUESTIONS)
@pytest.mark.parametrize("nano", [20, 1_001, 20_000_000, 500_000_007, 30_000_000_000])
def test_the_price_is_what_opendp_asks_and_never_above_the_offer(sql: str, nano: int) -> None:
    ready = planned(sql, nano=nano)
    asked = 0.0
    for measurement in ready.measurements:
        squared = measurement.target.squared_sensitivity(ready.bounding)
        space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T=float)
        own = dp.m.make_gaussian(*space, scale=measurement.noise.scale)
        asked += own.map(math.sqrt(squared) * (1 - 2**-52))
        # and OpenDP's map is no smaller than the theorem it stands for
        assert measurement.noise.nano / 1e9 >= squared / (2 * measurement.noise.scale**2) * (1 - 1e-12)
    assert ready.loss.nano / 1e9 >= asked
    assert ready.loss.fits_in(Loss(nano))
    assert ready.loss.nano >= nano - len(ready.measurements)  # nothing of it is wasted either


@pytest.mark.parametrize("sql", QUESTIONS)
def test_planning_again_at_the_plan_s_own_price_gives_the_same_plan(sql: str) -> None:
    """The engine does so with what was charged: it may not come to another noise."""
    ready = planned(sql, nano=20_000_003)
    assert planned(sql, nano=ready.loss.nano) == ready


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 10**16), st.integers(1, 10**11))
def test_no_smaller_noise_would_be_affordable(squared: int, nano: int) -> None:
    try:
        noise = noise_for(sensitivity=root_up(squared), nano=nano)
    except BadInput:
        assert math.sqrt(squared / (2e-9 * nano)) > 2**59
        return
    assert noise.nano <= nano
    assert price(scale=noise.scale * (1 - 1e-6), sensitivity=noise.sensitivity) >= noise.nano


def test_noise_bought_for_less_than_the_sensitivity_is_caught_by_the_map() -> None:
    """The control: OpenDP's map, asked about the real distance, is above the price that was claimed."""
    cheap = noise_for(sensitivity=1.0, nano=1_000_000)
    assert price(scale=cheap.scale, sensitivity=4.0) > 15 * cheap.nano


@pytest.mark.parametrize("nano", [0, 1, 2])
def test_a_price_that_cannot_be_split_is_refused(nano: int) -> None:
    with pytest.raises(BadInput, match="too small"):
        planned("select sum(age), sum(cost), count(*) from visits", nano=nano)


def test_bounds_that_could_leave_64_bits_are_refused() -> None:
    wide = Column(type=ColumnType.INTEGER, lower=0, upper=10**16)
    policy = hospital(age=wide)
    question = parse("select sum(age) from visits", policy)
    with pytest.raises(QuestionRefused, match="64 bits"):
        plan(question, policy, target=PRICE)


SHARED: list[tuple[str, list[str]]] = [
    ("select count(*), count(*) as again from visits", ["rows"]),
    ("select sum(age), avg(age) from visits", ["centred_age", "filled_age"]),
    ("select avg(age), avg(cost) from visits", ["centred_age", "centred_cost", "filled_age", "filled_cost"]),
    ("select avg(age), count(*) from visits", ["centred_age", "filled_age", "rows"]),
    ("select avg(age), count(*) from visits where age is not null", ["centred_age", "rows"]),
    ("select avg(age), count(*) from visits where age > 3 and smoker", ["centred_age", "rows"]),
    ("select avg(age), count(*) from visits where age > 3 or smoker", ["centred_age", "filled_age", "rows"]),
    ("select avg(age), count(*) from visits where age > 3 or age = 1", ["centred_age", "rows"]),
    ("select avg(age), count(*) from visits where age is null", ["centred_age", "filled_age", "rows"]),
    ("select count(*), count(distinct patient_id) u from visits", ["rows", "units"]),
]


@pytest.mark.parametrize(("sql", "targets"), SHARED)
def test_each_distinct_vector_is_measured_and_paid_for_once(sql: str, targets: list[str]) -> None:
    assert sorted(m.target.name for m in planned(sql).measurements) == sorted(targets)


def test_with_one_row_per_unit_rows_and_units_are_the_same_number() -> None:
    policy = hospital(max_rows_per_unit=1)
    ready = plan(parse(SHARED[-1][0], policy), policy, target=PRICE)
    assert [m.target.what for m in ready.measurements] == [What.ROWS]
    assert ready.text == "Each patient has one row."


# Intervals


@pytest.mark.parametrize("accounting", list(Accounting))
@pytest.mark.parametrize("scale", [0.3, 1.0, 3.7, 50.0, 1e4, 1e9])
def test_the_interval_of_a_count_covers_in_95_of_100_draws(scale: float, accounting: Accounting) -> None:
    noise = Noise(accounting=accounting, scale=scale, sensitivity=1.0, nano=1)
    width = half_width_95(noise)
    drawn = draw([0] * DRAWS, noise)
    covered = sum(abs(x) <= width for x in drawn) / DRAWS
    assert covered >= 0.95 - 0.011  # five deviations of 10 000 draws
    if scale >= 50:
        assert covered <= 0.95 + 0.012
    if width:
        narrower = sum(abs(x) < width for x in drawn) / DRAWS
        assert narrower < 0.95 + 0.011  # no narrower interval of whole numbers would do
    if scale >= 1:
        sd = math.sqrt(sum(x * x for x in drawn) / DRAWS)
        assert sd == pytest.approx(standard_deviation(noise), rel=0.06)


@pytest.mark.parametrize(
    ("total", "count", "bounded_low"),
    [(12_000, 1_000, 0.939), (-4_000, 500, 0.939), (300, 60, 0.939), (25, 5, 0.0), (0, 0, 0.0)],
)
def test_the_interval_of_an_average_covers_also_when_few_rows_are_behind_it(
    total: int, count: int, bounded_low: float
) -> None:
    """Cells too small to divide by are left empty: they say nothing wrong, and count as covered."""
    totals = draw([total] * DRAWS, Noise(scale=120.0, sensitivity=1.0, nano=1))
    counts = draw([count] * DRAWS, Noise(scale=10.0, sensitivity=1.0, nano=1))
    right = shown = shown_right = 0
    for t, n in zip(totals, counts, strict=True):
        found = average(total=t, count=n, total_scale=120.0, count_scale=10.0, least=-100.0, most=100.0)
        if found is None:
            right += 1
            continue
        value, low, high = found
        assert -100 <= low <= value <= high <= 100
        covers = count > 0 and low <= total / count <= high
        shown, shown_right, right = shown + 1, shown_right + covers, right + (covers or count == 0)
    assert right / DRAWS >= 0.939
    if bounded_low:
        assert shown_right / shown >= bounded_low
        assert shown_right / shown <= 0.97


def test_an_interval_that_forgets_the_count_s_noise_is_caught() -> None:
    """The control: total / count ± z·σ/count, as is often shipped, does not cover."""
    totals = draw([6_000] * DRAWS, Noise(scale=120.0, sensitivity=1.0, nano=1))
    counts = draw([100] * DRAWS, Noise(scale=10.0, sensitivity=1.0, nano=1))
    covered = sum(abs(t / n - 60) <= 1.96 * 120 / n for t, n in zip(totals, counts, strict=True))
    assert covered / DRAWS < 0.9


def test_a_policy_with_other_bounds_pays_for_them() -> None:
    looser = with_table(POLICY, max_rows_per_unit=8)
    sql = "select sum(age) from visits"
    narrow, wide = planned(sql), plan(parse(sql, looser), looser, target=PRICE)
    assert wide.noise("sum_age").scale == pytest.approx(2 * narrow.noise("sum_age").scale)
    assert wide.loss == narrow.loss
