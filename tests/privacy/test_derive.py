"""Answers for nothing: which follow from a kept one, that they are what a sum of its cells is, and that nothing runs."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.domain.derivation import cells_behind
from sandbox.domain.errors import BadInput
from sandbox.domain.limits import NO_LIMITS
from sandbox.domain.policy import BudgetTerms, Column, ColumnType
from sandbox.domain.price import ByEpsilon
from sandbox.domain.privacy_loss import Accounting, Loss
from sandbox.domain.question import Question
from sandbox.privacy import PrivateData
from sandbox.privacy.answering.deriving import Source, derivation, derived
from sandbox.privacy.answering.measured import Measured, measured_by
from sandbox.privacy.answering.reuse import Wanted
from sandbox.privacy.answering.run import count_exactly
from sandbox.privacy.asking.parse import parse, read
from sandbox.privacy.mechanisms.combined import added_up
from sandbox.privacy.mechanisms.noise import Noise, draw, half_width_95
from sandbox.privacy.planning.plan import Plan, plan
from sandbox.privacy.publishing.views import View
from tests.privacy.made_up import LIMITS, hospital, many_visits, published, row, write_csv

BUDGET = BudgetTerms(epsilon="40", per_question_percent=100, profile_percent=0)
POLICY = replace(
    hospital(
        max_rows_per_unit=1,
        admitted=Column(type=ColumnType.DATE, earliest="2013-02-10", latest="2014-12-31"),
        born=Column(type=ColumnType.DATE, earliest="2013-01-01", latest="2014-12-31"),
    ),
    budget=BUDGET,
)
TABLE = POLICY.tables["visits"]
MANY = replace(POLICY, tables={"visits": replace(TABLE, max_rows_per_unit=4)})
TENS = "FLOOR(age / 10) * 10"
MONTH, BORN = "DATE_TRUNC('month', admitted)", "DATE_TRUNC('month', born)"

# kept, new: each of them with GROUP BY what it shows besides COUNT(*)
FOLLOWS = [
    ("sex", "sex"),
    ("sex, ward", "ward, sex"),
    ("sex, ward WHERE sex = 'male'", "ward WHERE sex = 'male'"),
    ("sex", " WHERE sex = 'male'"),
    ("ward", " WHERE ward IN (1, 3)"),
    ("ward", "ward WHERE ward <> 2"),
    ("ward, sex", "sex WHERE ward >= 2"),
    ("ward", "ward > 1 AS high"),
    ("ward", "ward > 1 AS high WHERE ward < 3"),
    ("ward WHERE age > 30", " WHERE age > 30 AND ward = 2"),
    ("smoker, sex", "sex WHERE smoker"),
    ("smoker", " WHERE NOT smoker"),
    ("smoker", " WHERE smoker IS NOT NULL"),
    (TENS, "FLOOR(age / 20) * 20"),
    (TENS, "FLOOR(age / 50) * 50 AS half WHERE age >= 20"),
    (TENS, " WHERE age >= 40"),
    (TENS, " WHERE age < 30 AND age >= 10"),
    (TENS, " WHERE age IS NOT NULL"),
    (TENS, "CASE WHEN age < 20 THEN 'child' WHEN age < 60 THEN 'adult' WHEN age >= 60 THEN 'old' END AS g"),
    (TENS, "age < 60 AS young"),
    (f"{TENS}, sex", "sex WHERE age >= 50"),
    (BORN, "DATE_TRUNC('quarter', born)"),
    (BORN, "DATE_TRUNC('year', born)"),
    (BORN, "EXTRACT(YEAR FROM born)"),
    (BORN, " WHERE born >= DATE '2013-04-01' AND born < DATE '2013-07-01'"),
    (f"{BORN}, sex", "sex, EXTRACT(MONTH FROM born) WHERE born >= DATE '2013-01-01' AND born <= DATE '2014-12-31'"),
    (MONTH, "DATE_TRUNC('month', admitted) WHERE admitted >= DATE '2013-03-01'"),
    ("DATE_TRUNC('quarter', born)", "EXTRACT(YEAR FROM born)"),
    ("EXTRACT(MONTH FROM born)", "EXTRACT(QUARTER FROM born)"),
    ("CASE WHEN age > 50 THEN 'old' ELSE 'rest' END AS g", ""),
    ("CASE WHEN age > 50 THEN 'old' ELSE 'rest' END AS g, sex", "sex"),
    ("age > 50 AS old", " WHERE age > 50"),
    ("age > 50 AS old, sex", "sex WHERE age > 50"),
    ("sex, ward", "CASE WHEN sex = 'male' AND ward = 1 THEN 'a' WHEN ward = 2 THEN 'b' END AS g WHERE sex = 'male'"),
]  # fmt: skip
DOES_NOT = [
    ("sex", ""),  # rows with an empty sex are in no cell
    ("sex, ward", "sex"),  # nor those with an empty ward
    ("sex", "ward"),
    ("sex", "sex WHERE age > 30"),
    ("sex WHERE age > 30", "sex"),
    ("sex WHERE age > 30", "sex WHERE age > 40"),
    ("ward", "ward > 1 OR sex = 'male' AS x"),
    ("smoker", " WHERE smoker IS NULL"),
    (TENS, ""),
    (TENS, "FLOOR(age / 15) * 15"),
    (TENS, " WHERE age >= 45"),
    (TENS, " WHERE age > 40"),
    (TENS, "CASE WHEN age < 20 THEN 'child' ELSE 'other' END AS g"),  # ELSE has those of no age
    ("FLOOR(age / 20) * 20", TENS),
    (MONTH, "DATE_TRUNC('quarter', admitted)"),  # January 2013 is in the quarter, and in no month
    (MONTH, "DATE_TRUNC('year', admitted)"),
    (MONTH, " WHERE admitted >= DATE '2013-03-01'"),  # days after the last month
    (BORN, " WHERE born >= DATE '2013-03-02' AND born < DATE '2013-07-01'"),
    (BORN, "EXTRACT(MONTH FROM born)"),
    (BORN, "EXTRACT(DAY FROM born)"),
    ("DATE_TRUNC('quarter', born)", BORN),
    ("CASE WHEN age > 50 THEN 'old' END AS g", ""),
    ("age > 50 AS old", ""),
    ("age > 50 AS old", " WHERE age <= 50"),  # it does, but only who reads the condition knows
    ("sex, ward", "CASE WHEN sex = 'male' OR ward = 1 THEN 'a' END AS g"),  # men of no ward
]  # fmt: skip


def sql_of(shown: str) -> str:
    keys, _, where = shown.partition(" WHERE ")
    keys = keys.strip()
    grouped = [str(n + 1) for n in range(len(_split(keys)))] if keys else []
    return (
        f"SELECT {keys + ', ' if keys else ''}COUNT(*) AS n FROM visits"
        + (f" WHERE {where}" if where else "")
        + (f" GROUP BY {', '.join(grouped)}" if grouped else "")
    )


def _split(keys: str) -> list[str]:
    depth, parts = 0, [""]
    for character in keys:
        depth += (character == "(") - (character == ")")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def hostile_rows() -> list[dict[str, Any]]:
    """One visit for each patient, with empty cells, values out of bounds and days out of range."""
    chance = random.Random(5)
    rows = []
    for n in range(600):
        day = date(2012, 11, 1) + timedelta(days=chance.randrange(900))
        other = date(2012, 11, 1) + timedelta(days=chance.randrange(900))
        rows.append(
            row(
                f"p{n}",
                sex=chance.choice(["female", "male", "", "other"]),
                ward=chance.choice(["1", "2", "3", "4", ""]),
                smoker=chance.choice(["true", "false", ""]),
                age=chance.choice([str(chance.randrange(-20, 130)), ""]),
                cost=chance.choice([f"{chance.uniform(-50, 600):.2f}", ""]),
                admitted=chance.choice([day.isoformat(), ""]),
                born=chance.choice([other.isoformat(), ""]),
            )
        )
    return rows


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    return published(tmp_path_factory.mktemp("derive"), hostile_rows(), POLICY)[1]


def counted(shown: str, view: View) -> list[int]:
    ready = plan(parse(sql_of(shown), POLICY), POLICY, target=Loss(10**9))
    return list(count_exactly(ready, view, LIMITS)["rows"])


@pytest.mark.parametrize(("kept", "new"), FOLLOWS)
def test_cells_that_follow_are_the_sums_of_kept_cells_on_a_hostile_table(
    kept: str, new: str, view: View
) -> None:
    cells = cells_behind(parse(sql_of(new), POLICY), parse(sql_of(kept), POLICY), TABLE)
    assert cells is not None
    exact = counted(kept, view)
    assert [sum(exact[at] for at in cell) for cell in cells] == counted(new, view)
    assert sum(exact) > 0


@pytest.mark.parametrize(("kept", "new"), DOES_NOT)
def test_cells_that_do_not_follow_for_certain_are_not_derived(kept: str, new: str) -> None:
    assert cells_behind(parse(sql_of(new), POLICY), parse(sql_of(kept), POLICY), TABLE) is None


PARTS = ["sex", "ward", "smoker", f"{TENS} AS tens", "FLOOR(age / 20) * 20 AS twenties", "age > 50 AS old",
         "ward > 1 AS high", f"{BORN} AS b", f"{MONTH} AS m", "EXTRACT(YEAR FROM born) AS y", "CASE WHEN ward = 1 THEN 'one' ELSE 'more' END AS w",
         "CASE WHEN sex = 'male' THEN 'm' WHEN ward = 2 THEN 'w' END AS c"]  # fmt: skip
CONDITIONS = ["sex = 'male'", "ward IN (1, 2)", "ward <> 3", "smoker", "smoker IS NOT NULL", "age >= 40", "age < 60",
              "ward > 1", "sex IS NOT NULL", "born >= DATE '2013-07-01'", "born <= DATE '2014-12-31'", "age > 50",
              "(sex = 'male' OR ward = 1)"]  # fmt: skip


@st.composite
def shown(draw: st.DrawFn, conditions: list[str]) -> str:
    keys = draw(st.lists(st.sampled_from(PARTS), max_size=2, unique=True))
    return ", ".join(keys) + (f" WHERE {' AND '.join(conditions)}" if conditions else "")


@st.composite
def pairs(draw: st.DrawFn) -> tuple[str, str]:
    base = draw(st.lists(st.sampled_from(CONDITIONS), max_size=1, unique=True))
    more = draw(st.lists(st.sampled_from(CONDITIONS), max_size=2, unique=True))
    return draw(shown(base)), draw(shown([*base, *more]))


@settings(max_examples=250, deadline=None)
@given(pairs())
def test_whatever_is_derived_is_true_of_a_hostile_table(view: View, pair: tuple[str, str]) -> None:
    kept, new = pair
    cells = cells_behind(parse(sql_of(new), POLICY), parse(sql_of(kept), POLICY), TABLE)
    if cells is not None:
        exact = counted(kept, view)
        assert [sum(exact[at] for at in cell) for cell in cells] == counted(new, view)


def test_a_derivation_that_forgot_the_empty_keys_would_be_caught(view: View) -> None:
    """The control: the sum over listed sexes is not the number of rows."""
    assert sum(counted("sex", view)) < counted("", view)[0]


# What is made of noisy cells


def wanted(sql: str, epsilon: float = 1.0) -> Wanted:
    asked = read(sql, MANY)

    def plan_of(question: Question, target: Loss) -> Plan:
        return plan(question, MANY, target=target)

    return Wanted(
        asked=asked,
        price=ByEpsilon(epsilon),
        planned=plan_of(asked.question, MANY.guarantee.loss(epsilon)),
        plan_of=plan_of,
        policy=MANY,
        snapshot="s",
        profile=None,
        limits=NO_LIMITS,
    )


def source(sql: str, epsilon: float, seed: int = 1) -> tuple[Source, Measured]:
    """A kept answer whose noisy vectors are made up."""
    one, chance = wanted(sql, epsilon), random.Random(seed)
    cells = len(one.planned.cells)
    vectors = {
        m.target.name: [chance.randrange(-50, 1000) for _ in range(cells * m.target.per_cell)]
        for m in one.planned.measurements
    }
    kept = measured_by(one.planned, vectors, planned_at=one.planned.loss.nano, profile="")
    return Source(number=7, question=one.asked.question, measured=lambda: kept), kept


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.05, 5))
def test_a_derived_value_is_the_sum_of_noisy_cells_and_variances_add_up(seed: int, epsilon: float) -> None:
    base, kept = source(
        "SELECT ward, sex, COUNT(*) AS n, SUM(cost) AS s FROM visits WHERE sex IS NOT NULL GROUP BY ward, sex",
        epsilon,
        seed,
    )
    new = wanted(
        "SELECT sex, COUNT(*) AS n, SUM(cost) AS total FROM visits WHERE sex IS NOT NULL AND ward IN (1, 3) GROUP BY sex"
    )
    found = derivation(new, base)
    assert found is not None
    assert found.cells == ((0, 4), (1, 5))
    answer = json.loads(derived(new, found))
    rows, sums = kept.vectors["rows"], kept.vectors["sum_cost"]
    for at, shown_row in enumerate(answer["rows"]):
        assert shown_row["n"]["value"] == rows.values[at] + rows.values[at + 4]
        assert shown_row["total"]["value"] == pytest.approx((sums.values[at] + sums.values[at + 4]) / 100)
        assert shown_row["total"]["high"] - shown_row["total"]["value"] == pytest.approx(
            answer["columns"][2]["error_95"]
        )
    for name, vector in kept.vectors.items():
        assert found.plan.noise(name).scale ** 2 == pytest.approx(2 * vector.noise.scale**2)
    assert (answer["price"]["nano"], answer["price"]["epsilon"]) == (0, 0.0)
    assert any("Derived from answer 7" in note for note in answer["notes"])


@pytest.mark.parametrize("accounting", list(Accounting))
@pytest.mark.parametrize("scale", [0.4, 1.0, 6.0, 300.0])
@pytest.mark.parametrize("cells", [2, 7])
def test_the_interval_of_a_sum_of_cells_covers_in_95_of_100_draws(
    accounting: Accounting, scale: float, cells: int
) -> None:
    noise = Noise(accounting=accounting, scale=scale, sensitivity=1.0, nano=1)
    drawn = draw([0] * (cells * 10_000), noise)
    sums = [sum(drawn[at : at + cells]) for at in range(0, len(drawn), cells)]
    width = half_width_95(added_up(noise, cells))
    assert sum(abs(x) <= width for x in sums) / 10_000 >= 0.95 - 0.011
    if scale >= 6:  # the control: that of one cell alone does not
        assert sum(abs(x) <= half_width_95(noise) for x in sums) / 10_000 < 0.9


MEASURES: list[tuple[str, str, bool]] = [
    ("COUNT(*) AS n, SUM(cost) AS s", "SUM(cost) AS s", True),
    ("COUNT(cost) AS n, SUM(cost) AS s", "AVG(cost) AS a", True),
    ("AVG(cost) AS a", "SUM(cost) AS s, COUNT(cost) AS n", True),
    ("STDDEV(age) AS d", "AVG(age) AS a, VARIANCE(age) AS v, SUM(age) AS s", True),
    ("MEDIAN(age) AS m", "QUANTILE_CONT(age, 0.9) AS q", True),
    ("COUNT(DISTINCT patient_id) AS u, COUNT(*) AS n", "COUNT(*) AS n", True),
    ("COUNT(DISTINCT patient_id) AS u", "COUNT(DISTINCT patient_id) AS v", True),
    ("CORR(age, cost) AS r, COUNT(*) AS n", "CORR(age, cost) AS c", True),
    ("COUNT(*) FILTER (WHERE smoker) AS n", "COUNT(*) FILTER (WHERE smoker) AS m", True),
    ("COUNT(*) FILTER (WHERE smoker) AS n", "COUNT(*) AS m", False),
    ("COUNT(*) AS m", "COUNT(*) FILTER (WHERE smoker) AS n", False),
    ("COUNT(*) AS n, SUM(cost) AS s", "AVG(cost) AS a", False),  # of how many filled cells, nobody said
    ("COUNT(*) AS n", "COUNT(cost) AS n", False),
    ("SUM(cost) AS s", "COUNT(*) AS n", False),
    ("AVG(age) AS a", "VARIANCE(age) AS v", False),
    ("AVG(age) AS a", "MEDIAN(age) AS m", False),
    ("COUNT(*) AS n", "COUNT(DISTINCT patient_id) AS u", False),
]


@pytest.mark.parametrize(("kept", "new", "follows"), MEASURES)
def test_which_aggregates_follow_from_which(kept: str, new: str, follows: bool) -> None:
    base, _ = source(f"SELECT sex, {kept} FROM visits GROUP BY sex", 2.0)
    found = derivation(wanted(f"SELECT sex, {new} FROM visits GROUP BY sex"), base)
    assert (found is not None) is follows
    if found is not None:
        derived(wanted(f"SELECT sex, {new} FROM visits GROUP BY sex"), found)


def test_units_are_not_added_up_over_cells() -> None:
    base, _ = source("SELECT ward, COUNT(DISTINCT patient_id) AS u FROM visits GROUP BY ward", 2.0)
    one = "SELECT COUNT(DISTINCT patient_id) AS u FROM visits WHERE ward = 1"
    assert derivation(wanted(one), base) is not None
    assert derivation(wanted(one.replace("= 1", "IN (1, 2)")), base) is None


def test_an_average_of_filled_cells_may_use_all_rows_where_the_condition_says_so() -> None:
    kept = "SELECT sex, COUNT(*) AS n, SUM(cost) AS s FROM visits WHERE cost > 5 GROUP BY sex"
    base, _ = source(kept, 2.0)
    assert (
        derivation(wanted(kept.replace("COUNT(*) AS n, SUM(cost) AS s", "AVG(cost) AS a")), base) is not None
    )


# Through the library


@pytest.fixture
def data(tmp_path: Path) -> PrivateData:
    raw = write_csv(tmp_path / "visits.csv", many_visits(), list(TABLE.columns))
    return PrivateData.publish(raw, MANY, folder=tmp_path / "private")


class Counting:
    """Counts how often the engine is asked."""

    def __init__(self, data: PrivateData, patch: pytest.MonkeyPatch) -> None:
        self.calls, real = 0, type(data.engine).answer

        def answer(engine: Any, **more: Any) -> bytes:
            self.calls += 1
            return real(engine, **more)

        patch.setattr(type(data.engine), "answer", answer)


def test_derived_answers_never_touch_the_engine_and_cost_nothing(
    data: PrivateData, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Counting(data, monkeypatch)
    paid = data.ask("SELECT ward, sex, COUNT(*) AS n FROM visits GROUP BY ward, sex", epsilon=2)
    spent = data.budget.spent
    some = data.ask("SELECT sex, COUNT(*) AS n FROM visits WHERE ward = 2 GROUP BY sex", epsilon=1)
    assert [r["n"]["value"] for r in some["rows"]] == [
        r["n"]["value"] for r in paid["rows"] if r["ward"] == 2
    ]
    more = data.ask(
        "SELECT sex, COUNT(*) AS n FROM visits WHERE ward <= 2 GROUP BY sex ORDER BY n", epsilon=1
    )
    assert len(more["rows"]) == 2
    assert engine.calls == 1
    assert data.budget.spent == spent
    data.ask("SELECT COUNT(*) AS n FROM visits", epsilon=1)  # the control: that does not follow
    assert engine.calls == 2


def test_what_is_not_exact_enough_is_bought_unless_it_has_to_be_free(
    data: PrivateData, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Counting(data, monkeypatch)
    data.ask("SELECT ward, COUNT(*) AS n FROM visits GROUP BY ward", epsilon=1)
    new = "SELECT COUNT(*) AS n FROM visits WHERE ward >= 1"
    rough = data.ask(new, epsilon=1, free=True)
    assert engine.calls == 1
    assert rough["columns"][0]["error_95"] > data.estimate(new, epsilon=1).columns[0].error_95
    exact = data.ask(new, epsilon=1)
    assert engine.calls == 2
    assert exact["columns"][0]["error_95"] < rough["columns"][0]["error_95"]
    cheap = data.ask("SELECT COUNT(*) AS n FROM visits WHERE ward > 1", epsilon=0.5)
    assert cheap["columns"][0]["error_95"] <= data.estimate(new, epsilon=0.5).columns[0].error_95
    assert engine.calls == 2
    with pytest.raises(BadInput, match="No stored answer"):
        data.ask("SELECT SUM(cost) AS s FROM visits", free=True)
    assert engine.calls == 2


def test_deriving_again_is_the_same_and_tells_no_more(data: PrivateData) -> None:
    """The attack: many roll-ups of one answer, averaged, are no more exact than the answer."""
    data.ask("SELECT ward, sex, COUNT(*) AS n FROM visits GROUP BY ward, sex", epsilon=2)
    one = "SELECT sex, COUNT(*) AS n FROM visits WHERE ward = 2 GROUP BY sex"
    same = [data.ask(one, epsilon=e) for e in (0.3, 0.5, 0.7, 1.0, 1.5)]
    assert len({str(answer["rows"]) for answer in same}) == 1
    assert math.isclose(
        same[0]["columns"][1]["error_95"], data.estimate(one, epsilon=2).columns[0].error_95, rel_tol=0.5
    )
