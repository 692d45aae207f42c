"""Keys without a public list: a value that only a few share is never seen, and what that costs."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.domain.errors import BadInput, OverBudget, QuestionRefused
from sandbox.domain.policy import BudgetTerms, Column, ColumnType, DatasetPolicy
from sandbox.domain.policy_rules import check
from sandbox.domain.privacy_loss import ATTO, Accounting, Loss
from sandbox.privacy import PrivateData
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.mechanisms.threshold import FLOOR, Threshold, shown, threshold_for
from sandbox.privacy.planning.plan import plan
from tests.privacy.made_up import Asked, hospital, row, with_table, write_csv

BY_CITY = "select city, count(*) n, count(distinct patient_id) u from visits group by city"
OPEN = Column(type=ColumnType.TEXT, unlisted_keys=True)
DELTA = 10**9  # 1e-9: a thousandth of what the policy below sets aside


def town(accounting: Accounting = Accounting.ZCDP, **changes: Column) -> DatasetPolicy:
    budget = BudgetTerms(
        epsilon="20", delta="1e-5", unlisted_delta="1e-6", accounting=accounting, per_question_percent=100
    )
    return replace(hospital(city=OPEN, **changes), budget=budget)


def visits(cities: dict[str, int], *, each: int = 2) -> list[dict[str, object]]:
    """So many patients of each city, with ``each`` visits there."""
    return [
        row(f"{city}-{n}", city=city, age="40", ward="1")
        for city, patients in cities.items()
        for n in range(patients)
        for _ in range(each)
    ]


def ask(box: Asked, sql: str = BY_CITY, nano: int = 100_000_000) -> dict[str, dict[str, float]]:
    from sandbox.domain.answer import document_of

    body = box.engine.answer(**box.where, sql=sql, nano=nano, atto_delta=DELTA)
    return {
        r["city"]: {k: v["value"] for k, v in r.items() if isinstance(v, dict)}
        for r in document_of(body)["rows"]
    }


@pytest.mark.parametrize("accounting", list(Accounting))
def test_common_values_are_shown_with_their_counts_and_rare_ones_are_not(
    tmp_path: Path, accounting: Accounting
) -> None:
    nano = 100_000_000 if accounting is Accounting.ZCDP else 2_000_000_000
    box = Asked(tmp_path, visits({"Kyiv": 900, "Łódź": 400, "only-she": 1, "both": 2}), town(accounting))
    found = ask(box, nano=nano)
    assert list(found) == ["Kyiv", "Łódź"]  # in an order that says nothing about rows
    assert found["Kyiv"]["u"] == pytest.approx(900, abs=60)
    assert found["Kyiv"]["n"] == pytest.approx(1800, abs=120)


def test_a_canary_that_one_patient_carries_is_in_no_answer(tmp_path: Path) -> None:
    box = Asked(tmp_path, visits({"Kyiv": 400, "CANARY-5417": 1}, each=4), town())
    for _ in range(20):
        body = box.engine.answer(**box.where, sql=BY_CITY, nano=10**10, atto_delta=DELTA)  # next to no noise
        assert b"CANARY" not in body
        assert b"Kyiv" in body  # the control: an answer does hold names


@pytest.mark.parametrize("accounting", list(Accounting))
@pytest.mark.parametrize("groups", [1, 3, 7])
def test_a_lone_key_comes_through_no_more_often_than_delta_says(accounting: Accounting, groups: int) -> None:
    """The audit, at a delta that can be measured. The control forgets the threshold's job and is caught."""
    price = Loss(40_000_000 if accounting is Accounting.ZCDP else 1_000_000_000, ATTO // 50)
    threshold = threshold_for(groups=groups, price=price, accounting=accounting)
    # Just at the floor: what one unit more makes of keys that FLOOR - 1 others share.
    hers = {(f"key {n}",): FLOOR for n in range(groups)}
    tries = 2_000

    def seen(by: Threshold) -> int:
        return sum(bool(shown(hers, by)) for _ in range(tries))

    delta = threshold.loss.delta
    assert seen(threshold) / tries <= delta + 4 * math.sqrt(delta / tries)
    lower = replace(threshold, least=(threshold.least + FLOOR) // 2)
    assert seen(lower) / tries > 2 * delta


def test_keys_below_the_floor_are_never_looked_at() -> None:
    careless = replace(
        threshold_for(groups=1, price=Loss(10**9, ATTO // 10), accounting=Accounting.ZCDP), least=FLOOR
    )
    for _ in range(200):
        assert set(shown({("a",): FLOOR - 1, ("b",): 50}, careless)) == {("b",)}


def test_one_unit_moves_at_most_as_many_counts_as_its_groups_and_each_by_one() -> None:
    """By enumeration over small tables: what ``shown`` hands to OpenDP, with and without one unit."""
    for groups in (1, 2, 3):
        for others in itertools.product(range(5), repeat=3):
            for hers in itertools.combinations(range(3), groups):
                without = [max(0, n - FLOOR + 1) for n in others]
                with_her = [max(0, n + (k in hers) - FLOOR + 1) for k, n in enumerate(others)]
                moved = [b - a for a, b in zip(without, with_her, strict=True)]
                assert sum(m != 0 for m in moved) <= groups
                assert max(map(abs, moved)) <= 1


@pytest.mark.parametrize("accounting", list(Accounting))
def test_the_price_is_opendp_s_own_and_no_lower_threshold_would_keep_it(accounting: Accounting) -> None:
    price = Loss(50_000_000, 10**9)
    threshold = threshold_for(groups=4, price=price, accounting=accounting)
    assert threshold.loss.fits_in(price)
    assert threshold.loss.nano >= price.nano - 1
    from sandbox.privacy.mechanisms.threshold import _price

    lower = _price(accounting, threshold.noise.scale, threshold.least - FLOOR, 4)
    assert not lower.fits_in(price)


def test_the_units_that_decide_are_paid_for_once_and_answer_the_count_of_units() -> None:
    policy = town()
    ready = plan(parse(BY_CITY, policy), policy, target=Loss(100_000_000))
    assert [m.target.name for m in ready.measurements] == ["rows", "units"]
    assert ready.threshold is not None
    assert ready.loss.atto_delta == ready.threshold.loss.atto_delta <= DELTA
    assert "is shown where its noisy number" in ready.text
    alone = plan(
        parse("select city, sum(age) s from visits group by city", policy), policy, target=Loss(10**8)
    )
    assert [m.target.name for m in alone.measurements] == ["units", "sum_age"]


def test_with_one_row_per_unit_a_count_is_the_number_that_decides() -> None:
    policy = town()
    policy = replace(policy, tables={"visits": replace(policy.tables["visits"], max_rows_per_unit=1)})
    ready = plan(parse(BY_CITY, policy), policy, target=Loss(100_000_000))
    assert [m.target.name for m in ready.measurements] == ["units"]


def test_empty_and_very_long_values_are_no_keys(tmp_path: Path) -> None:
    long = "x" * 10_000
    box = Asked(tmp_path, visits({"Kyiv": 300, long: 300, "": 300, "y" * 200: 300}), town())
    assert list(ask(box)) == ["Kyiv", "y" * 200]


def test_an_empty_table_has_no_keys_and_the_same_price(tmp_path: Path) -> None:
    box = Asked(tmp_path, [], town())
    assert ask(box) == {}


def test_a_listed_key_beside_an_unlisted_one(tmp_path: Path) -> None:
    box = Asked(tmp_path, visits({"Kyiv": 300}), town())
    sql = "select ward, city, count(*) n from visits where ward <= 2 group by ward, city"
    body = box.engine.answer(**box.where, sql=sql, nano=10**8, atto_delta=DELTA)
    assert b'"ward":1,"city":"Kyiv"' in body
    assert b'"ward":2' not in body


@pytest.mark.parametrize("each", [2, 4])
def test_a_unit_in_many_values_counts_in_as_many_as_it_may(tmp_path: Path, each: int) -> None:
    rows = [row(f"p{n}", city=f"city {k}") for n in range(400) for k in range(each)]
    found = ask(Asked(tmp_path, rows, town()), nano=10**9)
    assert {city: round(cells["u"], -2) for city, cells in found.items()} == {
        f"city {k}": 400 for k in range(each)
    }


# Money


def test_the_engine_wants_delta_charged(tmp_path: Path) -> None:
    box = Asked(tmp_path, visits({"Kyiv": 300}), town())
    with pytest.raises(BadInput, match="more than was charged"):
        box.engine.answer(**box.where, sql=BY_CITY, nano=10**8)
    ask(box)  # the control: with it, it answers


def test_delta_is_charged_and_runs_out(tmp_path: Path) -> None:
    policy = town()
    raw = write_csv(tmp_path / "visits.csv", visits({"Kyiv": 300}))
    data = PrivateData.publish(raw, policy, folder=tmp_path / "private")
    before = data.budget.spent
    answer = data.ask(f"{BY_CITY} order by n desc limit 1", epsilon=0.5)
    assert [r["city"] for r in answer["rows"]] == ["Kyiv"]  # top keys, for free
    spent = data.budget.spent.atto_delta - before.atto_delta
    assert 0 < spent <= DELTA
    assert answer["price"]["atto_delta"] == spent
    ledger = data.folder / "hospital.ledger.json"
    text = ledger.read_text()
    ledger.write_text(text.replace(f'"spent_atto_delta": {spent}', f'"spent_atto_delta": {10**12 - 1}'))
    with pytest.raises(OverBudget, match="unlisted"):
        data.ask(BY_CITY.replace("count(*)", "sum(age)"), epsilon=0.5)
    data.ask("select count(*) from visits", epsilon=0.5)  # what spends no delta goes on


def test_caps_keep_the_promise_of_epsilon_at_delta() -> None:
    budget = BudgetTerms(epsilon="2", delta="1e-6", unlisted_delta="5e-7")
    assert budget.guarantee.epsilon(budget.cap) <= 2
    assert budget.cap.atto_delta == 5 * 10**11
    assert budget.cap.nano < BudgetTerms(epsilon="2").cap.nano


# Refusals


def test_without_delta_set_aside_the_question_is_refused() -> None:
    policy = hospital(city=OPEN)
    with pytest.raises(QuestionRefused, match="no delta aside"):
        plan(parse(BY_CITY, policy), policy, target=Loss(10**8))


def test_without_the_policy_s_word_a_column_is_no_key() -> None:
    with pytest.raises(QuestionRefused, match="no listed values"):
        parse(BY_CITY, hospital())


def test_quantiles_by_unlisted_keys_are_refused() -> None:
    policy = town()
    with pytest.raises(QuestionRefused, match="Quantiles"):
        plan(parse("select city, median(age) from visits group by city", policy), policy, target=Loss(10**8))


@pytest.mark.parametrize(
    ("column", "budget", "problem"),
    [
        (Column(type=ColumnType.DATE, unlisted_keys=True), {"unlisted_delta": "5e-7"}, "text and integer"),
        (
            Column(type=ColumnType.TEXT, unlisted_keys=True, categories=("a",)),
            {"unlisted_delta": "5e-7"},
            "without categories",
        ),
        (OPEN, {}, "needs a part of delta"),
        (OPEN, {"unlisted_delta": "9e-7"}, "not a part of delta"),
        (OPEN, {"unlisted_delta": "-1"}, "not a part of delta"),
        (OPEN, {"unlisted_delta": "nan"}, "not a part of delta"),
    ],
)
def test_a_policy_that_cannot_hold_is_refused(column: Column, budget: dict[str, str], problem: str) -> None:
    policy = replace(hospital(city=column), budget=BudgetTerms(epsilon="8", **budget))  # type: ignore[arg-type]
    assert any(problem in mistake.problem for mistake in check(policy))
    good = replace(hospital(city=OPEN), budget=BudgetTerms(epsilon="8", unlisted_delta="5e-7"))
    assert not any(m.path[0] in ("budget", "tables") for m in check(good))  # the control


@pytest.mark.parametrize("rows_per_unit", [1, 4])
def test_units_with_a_condition_do_not_decide_which_keys_are_shown(
    tmp_path: Path, rows_per_unit: int
) -> None:
    """All units do, also where only some are asked about; and whatever is asked beside them is measured for these."""
    sql = (
        "select city, count(distinct patient_id) filter (where age < 10) young, count(distinct ward) w, "
        "corr(age, cost) r, count(*) filter (where ward = 1) n from visits group by city"
    )
    town_of = with_table(town(), max_rows_per_unit=rows_per_unit)
    ready = plan(parse(sql, town_of), town_of, target=Loss(10**10, DELTA))
    assert [m.target.name for m in ready.measurements if m.threshold is not None] == ["units"]
    box = Asked(tmp_path, visits({"Kyiv": 400, "only-she": 1}, each=1), town_of)
    found = ask(box, sql, nano=10**10)
    assert list(found) == ["Kyiv"]
    assert found["Kyiv"]["young"] == pytest.approx(0, abs=5)
    assert found["Kyiv"]["w"] == pytest.approx(1, abs=5)
    assert found["Kyiv"]["n"] == pytest.approx(400, abs=10)
