"""Price words: what they come to, that an accuracy is bought as cheaply as can be, and what is said of a bad one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.domain.errors import BadInput, QuestionRefused
from sandbox.domain.limits import NO_LIMITS, Limits
from sandbox.domain.policy import BudgetTerms, Column, ColumnType, DatasetPolicy
from sandbox.domain.price import ByAccuracy, ByEpsilon, ByShare, Price, price_of
from sandbox.domain.privacy_loss import Loss, loss_for_epsilon
from sandbox.privacy import PrivateData
from sandbox.privacy.asking.options import agreed_price
from sandbox.privacy.asking.parse import read
from sandbox.privacy.planning.plan import Plan, plan
from sandbox.privacy.planning.prices import priced
from sandbox.privacy.planning.profile import Counted, Histogram, Profile, ladder
from tests.privacy.made_up import hospital, many_visits, write_csv

POLICY = replace(hospital(), budget=BudgetTerms(epsilon="8", per_question_percent=50))
BUDGET = POLICY.budget
assert BUDGET is not None
WIDE = replace(hospital(max_rows_per_unit=64), budget=BUDGET)
PROFILE = Profile(
    table="visits",
    snapshot="s",
    nano=1,
    histograms=(
        Histogram(
            counted=Counted.ROWS,
            column="",
            edges=ladder(64),
            units=(900, 400, 200, 100, 60, 40, 30, 20, 15, 10, 8, 6)[: len(ladder(64))],
            scale=2.0,
        ),
    ),
)
COUNT = "SELECT sex, COUNT(*) AS n FROM visits GROUP BY sex"
SEVERAL = "SELECT ward, COUNT(*) AS n, SUM(cost) AS total FROM visits GROUP BY ward"


def bought(
    sql: str,
    price: Price,
    *,
    policy: DatasetPolicy = POLICY,
    profile: Profile | None = None,
    limits: Limits = NO_LIMITS,
) -> Plan:
    asked = read(sql, policy)

    def plan_at(target: Loss) -> Plan:
        return plan(asked.question, policy, target=target, profile=profile, limits=limits)

    assert policy.budget is not None
    return priced(price, plan_at, budget=policy.budget, whole=policy.budget.per_project, finish=asked.finish)


def errors(ready: Plan) -> dict[str, float | None]:
    return {c.name: c.error_95 for c in ready.columns}


WORDS: list[tuple[object, dict[str, str]]] = [
    ("±50 at 95%", {"": "50"}),
    ("50", {"": "50"}),
    ("±2.5", {"": "2.5"}),
    ("+-50 at 95%", {"": "50"}),
    ("+/- 50 @ 95.0 %", {"": "50"}),
    (" n ±50 , total: 1000 at 95%", {"n": "50", "total": "1000"}),
    ("N=50", {"n": "50"}),
    ({"n": "±50", "total": 1000}, {"n": "50", "total": "1000"}),
    ({"n": 2.5}, {"n": "2.5"}),
]


@pytest.mark.parametrize(("words", "within"), WORDS)
def test_an_accuracy_is_read(words: str, within: dict[str, str]) -> None:
    price = price_of(accuracy=words)
    assert price == ByAccuracy(tuple(sorted((n, Decimal(w)) for n, w in within.items())))
    assert price.text.startswith("accuracy=")


@pytest.mark.parametrize(
    "words",
    [
        "", "±", "fifty", "±0", "-5", "±50 at 99%", "1,000", "n ±50, n ±60", "n ±50, ±60", "±1e3", "nan", "inf",
        "50 at 95", "50%", {"n": "total ±5"}, {"n": None}, {}, "9" * 40, "x" * 5000, 50,
    ],
)  # fmt: skip
def test_what_is_no_accuracy_is_refused_with_what_to_write(words: object) -> None:
    with pytest.raises(BadInput) as caught:
        price_of(accuracy=words)  # type: ignore[arg-type]
    assert caught.value.where == "accuracy"
    assert "±50 at 95%" in caught.value.fix


@pytest.mark.parametrize("words", ["", "1", "0%", "101%", "-1%", "1 percent", "nan%", "%", 1])
def test_what_is_no_share_is_refused_with_what_to_write(words: object) -> None:
    with pytest.raises(BadInput) as caught:
        price_of(budget=words)  # type: ignore[arg-type]
    assert (caught.value.where, "1%" in caught.value.fix) == ("budget", True)


def test_a_price_is_said_once() -> None:
    assert price_of() is None
    for two in ({"epsilon": 1.0, "budget": "1%"}, {"budget": "1%", "accuracy": "50"}):
        with pytest.raises(BadInput, match="two prices"):
            price_of(**two)  # type: ignore[arg-type]


TEXTS: list[tuple[str, Price | None]] = [
    ("epsilon = 0.5", ByEpsilon(0.5)),
    ("budget = '1%'", ByShare(Fraction(1))),
    ("accuracy = '±50 at 95%', delta = 1e-6", ByAccuracy((("", Decimal(50)),))),
    ("accuracy='n ±50, total ±1000', max_groups_contributed=2", ByAccuracy((("n", Decimal(50)), ("total", Decimal(1000))))),
    ("delta = 1e-6", None),
]  # fmt: skip


@pytest.mark.parametrize(("options", "price"), TEXTS)
def test_a_price_may_stand_in_the_text(options: str, price: Price | None) -> None:
    asked = read(COUNT.replace("SELECT", f"SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS({options})", 1), POLICY)
    assert asked.options.price == price
    assert agreed_price(asked.options, price or ByEpsilon(1.0)) == price or price is None
    if price is not None:
        with pytest.raises(BadInput, match="and its caller"):
            agreed_price(asked.options, ByEpsilon(0.7))


@pytest.mark.parametrize(
    "options",
    ["accuracy = 50", "budget = 1", "accuracy = ''5''", "epsilon='1'", "accuracy='5',", "accuracy=')'; x"],
)
def test_options_of_another_shape_are_refused(options: str) -> None:
    with pytest.raises(QuestionRefused):
        read(COUNT.replace("SELECT", f"SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS({options})", 1), POLICY)


def test_a_share_is_of_what_the_asker_may_spend() -> None:
    assert BUDGET is not None
    ready = bought(COUNT, ByShare(Fraction(1)))
    assert ready.loss.nano == pytest.approx(BUDGET.per_project.nano / 100, abs=2)
    assert bought(COUNT, ByShare(Fraction(5, 2))).loss.nano == pytest.approx(2.5 * ready.loss.nano, abs=4)
    with pytest.raises(BadInput, match="buys nothing"):
        bought(COUNT, ByShare(Fraction(1, 10**12)))


SETTINGS: list[tuple[str, dict[str, str], DatasetPolicy, Profile | None]] = [
    (COUNT, {"": "50"}, POLICY, None),
    (COUNT, {"": "11"}, POLICY, None),
    (COUNT, {"": "12.5"}, POLICY, None),
    (SEVERAL, {"n": "60", "total": "9000"}, POLICY, None),
    (SEVERAL, {"total": "12345.67"}, POLICY, None),
    ("SELECT SUM(cost) AS total, AVG(cost) AS a FROM visits", {"total": "5000"}, POLICY, None),
    (COUNT, {"": "250"}, WIDE, PROFILE),
    (SEVERAL, {"n": "600", "total": "400000"}, WIDE, PROFILE),
    (
        "SELECT COUNT(DISTINCT patient_id) AS u, COUNT(*) AS n FROM visits",
        {"u": "9", "n": "400"},
        WIDE,
        PROFILE,
    ),
]


@pytest.mark.parametrize(("sql", "within", "policy", "profile"), SETTINGS)
def test_an_accuracy_is_kept_and_a_thousandth_less_would_not_keep_it(
    sql: str, within: dict[str, str], policy: DatasetPolicy, profile: Profile | None
) -> None:
    price = ByAccuracy(tuple((n, Decimal(w)) for n, w in within.items()))
    ready = bought(sql, price, policy=policy, profile=profile)

    def kept(one: Plan) -> bool:
        found = errors(one)
        names = [n for n, e in found.items() if e is not None] if "" in within else list(within)
        return all(found[n] <= float(within.get(n, within.get("", "0"))) for n in names)  # type: ignore[operator]

    assert kept(ready)
    question = read(sql, policy).question
    less = plan(question, policy, target=Loss(ready.loss.nano * 999 // 1000), profile=profile)
    assert not kept(less)
    assert bought(sql, price, policy=policy, profile=profile) == ready  # the same each time
    # what the engine does with the price that was paid
    assert plan(question, policy, target=ready.loss, profile=profile) == ready


def test_a_cheap_plan_with_tight_bounds_is_found_below_a_dear_one_with_loose_ones() -> None:
    """The planner loosens bounds as the price grows, and the noise jumps up: ±930 is had for less than ±967 costs."""
    question = read(COUNT, WIDE).question
    dear = plan(question, WIDE, target=loss_for_epsilon(0.2, delta=1e-6), profile=PROFILE)
    ready = bought(COUNT, ByAccuracy((("", Decimal(930)),)), policy=WIDE, profile=PROFILE)
    assert errors(ready)["n"] <= 930 < errors(dear)["n"]  # type: ignore[operator]
    assert ready.loss.nano < dear.loss.nano


@settings(max_examples=40, deadline=None)
@given(st.decimals(min_value=9, max_value=100_000, places=2))
def test_any_accuracy_within_reach_is_kept(width: Decimal) -> None:
    ready = bought(COUNT, ByAccuracy((("", width),)))
    assert all(Decimal(e) <= width for e in errors(ready).values() if e is not None)


def test_what_depends_on_the_answer_is_refused_with_what_to_write() -> None:
    sql = "SELECT AVG(age) AS mean, COUNT(*) AS n FROM visits"
    with pytest.raises(BadInput, match="error of mean depends") as caught:
        bought(sql, ByAccuracy((("", Decimal(50)),)))
    assert "n ±50" in caught.value.fix
    with pytest.raises(BadInput, match="error of mean depends"):
        bought(sql, ByAccuracy((("mean", Decimal(1)),)))
    with pytest.raises(BadInput, match="no aggregate called m"):
        bought(sql, ByAccuracy((("m", Decimal(1)),)))
    assert errors(bought(sql, ByAccuracy((("n", Decimal(50)),))))["n"] == 50
    with pytest.raises(BadInput, match="what is reckoned"):
        bought("SELECT COUNT(*) / 7 AS weekly FROM visits", ByAccuracy((("", Decimal(50)),)))


def test_what_no_budget_buys_is_refused_with_the_best_that_can_be_had() -> None:
    assert BUDGET is not None
    best = errors(bought(COUNT, ByShare(Fraction(100))))[
        "n"
    ]  # 50 % of the cap: as much as one question may cost
    with pytest.raises(BadInput, match="would cost about ε=") as caught:
        bought(COUNT, ByAccuracy((("", Decimal("0.4")),)))
    assert f"n ±{best}" in caught.value.message
    assert bought(COUNT, ByAccuracy((("", Decimal(str(best))),))).loss.fits_in(BUDGET.per_question)


def test_in_the_library_all_three_words_buy_answers(tmp_path: Path) -> None:
    policy = replace(
        POLICY, tables={"visits": replace(POLICY.tables["visits"], columns={
            **POLICY.tables["visits"].columns, "age": Column(type=ColumnType.INTEGER, lower=0, upper=100)})}
    )  # fmt: skip
    raw = write_csv(tmp_path / "visits.csv", many_visits())
    data = PrivateData.publish(raw, policy, folder=tmp_path / "private")
    spent = data.budget.spent
    planned = data.estimate(COUNT, accuracy="±40 at 95%")
    answer = data.ask(COUNT, accuracy="±40 at 95%")
    assert answer["columns"][1]["error_95"] == planned.columns[0].error_95 == 40
    assert data.budget.spent.nano - spent.nano == planned.loss.nano
    text = COUNT.replace("SELECT", "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS(accuracy='n ±40')")
    assert data.ask(text) == answer
    assert data.budget.spent.nano - spent.nano == planned.loss.nano
    share = data.estimate(SEVERAL, budget="2%").loss.nano
    assert share == pytest.approx(data.budget.cap.nano / 50, abs=3)
    assert data.estimate(COUNT, epsilon=0.5).loss == loss_for_epsilon(0.5, delta=1e-6)
    with pytest.raises(BadInput, match="no price"):
        data.estimate(COUNT)
