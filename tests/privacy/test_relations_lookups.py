"""Public tables beside rows: what is looked up follows from the row and the policy, and so moves nobody else's row."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from sandbox.domain.derived import declared, lookup_column
from sandbox.domain.policy import Column, ColumnType, Lookup, LookupColumn
from sandbox.domain.policy_rules import check
from sandbox.privacy.answering.relations import RANK, UNIT
from sandbox.privacy.answering.run import count_exactly, rows_behind
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.engines.duck import connection_to, rows_of
from sandbox.privacy.planning.plan import plan
from tests.privacy.made_up import LIMITS, LOOKUPS, PRICE, Asked, hospital, many_visits, published, row
from tests.privacy.test_sensitivity import LOWER, UPPER, Cell, moved_too_far, some_units, view_with

ODD = "it's; DROP TABLE visits --"
GROUPS = Lookup(
    key="g",
    columns=(
        LookupColumn(name="g", type=ColumnType.INTEGER),
        LookupColumn(name="label", type=ColumnType.TEXT),
        LookupColumn(name="points", type=ColumnType.INTEGER),
    ),
    rows=((0, "even", 7), (1, ODD, -4), (9, "nobody", 100)),
)
POLICY = replace(
    hospital(
        max_rows_per_unit=4,
        group=Column(type=ColumnType.INTEGER, categories=(0, 1, 2)),
        x=Column(type=ColumnType.INTEGER, lower=LOWER, upper=UPPER),
    ),
    lookups={"groups": GROUPS},
)
JOINS = ("join", "left join")


@pytest.mark.parametrize("join", JOINS)
def test_each_row_finds_what_a_join_in_the_engine_would_find(tmp_path: Path, join: str) -> None:
    """Against DuckDB's own JOIN with the same table."""
    _, view = published(tmp_path, [*many_visits(), row("x", city="O'Hara"), row("y"), row("z", city="kyiv")])
    sql = (
        f"select count(*) from visits {join} cities using (city) where cities.city = 'Kyiv' and country = 'Ukraine' "
        "and rate > 0 and since > '2012-01-01' and big"
    )
    question = parse(sql, view.policy)
    names = [f"cities_{name}" for name in LOOKUPS["cities"].by_name]
    with connection_to(view.parquet, LIMITS) as connection:
        found = rows_of(
            connection, rows_behind(question, view).select(UNIT, RANK, *names).order_by(UNIT, RANK)
        )
    with duckdb.connect() as plain:
        plain.execute("CREATE TABLE c (k VARCHAR, country VARCHAR, rate BIGINT, since DATE, big BOOLEAN)")
        for k, country, rate, since, big in LOOKUPS["cities"].rows:
            plain.execute(
                "INSERT INTO c VALUES (?, ?, ?, ?, ?)", [k, country, round(float(rate) * 100), since, big]
            )
        wanted = plain.execute(
            f"SELECT _unit, _rank, c.* FROM '{view.parquet}' AS v {join} c ON v.city = c.k ORDER BY _unit, _rank"
        ).fetchall()
    assert found == wanted
    assert {r[2] for r in found} == {"Kyiv", "Łódź", "O'Hara", *([None] if join == "left join" else [])}


ASKED = (
    "select count(*), sum(points) as s from visits {join} groups on visits.\"group\" = g",
    "select label, count(*) as n, avg(points) as m from visits {join} groups on visits.\"group\" = g group by label",
    "select label, count(distinct patient_id) as n, median(points) as m from visits {join} groups "
    'on visits."group" = groups.g where points < 50 or points is null group by label',
    "select floor(s / 5) * 5 as bin, count(*) as n from (select patient_id, sum(points) as s from visits {join} groups "
    'on visits."group" = g group by patient_id) group by bin',
    "select label, sum(n) as n from (select patient_id, max(\"group\") as m, count(*) as n from "
    '(select patient_id, x as "group" from visits) group by patient_id) u {join} groups on m = groups.g group by label',
)  # fmt: skip


@pytest.mark.parametrize("join", JOINS)
@pytest.mark.parametrize("sql", ASKED)
def test_taking_any_unit_away_moves_a_question_with_a_lookup_no_further_than_was_paid_for(
    tmp_path: Path, sql: str, join: str
) -> None:
    ready = plan(parse(sql.format(join=join), POLICY), POLICY, target=PRICE)
    extreme = [[Cell(0, UPPER)] * 6, [Cell(0, 0), Cell(1, 1), Cell(2, UPPER), Cell(None, None)]]
    units = [*some_units(random.Random(2), count=4), *extreme]
    whole = count_exactly(ready, view_with(tmp_path, units, POLICY), LIMITS)
    assert any(any(vector) for vector in whole.values())
    for left_out in range(len(units)):
        neighbour = units[:left_out] + units[left_out + 1 :]
        part = count_exactly(ready, view_with(tmp_path, neighbour, POLICY), LIMITS)
        assert moved_too_far(ready, whole, part) == []


def test_a_lookup_that_finds_several_rows_would_be_caught(tmp_path: Path) -> None:
    """The control: with a key that stands there twice, a join doubles rows; so the policy with it is refused."""
    twice = replace(GROUPS, rows=(*GROUPS.rows, (0, "again", 1)))
    problems = [m.problem for m in check(replace(POLICY, lookups={"groups": twice}))]
    assert "row 4: 0 stands there twice" in problems
    ready = plan(parse(ASKED[0].format(join="join"), POLICY), POLICY, target=PRICE)
    whole = count_exactly(ready, view_with(tmp_path, [[Cell(0, 1)] * 4], POLICY), LIMITS)
    nobody = {name: [0] for name in whole}
    assert moved_too_far(ready, whole, nobody) == []
    doubled = {**whole, "rows": [2 * n for n in whole["rows"]]}
    assert moved_too_far(ready, doubled, nobody) == ["rows"]


def test_what_a_lookup_says_is_public_and_bounds_itself() -> None:
    table = declared(
        parse(
            "select sum(beds) s, avg(rate) r from visits join wards using (ward) join cities using (city)",
            hospital(),
        ).source,
        hospital(),
    )
    beds, rate = table.columns["wards_beds"], table.columns["cities_rate"]
    assert (beds.lower, beds.upper, beds.categories, beds.measured_in) == (8, 35, (8, 20, 35), "beds")
    assert (rate.lower, rate.upper, rate.categories) == (-1, 2, ("-0.5", "0", "1.25"))
    since = lookup_column(LOOKUPS["cities"], "since")
    assert (since.earliest, since.latest) == ("2013-01-01", "2014-02-03")
    one = replace(GROUPS, rows=((0, "a", 5),))
    assert (lookup_column(one, "points").lower, lookup_column(one, "points").upper) == (5, 6)
    same = replace(LOOKUPS["cities"], rows=tuple((*r[:2], "0.50" if n else "0.5", *r[3:]) for n, r in enumerate(LOOKUPS["cities"].rows)))  # fmt: skip
    assert len(lookup_column(same, "rate").categories) == 1


def test_a_lookup_nobody_asks_for_is_left_out_unless_it_leaves_rows_out() -> None:
    left = parse("select count(*) as n from visits left join wards using (ward)", hospital())
    assert left == parse("select count(*) as n from visits", hospital())
    inner = parse("select count(*) as n from visits join wards using (ward)", hospital())
    assert inner != left


def test_a_key_of_a_lookup_makes_groups_of_a_column_without_listed_values(tmp_path: Path) -> None:
    box = Asked(tmp_path, [*many_visits(), row("z", city="Elsewhere"), row("y")])
    answer = box.ask(
        "select country, count(*) as n, avg(age) as a from visits join cities using (city) group by country",
        nano=10**12,
    )
    expected = {c: sum(r["city"] == city for r in many_visits()) for c, city in [("Ukraine", "Kyiv"), ("Poland", "Łódź")]}  # fmt: skip
    assert {r["country"]: r["n"]["value"] for r in answer["rows"]} == {**expected, "Nowhere": 0}
    evidence = box.engine.evidence(
        **box.where,
        sql="select big, sum(rate) as s from visits left join cities using (city) group by big",
    )
    assert [(r.key, r.values["s"]) for r in evidence.rows] == [
        ((False,), f"{-0.5 * expected['Poland']:.2f}"),
        ((True,), f"{1.25 * expected['Ukraine']:.2f}"),
    ]
