"""How far one unit moves a measurement: enumerated, and never further than was claimed and paid for.

``reference`` says a second time, in plain Python, what the bounding plans do to one unit. It is held against the
formulas over every small unit there is, and against the engine's own SQL over random tables.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.domain.errors import BadInput
from sandbox.domain.policy import Column, ColumnType, DatasetPolicy
from sandbox.domain.privacy_loss import Loss
from sandbox.privacy.answering.run import count_exactly
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.mechanisms.sensitivity import root_up
from sandbox.privacy.planning.bounding import Bounding, BoundingPlan, groups_plan, rows_plan
from sandbox.privacy.planning.measurements import Plan, Target, What
from sandbox.privacy.planning.plan import plan
from sandbox.privacy.publishing.views import View
from tests.privacy.made_up import LIMITS, PRICE, hospital

LOWER, UPPER = -3, 5
TARGETS = [
    Target(what=What.ROWS),
    Target(what=What.UNITS),
    Target(what=What.FILLED, column="x"),
    Target(what=What.SUM, column="x", lower=LOWER, upper=UPPER),
    Target(what=What.CENTRED, column="x", lower=LOWER, upper=UPPER, middle=1),
    Target(what=What.SQUARES, column="x", lower=LOWER, upper=UPPER, middle=1),
]


@dataclass(frozen=True)
class Cell:
    """One row of a unit: the cell of the answer it falls in (None for a filtered or unlisted one), and its x."""

    group: int | None
    x: int | None


def reference(rows: Sequence[Cell], target: Target, bounding: Bounding, cells: int) -> list[int]:
    """One unit's vector; ``rows`` are in the order of their rank."""
    kept = [(rank, row) for rank, row in enumerate(rows) if rank < bounding.rows_per_unit]
    vector, firsts = [0] * cells, {}
    for group in range(cells):
        here = [(rank, row) for rank, row in kept if row.group == group]
        if not here:
            continue
        firsts[group] = here[0][0]
        values = [min(max(row.x, target.lower), target.upper) for _, row in here if row.x is not None]
        vector[group] = {
            What.ROWS: len(here),
            What.UNITS: 1,
            What.FILLED: len(values),
            What.SUM: sum(values),
            What.CENTRED: sum(v - target.middle for v in values),
            What.SQUARES: sum((v - target.middle) ** 2 for v in values),
        }[target.what]
        if bounding.plan is BoundingPlan.GROUPS and target.what is not What.UNITS:
            if target.what in (What.CENTRED, What.SQUARES) and len(values) > bounding.rows_per_group:
                vector[group] = math.floor(
                    Fraction(vector[group] * bounding.rows_per_group, len(values)) + Fraction(1, 2)
                )
            most = target.cut(bounding)
            vector[group] = min(max(vector[group], -most), most)
    if bounding.plan is BoundingPlan.GROUPS:
        stay = sorted(firsts, key=lambda group: firsts[group])[: bounding.groups_per_unit]
        vector = [value if group in stay else 0 for group, value in enumerate(vector)]
    return vector


def worst_squared(target: Target, bounding: Bounding, cells: int) -> int:
    """The largest squared L2 difference over every unit of up to three rows: as many as count, and one more."""
    beyond = [None, LOWER - 4, 1, UPPER + 4]
    values = beyond if target.magnitude else [None, 1] if target.column else [None]
    possible = [Cell(group, x) for group in (*range(cells), None) for x in values]
    return max(
        sum(v * v for v in reference(rows, target, bounding, cells))
        for length in range(min(bounding.rows_per_unit + 1, 3) + 1)
        for rows in itertools.product(possible, repeat=length)
    )


BOUNDINGS = [
    (rows_plan(rows_per_unit=most, cells=cells), cells) for most in (1, 2, 3) for cells in (1, 2, 3)
] + [
    (groups_plan(rows_per_unit=most, cells=cells, groups_per_unit=groups, rows_per_group=per_group), cells)
    for most, cells, groups, per_group in [
        (1, 2, 2, 1),
        (2, 2, 2, 1),
        (2, 2, 1, 1),
        (2, 3, 3, 2),
        (3, 2, 2, 2),
        (3, 3, 3, 1),
        (3, 3, 2, 1),
        (3, 3, 1, 2),
        (3, 2, 2, 3),
    ]
]


@pytest.mark.parametrize("target", [t for t in TARGETS if t.what is not What.CENTRED], ids=lambda t: t.what)
@pytest.mark.parametrize(("bounding", "cells"), BOUNDINGS)
def test_no_unit_moves_a_measurement_further_than_claimed_and_some_unit_that_far(
    bounding: Bounding, cells: int, target: Target
) -> None:
    """Equality: the claim is safe, and nothing is paid for that cannot happen."""
    assert worst_squared(target, bounding, cells) == target.squared_sensitivity(bounding)


@pytest.mark.parametrize("cells", [1, 2, 3])
@pytest.mark.parametrize("cut", [1, 3, 5, 7, 10, 15])
@pytest.mark.parametrize("most", [2, 3])
def test_a_sum_s_own_cut_is_paid_for_in_full(cells: int, cut: int, most: int) -> None:
    """Reached where the cut is a whole number of largest values (5), or in one cell; never passed."""
    target = TARGETS[3]
    bounding = groups_plan(
        rows_per_unit=most,
        cells=cells,
        groups_per_unit=cells,
        rows_per_group=1,
        cuts=((target.name, cut),),
    )
    worst, claim = worst_squared(target, bounding, cells), target.squared_sensitivity(bounding)
    assert worst <= claim
    if cells == 1 or cut % UPPER == 0:
        assert worst == claim
    assert worst > (cut - 1) ** 2 or cut > most * UPPER  # the control: a claim for a tighter cut is caught


def test_an_average_s_sum_is_scaled_within_what_is_paid_for() -> None:
    for middle in (0, 1):
        target = Target(what=What.CENTRED, column="x", lower=LOWER, upper=UPPER, middle=middle)
        for cut in (1, 4, 7):
            bounding = groups_plan(
                rows_per_unit=3,
                cells=2,
                groups_per_unit=2,
                rows_per_group=2,
                cuts=((target.name, cut),),
            )
            claim = target.squared_sensitivity(bounding)
            assert 0 < worst_squared(target, bounding, 2) <= claim


def test_centring_halves_what_a_sum_pays_for() -> None:
    bounding = rows_plan(rows_per_unit=2, cells=2)
    summed, centred = TARGETS[3], TARGETS[4]
    assert worst_squared(centred, bounding, 2) == centred.squared_sensitivity(bounding) == (2 * 4) ** 2
    assert centred.squared_sensitivity(bounding) < summed.squared_sensitivity(bounding) == (2 * 5) ** 2


@pytest.mark.parametrize(
    ("claim", "target"),
    [
        (lambda b: b.rows_per_unit, TARGETS[0]),  # √M, as if the rows fell in different cells
        (lambda b: 1, TARGETS[0]),  # as if a unit had one row
        (lambda b: b.rows_per_unit**2 * (UPPER - 1) ** 2, TARGETS[3]),  # half the range for a sum not centred
        (lambda b: 1, TARGETS[1]),  # as if a unit were in one cell
    ],
)
def test_a_claim_that_is_too_small_is_caught(claim: object, target: Target) -> None:
    """The control of the enumeration: planted formulas that people have shipped."""
    bounding = rows_plan(rows_per_unit=3, cells=3)
    assert worst_squared(target, bounding, 3) > claim(bounding)  # type: ignore[operator]


@given(
    st.integers(1, 40),
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(1, 40),
    st.lists(st.integers(0, 9), max_size=12),
)
def test_no_spread_of_rows_over_cells_beats_the_groups_formula(
    most: int, cells: int, groups: int, per_group: int, weights: list[int]
) -> None:
    """Any way to spread at most M rows over cells, for sizes that cannot be enumerated."""
    bounding = groups_plan(rows_per_unit=most, cells=cells, groups_per_unit=groups, rows_per_group=per_group)
    left, spread = most, []
    for weight in weights[:cells]:
        take = min(left, weight * most // 9)
        spread.append(take)
        left -= take
    cut = sorted((min(n, bounding.rows_per_group) for n in spread), reverse=True)
    worst = sum(n * n for n in cut[: bounding.groups_per_unit])
    assert worst <= Target(what=What.ROWS).squared_sensitivity(bounding)


@given(st.integers(0, 10**40))
def test_a_sensitivity_is_never_rounded_down(squared: int) -> None:
    root = root_up(squared)
    assert Fraction(root) ** 2 >= squared
    assert Fraction(root) ** 2 <= squared * (1 + Fraction(1, 2**50))


# The engine's SQL against the reference.

POLICY = hospital(
    max_rows_per_unit=4,
    group=Column(type=ColumnType.INTEGER, categories=(0, 1, 2), max_rows_per_unit=2),
    x=Column(type=ColumnType.INTEGER, lower=LOWER, upper=UPPER),
)
ASKED = (
    'select "group", count(*), count(distinct patient_id) as u, sum(x) as s from visits group by 1',
    'select "group", avg(x) as m from visits group by 1',
    'select "group", variance(x) as v, count(x) as n from visits group by 1',
)


def view_with(folder: Path, units: Iterable[Sequence[Cell]], policy: DatasetPolicy) -> View:
    """A view as publishing would write it, with the ranks in the given order."""
    path = folder / "view.parquet"
    rows = [
        (unit, rank, cell.group, cell.x)
        for unit, cells in enumerate(units)
        for rank, cell in enumerate(cells)
    ]
    others = [n for n in policy.tables["visits"].columns if n not in ("patient_id", "group", "x")]
    nulls = ", ".join(f"NULL::VARCHAR AS {name}" for name in others)
    with duckdb.connect() as connection:
        connection.execute('CREATE TABLE v (_unit BIGINT, _rank BIGINT, "group" BIGINT, x BIGINT)')
        if rows:
            connection.executemany("INSERT INTO v VALUES (?, ?, ?, ?)", rows)
        connection.execute(f"COPY (SELECT *, {nulls} FROM v) TO '{path}' (FORMAT parquet)")
    return View(policy=policy, table_name="visits", snapshot="0" * 64, parquet=path)


def some_units(lot: random.Random, *, count: int) -> list[list[Cell]]:
    return [
        [
            Cell(lot.choice([0, 0, 1, 2, None]), lot.choice([None, LOWER - 9, LOWER, 0, 2, UPPER, UPPER + 9]))
            for _ in range(lot.randint(1, 6))
        ]
        for _ in range(count)
    ]


BOUNDED: list[Bounding | None] = [
    None,
    rows_plan(rows_per_unit=4, cells=3),
    rows_plan(rows_per_unit=2, cells=3),
    groups_plan(rows_per_unit=4, cells=3, groups_per_unit=3, rows_per_group=2),
    groups_plan(rows_per_unit=4, cells=3, groups_per_unit=1, rows_per_group=1),
    groups_plan(rows_per_unit=3, cells=3, groups_per_unit=2, rows_per_group=2),
    groups_plan(
        rows_per_unit=4,
        cells=3,
        groups_per_unit=2,
        rows_per_group=2,
        cuts=(("sum_x", 7), ("centred_x", 3)),
    ),
]


@pytest.mark.parametrize("sql", ASKED)
@pytest.mark.parametrize("bounding", BOUNDED)
def test_the_engine_adds_up_just_what_the_reference_does(
    tmp_path: Path, bounding: Bounding | None, sql: str
) -> None:
    ready = plan(parse(sql, POLICY), POLICY, target=PRICE, bounding=bounding)
    units = some_units(random.Random(7), count=40)
    found = count_exactly(ready, view_with(tmp_path, units, POLICY), LIMITS)
    for measurement in ready.measurements:
        target = measurement.target
        vectors = [reference(rows, target, ready.bounding, 3) for rows in units]
        assert found[target.name] == [sum(column) for column in zip(*vectors, strict=True)], target.name


@pytest.mark.parametrize("bounding", BOUNDED[1:])
def test_a_value_that_publishing_would_have_emptied_neither_fails_nor_weighs_more(
    tmp_path: Path, bounding: Bounding
) -> None:
    """Keys are not compared with their list again: a stray one falls in no cell of the answer."""
    ready = plan(parse(ASKED[0], POLICY), POLICY, target=PRICE, bounding=bounding)
    stray = [Cell(7, UPPER), Cell(0, UPPER), Cell(8, UPPER), Cell(1, UPPER)]
    found = count_exactly(ready, view_with(tmp_path, [stray], POLICY), LIMITS)
    nobody = {name: [0] * 3 for name in found}
    assert moved_too_far(ready, found, nobody) == []
    assert found["rows"][2] == 0
    assert found["rows"][0] == (1 if bounding.rows_per_unit > 1 and bounding.groups_per_unit > 1 else 0)


@pytest.mark.parametrize("sql", ASKED)
@pytest.mark.parametrize("bounding", BOUNDED[1:])
def test_taking_any_unit_away_moves_the_engine_no_further_than_was_paid_for(
    tmp_path: Path, bounding: Bounding, sql: str
) -> None:
    ready = plan(parse(sql, POLICY), POLICY, target=PRICE, bounding=bounding)
    extreme = [[Cell(0, UPPER)] * 6, [Cell(0, LOWER), Cell(1, UPPER), Cell(2, UPPER)]]
    units = [*some_units(random.Random(11), count=4), *extreme]
    whole = count_exactly(ready, view_with(tmp_path, units, POLICY), LIMITS)
    for left_out in range(len(units)):
        neighbour = units[:left_out] + units[left_out + 1 :]
        part = count_exactly(ready, view_with(tmp_path, neighbour, POLICY), LIMITS)
        assert moved_too_far(ready, whole, part) == []


def moved_too_far(ready: Plan, one: dict[str, list[int]], other: dict[str, list[int]]) -> list[str]:
    """The targets whose difference is longer than the sensitivity that their noise was bought for."""
    return [
        m.target.name
        for m in ready.measurements
        if sum((a - b) ** 2 for a, b in zip(one[m.target.name], other[m.target.name], strict=True))
        > Fraction(m.noise.sensitivity) ** 2
    ]


def test_a_plan_that_pays_for_too_little_is_caught(tmp_path: Path) -> None:
    """The control: a view with six rows of one unit, and a plan that was priced for one row per unit."""
    columns = {name: POLICY.tables["visits"].columns[name] for name in ("group", "x")}
    narrow = hospital(max_rows_per_unit=1, **columns)
    cheap = plan(parse(ASKED[0], narrow), narrow, target=PRICE)
    real = plan(parse(ASKED[0], POLICY), POLICY, target=PRICE, bounding=BOUNDED[1])
    units = [[Cell(0, UPPER)] * 6]
    whole = count_exactly(real, view_with(tmp_path, units, POLICY), LIMITS)
    part = count_exactly(real, view_with(tmp_path, [], POLICY), LIMITS)
    assert moved_too_far(real, whole, part) == []
    assert "rows" in moved_too_far(cheap, {**whole, **whole}, part)


def test_groups_are_chosen_where_the_owner_declared_how_rows_spread() -> None:
    by_group = plan(parse(ASKED[0], POLICY), POLICY, target=PRICE)
    assert by_group.bounding.plan is BoundingPlan.GROUPS
    assert (by_group.bounding.groups_per_unit, by_group.bounding.rows_per_group) == (3, 2)
    by_rows = plan(parse(ASKED[0], POLICY), POLICY, target=PRICE, bounding=BOUNDED[1])
    assert by_group.noise("rows").scale < by_rows.noise("rows").scale
    over_all = plan(parse("select count(*) from visits", POLICY), POLICY, target=PRICE)
    assert over_all.bounding.plan is BoundingPlan.ROWS


def test_a_plan_may_not_look_at_more_rows_than_the_view_holds() -> None:
    with pytest.raises(BadInput, match="at most 4 rows per patient"):
        plan(parse(ASKED[0], POLICY), POLICY, target=Loss(1000), bounding=rows_plan(rows_per_unit=5, cells=3))
