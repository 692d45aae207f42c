"""What stands behind FROM: made of one unit's rows alone, declared as it can be at most, and one text for each.

``by_hand`` makes the rows of a relation a second time, in plain Python, unit by unit: it cannot look at another unit.
The engine's rows are held against it, and what is measured on them against what was paid for.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from sandbox.domain.derived import declared
from sandbox.domain.errors import QuestionRefused
from sandbox.domain.policy import Column, ColumnType
from sandbox.domain.question import Question
from sandbox.domain.relation import Per, PerUnit
from sandbox.privacy.answering.relations import RANK, UNIT
from sandbox.privacy.answering.run import count_exactly, rows_behind
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.engines.duck import connection_to, rows_of
from sandbox.privacy.planning.plan import plan
from sandbox.privacy.publishing.views import View
from tests.privacy.made_up import LIMITS, PRICE, Asked, hospital, many_visits, with_table
from tests.privacy.test_sensitivity import LOWER, UPPER, Cell, moved_too_far, some_units, view_with

MOST = 4
POLICY = hospital(
    max_rows_per_unit=MOST,
    group=Column(type=ColumnType.INTEGER, categories=(0, 1, 2)),
    x=Column(type=ColumnType.INTEGER, lower=LOWER, upper=UPPER),
)
INNER = (
    'patient_id, count(*) as n, count(x) as f, count(distinct "group") as d, sum(x) as s, avg(x) as a, '
    "min(x) as low, max(x) as high, least(sum(x), 4) as cut, greatest(least(sum(x), 4), -2) as both_ends"
)
BY_UNIT = f"from (select {INNER} from visits group by patient_id)"
BY_KEY = f'from (select {INNER}, "group" from visits where x is null or x > -3 group by patient_id, "group")'
NAMES = ("n", "f", "d", "s", "a", "low", "high", "cut", "both_ends")


def half_away(value: Fraction) -> int:
    size = int(abs(value) + Fraction(1, 2))
    return size if value >= 0 else -size


def numbers(rows: Sequence[Cell]) -> tuple[int | None, ...]:
    """The numbers of ``INNER``, of the rows of one unit."""
    values = [min(max(r.x, LOWER), UPPER) for r in rows if r.x is not None]
    total = sum(values) if values else None
    return (
        len(rows),
        len(values),
        len({r.group for r in rows} - {None}),
        total,
        half_away(Fraction(sum(values), len(values))) if values else None,
        min(values, default=None),
        max(values, default=None),
        None if total is None else min(total, 4),
        None if total is None else max(min(total, 4), -2),
    )


def by_hand(unit: Sequence[Cell], *, by_key: bool) -> list[tuple[Any, ...]]:
    """One unit's rows: rank, then its numbers, and its key where it has one."""
    kept = list(unit[:MOST])
    if not by_key:
        return [(0, *numbers(kept))] if kept else []
    kept = [r for r in kept if r.x is None or r.x > -3]
    groups = list(dict.fromkeys(r.group for r in kept))  # by their lowest rank
    return [
        (rank, *numbers([r for r in kept if r.group == group]), group) for rank, group in enumerate(groups)
    ]


def asked(behind: str, measured: str = "count(*)") -> Question:
    used = " and ".join(f"({name} > 0 or {name} is null or not {name} > 0)" for name in NAMES)
    return parse(f"select {measured} {behind} where {used}", POLICY)


def made(question: Question, view: View, names: Sequence[str]) -> list[tuple[Any, ...]]:
    """The rows behind a question, in the order of unit and rank."""
    rows = rows_behind(question, view)
    with connection_to(view.parquet, LIMITS) as connection:
        return rows_of(connection, rows.select(UNIT, RANK, *names).order_by(UNIT, RANK))


def own_names(question: Question) -> list[str]:
    """The columns of the relation, in the order of ``NAMES``; then its keys."""
    relation = question.source
    assert isinstance(relation, PerUnit)
    kinds = [Per.ROWS, Per.FILLED, Per.DISTINCT, Per.SUM, Per.AVG, Per.MIN, Per.MAX]
    plain = {v.kind: relation.name_of(v) for v in relation.values if v.least is None and v.most is None}
    limited = sorted((v for v in relation.values if v.most is not None), key=lambda v: v.least is not None)
    return [*(plain[k] for k in kinds), *(relation.name_of(v) for v in limited), *relation.keys]


@pytest.mark.parametrize("by_key", [False, True])
def test_the_engine_makes_of_each_unit_what_can_be_made_of_its_rows_alone(
    tmp_path: Path, by_key: bool
) -> None:
    units = some_units(random.Random(5), count=120)
    question = asked(BY_KEY if by_key else BY_UNIT)
    found = made(question, view_with(tmp_path, units, POLICY), own_names(question))
    assert found == [(u, *row) for u, rows in enumerate(units) for row in by_hand(rows, by_key=by_key)]


@pytest.mark.parametrize("by_key", [False, True])
def test_every_small_unit_keeps_to_what_is_declared(tmp_path: Path, by_key: bool) -> None:
    """All units of up to three rows, and one row more than count, over extreme, empty and middling cells."""
    cells = [Cell(g, x) for g in (0, 2, None) for x in (None, LOWER - 9, 1, UPPER + 9)]
    units = [list(u) for n in (1, 2, 3) for u in itertools.product(cells, repeat=n)]
    units += [[cell] * (MOST + 1) for cell in cells]
    question = asked(BY_KEY if by_key else BY_UNIT)
    table, names = declared(question.source, POLICY), own_names(question)
    found = made(question, view_with(tmp_path, units, POLICY), names)
    assert found == [(u, *row) for u, rows in enumerate(units) for row in by_hand(rows, by_key=by_key)]
    most = dict.fromkeys(names, -(10**9))
    least = dict.fromkeys(names, 10**9)
    for unit, rank, *values in found:
        assert 0 <= rank < table.max_rows_per_unit, unit
        for name, value in zip(names, values, strict=True):
            if value is not None:
                most[name], least[name] = max(most[name], value), min(least[name], value)
    for name in names[: len(NAMES)]:
        column = table.columns[name]
        assert column.lower is not None
        assert column.upper is not None
        assert column.lower <= least[name] <= most[name] <= column.upper, name
        if not by_key:  # and no wider than it has to be
            assert (column.lower, column.upper) == (least[name], most[name]) or name.startswith("distinct")


MEASURED = (
    "count(*), count(distinct patient_id) as u",
    "sum(s) as t, avg(cut) as m",
    "variance(both_ends) as v, median(high) as q",
    "n, count(*) as c, sum(a) as t",
    "floor(s / 5) * 5 as bin, count(*) as c, avg(low) as m",
)


@pytest.mark.parametrize("behind", [BY_UNIT, BY_KEY], ids=["by unit", "by key"])
@pytest.mark.parametrize("measured", MEASURED)
def test_taking_any_unit_away_moves_a_question_about_units_no_further_than_was_paid_for(
    tmp_path: Path, measured: str, behind: str
) -> None:
    key = {"n": " group by n", "f": " group by bin"}.get(measured[0], "")
    question = parse(f"select {measured} {behind}{key if ',' in measured else ''}", POLICY)
    ready = plan(question, POLICY, target=PRICE)
    extreme = [[Cell(0, UPPER + 3)] * 6, [Cell(0, LOWER), Cell(1, UPPER), Cell(2, UPPER), Cell(0, 1)]]
    units = [*some_units(random.Random(3), count=4), *extreme]
    whole = count_exactly(ready, view_with(tmp_path, units, POLICY), LIMITS)
    for left_out in range(len(units)):
        neighbour = units[:left_out] + units[left_out + 1 :]
        part = count_exactly(ready, view_with(tmp_path, neighbour, POLICY), LIMITS)
        assert moved_too_far(ready, whole, part) == []


def test_a_sum_of_units_that_is_paid_for_as_one_row_s_is_caught(tmp_path: Path) -> None:
    """The control: bounds remembered by the column they came from, as a library that we looked at does."""
    question = parse(f"select sum(s) as t {BY_UNIT}", POLICY)
    ready = plan(question, POLICY, target=PRICE)
    as_of_a_row = plan(parse("select sum(x) as t from visits", with_table(POLICY, max_rows_per_unit=1)),
                       with_table(POLICY, max_rows_per_unit=1), target=PRICE)  # fmt: skip
    whole = count_exactly(ready, view_with(tmp_path, [[Cell(0, UPPER)] * MOST], POLICY), LIMITS)
    nobody = {name: [0] for name in whole}
    assert moved_too_far(ready, whole, nobody) == []
    assert whole["sum_sum_x"] == [MOST * UPPER]
    renamed = {"sum_x": whole["sum_sum_x"]}
    assert moved_too_far(as_of_a_row, renamed, {"sum_x": [0]}) == ["sum_x"]


def test_one_row_for_each_unit_costs_what_a_table_of_one_row_per_unit_costs() -> None:
    ready = plan(parse(f"select count(*) {BY_UNIT}", POLICY), POLICY, target=PRICE)
    assert ready.bounding.rows_per_unit == 1
    assert ready.measurements[0].target.squared_sensitivity(ready.bounding) == 1
    by_key = plan(parse(f"select count(*) {BY_KEY}", POLICY), POLICY, target=PRICE)
    assert by_key.bounding.rows_per_unit == 4  # three values, and the empty one


def test_units_of_units_are_made_of_units() -> None:
    text = (
        'select w, count(*) from (select patient_id, count("group") w from '
        '(select patient_id, "group", sum(x) s from visits group by patient_id, "group") where s > 3 group by patient_id)'
        " group by w"
    )
    question = parse(text, POLICY)
    assert isinstance(question.source, PerUnit)
    assert isinstance(question.source.of, PerUnit)
    assert declared(question.source, POLICY).columns["count_group"].upper == 4


def test_the_same_as_a_table_of_sums_gives_the_same_answer(tmp_path: Path) -> None:
    """Against a plain reckoning of the made-up visits."""
    box = Asked(tmp_path, many_visits())
    answer = box.ask(
        "select n, count(*) as c from (select patient_id, count(*) as n from visits group by patient_id) group by n",
        nano=10**12,
    )
    assert [(r["n"], r["c"]["value"]) for r in answer["rows"]] == [(1, 15), (2, 15), (3, 15), (4, 15)]
    (cell,) = box.engine.evidence(
        **box.where,
        sql="select sum(total) as t from (select patient_id, sum(age) as total from visits group by patient_id)",
    ).rows
    ages = [int(row["age"]) for row in many_visits() if row["age"]]
    assert (cell.values["t"], cell.units) == (sum(ages), 60)


WIDE = Column(type=ColumnType.INTEGER, lower=0, upper=10**17)
REFUSED = [
    ("sum(wide)", "64 bits", "narrower"),
    ("avg(wide)", "divides exactly", "SUM and COUNT"),
    ("least(sum(x), 50, -90)", "one value", "between"),
    ("least(greatest(sum(x), 3), 2)", "one value", "larger"),
    ("least(sum(x), count(*))", "one number", "Per unit"),
    ("least(sum(x), 1.5)", "steps of 1", "Round"),
    ("least(x, 3)", "no number", "Per unit"),
    ("sum(x) + 1", "no number", "Per unit"),
    ("median(x)", "no number", "Per unit"),
    ("sum(city)", "no declared bounds", "x"),
    ("min(admitted)", "no declared bounds", "x"),
    ("city", "not grouped", "Add city"),
    ("count(distinct x, ward)", "one column", "Per unit"),
]


@pytest.mark.parametrize(("value", "problem", "fix"), REFUSED)
def test_what_is_no_number_of_each_unit_is_refused_with_its_place(value: str, problem: str, fix: str) -> None:
    policy = hospital(max_rows_per_unit=20, x=POLICY.tables["visits"].columns["x"], wide=WIDE)
    sql = f"select count(*) from (select patient_id, {value} as v from visits group by patient_id)"
    with pytest.raises(QuestionRefused) as refusal:
        parse(sql, policy)
    assert problem in str(refusal.value)
    assert fix in refusal.value.fix
    at = refusal.value.position
    assert at is not None
    assert sql.index(value) <= at < sql.index(value) + len(value)


@pytest.mark.parametrize(("parts", "refused"), [(20, False), (200, True)])
def test_a_question_that_the_engine_could_not_read_back_is_refused_before_it_is_paid_for(
    parts: int, refused: bool
) -> None:
    """Its one text is longer than the asker's: names are the policy's own."""
    policy = hospital(**{f"{letter * 60}": POLICY.tables["visits"].columns["x"] for letter in "yz"})
    where = " and ".join(f"(a = {n} or b = {n})" for n in range(parts))
    sql = (
        "select count(*) from (select patient_id, count(*) as n from "
        f"(select patient_id, {'y' * 60} as a, {'z' * 60} as b from visits) where {where} group by patient_id)"
    )
    if not refused:
        assert parse(sql, policy)
        return
    with pytest.raises(QuestionRefused, match="too long once it is written out"):
        parse(sql, policy)
