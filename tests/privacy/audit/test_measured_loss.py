"""The loss that an attacker measures stays below the one that was paid, for each mechanism and bounding plan.

The attacker knows every row of D and of D', which has one person less, and looks at whole answers through the
statistic that tells the two apart best (the log likelihood ratio of Gaussian noise: the answer's projection on the
difference). That person is made to weigh as much as the bounds allow. Each plan is then broken in each way that
applies: the audit has to see it.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sandbox.domain.policy import Column, ColumnType
from sandbox.domain.privacy_loss import epsilon_of, loss_for_epsilon
from sandbox.domain.question import canonical_sql
from sandbox.privacy.answering.run import count_exactly
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.mechanisms.noise import Noise, draw
from sandbox.privacy.planning.bounding import Bounding, groups_plan, rows_plan
from sandbox.privacy.planning.measurements import Plan
from sandbox.privacy.planning.plan import plan
from sandbox.privacy.publishing.views import View
from tests.privacy.audit.loss import clopper_pearson, epsilon_at_least
from tests.privacy.audit.report import ENGINE_PAIRS, LONG, PAIRS, found
from tests.privacy.made_up import LIMITS, Asked, hospital, row
from tests.privacy.small import Row, view_with

DELTA, EPSILON = 1e-3, 1.5
LOWER, UPPER = 0, 8
POLICY = hospital(
    max_rows_per_unit=4,
    group=Column(type=ColumnType.INTEGER, categories=(0, 1, 2), max_rows_per_unit=2),
    x=Column(type=ColumnType.INTEGER, lower=LOWER, upper=UPPER),
    y=Column(type=ColumnType.INTEGER, lower=LOWER, upper=UPPER),
)
BEYOND = 5 * UPPER  # what the person's cells hold: to be clamped
TOGETHER = [Row(0, BEYOND)] * 6
SPREAD = [
    Row(0, BEYOND),
    Row(1, BEYOND),
    Row(2, BEYOND),
    Row(0, BEYOND),
    Row(1, BEYOND),
    Row(2, BEYOND),
]
IN_PAIRS = [Row(0, BEYOND), Row(0, BEYOND), Row(1, BEYOND), Row(1, BEYOND), Row(2, BEYOND)]
DIFFERENT = [Row(0, BEYOND + n) for n in range(6)]
BOTH_FILLED = [Row(0, BEYOND, BEYOND)] * 6
OTHERS = [[Row(n % 3, n % UPPER)] for n in range(12)]


@dataclass(frozen=True)
class Case:
    """A mechanism under a bounding plan, and the person that weighs most in it."""

    sql: str
    person: Sequence[Row]
    bounding: Bounding | None = None

    def planned(self) -> Plan:
        loss = loss_for_epsilon(EPSILON, delta=DELTA)
        return plan(parse(self.sql, POLICY), POLICY, target=loss, bounding=self.bounding)


BY_GROUP = 'from visits group by "group"'
ROWS = rows_plan(rows_per_unit=4, cells=3)
STRICT = groups_plan(rows_per_unit=4, cells=3, groups_per_unit=1, rows_per_group=1)
CASES = {
    "count, rows": Case("select count(*) from visits", TOGETHER),
    "units, rows": Case("select count(distinct patient_id) from visits", TOGETHER),
    "sum, rows": Case("select sum(x) from visits", TOGETHER),
    "filled cells, rows": Case("select count(x) from visits", TOGETHER),
    "median, rows": Case("select median(x) from visits", TOGETHER),
    "variance, rows": Case("select var_samp(x) from visits", TOGETHER),
    "average, rows": Case("select avg(x) from visits", TOGETHER),
    "count of some rows": Case("select count(*) filter (where x > 0) from visits", TOGETHER),
    "sum of some rows": Case("select sum(case when x > 0 then x end) from visits", TOGETHER),
    "distinct values, rows": Case("select count(distinct x) from visits", DIFFERENT),
    "covariance, rows": Case("select covar_samp(x, y) from visits", BOTH_FILLED),
    "correlation, rows": Case("select corr(x, y) from visits", BOTH_FILLED),
    "count by key, rows": Case(f'select "group", count(*) {BY_GROUP}', TOGETHER, ROWS),
    "units by key, rows": Case(f'select "group", count(distinct patient_id) {BY_GROUP}', SPREAD, ROWS),
    "sum by key, rows": Case(f'select "group", sum(x) {BY_GROUP}', TOGETHER, ROWS),
    "count by key, groups": Case(f'select "group", count(*) {BY_GROUP}', IN_PAIRS),
    "sum by key, groups": Case(f'select "group", sum(x) {BY_GROUP}', IN_PAIRS),
    "average by key, groups": Case(f'select "group", avg(x) {BY_GROUP}', IN_PAIRS),
    "count by key, one group of one row": Case(f'select "group", count(*) {BY_GROUP}', SPREAD, STRICT),
    "sum by key, one group of one row": Case(f'select "group", sum(x) {BY_GROUP}', SPREAD, STRICT),
    "several at once, groups": Case(
        f'select "group", count(*), sum(x), count(distinct patient_id) u {BY_GROUP}', IN_PAIRS
    ),
}


def less_noise(ready: Plan) -> Plan:
    """Noise of a fifth of what the price asks for."""
    return with_noises(ready, lambda noise: replace(noise, scale=noise.scale / 5))


def no_limit_on_rows(ready: Plan) -> Plan:
    """Noise for what was planned; but all that a person has is added up."""
    loose = rows_plan(rows_per_unit=6, cells=len(ready.cells))
    return replace(ready, bounding=loose)


def no_clamp(ready: Plan) -> Plan:
    """Noise for what was planned; but values are clamped at ten times the bounds."""
    return replace(
        ready,
        measurements=tuple(
            replace(m, target=replace(m.target, lower=10 * m.target.lower, upper=10 * m.target.upper))
            for m in ready.measurements
        ),
    )


def as_if_one_row(ready: Plan) -> Plan:
    """The usual mistake: a sensitivity of one row, for people who have several."""
    rows = ready.bounding.rows_per_unit
    return with_noises(ready, lambda noise: replace(noise, scale=noise.scale / rows))


def with_noises(ready: Plan, change: Callable[[Noise], Noise]) -> Plan:
    return replace(ready, measurements=tuple(replace(m, noise=change(m.noise)) for m in ready.measurements))


FAULTS = {
    "noise too small": (less_noise, list(CASES)),
    "sensitivity of one row": (
        as_if_one_row,
        [
            "count, rows",
            "sum, rows",
            "average, rows",
            "count by key, rows",
            "sum by key, rows",
            "count of some rows",
            "distinct values, rows",
            "covariance, rows",
        ],
    ),
    "no limit per group": (
        no_limit_on_rows,
        ["count by key, one group of one row", "sum by key, one group of one row"],
    ),
    "wrong clamp": (
        no_clamp,
        ["sum, rows", "sum by key, rows", "average, rows", "sum of some rows", "correlation, rows"],
    ),
}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Plan], float]:
    """The loss of a plan, by the real bounding on real views and the real noise."""
    views: dict[str, tuple[View, View]] = {}

    def neighbours(case: str) -> tuple[View, View]:
        if case not in views:
            folders = [tmp_path_factory.mktemp(which) for which in ("with", "without")]
            units = [*OTHERS, CASES[case].person], OTHERS
            one, other = (view_with(f, u, POLICY) for f, u in zip(folders, units, strict=True))
            views[case] = one, other
        return views[case]

    def loss(case: str, ready: Plan) -> float:
        one, other = (count_exactly(ready, view, LIMITS) for view in neighbours(case))
        return epsilon_at_least(*statistics(ready, one, other), delta=DELTA)

    return loss


def statistics(
    ready: Plan, one: dict[str, list[int]], other: dict[str, list[int]]
) -> tuple[list[float], list[float]]:
    """The best statistic of so many answers on D and on D'."""
    samples = ([0.0] * PAIRS, [0.0] * PAIRS)
    for measurement in ready.measurements:
        name, noise = measurement.target.name, measurement.noise
        for here, there in zip(one[name], other[name], strict=True):
            if here == there:
                continue  # says nothing; its noise would only blur
            weight = (here - there) / noise.scale**2
            for sample, exact in zip(samples, (here, there), strict=True):
                for place, noisy in enumerate(draw([exact] * PAIRS, noise)):
                    sample[place] += weight * noisy
    return samples


@pytest.mark.parametrize("case", CASES)
def test_the_measured_loss_stays_below_the_price_and_each_planted_fault_is_caught(
    case: str, measured: Callable[[str, Plan], float]
) -> None:
    ready = CASES[case].planned()
    claim = epsilon_of(ready.loss, delta=DELTA)
    caught = {
        fault: measured(case, broken(ready)) for fault, (broken, cases) in FAULTS.items() if case in cases
    }
    loss = measured(case, ready)
    found(
        "Loss of one person's whole presence (epsilon at δ = 0.001)",
        case,
        claimed=f"≤ {claim:.3f}",
        measured=f"≥ {loss:.3f}",
        control="; ".join(f"{fault}: ≥ {value:.2f}" for fault, value in caught.items()),
    )
    assert loss <= claim
    if LONG:
        assert loss > 0.15 * claim, "an audit that sees nothing proves nothing"
    assert caught
    assert all(value > claim for value in caught.values()), caught


def test_the_person_of_each_case_weighs_as_much_as_is_paid_for(tmp_path: Path) -> None:
    """So that the audit is of the worst neighbours, not of some."""
    for number, (name, case) in enumerate(CASES.items()):
        ready = case.planned()
        folders = [tmp_path / f"{number}-{which}" for which in ("with", "without")]
        for folder in folders:
            folder.mkdir()
        units = [*OTHERS, case.person], OTHERS
        one, other = (
            count_exactly(ready, view_with(f, u, POLICY), LIMITS) for f, u in zip(folders, units, strict=True)
        )
        for m in ready.measurements:
            moved = math.dist(one[m.target.name], other[m.target.name])
            if "several" in name and m.target.name == "units":
                assert moved == math.sqrt(2)  # of three; a person cannot be worst for all aggregates at once
            else:
                assert moved == pytest.approx(m.noise.sensitivity), (name, m.target.name)


# From the question's text to the answer's bytes


def values(box: Asked, sql: str, nano: int) -> Iterator[int]:
    for _ in range(ENGINE_PAIRS):
        document = json.loads(box.engine.answer(**box.where, sql=sql, nano=nano))
        yield document["rows"][0]["count"]["value"]


def test_the_engine_s_bytes_lose_no_more_than_was_charged(tmp_path: Path) -> None:
    loss = loss_for_epsilon(EPSILON, delta=DELTA)
    policy = hospital()
    sql = canonical_sql(parse("select count(*) from visits where sex = 'female'", policy))
    others = [row(f"p{n}", sex="male") for n in range(20)]
    heavy = [row("heavy", sex="female") for _ in range(9)]
    boxes = [Asked(tmp_path / "with", others + heavy), Asked(tmp_path / "without", others)]
    claim = epsilon_of(loss, delta=DELTA)

    def lost(nano: int) -> float:
        with_her, without = (list(values(box, sql, nano)) for box in boxes)
        return epsilon_at_least(with_her, without, delta=DELTA)

    kept, broken = lost(loss.nano), lost(400 * loss.nano)  # a twentieth of the noise
    found(
        "Loss through the whole engine (epsilon at δ = 0.001)",
        f"count, {ENGINE_PAIRS:,} pairs of answers",
        claimed=f"≤ {claim:.3f}",
        measured=f"≥ {kept:.3f}",
        control=f"answers of 400 times the price: ≥ {broken:.2f}",
    )
    assert kept <= claim
    assert broken > claim


# The instrument itself


@pytest.mark.parametrize(
    ("hits", "tries", "low", "high"), [(0, 1000, 0.0, 0.00757), (500, 1000, 0.448, 0.552)]
)
def test_the_bound_on_a_probability_is_clopper_and_pearson_s(
    hits: int, tries: int, low: float, high: float
) -> None:
    assert clopper_pearson(hits, tries, upper=False) == pytest.approx(low, abs=6e-4)
    assert clopper_pearson(hits, tries, upper=True) == pytest.approx(high, abs=6e-4)
    assert clopper_pearson(15_000, 20_000, upper=True) == pytest.approx(0.7599, abs=6e-4)


def test_a_loss_that_is_known_is_never_overestimated() -> None:
    """Randomised response tells the truth with probability e/(1+e): epsilon is 1, whatever is measured."""
    lot = random.Random(5)
    truthful = math.e / (1 + math.e)
    for _ in range(20):
        yes = [float(lot.random() < truthful) for _ in range(4000)]
        no = [float(lot.random() >= truthful) for _ in range(4000)]
        assert 0.5 < epsilon_at_least(yes, no, delta=0.0) <= 1.0
