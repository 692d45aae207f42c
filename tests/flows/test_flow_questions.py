"""The journey of a question: what is charged when, and what the caller is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from sandbox.domain.errors import BadInput, NotAllowed, NotFound, OverBudget, QuestionRefused, Unanswered
from sandbox.flows.answer_question import Answered, grant_for
from sandbox.privacy.remote import EngineUnavailable

SQL = "SELECT sex, COUNT(*) AS n FROM loans GROUP BY sex"


def ask(world: Any, sql: str = SQL, *, epsilon: float = 0.5, person: str = "ana", key: str = "") -> Answered:
    answered: Answered = world.sandbox.answer_question.ask(
        world.person(person), world.grant, sql=sql, epsilon=epsilon, idempotency_key=key
    )
    return answered


def test_a_question_is_charged_asked_stored_and_logged(world: Any) -> None:
    answered = ask(world)
    assert not answered.cached
    assert world.spent() > 0
    assert world.sandbox.store.ledger.answer(answered.id) == answered.body
    assert world.actions()[-3:] == ["question.reserved", "question.started", "question.answered"]


def test_an_estimate_spends_nothing_and_names_the_price_that_is_charged(world: Any) -> None:
    estimate = world.sandbox.answer_question.estimate(world.person("ana"), world.grant, sql=SQL, epsilon=0.5)
    assert world.spent() == 0
    assert world.engine.asked == []
    ask(world)
    assert world.spent() == estimate.plan.loss.nano
    assert estimate.epsilon <= 0.5


def test_the_same_question_is_the_same_bytes_and_free(world: Any) -> None:
    first = ask(world)
    before = world.spent()
    again = ask(world, "select SEX, count( * ) n from LOANS group by sex")
    assert again.cached
    assert again.body == first.body
    assert world.spent() == before
    assert len(world.engine.asked) == 1


def test_another_order_or_cut_of_a_paid_answer_is_free_and_is_not_stored(world: Any) -> None:
    first = ask(world)
    before = world.spent()
    sorted_ = ask(world, f"{SQL} ORDER BY n DESC LIMIT 1")
    assert sorted_.cached
    assert world.spent() == before
    assert len(world.engine.asked) == 1
    assert [row["sex"] for row in sorted_.document()["rows"]] == ["male"]
    assert len(first.document()["rows"]) == 2
    assert world.sandbox.store.ledger.answer(sorted_.id) == first.body
    ask(world, "SELECT sex, COUNT(*) AS n, COUNT(amount) AS a FROM loans GROUP BY sex")  # the control
    assert world.spent() > before


def test_a_price_in_the_text_is_the_price(world: Any) -> None:
    text = SQL.replace("SELECT", "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS(epsilon = 0.5)")
    first = ask(world)
    assert ask(world, text).body == first.body
    with pytest.raises(BadInput, match="says epsilon"):
        ask(world, text, epsilon=0.4)


def test_a_share_is_of_the_project_s_quota_and_an_accuracy_finds_its_price(world: Any) -> None:
    flow, who = world.sandbox.answer_question, world.person("ana")
    quota = world.sandbox.store.ledger.accounts("loans", "model")[1].cap.nano
    share = flow.estimate(who, world.grant, sql=SQL, budget="5%")
    assert share.percent_of_project == pytest.approx(5, abs=0.001)
    exact = flow.estimate(who, world.grant, sql=SQL, accuracy="±20 at 95%")
    assert exact.plan.columns[0].error_95 == 20
    flow.ask(who, world.grant, sql=SQL, accuracy={"n": "±20"})
    assert world.spent() == exact.plan.loss.nano < quota
    with pytest.raises(BadInput, match="two prices"):
        flow.ask(who, world.grant, sql=SQL, accuracy="±20", epsilon=0.5)


def test_a_slightly_different_price_is_another_draw_and_is_paid_for(world: Any) -> None:
    """Averaging attack: many draws of one question are had only by paying for each."""
    bodies, before = set(), world.spent()
    for i in range(5):
        bodies.add(ask(world, epsilon=0.5 + i / 1000).body)
        assert world.spent() > before
        before = world.spent()
    assert len(bodies) == 5


def test_a_failure_after_the_charge_is_constant_and_stays_charged(world: Any) -> None:
    world.engine.fails = True
    with pytest.raises(Unanswered) as caught:
        ask(world)
    assert str(caught.value) == str(Unanswered())
    assert world.spent() > 0
    assert world.actions()[-1] == "question.failed"


def test_an_unforeseen_failure_of_the_engine_looks_the_same(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: Any) -> bytes:
        raise ZeroDivisionError("a value of a row: 4711")

    monkeypatch.setattr(world.engine, "answer", broken)
    with pytest.raises(Unanswered) as caught:
        ask(world)
    assert "4711" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert world.spent() > 0


def test_a_stopped_engine_costs_nothing_and_a_stored_answer_needs_none(world: Any) -> None:
    first = ask(world)
    before = world.spent()
    world.engine.down = True
    with pytest.raises(EngineUnavailable):
        ask(world, "SELECT COUNT(*) AS n FROM loans")
    assert world.spent() == before
    assert ask(world).body == first.body


@pytest.mark.parametrize(
    ("sql", "epsilon", "error"),
    [
        ("SELECT nothing FROM loans", 0.5, QuestionRefused),
        ("DROP TABLE loans", 0.5, QuestionRefused),
        (SQL, 0.0, BadInput),
        (SQL, float("nan"), BadInput),
        (SQL, 50.0, OverBudget),
    ],
)
def test_a_bad_question_costs_nothing_and_reaches_nobody(
    world: Any, sql: str, epsilon: float, error: type[Exception]
) -> None:
    with pytest.raises(error):
        ask(world, sql, epsilon=epsilon)
    assert world.spent() == 0
    assert world.engine.asked == []


def test_a_repeated_call_is_one_call(world: Any) -> None:
    first = ask(world, key="k")
    assert ask(world, key="k").body == first.body
    assert len(world.engine.asked) == 1


def test_answers_and_failures_leave_on_ticks(world: Any) -> None:
    slept: list[float] = []
    times = iter([10.0, 10.137, 20.0, 20.25])
    flow = replace(
        world.sandbox.answer_question, tick_ms=100, monotonic=lambda: next(times), sleep=slept.append
    )
    flow.ask(world.person("ana"), world.grant, sql=SQL, epsilon=0.5)
    world.engine.fails = True
    with pytest.raises(Unanswered):
        flow.ask(world.person("ana"), world.grant, sql="SELECT COUNT(*) AS n FROM loans", epsilon=0.5)
    assert slept == pytest.approx([0.063, 0.15])  # at 200 and at 400 ms: ticks double


def test_a_grant_that_ended_answers_nothing(world: Any, clock: list[datetime]) -> None:
    clock[0] += timedelta(days=31)
    with pytest.raises(NotAllowed) as caught:
        ask(world)
    assert caught.value.clause == "period"


def test_nobody_uses_anothers_grant(world: Any) -> None:
    with pytest.raises(NotAllowed) as caught:
        ask(world, person="ben")
    assert caught.value.clause == "people"


def test_the_grant_that_is_meant(world: Any) -> None:
    store, ana, today = world.sandbox.store, world.person("ana"), world.grant.starts
    assert grant_for(store, ana, grant_id=None, dataset=None, today=today) == world.grant
    assert grant_for(store, ana, grant_id=world.grant.id, dataset=None, today=today) == world.grant
    with pytest.raises(NotFound):
        grant_for(store, world.person("ben"), grant_id=world.grant.id, dataset=None, today=today)
    with pytest.raises(NotAllowed):
        grant_for(store, ana, grant_id=None, dataset="other", today=today)


def test_a_question_is_planned_once_and_another_price_or_limit_is_another_plan(world: Any) -> None:
    flow, ana = world.sandbox.answer_question, world.person("ana")
    first = flow.estimate(ana, world.grant, sql=SQL, epsilon=0.5)
    again = flow.estimate(ana, world.grant, sql=SQL.lower(), epsilon=0.5)
    assert again.plan is first.plan
    assert flow.estimate(ana, world.grant, sql=SQL, epsilon=0.6).plan is not first.plan
