"""Private answers without a server: the same promises, on a folder."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.domain.errors import BadInput, Conflict, OverBudget, QuestionRefused, Tampered, Unanswered
from sandbox.domain.policy import BudgetTerms, Column, ColumnType, DatasetPolicy, OpenClass, Table, Unit
from sandbox.domain.privacy_loss import Accounting
from sandbox.privacy import PrivateData
from tests.privacy.made_up import LIMITS, hospital, many_visits, write_csv

POLICY = DatasetPolicy(
    name="people",
    title="People",
    open_class=OpenClass.CONDITIONAL,
    provider="made up",
    source="made up",
    licence="CC0",
    owner="olga",
    unit=Unit(column="id", noun="person"),
    tables={
        "people": Table(
            max_rows=1000,
            columns={
                "id": Column(type=ColumnType.INTEGER),
                "sex": Column(type=ColumnType.TEXT, categories=("f", "m")),
                "age": Column(type=ColumnType.INTEGER, lower=0, upper=120),
            },
        )
    },
    budget=BudgetTerms(epsilon="2", per_question_percent=100),
)
SQL = "SELECT sex, COUNT(*) AS n, AVG(age) AS mean FROM people GROUP BY sex"


@pytest.fixture
def data(tmp_path: Path) -> PrivateData:
    raw = tmp_path / "people.csv"
    raw.write_text("id,sex,age\n" + "".join(f"{i},{'fm'[i % 2]},{20 + i % 50}\n" for i in range(400)))
    return PrivateData.publish(raw, POLICY, folder=tmp_path / "private")


def test_a_question_is_answered_charged_and_kept(data: PrivateData) -> None:
    planned = data.estimate(SQL, epsilon=1.0)
    assert data.budget.spent.nano == 0
    answer = data.ask(SQL, epsilon=1.0)
    assert {row["sex"] for row in answer["rows"]} == {"f", "m"}
    assert all(row["n"]["low"] < row["n"]["value"] < row["n"]["high"] for row in answer["rows"])
    assert data.budget.spent == planned.loss
    assert data.ask("select sex, count(*) n, avg(age) mean from people group by sex", epsilon=1.0) == answer
    assert data.budget.spent == planned.loss


def test_the_budget_survives_publishing_again(data: PrivateData, tmp_path: Path) -> None:
    data.ask(SQL, epsilon=1.0)
    again = PrivateData.publish(tmp_path / "people.csv", POLICY, folder=data.folder)
    assert again.snapshot == data.snapshot
    assert again.budget.spent == data.budget.spent


def test_threads_cannot_overspend(data: PrivateData) -> None:
    price = data.estimate("SELECT COUNT(*) AS n FROM people WHERE age > 0", epsilon=0.6).loss.nano
    room = data.budget.cap.nano // price

    def ask(i: int) -> bool:
        try:
            data.ask(f"SELECT COUNT(*) AS n FROM people WHERE age > {i}", epsilon=0.6)
        except OverBudget:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(30))) == room
    assert room < 30  # the control: there were more questions than room


def test_a_failure_stays_charged(data: PrivateData, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> bytes:
        raise Unanswered

    monkeypatch.setattr(type(data.engine), "answer", fail)
    with pytest.raises(Unanswered):
        data.ask(SQL, epsilon=1.0)
    assert data.budget.spent == data.estimate(SQL, epsilon=1.0).loss


def test_a_refused_question_costs_nothing(data: PrivateData) -> None:
    for sql, error in (("SELECT * FROM people", QuestionRefused), (SQL, BadInput)):
        with pytest.raises(error):
            data.ask(sql, epsilon=0.5 if error is QuestionRefused else -1)
    assert data.budget.spent.nano == 0


def test_an_edited_ledger_is_not_believed(data: PrivateData) -> None:
    data.ask(SQL, epsilon=1.0)
    file = data.folder / "people.ledger.json"
    file.write_text(json.dumps({"spent_nano": -5}))
    with pytest.raises(Tampered):
        data.ask(SQL, epsilon=0.5)


def test_a_policy_without_a_budget_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        PrivateData.publish(tmp_path / "x.csv", replace(POLICY, budget=None), folder=tmp_path)


def test_a_lineage_keeps_its_accounting_for_life(tmp_path: Path) -> None:
    """Nanos of ρ read as nanos of ε would be new budget."""
    raw = write_csv(tmp_path / "visits.csv", many_visits(20))
    policy = hospital()
    data = PrivateData.publish(raw, policy, folder=tmp_path / "private", limits=LIMITS)
    data.ask("select count(*) from visits", epsilon=1.0)
    assert policy.budget is not None
    pure = replace(policy, budget=replace(policy.budget, accounting=Accounting.PURE, epsilon="0.9"))
    with pytest.raises(Conflict, match="zcdp"):
        PrivateData.publish(raw, pure, folder=tmp_path / "private", limits=LIMITS)
    PrivateData.publish(raw, policy, folder=tmp_path / "private", limits=LIMITS)  # the control
