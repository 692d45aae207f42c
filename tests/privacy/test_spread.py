"""Variance, standard deviation and quantiles: what they pay for is enough, they are right, and their intervals cover."""

from __future__ import annotations

import itertools
import math
import random
import statistics
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.domain.errors import BadInput, QuestionRefused
from sandbox.domain.limits import Limits
from sandbox.domain.policy import Column, ColumnType, DatasetPolicy
from sandbox.privacy.answering.assemble import assemble
from sandbox.privacy.answering.run import count_exactly
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.mechanisms.moments import Noisy
from sandbox.privacy.mechanisms.noise import Noise, draw
from sandbox.privacy.mechanisms.quantiles import BRANCHES, Shape, quantile, shape_for, tree_of
from sandbox.privacy.mechanisms.sensitivity import tree_squared
from sandbox.privacy.mechanisms.spread import LARGEST_SUM, quantum_for, variance
from sandbox.privacy.planning.bounding import BoundingPlan, groups_plan, rows_plan
from sandbox.privacy.planning.measurements import Plan, Target, What
from sandbox.privacy.planning.plan import plan
from sandbox.privacy.publishing.views import View
from tests.privacy.made_up import LIMITS, PRICE, Asked, hospital, published, row

POLICY = hospital(
    max_rows_per_unit=3, x=Column(type=ColumnType.INTEGER, lower=-5, upper=20, measured_in="points")
)
EXACT = 10**22


def some_rows(count: int = 300) -> list[dict[str, Any]]:
    lot = random.Random(9)
    return [
        row(f"p{n}", sex=lot.choice(["female", "male"]), ward=lot.choice([1, 2, 3]), x=lot.choice(["", -9, -5, 0, 3, 7, 20, 44]),
            cost=f"{lot.uniform(-20, 520):.2f}", age=str(lot.randrange(100)))
        for n in range(count)
    ]  # fmt: skip


def planned(sql: str, policy: DatasetPolicy = POLICY, **more: Any) -> Plan:
    return plan(parse(sql, policy), policy, target=PRICE, **more)


def clamped(value: int, lower: int, upper: int) -> int:
    return min(max(value, lower), upper)


# Sensitivity, by enumeration


@pytest.mark.parametrize("most", [1, 2, 3])
@pytest.mark.parametrize("cells", [1, 2])
def test_no_unit_moves_a_tree_further_than_claimed_and_some_unit_that_far(most: int, cells: int) -> None:
    shape = Shape(lower=0, upper=15, levels=2, width=1)
    possible = [None, *itertools.product(range(cells), (0, 1, 3, 4, 15))]
    worst = 0
    for rows in itertools.product(possible, repeat=most):
        vector = []
        for cell in range(cells):
            leaves: dict[int, int] = {}
            for found in rows:
                if found is not None and found[0] == cell:
                    leaves[found[1]] = leaves.get(found[1], 0) + 1
            vector += tree_of(leaves, shape)
        worst = max(worst, sum(v * v for v in vector))
    bounding = rows_plan(rows_per_unit=most, cells=cells)
    assert worst == tree_squared(bounding, levels=2)
    assert worst > most**2, "the control: the price of a plain histogram would be too low"


def test_a_tree_is_never_bounded_by_groups() -> None:
    bounding = groups_plan(rows_per_unit=3, cells=3, groups_per_unit=2, rows_per_group=1)
    with pytest.raises(ValueError, match="by rows"):
        tree_squared(bounding, levels=2)
    grouped = "select ward, count(*), median(x) from visits group by ward"
    assert planned("select ward, count(*) from visits group by ward").bounding.plan is BoundingPlan.GROUPS
    assert planned(grouped).bounding == rows_plan(rows_per_unit=3, cells=3)
    few = planned(grouped, limits=Limits(max_groups=2)).bounding
    assert few == rows_plan(rows_per_unit=2, cells=3)


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**12), st.integers(1, 10**9), st.integers(0, 10**13))
def test_squares_never_leave_what_is_paid_for_nor_64_bits(
    lower: int, width: int, max_rows: int, value: int
) -> None:
    upper = lower + width
    middle = (lower + upper) // 2
    half = max(upper - middle, middle - lower)
    quantum = quantum_for(half=half, max_rows=max_rows)
    target = Target(what=What.SQUARES, column="x", lower=lower, upper=upper, middle=middle, quantum=quantum)
    assert max_rows * target.magnitude <= LARGEST_SUM
    away = abs(clamped(lower + value, lower, upper) - middle)
    assert ((away + quantum // 2) // quantum) ** 2 <= target.magnitude
    assert quantum == 1 or quantum <= 2 * half * math.isqrt(max_rows) // 2**30, (
        "about a millionth of the range"
    )


# The engine against plain Python


def view_of(folder: Path, policy: DatasetPolicy = POLICY, rows: list[dict[str, Any]] | None = None) -> View:
    return published(folder, rows if rows is not None else some_rows(), policy)[1]


@pytest.mark.parametrize("max_rows", [100_000, 10**14])
def test_the_engine_adds_up_squares_as_plain_python_does(tmp_path: Path, max_rows: int) -> None:
    """With and without a quantum: a table of 10^14 rows leaves 64 bits little room for each."""
    policy = hospital(max_rows=max_rows, x=POLICY.tables["visits"].columns["x"])
    ready = planned("select sex, variance(cost) v from visits group by sex", policy)
    (target,) = [m.target for m in ready.measurements if m.target.what is What.SQUARES]
    assert (target.quantum > 1) == (max_rows > 10**9)
    found = count_exactly(ready, view_of(tmp_path, policy), LIMITS)[target.name]
    expected = [0, 0]
    for r in some_rows():
        steps = int(Fraction(r["cost"]) * 100)
        away = abs(clamped(steps, target.lower, target.upper) - target.middle)
        expected[["female", "male"].index(r["sex"])] += ((away + target.quantum // 2) // target.quantum) ** 2
    assert found == expected


def test_the_engine_counts_a_tree_as_plain_python_does(tmp_path: Path) -> None:
    ready = planned("select sex, median(x) m, quantile_cont(cost, 0.9) q from visits group by sex")
    found = count_exactly(ready, view_of(tmp_path), LIMITS)
    for measurement in ready.measurements:
        target, shape = measurement.target, measurement.target.shape
        expected: list[int] = []
        for sex in ("female", "male"):
            leaves: dict[int, int] = {}
            for r in some_rows():
                if r["sex"] == sex and r[target.column] != "":
                    steps = int(Fraction(str(r[target.column])) * (100 if target.column == "cost" else 1))
                    leaf = (clamped(steps, target.lower, target.upper) - target.lower) // shape.width
                    leaves[leaf] = leaves.get(leaf, 0) + 1
            expected += tree_of(leaves, shape)
        assert found[target.name] == expected
        assert len(expected) == 2 * target.per_cell
        assert sum(expected[:BRANCHES]) == sum(
            expected[target.per_cell - BRANCHES**shape.levels : target.per_cell]
        )


def test_with_next_to_no_noise_they_are_the_truth(tmp_path: Path) -> None:
    rows = some_rows()
    box = Asked(tmp_path, rows, POLICY)
    (found,) = box.ask(
        "select variance(age) v, stddev(age) s, median(age) m, quantile_cont(age, 0.9) q, stddev(cost) c, "
        "median(cost) d, avg(age) a from visits",
        EXACT,
    )["rows"]
    ages = [int(r["age"]) for r in rows]
    costs = sorted(min(max(float(r["cost"]), -10.0), 500.0) for r in rows)
    assert found["v"]["value"] == pytest.approx(statistics.variance(ages), rel=1e-6)
    assert found["s"]["value"] == pytest.approx(statistics.stdev(ages), rel=1e-6)
    assert found["c"]["value"] == pytest.approx(statistics.stdev(costs), rel=1e-6)
    assert found["m"]["value"] == pytest.approx(statistics.median(ages), abs=1)
    assert found["q"]["value"] == pytest.approx(sorted(ages)[269], abs=1)
    assert found["d"]["value"] == pytest.approx(statistics.median(costs), abs=2 * 510 / 1024 + 2)
    for name in "vsmqcd":
        assert found[name]["low"] <= found[name]["value"] <= found[name]["high"]


def test_aggregates_of_one_column_share_what_they_are_worked_out_from() -> None:
    both = planned("select variance(age) v, stddev(age) s, avg(age) a, count(age) n from visits")
    assert [m.target.name for m in both.measurements] == ["centred_age", "filled_age", "squares_age"]
    many = planned("select median(age) m, quantile_cont(age, 0.1) a, quantile_cont(age, 0.9) b from visits")
    assert [m.target.name for m in many.measurements] == ["tree_age"]


def test_too_little_is_left_empty_and_nothing_fails(tmp_path: Path) -> None:
    box = Asked(tmp_path, [], POLICY)
    (found,) = box.ask("select variance(age) v, stddev(age) s, median(age) m from visits")["rows"]
    assert all(cell["low"] is None or cell["low"] <= cell["value"] <= cell["high"] for cell in found.values())
    (found,) = box.ask("select variance(age) v, stddev(age) s, median(age) m from visits", EXACT)["rows"]
    assert all(cell == {"value": None, "low": None, "high": None} for cell in found.values())


def test_quantiles_in_too_many_cells_and_bounds_beyond_64_bits_are_refused() -> None:
    wide = hospital(y=Column(type=ColumnType.INTEGER, lower=-(10**19), upper=10**19))
    with pytest.raises(QuestionRefused, match="64 bits"):
        planned("select median(y) from visits", wide)
    many = Column(type=ColumnType.INTEGER, categories=tuple(range(500)))
    policy = hospital(many=many)
    with pytest.raises(QuestionRefused, match="500 cells"):
        planned("select many, median(cost) from visits group by many", policy)
    assert planned("select many, median(age) from visits group by many", policy)  # fewer bins: it fits


def test_a_private_median_has_a_price(tmp_path: Path) -> None:
    box = Asked(tmp_path, some_rows(20), POLICY)
    with pytest.raises(BadInput):
        box.ask("select median(age) from visits", 0)


# Intervals


@pytest.mark.parametrize("count", [0, 3, 30, 300, 3000])
def test_the_interval_of_a_variance_covers_in_95_of_100_draws(count: int) -> None:
    """Also of few rows: those that say nothing are empty."""
    total, squares, tries = -2 * count, 130 * count, 3000
    right = (squares / count - 4) * count / (count - 1) if count > 1 else 0.0
    noises = [Noise(scale=scale, sensitivity=1.0, nano=1) for scale in (150.0, 3000.0, 6.0)]
    drawn = [draw([true] * tries, noise) for true, noise in zip((total, squares, count), noises, strict=True)]
    missed = shown = 0
    for numbers in zip(*drawn, strict=True):
        x, xx, n = (Noisy(number, noise) for number, noise in zip(numbers, noises, strict=True))
        found = variance({"n": n, "x": x, "xx": xx}, most=800.0)
        if found is None:
            continue
        shown += 1
        assert 0 <= found[1] <= found[0] <= found[2] <= 800
        missed += not found[1] <= right <= found[2]
    assert missed / tries <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / tries)
    assert shown / tries > 0.99 or count < 300


def test_an_interval_of_a_variance_that_forgets_the_count_is_caught() -> None:
    """The control: squares / n ± z·σ/n alone does not cover."""
    tries, missed = 3000, 0
    squares = draw([130 * 300] * tries, Noise(scale=300.0, sensitivity=1.0, nano=1))
    counts = draw([300] * tries, Noise(scale=20.0, sensitivity=1.0, nano=1))
    for q, n in zip(squares, counts, strict=True):
        missed += abs(q / n - 130) > 1.96 * 300 / n
    assert missed / tries > 0.3


CROWDS = [
    [int(random.Random(1).gauss(50, 12)) for _ in range(2000)],
    [int(random.Random(2).expovariate(1 / 15)) for _ in range(500)],
    [0] * 300 + [99] * 300,
    [7] * 400,
]


@pytest.mark.parametrize("crowd", range(len(CROWDS)))
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_the_interval_of_a_quantile_covers_in_95_of_100_draws(crowd: int, share: float) -> None:
    shape, scale, tries = shape_for(0, 99), 5.0, 300
    values = sorted(clamped(v, 0, 99) for v in CROWDS[crowd])
    leaves = {v: values.count(v) for v in set(values)}
    exact = tree_of(leaves, shape)
    right = values[math.ceil(share * len(values)) - 1]
    covered = 0
    widths = []
    for _ in range(tries):
        nodes = draw(exact, Noise(scale=scale, sensitivity=1.0, nano=1))
        found = quantile(nodes, shape, share=share, scale=scale)
        assert found is not None
        value, low, high = found
        assert 0 <= low <= value <= high <= 99
        covered += low <= right <= high
        widths.append(high - low)
    assert covered / tries >= 0.95 - 0.05  # four deviations of 300 draws
    assert crowd != 0 or statistics.median(widths) < 30, "an interval that says nothing covers too"


def test_leaves_cover_the_range_and_no_more_levels_are_paid_for_than_it_has() -> None:
    for lower, upper in [(0, 1), (0, 3), (0, 4), (-5, 20), (0, 1023), (0, 1024), (-1000, 50_000)]:
        shape = shape_for(lower, upper)
        assert shape.width * BRANCHES**shape.levels >= upper - lower + 1
        assert shape.last_leaf < BRANCHES**shape.levels
        assert shape.levels == 1 or shape.width > 1 or BRANCHES ** (shape.levels - 1) < upper - lower + 1
    assert shape_for(0, 3) == Shape(lower=0, upper=3, levels=1, width=1)


def test_a_plan_assembles_whatever_the_noise_is() -> None:
    """Also numbers that no table could give: nothing in an answer fails after it was paid for."""
    ready = planned("select sex, variance(x) v, stddev(cost) s, median(x) m from visits group by sex")
    lot = random.Random(4)
    for size in (1, 1000, 2**62):
        noisy = {
            m.target.name: [lot.randint(-size, size) for _ in range(2 * m.target.per_cell)]
            for m in ready.measurements
        }
        document = assemble(ready, noisy, dataset="hospital", snapshot="").document()
        for found in document["rows"]:
            for cell in (found["v"], found["s"], found["m"]):
                assert cell["value"] is None or cell["low"] <= cell["value"] <= cell["high"]
