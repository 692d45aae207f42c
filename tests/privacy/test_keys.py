"""Keys that are worked out: their values are public, the engine agrees with plain Python, and no row is in two cells."""

from __future__ import annotations

import datetime
import itertools
import math
import random
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from sandbox.domain.errors import QuestionRefused
from sandbox.domain.policy import Column, ColumnType
from sandbox.domain.policy_rules import check
from sandbox.domain.question import canonical_sql
from sandbox.privacy.answering.recompute import recompute
from sandbox.privacy.answering.run import count_exactly
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.planning.bounding import groups_plan, rows_plan
from sandbox.privacy.planning.plan import plan
from tests.privacy.made_up import LIMITS, PRICE, hospital, published, row

DATED = Column(type=ColumnType.DATE, earliest="2013-02-10", latest="2014-01-15")
POLICY = hospital(
    admitted=DATED,
    balance=Column(type=ColumnType.DECIMAL, resolution="0.01", lower=-50, upper=120),
    max_rows_per_unit=8,
)
Row = dict[str, Any]


def some_rows(count: int = 400) -> list[Row]:
    lot = random.Random(5)
    days = [datetime.date(2012, 12, 1) + datetime.timedelta(days=lot.randrange(500)) for _ in range(count)]
    return [
        row(
            f"p{n % 90}",
            sex=lot.choice(["female", "male", ""]),
            ward=lot.choice([1, 2, 3, ""]),
            smoker=lot.choice(["true", "false", ""]),
            age=lot.choice(["", -7, 0, 9, 10, 39, 40, 64, 99, 100, 130, 10**17]),
            cost=lot.choice(["", "0.00", "99.99", "100.00", "480.10"]),
            admitted=lot.choice(["", day.isoformat(), day.isoformat()]),
            balance=lot.choice(
                ["", "-50.00", "-49.99", "-0.01", "0", "9.99", "10", "119.99", "120", "1e9", "-1e9"]
            ),
        )
        for n, day in enumerate(days)
    ]


def number(text: Any) -> Fraction | None:
    return Fraction(str(text)) if str(text) else None


def within(value: Fraction | None, lower: int, upper: int) -> Fraction | None:
    return None if value is None else min(max(value, Fraction(lower)), Fraction(upper))


def day_of(r: Row) -> datetime.date | None:
    return datetime.date.fromisoformat(r["admitted"]) if r["admitted"] else None


def bins(name: str, lower: int, upper: int, width: int) -> Callable[[Row], Any]:
    def key(r: Row) -> Any:
        value = within(number(r[name]), lower, upper)
        return None if value is None else math.floor(value / width) * width

    return key


def dated(pick: Callable[[datetime.date], Any]) -> Callable[[Row], Any]:
    return lambda r: None if (day := day_of(r)) is None else pick(day)


def by_age(r: Row) -> str:
    age = number(r["age"])
    if age is not None and age < 10:
        return "child"
    return (
        "rich"
        if (cost := number(r["cost"])) is not None and cost >= 100 and r["smoker"] == "true"
        else "other"
    )


KEYS: list[tuple[str, Callable[[Row], Any], tuple[Any, ...]]] = [
    ("floor(age / 10) * 10", bins("age", 0, 100, 10), tuple(range(0, 101, 10))),
    ("floor(age / 33) * 33", bins("age", 0, 100, 33), (0, 33, 66, 99)),
    ("floor(balance / 25) * 25", bins("balance", -50, 120, 25), tuple(range(-50, 101, 25))),
    ("floor(balance / 30) * 30", bins("balance", -50, 120, 30), (-60, -30, 0, 30, 60, 90, 120)),
    ("floor(cost / 100) * 100", bins("cost", -10, 500, 100), (-100, 0, 100, 200, 300, 400, 500)),
    (
        "date_trunc('month', admitted)",
        dated(lambda d: d.replace(day=1).isoformat()),
        tuple(datetime.date(2013 + (m // 12), m % 12 + 1, 1).isoformat() for m in range(1, 13)),
    ),
    (
        "date_trunc('quarter', admitted)",
        dated(lambda d: datetime.date(d.year, (d.month - 1) // 3 * 3 + 1, 1).isoformat()),
        ("2013-01-01", "2013-04-01", "2013-07-01", "2013-10-01", "2014-01-01"),
    ),
    ("date_trunc('year', admitted)", dated(lambda d: f"{d.year}-01-01"), ("2013-01-01", "2014-01-01")),
    ("extract(year from admitted)", dated(lambda d: d.year), (2013, 2014)),
    ("quarter(admitted)", dated(lambda d: (d.month + 2) // 3), (1, 2, 3, 4)),
    ("month(admitted)", dated(lambda d: d.month), tuple(range(1, 13))),
    ("day(admitted)", dated(lambda d: d.day), tuple(range(1, 32))),
    ("extract(dow from admitted)", dated(lambda d: d.isoweekday() % 7), tuple(range(7))),
    (
        "case when age < 10 then 'child' when cost >= 100 and smoker then 'rich' else 'other' end",
        by_age,
        ("child", "rich", "other"),
    ),
    (
        "case when sex = 'male' then 1 when ward in (1, 2) then -2 when smoker then 1 end",
        lambda r: 1 if r["sex"] == "male" else -2 if r["ward"] in (1, 2) else 1 if r["smoker"] == "true" else None,
        (1, -2),
    ),
    ("age >= 40", lambda r: None if (a := number(r["age"])) is None else a >= 40, (False, True)),
    ("age is null", lambda r: r["age"] == "", (False, True)),
    ("not smoker", lambda r: None if not r["smoker"] else r["smoker"] == "false", (False, True)),
    ("sex in ('male') and ward = 1", lambda r: _and(_is(r["sex"], "male"), _is(r["ward"], 1)), (False, True)),
]  # fmt: skip


def _is(cell: Any, value: Any) -> bool | None:
    return None if cell == "" else cell == value


def _and(one: bool | None, other: bool | None) -> bool | None:
    if one is False or other is False:
        return False
    return None if None in (one, other) else True


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return published(tmp_path_factory.mktemp("keys"), some_rows(), POLICY)[1]


@pytest.mark.parametrize(("text", "key", "values"), KEYS, ids=[k[0][:40] for k in KEYS])
def test_the_engine_puts_each_row_where_plain_python_does(
    view: Any, text: str, key: Callable[[Row], Any], values: tuple[Any, ...]
) -> None:
    question = parse(f"select {text} as k, count(*) n, count(age) from visits group by k", POLICY)
    ready = plan(question, POLICY, target=PRICE, bounding=rows_plan(rows_per_unit=8, cells=len(values)))
    assert ready.cells == tuple((value,) for value in values)
    assert question.keys[0].how_many(ready.table) == len(values)
    rows = some_rows()
    expected = Counter(key(r) for r in rows)
    expected_filled = Counter(key(r) for r in rows if r["age"] != "")
    found = count_exactly(ready, view, LIMITS)
    assert found["rows"] == [expected[value] for value in values]
    assert found.get("filled_age", found["rows"]) == [expected_filled[value] for value in values]
    again = canonical_sql(question)
    assert parse(again, POLICY) == question


def test_the_exact_table_behind_worked_out_keys_has_the_same_cells(view: Any) -> None:
    """What a release is checked against."""
    question = parse(
        "select month(admitted) as m, age >= 40 as o, count(*) n from visits group by m, o", POLICY
    )
    evidence = recompute(question, view, LIMITS)
    expected = Counter(
        (d.month if (d := day_of(r)) else None, r["age"] != "" and int(r["age"]) >= 40)
        for r in some_rows()
        if r["age"] != ""
    )
    assert [e.key for e in evidence.rows] == list(itertools.product(range(1, 13), (False, True)))
    assert [e.rows for e in evidence.rows] == [expected[e.key] for e in evidence.rows]


def test_two_keys_make_cells_and_no_row_is_in_two(view: Any) -> None:
    for (one, first, values), (two, second, others) in itertools.combinations(KEYS[::3], 2):
        question = parse(f"select {one} as a, {two} as b, count(*) n from visits group by a, b", POLICY)
        ready = plan(question, POLICY, target=PRICE, bounding=rows_plan(rows_per_unit=8, cells=10))
        expected = Counter((first(r), second(r)) for r in some_rows())
        found = count_exactly(ready, view, LIMITS)["rows"]
        assert found == [expected[cell] for cell in itertools.product(values, others)]
        assert sum(found) <= len(some_rows())


@pytest.mark.parametrize("text", [k[0] for k in KEYS[::2]])
@pytest.mark.parametrize("groups", [None, 2])
def test_taking_any_unit_away_moves_no_worked_out_cell_further_than_was_paid_for(
    tmp_path: Path, text: str, groups: int | None
) -> None:
    question = parse(f"select {text} as k, count(*) n, sum(cost) s from visits group by k", POLICY)
    cells = question.keys[0].how_many(POLICY.tables["visits"])
    bounding = (
        rows_plan(rows_per_unit=4, cells=cells)
        if groups is None
        else groups_plan(rows_per_unit=8, cells=cells, groups_per_unit=groups, rows_per_group=2)
    )
    ready = plan(question, POLICY, target=PRICE, bounding=bounding)
    cells_of_hers = {"sex": "male", "ward": 1, "smoker": "true", "age": 99, "cost": "499.99", "balance": "1"}
    heavy = [row("heavy", **cells_of_hers, admitted="2013-05-05")] * 8
    everybody = some_rows(60) + heavy
    # The salt and each row's place make its lot: taking the last rows away leaves all others theirs.
    one, other = (
        count_exactly(ready, published(tmp_path / name, rows, POLICY)[1], LIMITS)
        for name, rows in (("all", everybody), ("without", everybody[:60]))
    )
    moved = {
        m.target.name: sum(
            (a - b) ** 2 for a, b in zip(one[m.target.name], other[m.target.name], strict=True)
        )
        for m in ready.measurements
    }
    for m in ready.measurements:
        assert moved[m.target.name] <= Fraction(m.noise.sensitivity) ** 2
    assert moved["rows"] > 1, "the control: a price for one row would have been too low"


def test_what_an_owner_declared_of_a_column_is_not_taken_for_its_bins() -> None:
    """``ward`` has at most two rows of a patient in each of its values; a group of wards may hold more."""
    by_ward = plan(parse("select ward, count(*) from visits group by ward", POLICY), POLICY, target=PRICE)
    merged = (
        "select case when ward in (1, 2) then 'low' else 'high' end as w, count(*) from visits group by w"
    )
    by_case = plan(parse(merged, POLICY), POLICY, target=PRICE)
    assert by_ward.bounding.rows_per_group == 2
    assert by_case.bounding.rows_per_group == 8


@pytest.mark.parametrize(
    "text",
    [
        "floor(wide / 1) * 1",
        "floor(wide / 3) * 3",
    ],
)
def test_bins_beyond_counting_are_refused_before_they_are_made(text: str) -> None:
    policy = hospital(wide=Column(type=ColumnType.INTEGER, lower=-(10**17), upper=10**17))
    with pytest.raises(QuestionRefused, match="rows"):
        parse(f"select {text} as k, count(*) from visits group by k", policy)


def test_bins_that_could_leave_64_bits_are_refused_and_the_widest_others_work(tmp_path: Path) -> None:
    huge = hospital(wide=Column(type=ColumnType.INTEGER, lower=-(10**30), upper=10**30))
    with pytest.raises(QuestionRefused, match="64 bits"):
        parse(
            "select floor(wide / 999999999999999) * 999999999999999 as k, count(*) from visits group by k",
            huge,
        )
    edge = hospital(wide=Column(type=ColumnType.INTEGER, lower=-(10**18), upper=10**18))
    width = 10**15 - 1
    question = parse(f"select floor(wide / {width}) * {width} as k, count(*) n from visits group by k", edge)
    ready = plan(question, edge, target=PRICE)
    rows = [row(f"p{value}", wide=value) for value in (-(10**18), -1, 10**18)]
    _, view = published(tmp_path, rows, edge)
    counted = dict(zip(ready.cells, count_exactly(ready, view, LIMITS)["rows"], strict=True))
    filled = {cell[0]: n for cell, n in counted.items() if n}
    assert filled == {v // width * width: 1 for v in (-(10**18), -1, 10**18)}


DAYS = [
    ({"earliest": "2013-01-01"}, "needs both or none"),
    ({"earliest": "2013-01-01", "latest": "2012-01-01"}, "before earliest"),
    ({"earliest": "2013-1-1", "latest": "2014-01-01"}, "is not a day"),
    ({"earliest": "2013-02-30", "latest": "2014-01-01"}, "is not a day"),
    ({"earliest": "0001-01-01", "latest": "2014-01-01"}, "is not a day"),
]


@pytest.mark.parametrize(("days", "problem"), DAYS)
def test_a_policy_s_days_are_checked(days: dict[str, str], problem: str) -> None:
    wrong = hospital(admitted=Column(type=ColumnType.DATE, **days))  # type: ignore[arg-type]
    assert any(problem in mistake.problem for mistake in check(wrong))
    assert not any("earliest" in m.problem or "day" in m.problem for m in check(POLICY))


def test_days_are_for_date_columns() -> None:
    wrong = hospital(age=Column(type=ColumnType.INTEGER, earliest="2013-01-01", latest="2014-01-01"))
    assert [m.problem for m in check(wrong) if "date" in m.problem] == ["is for date columns"] * 2
