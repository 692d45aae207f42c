"""A suspended column, tried from every side of the language: each way is refused, and was open before.

Two tables, so that it can be reached by joins, by a value worked out for each unit, by names given on the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.domain.application import Wish
from sandbox.domain.errors import NotAllowed
from sandbox.privacy.engine import LocalEngine
from sandbox.settings import Settings
from sandbox.wiring import build
from tests.fake_notebooks import FakeNotebooks

POLICY = """\
name: clinic
title: Clinic
open_class: conditional
provider: a clinic
source: a clinic
licence: CC0
owner: olga
unit: {column: patient, noun: patient}
tables:
  patients:
    max_rows: 100
    columns:
      patient: {type: integer}
      sex: {type: text, categories: [f, m]}
      age: {type: integer, lower: 0, upper: 100}
  visits:
    max_rows: 200
    max_rows_per_unit: 2
    columns:
      patient: {type: integer}
      kind: {type: text, categories: [a, b]}
      cost: {type: integer, lower: 0, upper: 100}
lookups:
  kinds:
    key: kind
    columns:
      - {name: kind, type: text}
      - {name: urgent, type: boolean}
    rows:
      - [a, true]
      - [b, false]
budget: {epsilon: '20', project_percent: 100, per_question_percent: 50}
release: {pool: [rita, ravi]}
"""
# What is asked, about the suspended column ``visits.cost``.
WAYS = {
    "aggregate": "SELECT SUM(cost) AS s FROM visits",
    "average": "SELECT kind, AVG(cost) AS s FROM visits GROUP BY kind",
    "quantile": "SELECT MEDIAN(cost) AS s FROM visits",
    "count of filled": "SELECT COUNT(cost) AS s FROM visits",
    "condition": "SELECT COUNT(*) AS n FROM visits WHERE cost > 50",
    "condition on an aggregate": "SELECT COUNT(*) FILTER (WHERE cost > 50) AS n FROM visits",
    "case in an aggregate": "SELECT SUM(CASE WHEN cost > 50 THEN 1 ELSE 0 END) AS n FROM visits",
    "key by bins": "SELECT CASE WHEN cost < 50 THEN 'low' ELSE 'high' END AS c, COUNT(*) AS n FROM visits GROUP BY 1",
    "alias": "SELECT SUM(v.cost) AS harmless FROM visits AS v",
    "upper case": "SELECT SUM(COST) AS s FROM VISITS",
    "with": "WITH w AS (SELECT * FROM visits) SELECT SUM(cost) AS s FROM w",
    "with, renamed": "WITH w AS (SELECT patient, cost AS harmless FROM visits) SELECT SUM(harmless) AS s FROM w",
    "subquery": "SELECT COUNT(*) AS n FROM (SELECT * FROM visits WHERE cost > 50)",
    "for each unit": (
        "SELECT COUNT(*) AS n FROM (SELECT patient, SUM(cost) AS whole FROM visits GROUP BY patient) WHERE whole > 50"
    ),
    "for each unit, unused": (
        "SELECT AVG(whole) AS n FROM (SELECT patient, SUM(cost) AS whole FROM visits GROUP BY patient)"
    ),
    "join": "SELECT sex, SUM(cost) AS s FROM patients JOIN visits USING (patient) GROUP BY sex",
    "join, condition": "SELECT COUNT(*) AS n FROM patients JOIN visits USING (patient) WHERE cost > 50",
    "join, side": (
        "SELECT COUNT(*) AS n FROM patients JOIN "
        "(SELECT patient, SUM(cost) AS whole FROM visits GROUP BY patient) USING (patient) WHERE whole > 10"
    ),
    "lookup": "SELECT SUM(cost) AS s FROM visits JOIN kinds USING (kind) WHERE urgent",
}
OTHERS = {
    "another column": "SELECT kind, COUNT(*) AS n FROM visits GROUP BY kind",
    "another table": "SELECT AVG(age) AS a FROM patients",
    "join without it": "SELECT sex, COUNT(*) AS n FROM patients JOIN visits USING (patient) GROUP BY sex",
}


@dataclass
class Clinic:
    sandbox: Any
    grant: Any

    def person(self, name: str) -> Any:
        return self.sandbox.store.people.get(name)

    def ask(self, sql: str, **more: Any) -> Any:
        return self.sandbox.answer_question.ask(
            self.person("ana"), self.grant, sql=sql, **{"epsilon": 0.05, **more}
        )

    def suspend(self, column: str = "cost", table: str = "visits") -> None:
        self.sandbox.suspend_dataset.suspend(
            self.person("olga"), "clinic", reason="An objection.", table=table, column=column
        )


@pytest.fixture
def clinic(world: Any, tmp_path: Path) -> Clinic:
    policy, patients, visits = (tmp_path / n for n in ("clinic.yaml", "patients.csv", "visits.csv"))
    policy.write_text(POLICY)
    patients.write_text("patient,sex,age\n" + "".join(f"{n},{'fm'[n % 2]},{n}\n" for n in range(60)))
    visits.write_text("patient,kind,cost\n" + "".join(f"{n},{'ab'[n % 2]},{n}\n" for n in range(60)))
    store = world.sandbox.store
    settings: Settings = world.sandbox.settings
    engine = LocalEngine(raw=settings.raw_dir, views=settings.views_dir)
    sandbox = build(settings, store=store, engine=engine, notebooks=FakeNotebooks(), clock=store.now)
    olga, ana = world.person("olga"), world.person("ana")
    sandbox.publish_dataset(olga, policy_file=policy, files={"patients": patients, "visits": visits})
    wish = Wish(project="care", purpose="To see what visits cost.", output_plan="Sums by sex.", days=30)
    made = sandbox.request_access.apply(ana, dataset="clinic", wish=wish)
    sandbox.request_access.approve(olga, made.id)
    return Clinic(sandbox, sandbox.request_access.sign(ana, made.id))


def test_every_way_to_the_column_is_open_before_and_closed_after(clinic: Clinic) -> None:
    for sql in (*WAYS.values(), *OTHERS.values()):
        assert clinic.ask(sql)  # the control: each of them is a question that is answered
    clinic.suspend()
    for way, sql in WAYS.items():
        with pytest.raises(NotAllowed) as caught:
            clinic.ask(sql, epsilon=0.07)
        assert caught.value.clause == "suspension", way
        with pytest.raises(NotAllowed):
            clinic.sandbox.answer_question.estimate(clinic.person("ana"), clinic.grant, sql=sql)
    for sql in OTHERS.values():
        assert clinic.ask(sql, epsilon=0.07)


def test_an_answer_that_is_stored_is_not_given_again(clinic: Clinic) -> None:
    sql = WAYS["aggregate"]
    first = clinic.ask(sql)
    assert clinic.ask(sql).body == first.body  # the control: it is stored
    clinic.suspend()
    for more in ({}, {"free": True, "epsilon": None}, {"idempotency_key": "again"}):
        with pytest.raises(NotAllowed):
            clinic.ask(sql, **more)
    assert clinic.ask(OTHERS["another column"])


def test_what_follows_from_a_stored_answer_is_not_given(clinic: Clinic) -> None:
    """Counts by kind say how many are of kind a; that count is not asked of the data, and stays shut all the same."""
    of_a = "SELECT COUNT(*) AS n FROM visits WHERE kind = 'a'"
    clinic.ask("SELECT kind, COUNT(*) AS n FROM visits GROUP BY kind", epsilon=4)
    assert clinic.ask(of_a).cached
    assert clinic.sandbox.store.ledger.lines()[-1].cost.nano == 0  # the control: it was derived, free
    clinic.suspend("kind")
    for sql in (of_a, "SELECT COUNT(*) AS n FROM visits WHERE kind = 'b'"):
        with pytest.raises(NotAllowed) as caught:
            clinic.ask(sql)
        assert caught.value.clause == "suspension"


def test_a_column_of_the_same_name_in_another_table_goes_on(clinic: Clinic) -> None:
    clinic.suspend("age", "patients")
    assert clinic.ask(WAYS["aggregate"])
    with pytest.raises(NotAllowed):
        clinic.ask("SELECT AVG(age) AS a FROM patients JOIN visits USING (patient)")


def test_checks_do_not_compute_a_table_of_it_again(clinic: Clinic) -> None:
    submit = clinic.sandbox.review_release.submit
    sql = "SELECT kind, SUM(cost) AS s FROM visits GROUP BY kind"

    def hand_in(question: str) -> Any:
        return submit(
            clinic.person("ana"),
            clinic.grant,
            files=[("t.csv", b"kind,s\na,30\nb,30\n")],
            context="Costs by kind, for the report.",
            sql={"t.csv": question},
        )

    assert hand_in(sql)
    clinic.suspend()
    with pytest.raises(NotAllowed) as caught:
        hand_in(sql)
    assert caught.value.clause == "suspension"
    assert hand_in(OTHERS["another column"])
