"""The ledger: charged before it runs, never given back, the same question free."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from sandbox.domain.access import Grant
from sandbox.domain.budget import NEXT, ChargeState
from sandbox.domain.errors import (
    BadInput,
    Conflict,
    NotAllowed,
    NotFound,
    OperatorError,
    OverBudget,
    Tampered,
    Unanswered,
)
from sandbox.domain.privacy_loss import ZERO, Accounting, Guarantee, Loss
from sandbox.store import Reservation, Store
from sandbox.store.schema import lineage_accounts, questions
from tests.store.world import COST, Clock, answer, ask, did, furnish, grant_to, open_store, second_person


def spent(store: Store, project: str = "credit risk") -> tuple[int, int]:
    """(lineage, project), in nanos."""
    lineage, quota = store.ledger.accounts("loans", project)
    return lineage.spent.nano, quota.spent.nano


def test_a_reserved_question_is_spent_on_both_accounts_before_it_runs(store: Store, grant: Grant) -> None:
    reservation = ask(store, grant)
    assert reservation.charged == COST
    assert reservation.answer is None
    assert spent(store) == (1000, 1000)


def test_a_failed_question_stays_spent(store: Store, grant: Grant) -> None:
    reservation = ask(store, grant)
    store.ledger.fail(reservation.question_id, event=did())
    assert spent(store) == (1000, 1000)
    assert store.ledger.check_sums() == 1


def test_the_same_question_gets_the_same_bytes_and_costs_nothing(store: Store, grant: Grant) -> None:
    first = ask(store, grant, "SELECT COUNT(*) FROM loans")
    answer(store, first.question_id, b"the one answer")
    again = ask(store, grant, "SELECT COUNT(*) FROM loans")
    assert again.answer == b"the one answer"
    assert again.charged == ZERO
    assert spent(store) == (1000, 1000)
    assert store.ledger.answer(again.question_id) == b"the one answer"


def test_another_project_gets_the_stored_answer_free_too(store: Store, grant: Grant) -> None:
    answer(store, ask(store, grant, "q").question_id, b"one")
    ben = grant_to(store, "ben", project="housing")
    assert ask(store, ben, "q").answer == b"one"
    assert spent(store, "housing") == (1000, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"cost": Loss(2000)},
        {"snapshot": "snapshot-2"},
        {"policy_hash": "q" * 64},
        {"canonical": "another question"},
    ],
    ids=str,
)
def test_a_question_that_differs_in_anything_is_charged(
    store: Store, grant: Grant, change: dict[str, object]
) -> None:
    answer(store, ask(store, grant, "q").question_id)
    assert ask(store, grant, **{"canonical": "q", **change}).answer is None  # type: ignore[arg-type]


def test_a_repeated_call_with_its_key_is_the_same_call(store: Store, grant: Grant) -> None:
    first = ask(store, grant, "q", key="k-1")
    answer(store, first.question_id, b"one")
    entries = store.log.head().seq
    again = ask(store, grant, "q", key="k-1")
    assert (again.question_id, again.answer, again.charged) == (first.question_id, b"one", ZERO)
    assert store.log.head().seq == entries


def test_a_key_cannot_be_used_for_another_question(store: Store, grant: Grant) -> None:
    answer(store, ask(store, grant, "q", key="k-1").question_id)
    with pytest.raises(Conflict, match="another question"):
        ask(store, grant, "r", key="k-1")


def test_two_grants_may_use_the_same_key(store: Store, grant: Grant) -> None:
    ask(store, grant, "q", key="k-1")
    assert ask(store, grant_to(store, "ben", project="housing"), "r", key="k-1").answer is None


def test_a_repeated_call_that_failed_says_the_constant_error(store: Store, grant: Grant) -> None:
    first = ask(store, grant, "q", key="k-1")
    store.ledger.fail(first.question_id, event=did())
    with pytest.raises(Unanswered):
        ask(store, grant, "q", key="k-1")
    assert ask(store, grant, "q", key="k-2").charged == COST  # a new call is a new attempt, at its price


def test_the_same_question_in_flight_is_not_charged_again(store: Store, grant: Grant) -> None:
    ask(store, grant, "q")
    with pytest.raises(Conflict, match="is being answered"):
        ask(store, grant, "q")
    assert spent(store) == (1000, 1000)


def test_the_same_question_in_flight_is_waited_for(url: str, home: Path, clock: Clock) -> None:
    first: list[int] = []
    looks: list[float] = []

    def while_waiting(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:  # the first caller's engine answers meanwhile
            answer(store, first[0], b"for both")

    store = open_store(url, home, now=clock, sleep=while_waiting)
    grant = furnish(store, cap=Loss(10_000))
    first.append(ask(store, grant, "q").question_id)
    second = ask(store, grant, "q", wait_s=5)
    assert (second.answer, second.charged) == (b"for both", ZERO)
    assert spent(store) == (1000, 1000)
    store.close()


def test_when_the_one_in_flight_fails_the_waiting_one_runs_at_its_own_price(
    url: str, home: Path, clock: Clock
) -> None:
    first: list[int] = []
    store = open_store(url, home, now=clock, sleep=lambda _s: store.ledger.fail(first[0], event=did()))
    grant = furnish(store, cap=Loss(10_000))
    first.append(ask(store, grant, "q").question_id)
    assert ask(store, grant, "q", wait_s=5).charged == COST
    store.close()


def test_a_question_left_in_flight_blocks_nobody_for_long(store: Store, grant: Grant, clock: Clock) -> None:
    first = ask(store, grant, "q", key="k-1")
    clock.forward(minutes=9)
    with pytest.raises(Conflict):
        ask(store, grant, "q")  # the control: it may still be answered
    clock.forward(minutes=2)
    assert ask(store, grant, "q").charged == COST
    line = store.ledger.line(first.question_id)
    assert line is not None
    assert line.state is ChargeState.FAILED
    assert spent(store) == (2_000, 2_000)
    with pytest.raises(Conflict):
        store.ledger.start(first.question_id, event=did())  # too late: its answer is not sent
    with pytest.raises(Unanswered):
        ask(store, grant, "q", key="k-1")
    assert store.log.newest(limit=2)[1].event.action == "question.failed"


def test_over_budget_names_the_account_and_what_is_left(store: Store, grant: Grant) -> None:
    for _ in range(6):
        ask(store, grant)
    with pytest.raises(OverBudget, match="quota of project credit risk has ε=0 left"):
        ask(store, grant)
    ben = grant_to(store, "ben", project="housing")
    for _ in range(4):
        ask(store, ben)
    with pytest.raises(OverBudget, match="the budget of loans has ε=0 left"):
        ask(store, ben)
    assert spent(store) == (10_000, 6_000)


def test_a_refused_question_leaves_no_row_and_no_entry(store: Store, grant: Grant) -> None:
    before = store.log.head().seq, len(store.ledger.history(project="credit risk", lineage="loans"))
    with pytest.raises(OverBudget):
        ask(store, grant, cost=Loss(6_001))
    assert before == (store.log.head().seq, len(store.ledger.history(project="credit risk", lineage="loans")))


def test_a_question_has_to_cost_something(store: Store, grant: Grant) -> None:
    with pytest.raises(BadInput):
        ask(store, grant, cost=ZERO)


def test_delta_is_charged_and_capped_like_rho(store: Store) -> None:
    grant = furnish(store, cap=Loss(10_000, atto_delta=5))
    ask(store, grant, cost=Loss(10, atto_delta=3))
    with pytest.raises(OverBudget):
        ask(store, grant, cost=Loss(10, atto_delta=3))


def test_a_stopped_engine_costs_nothing_and_a_stored_answer_needs_none(store: Store, grant: Grant) -> None:
    def stopped() -> None:
        assert not store.database.in_transaction
        raise OperatorError("The engine is down.")

    def reserve(canonical: str) -> bytes | None:
        return store.ledger.reserve(
            grant=grant,
            lineage="loans",
            snapshot="snapshot-1",
            policy_hash="p" * 64,
            canonical=canonical,
            cost=COST,
            guarantee=Guarantee(1e-6),
            event=did(),
            before_charge=stopped,
        ).answer

    answer(store, ask(store, grant, "known").question_id, b"stored")
    assert reserve("known") == b"stored"
    with pytest.raises(OperatorError):
        reserve("unknown")
    assert spent(store) == (1000, 1000)


@pytest.mark.parametrize("now", list(ChargeState))
@pytest.mark.parametrize("verb", ["start", "settle", "fail"])
def test_a_charge_moves_only_along_its_states(
    store: Store, grant: Grant, now: ChargeState, verb: str
) -> None:
    number = ask(store, grant).question_id
    with store.database.transaction() as connection:
        connection.execute(update(questions).where(questions.c.id == number).values(state=now, answer=b"x"))
    call = {
        "start": lambda: store.ledger.start(number, event=did()),
        "settle": lambda: store.ledger.settle(number, b"x", event=did()),
        "fail": lambda: store.ledger.fail(number, event=did()),
    }[verb]
    to = {"start": ChargeState.RUNNING, "settle": ChargeState.RELEASED, "fail": ChargeState.FAILED}[verb]
    if to in NEXT[now]:
        call()
        found = store.ledger.line(number)
        assert found is not None
        assert found.state is to
    else:
        with pytest.raises(Conflict):
            call()


def test_unknown_questions_are_not_found(store: Store, grant: Grant) -> None:
    with pytest.raises(NotFound):
        store.ledger.start(99, event=did())
    with pytest.raises(NotFound):
        store.ledger.answer(ask(store, grant).question_id)
    assert store.ledger.line(99) is None


def test_a_stored_answer_that_was_changed_is_not_given_out(store: Store, grant: Grant) -> None:
    number = ask(store, grant, "q").question_id
    answer(store, number, b"true")
    with store.database.transaction() as connection:
        connection.execute(update(questions).values(answer=b"false"))
    with pytest.raises(Tampered, match=str(number)):
        store.ledger.answer(number)
    with pytest.raises(Tampered):
        ask(store, grant, "q")


def test_an_account_that_was_changed_is_found(store: Store, grant: Grant) -> None:
    ask(store, grant)
    assert store.ledger.check_sums() == 1
    with store.database.transaction() as connection:
        connection.execute(update(lineage_accounts).values(spent_nano=0))
    with pytest.raises(Tampered, match="loans"):
        store.ledger.check_sums()


# accounts


def test_opening_an_account_again_keeps_what_is_spent(store: Store, grant: Grant) -> None:
    ask(store, grant)
    account = store.ledger.open_account("loans", cap=Loss(10_000), project_cap=Loss(6_000), event=did())
    assert account.spent == COST


@pytest.mark.parametrize(("cap", "project_cap"), [(10_001, 6_000), (10_000, 6_001), (9_000, 7_000)])
def test_publishing_never_raises_a_budget(store: Store, grant: Grant, cap: int, project_cap: int) -> None:
    with pytest.raises(Conflict, match="would rise"):
        store.ledger.open_account("loans", cap=Loss(cap), project_cap=Loss(project_cap), event=did())


def test_a_lowered_cap_leaves_nothing_but_keeps_what_is_spent(store: Store, grant: Grant) -> None:
    ask(store, grant)
    ask(store, grant)
    account = store.ledger.open_account("loans", cap=Loss(1_500), project_cap=Loss(1_500), event=did())
    assert (account.spent.nano, account.left) == (2_000, ZERO)
    with pytest.raises(OverBudget):
        ask(store, grant, cost=Loss(1))


def test_raising_is_a_call_of_its_own_and_on_the_log(store: Store, grant: Grant) -> None:
    ask(store, grant)
    account = store.ledger.raise_cap(
        "loans",
        cap=Loss(20_000),
        project_cap=Loss(20_000),
        approval=second_person(),
        event=did("budget.raised", "lineage:loans"),
    )
    assert (account.cap.nano, account.spent) == (20_000, COST)
    assert store.log.newest(limit=1)[0].event.facts["cap_nano_was"] == 10_000


def test_one_person_alone_raises_nothing(store: Store, grant: Grant) -> None:
    alone = replace(second_person(), approved_by="olga")
    with pytest.raises(NotAllowed, match="olga proposed it"):
        store.ledger.raise_cap(
            "loans", cap=Loss(20_000), project_cap=Loss(20_000), approval=alone, event=did()
        )
    assert store.ledger.accounts("loans", "")[0].cap == Loss(10_000)


def test_a_lineage_without_an_account_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound):
        store.ledger.accounts("nothing", "p")


def test_a_budget_too_large_for_the_database_is_refused(store: Store) -> None:
    with pytest.raises(BadInput):
        store.ledger.open_account("x", cap=Loss(2**62 + 1), project_cap=Loss(1), event=did())


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    costs=st.lists(st.integers(1, 700), min_size=1, max_size=12),
    caps=st.tuples(st.integers(1, 2000), st.integers(1, 2000)),
)
def test_any_order_of_prices_spends_exactly_what_was_granted(
    tmp_path_factory: pytest.TempPathFactory, costs: list[int], caps: tuple[int, int]
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    store = open_store(f"sqlite:///{folder / 'state.db'}", folder)
    grant = furnish(store, cap=Loss(caps[0]), project_cap=Loss(caps[1]))
    granted = 0
    for cost in costs:
        if granted + cost <= min(caps):
            assert ask(store, grant, cost=Loss(cost)).charged == Loss(cost)
            granted += cost
        else:
            with pytest.raises(OverBudget):
                ask(store, grant, cost=Loss(cost))
    assert spent(store) == (granted, granted)
    store.close()


# recovery


def test_recovery_takes_the_questions_of_this_worker_and_of_the_dead_only(
    url: str, home: Path, clock: Clock
) -> None:
    portal = open_store(url, home, now=clock, worker="portal")
    other = open_store(url, home, now=clock, worker="elsewhere/boot/1/1")
    grant = furnish(portal, cap=Loss(10_000))
    mine, running, theirs = ask(portal, grant), ask(portal, grant), ask(other, grant)
    portal.ledger.start(running.question_id, event=did())
    assert portal.ledger.recover(event=did("ledger.recovered")) == (mine.question_id, running.question_id)
    assert spent(portal) == (3_000, 3_000)
    line = portal.ledger.line(theirs.question_id)
    assert line is not None
    assert line.state is ChargeState.RESERVED
    clock.forward(hours=2)
    assert portal.ledger.recover(event=did("ledger.recovered")) == (theirs.question_id,)
    assert spent(portal) == (3_000, 3_000)
    entries = portal.log.head().seq
    assert portal.ledger.recover(event=did("ledger.recovered")) == ()
    assert portal.log.head().seq == entries
    portal.close()
    other.close()


def test_history_is_newest_first_and_charges_are_those_paid(store: Store, grant: Grant) -> None:
    first = ask(store, grant, "q")
    answer(store, first.question_id)
    again = ask(store, grant, "q")
    history = store.ledger.history(project="credit risk", lineage="loans")
    assert [line.id for line in history] == [again.question_id, first.question_id]
    assert [line.cost for line in history] == [ZERO, COST]
    charged = store.ledger.charges_of("credit risk", "loans")
    assert [line.id for line in charged] == [first.question_id]


def test_sqlite_is_durable_and_keeps_its_references(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'state.db'}", tmp_path)
    with store.database.reading() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    store.close()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    with sqlite3.connect(tmp_path / "state.db") as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    raw.close()


# At other prices


def test_a_lower_price_is_served_the_best_answer_and_the_same_price_its_own(store: Store) -> None:
    grant = furnish(store, cap=Loss(100_000))
    for nano, body in ((1_000, b"rough"), (3_000, b"better"), (5_000, b"best")):
        answer(store, ask(store, grant, "q", cost=Loss(nano)).question_id, body)
    spent = store.ledger.accounts("loans", grant.project)[0].spent
    for nano, body in (
        (500, b"best"),
        (1_000, b"rough"),
        (2_000, b"best"),
        (3_000, b"better"),
        (5_000, b"best"),
    ):
        found = ask(store, grant, "q", cost=Loss(nano))
        assert (found.answer, found.charged) == (body, ZERO)
    assert store.ledger.accounts("loans", grant.project)[0].spent == spent
    assert ask(store, grant, "q", cost=Loss(5_001)).charged == Loss(5_001)  # the control


def test_an_answer_that_was_paid_for_in_two_parts_is_worth_both(store: Store) -> None:
    grant = furnish(store, cap=Loss(100_000))
    answer(store, ask(store, grant, "q", cost=Loss(1_000)).question_id, b"rough")
    refined = ask(store, grant, "q", cost=Loss(2_000), price=Loss(3_000))
    assert refined.charged == Loss(2_000)
    answer(store, refined.question_id, b"better")
    assert store.ledger.accounts("loans", grant.project)[0].spent == Loss(3_000)
    assert ask(store, grant, "q", cost=Loss(3_000)).answer == b"better"
    assert (
        ask(store, grant, "q", cost=Loss(2_000)).answer == b"better"
    )  # the part alone names no other answer
    kept = store.ledger.kept(dataset="loans", snapshot="snapshot-1", policy_hash="p" * 64)
    assert [(k.price, k.canonical) for k in kept] == [(Loss(3_000), "q"), (Loss(1_000), "q")]
    store.ledger.check_sums()


def test_what_is_derived_costs_nothing_and_serves_nobody_else(store: Store) -> None:
    grant = furnish(store, cap=Loss(100_000))

    def keep(body: bytes, key: str = "") -> Reservation:
        return store.ledger.keep_derived(
            grant=grant,
            lineage="loans",
            snapshot="snapshot-1",
            policy_hash="p" * 64,
            canonical="q",
            answer=body,
            idempotency_key=key,
            event=did("question.derived", "dataset:loans"),
        )

    first = keep(b"derived", key="k")
    assert (first.charged, first.answer) == (ZERO, b"derived")
    assert (keep(b"other", key="k").question_id, keep(b"other", key="k").answer) == (
        first.question_id,
        b"derived",
    )
    again = keep(b"derived")
    assert again.question_id != first.question_id
    assert store.ledger.answer(again.question_id) == b"derived"
    assert ask(store, grant, "q", cost=Loss(1)).charged == Loss(1)
    assert store.ledger.kept(dataset="loans", snapshot="snapshot-1", policy_hash="p" * 64) == ()
    store.ledger.check_sums()


def test_a_lineage_keeps_its_accounting_for_life(store: Store, grant: Grant) -> None:
    """Nanos of ρ read as nanos of ε would be new budget: it looks like a lower cap."""
    with pytest.raises(Conflict, match="zcdp"):
        store.ledger.open_account(
            "loans", cap=Loss(1), project_cap=Loss(1), event=did(), accounting=Accounting.PURE
        )
    store.ledger.open_account("loans", cap=Loss(1), project_cap=Loss(1), event=did())  # the control
