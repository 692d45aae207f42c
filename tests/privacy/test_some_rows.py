"""Aggregates over some of the rows, counts of distinct values, and of two columns: what they pay for is enough."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from sandbox.domain.answer import document_of, to_bytes
from sandbox.domain.errors import QuestionRefused
from sandbox.domain.limits import Limits
from sandbox.domain.predicate import Comparison, IsNull, Op
from sandbox.domain.privacy_loss import Loss
from sandbox.privacy.answering.assemble import assemble
from sandbox.privacy.answering.bounded import bounded, view_of
from sandbox.privacy.answering.finishing import finished
from sandbox.privacy.answering.run import count_exactly
from sandbox.privacy.asking.parse import parse, read
from sandbox.privacy.mechanisms.sensitivity import values_absolute, values_squared
from sandbox.privacy.planning.bounding import Bounding, BoundingPlan, groups_plan, rows_plan
from sandbox.privacy.planning.measurements import Plan, Target, What
from sandbox.privacy.planning.plan import plan
from tests.privacy.made_up import LIMITS, PRICE, Asked, hospital, many_visits, published, with_table
from tests.privacy.small import POLICY, Row, Test, everybody, reference, values_of, view_with
from tests.privacy.test_sensitivity import BOUNDINGS

EXACT = 10**22
FACTOR = Target(what=What.CENTRED, column="y", lower=0, upper=4, middle=2)
PRODUCTS = Target(what=What.PRODUCTS, column="x", lower=-3, upper=5, middle=1, times=FACTOR)
CONDITION = Comparison("y", Op.AT_LEAST, 3)


def meets(row: Row) -> bool:
    return row.y is not None and row.y >= 3


FILTERED: list[tuple[Target, Test]] = [
    (Target(what=What.ROWS, where=CONDITION), meets),
    (Target(what=What.UNITS, where=CONDITION), meets),
    (Target(what=What.FILLED, column="x", where=CONDITION), meets),
    (Target(what=What.SUM, column="x", lower=-3, upper=5, where=CONDITION), meets),
    (Target(what=What.SQUARES, column="x", lower=-3, upper=5, middle=1, where=CONDITION), meets),
    (PRODUCTS, everybody),
]
ROWS_OF_A_UNIT = [Row(group, x, y) for group in (0, 1) for x in (None, -9, 9) for y in (None, -9, 9)]


def planned(sql: str, bounding: Bounding | None = None, limits: Limits | None = None) -> Plan:
    question = parse(sql, POLICY)
    return plan(question, POLICY, target=PRICE, bounding=bounding, limits=limits or Limits())


def worst(target: Target, bounding: Bounding, cells: int, test: Test, power: int = 2) -> int:
    """The largest difference over every unit of as many rows as count, and of one more up to three.

    Args:
        power: 2 for the square of the difference in L2, 1 for L1.
    """
    possible = [row for row in ROWS_OF_A_UNIT if row.group in range(cells)]
    if bounding.rows_per_unit >= 3:  # 18 rows in 3 places take long: those that weigh are enough
        possible = [row for row in possible if row.x != -9 and row.y in (9, -9)]
    return max(
        sum(abs(v) ** power for v in reference(rows, target, bounding, cells, test))
        for length in range(min(bounding.rows_per_unit + 1, 3) + 1)
        for rows in itertools.product(possible, repeat=length)
    )


SMALL = [(bounding, cells) for bounding, cells in BOUNDINGS if cells < 3]


@pytest.mark.parametrize(
    ("target", "test"), FILTERED, ids=[t.what + ("" if t.where is None else " where") for t, _ in FILTERED]
)
@pytest.mark.parametrize(("bounding", "cells"), SMALL)
def test_no_unit_moves_a_part_of_the_rows_or_a_product_further_than_claimed(
    bounding: Bounding, cells: int, target: Target, test: Test
) -> None:
    """Equality: some unit moves it that far."""
    assert worst(target, bounding, cells, test) == target.squared_sensitivity(bounding)
    assert worst(target, bounding, cells, test, power=1) == target.absolute_sensitivity(bounding)


def test_a_product_that_pays_for_one_factor_is_caught() -> None:
    """The control: as if the other column's range did not count."""
    bounding = rows_plan(rows_per_unit=2, cells=1)
    forgotten = replace(PRODUCTS, what=What.CENTRED).squared_sensitivity(bounding)
    assert worst(PRODUCTS, bounding, 1, everybody) > forgotten


# Distinct values


@pytest.mark.parametrize("most", [1, 2, 3, 4])
@pytest.mark.parametrize("cells", [1, 2, 3])
@pytest.mark.parametrize("listed", [0, 1, 2, 3])
def test_no_unit_moves_a_count_of_values_further_than_claimed_and_some_unit_that_far(
    most: int, cells: int, listed: int
) -> None:
    """Whatever values others have already: over every set of theirs and every unit."""
    bounding = rows_plan(rows_per_unit=most, cells=cells)
    values = range(listed or most)
    others = [[Row(g, v)] for g in range(cells) for v in values if (g + v) % 2]
    furthest = farthest = 0
    for there in ([], others[:1], others):
        before = values_of(there, "x", bounding, cells)
        for rows in itertools.combinations_with_replacement(
            [Row(group, value) for group in range(cells) for value in (*values, None)], most
        ):
            after = values_of([*there, rows], "x", bounding, cells)
            moved = [a - b for a, b in zip(after, before, strict=True)]
            furthest, farthest = max(furthest, sum(d * d for d in moved)), max(farthest, sum(map(abs, moved)))
    assert furthest == values_squared(bounding, listed=listed)
    assert farthest == values_absolute(bounding, listed=listed)


def test_a_count_of_values_that_pays_for_one_is_caught() -> None:
    """The control: the price of COUNT(DISTINCT unit) would be too low."""
    bounding = rows_plan(rows_per_unit=3, cells=2)
    after = values_of([[Row(0, 1), Row(0, 2), Row(0, 3)]], "x", bounding, 2)
    units = Target(what=What.UNITS).squared_sensitivity(bounding)
    assert sum(n * n for n in after) == values_squared(bounding) > units


def test_distinct_values_are_never_bounded_by_groups() -> None:
    cut = groups_plan(rows_per_unit=3, cells=3, groups_per_unit=2, rows_per_group=1)
    with pytest.raises(ValueError, match="by rows"):
        values_squared(cut)
    grouped = 'select "group", count(*), count(distinct x) d from visits group by 1'
    with pytest.raises(ValueError, match="by rows"):
        planned(grouped, cut)
    ready = planned(grouped)
    assert ready.bounding == rows_plan(rows_per_unit=3, cells=3)
    assert planned(grouped.replace("count(distinct x) d", "count(x)")).bounding.plan is BoundingPlan.GROUPS
    with pytest.raises(ValueError, match="by rows"):  # and the query is not built, whatever a plan says
        bounded(replace(ready, bounding=cut), view_of(POLICY.tables["visits"], unit_column="patient_id"))
    few = planned(grouped, limits=Limits(max_groups=2)).bounding
    assert few == rows_plan(rows_per_unit=2, cells=3)


def test_listed_values_are_cheaper_than_unlisted_ones() -> None:
    listed, unlisted = (planned(f"select count(distinct {c}) from visits").noise(f"values_{c}").sensitivity
                        for c in ("few", "city"))  # fmt: skip
    assert (listed, unlisted) == (2.0, 3.0)


def test_an_answer_says_which_values_are_left_out(tmp_path: Path) -> None:
    box = Asked(tmp_path, many_visits(), hospital())
    document = box.ask("select count(distinct city) c, count(distinct sex) s from visits", EXACT)
    assert (document["rows"][0]["c"]["value"], document["rows"][0]["s"]["value"]) == (3, 2)
    assert [c["measured_in"] for c in document["columns"]] == ["values", "values"]
    assert any("no value of city is left out" in note for note in document["notes"])
    wide = with_table(hospital(), max_rows_per_unit=9)
    tight = Asked(tmp_path / "tight", many_visits(), wide).engine
    (where,) = [
        {"dataset": "hospital", "snapshot": v.name} for v in (tmp_path / "tight/views/hospital").iterdir()
    ]
    body = tight.answer(**where, sql="select count(distinct city) c from visits", nano=10**9,
                        limits=Limits(max_rows_per_unit=1))  # fmt: skip
    assert "first 1 row (in random order) are not counted" in body.decode()


# The engine's SQL against the reference


def some_units(lot: random.Random, *, count: int) -> list[list[Row]]:
    return [
        [
            Row(lot.choice([0, 0, 1, 2, None]), lot.choice([None, -9, -3, 0, 2, 5, 9]), lot.choice([None, -9, 0, 3, 9]))
            for _ in range(lot.randint(1, 5))
        ]
        for _ in range(count)
    ]  # fmt: skip


ASKED = [
    'select "group", count(*) filter (where y >= 3) a, count(distinct patient_id) filter (where y >= 3) b, '
    "count(x) filter (where y >= 3) c, sum(x) filter (where y >= 3) d, count(*) e from visits group by 1",
    'select "group", avg(x) filter (where y >= 3) a, variance(x) filter (where y >= 3) b from visits group by 1',
    'select "group", corr(x, y) a, covar_samp(x, y) b from visits group by 1',
    'select "group", corr(x, y) filter (where y >= 3) a from visits where x is not null group by 1',
]
BOUNDED: list[Bounding | None] = [
    None,
    rows_plan(rows_per_unit=3, cells=3),
    rows_plan(rows_per_unit=1, cells=3),
    groups_plan(rows_per_unit=3, cells=3, groups_per_unit=3, rows_per_group=2),
    groups_plan(rows_per_unit=3, cells=3, groups_per_unit=1, rows_per_group=1),
    groups_plan(rows_per_unit=3, cells=3, groups_per_unit=2, rows_per_group=1),
]


def test_of(target: Target) -> Test:
    """The target's condition in plain Python."""
    return lambda row: _holds(target.where, row)


def _holds(where: object, row: Row) -> bool:
    match where:
        case None:
            return True
        case Comparison("y", Op.AT_LEAST, 3):
            return row.y is not None and row.y >= 3
        case IsNull(column, True):
            return getattr(row, column) is not None
        case _:
            raise AssertionError(where)


test_of.__test__ = False  # type: ignore[attr-defined]


@pytest.mark.parametrize("sql", ASKED)
@pytest.mark.parametrize("bounding", BOUNDED)
def test_the_engine_adds_up_just_what_the_reference_does(
    tmp_path: Path, bounding: Bounding | None, sql: str
) -> None:
    ready = planned(sql, bounding)
    units = some_units(random.Random(7), count=60)
    if "where x is not null" in sql:
        units = [[row for row in rows if row.x is not None] for rows in units]
    found = count_exactly(ready, view_with(tmp_path, units), LIMITS)
    for measurement in ready.measurements:
        target = measurement.target
        vectors = [reference(rows, target, ready.bounding, 3, test_of(target)) for rows in units]
        assert found[target.name] == [sum(column) for column in zip(*vectors, strict=True)], target.name


@pytest.mark.parametrize("bounding", BOUNDED[:3])
def test_the_engine_counts_values_as_plain_python_does(tmp_path: Path, bounding: Bounding | None) -> None:
    ready = planned(
        'select "group", count(distinct x) a, count(distinct few) b, '
        "count(distinct x) filter (where y >= 3) c from visits group by 1",
        bounding,
    )
    units = some_units(random.Random(8), count=9)
    found = count_exactly(ready, view_with(tmp_path, units), LIMITS)
    for name, column, test in (
        (ready.recipes[0].total, "x", everybody),
        (ready.recipes[1].total, "few", everybody),
        (ready.recipes[2].total, "x", meets),
    ):
        assert found[name] == values_of(units, column, ready.bounding, 3, test)


VALUES = 'select "group", count(distinct x) a from visits group by 1'


@pytest.mark.parametrize(
    ("sql", "bounding"),
    [(sql, b) for sql in ASKED for b in BOUNDED[1:]] + [(VALUES, b) for b in BOUNDED[1:3]],
)
def test_taking_any_unit_away_moves_the_engine_no_further_than_was_paid_for(
    tmp_path: Path, bounding: Bounding, sql: str
) -> None:
    ready = planned(sql, bounding)
    extreme: Sequence[Sequence[Row]] = [[Row(0, 9, 9)] * 5, [Row(0, -9, 9), Row(1, 9, 9), Row(2, 9, -9)]]
    units = [*some_units(random.Random(11), count=4), *extreme]
    whole = count_exactly(ready, view_with(tmp_path, units), LIMITS)
    for left_out in range(len(units)):
        part = count_exactly(ready, view_with(tmp_path, units[:left_out] + units[left_out + 1 :]), LIMITS)
        for m in ready.measurements:
            moved = sum((a - b) ** 2 for a, b in zip(whole[m.target.name], part[m.target.name], strict=True))
            assert moved <= Fraction(m.noise.sensitivity) ** 2, m.target.name


# What is shared, and what is the truth


def names(sql: str) -> list[str]:
    return [m.target.name.partition("##")[0] for m in planned(sql).measurements]


def test_the_same_number_is_measured_once() -> None:
    assert names("select corr(x, y) a, covar_pop(x, y) b, count(x) filter (where y is not null) n from visits") == [
        "centred_x", "centred_y", "filled_x", "products_x#y", "squares_x", "squares_y"
    ]  # fmt: skip
    both = "where x is not null and y >= 0"
    assert names(f"select corr(x, y) a, variance(x) v, avg(y) m, count(*) n from visits {both}") == [
        "centred_x", "centred_y", "rows", "products_x#y", "squares_x", "squares_y"
    ]  # fmt: skip
    # Where empty cells may pass, the variance of x is over more rows than the correlation: another number.
    assert len(names("select corr(x, y) a, variance(x) v from visits")) == 9
    assert names("select sum(x) a, avg(x) filter (where y >= 3) b from visits") == [
        "sum_x", "centred_x", "filled_x"
    ]  # fmt: skip


def test_two_conditions_are_two_targets() -> None:
    ready = planned(
        "select count(*) filter (where y >= 3) a, count(*) filter (where y >= 2) b, count(*) c from visits"
    )
    assert len({m.target.name for m in ready.measurements}) == 3


def test_with_next_to_no_noise_a_part_of_the_rows_is_the_truth(tmp_path: Path) -> None:
    rows = many_visits()
    box = Asked(tmp_path, rows)
    (found,) = box.ask(
        "select count(*) filter (where smoker) n, sum(case when sex = 'male' then cost else 0 end) s, "
        "count(distinct case when age > 40 then patient_id end) u, avg(case when smoker then age end) a, "
        "median(age) filter (where sex = 'male') m, count(age) filter (where smoker) f from visits",
        EXACT,
    )["rows"]
    smokers = [r for r in rows if r["smoker"] == "true"]
    ages = [int(r["age"]) for r in smokers if r["age"]]
    male = sorted(int(r["age"]) for r in rows if r["sex"] == "male" and r["age"])
    assert found["n"]["value"] == len(smokers)
    assert found["f"]["value"] == len(ages)
    assert found["s"]["value"] == pytest.approx(
        sum(float(r["cost"]) for r in rows if r["sex"] == "male" and r["cost"]), abs=0.05
    )
    assert found["u"]["value"] == len({r["patient_id"] for r in rows if r["age"] and int(r["age"]) > 40})
    assert found["a"]["value"] == pytest.approx(sum(ages) / len(ages), abs=0.01)
    assert found["m"]["value"] == pytest.approx(male[len(male) // 2], abs=2)


def test_straight_arithmetic_within_is_done_to_the_answer(tmp_path: Path) -> None:
    rows = many_visits()
    sql = (
        "select sum(3 - age / 2) a, avg(2 * (cost + 1)) c, sum(case when smoker then age * 10 + 1 else 0 end) s, "
        "avg(case when smoker then 100 else 0 end) p, sum(if(smoker, -2, 0)) m from visits"
    )
    asked = read(sql, hospital())
    assert asked.finish is not None
    ready = plan(asked.question, hospital(), target=Loss(EXACT))
    exact = count_exactly(ready, published(tmp_path, rows)[1], LIMITS)
    body = to_bytes(assemble(ready, exact, dataset="hospital", snapshot=""))
    (found,) = document_of(finished(body, asked.finish, ready))["rows"]
    ages = [int(r["age"]) for r in rows if r["age"]]
    costs = [float(r["cost"]) for r in rows if r["cost"]]
    smokers = [r for r in rows if r["smoker"] == "true"]
    ten = sum(10 * int(r["age"]) + 1 for r in smokers if r["age"])
    for name, truth in (
        ("a", sum(3 - age / 2 for age in ages)),
        ("c", 2 * (sum(costs) / len(costs) + 1)),
        ("s", ten),
        ("p", 100 * len(smokers) / len(rows)),
        ("m", -2 * len(smokers)),
    ):
        assert found[name]["value"] == pytest.approx(truth, rel=1e-6), name
        assert found[name]["low"] <= truth <= found[name]["high"], name


def test_an_aggregate_of_some_rows_is_no_evidence(tmp_path: Path) -> None:
    """Its units are fewer than the cell's, which thresholds are about."""
    box = Asked(tmp_path, many_visits(5))
    for aggregate in ("count(*) filter (where smoker)", "count(distinct city)", "corr(age, cost)"):
        with pytest.raises(QuestionRefused, match="exact rows"):
            box.engine.evidence(**box.where, sql=f"select {aggregate} as x from visits")
    assert box.engine.evidence(**box.where, sql="select count(*) as x from visits").rows
