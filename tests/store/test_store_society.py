"""Demands, ratings, results and breaches, as they are kept: on both databases, each change with its event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from sandbox.domain import demands, results
from sandbox.domain.access import Grant
from sandbox.domain.audit import Event
from sandbox.domain.breaches import Measure, Notice
from sandbox.domain.demands import DemandState, Wish
from sandbox.domain.errors import Conflict, NotFound
from sandbox.domain.results import Made, ResultKind, ResultState
from sandbox.store import Store
from sandbox.store.breaches import Breaches
from sandbox.store.demands import Demands
from sandbox.store.ratings import Ratings
from sandbox.store.results import Results
from tests.store.test_store_writes import BROKEN, everything, reaches, silent_writes
from tests.store.world import Clock, did

WISH = Wish(title="Bus delays", data="One row for each departure.", holder="", purpose="To see who waits.")
MADE = Made(
    kind=ResultKind.PAPER,
    title="Who waits",
    authors="A. Ana",
    link="",
    made_on=date(2026, 1, 1),
    how_used="Counts.",
    citation_carried=True,
)
NOTICE = Notice(clause="condition 2", measure=Measure.WARNING, text="No source was named.")
PLAN, MERGE = demands.STEPS[0], demands.STEPS[3]
CONFIRM, AMEND = results.STEPS[0], results.STEPS[2]


def wanted(store: Store, **more: str) -> int:
    return store.demands.add(replace(WISH, **more), asker="", contact="", event=did("demand.asked")).id


@pytest.mark.parametrize("kind", [Demands, Ratings, Results, Breaches], ids=lambda kind: kind.__name__)
def test_every_changing_call_takes_an_event_and_writes_it(kind: type[Any]) -> None:
    assert silent_writes(kind) == []
    assert any(reaches(kind, n, "transaction") for n in vars(kind) if not n.startswith("_"))


def changes(store: Store, grant: Grant, event: Event) -> dict[str, Callable[[], object]]:
    """Every changing call, on something it can change."""
    quiet = did()
    first, second, third = wanted(store), wanted(store, title="Train delays"), wanted(store, title="Ships")
    demand = store.demands.get(first)
    assert demand is not None
    store.demands.set_hidden(third, "spam", event=quiet)
    result = store.results.add(MADE, grant=grant, event=quiet)
    other = store.results.add(replace(MADE, title="Another"), grant=grant, event=quiet)
    store.ratings.rate("loans", person="ana", stars=3, sentence="So so.", event=quiet)
    store.ratings.rate("loans", person="ben", stars=3, sentence="So so.", event=quiet)
    breach = store.breaches.add(NOTICE, dataset="loans", project="p", person="ana", event=quiet)
    add_breach: dict[str, str] = {"dataset": "loans", "project": "p", "person": ""}
    return {
        "demands.add": lambda: store.demands.add(
            replace(WISH, title="Bikes"), asker="ana", contact="a@b", event=event
        ),
        "demands.vote (person)": lambda: store.demands.vote(first, person="ana", event=event),
        "demands.vote (visitor)": lambda: store.demands.vote(first, person="", event=event),
        "demands.answer": lambda: store.demands.answer(demand, PLAN, text="Soon.", event=event),
        "demands.set_hidden": lambda: store.demands.set_hidden(second, "spam", event=event),
        "demands.set_hidden (show)": lambda: store.demands.set_hidden(third, "", event=event),
        "ratings.rate (new)": lambda: store.ratings.rate(
            "loans", person="rita", stars=5, sentence="", event=event
        ),
        "ratings.rate (again)": lambda: store.ratings.rate(
            "loans", person="ana", stars=5, sentence="", event=event
        ),
        "ratings.hide": lambda: store.ratings.hide("loans", person="ben", reason="spam", event=event),
        "results.add": lambda: store.results.add(replace(MADE, title="New"), grant=grant, event=event),
        "results.move": lambda: store.results.move(result, CONFIRM, event=event),
        "results.move (amend)": lambda: store.results.move(
            other, AMEND, made=replace(MADE, title="Better"), event=event
        ),
        "breaches.add": lambda: store.breaches.add(NOTICE, **add_breach, event=event),
        "breaches.lift": lambda: store.breaches.lift(breach.id, reason="wrong", event=event),
    }


def test_a_change_whose_event_cannot_be_written_does_not_happen(store: Store, grant: Grant) -> None:
    for name, call in changes(store, grant, BROKEN).items():
        before = everything(store)
        with pytest.raises(ValueError, match="float"):
            call()
        assert everything(store) == before, name


def test_the_same_changes_with_an_event_that_can_be_written_happen(store: Store, grant: Grant) -> None:
    for name, call in changes(store, grant, did("test.good")).items():
        before, head = everything(store), store.log.head().seq
        call()
        assert everything(store) != before, name
        assert store.log.head().seq == head + 1, name


def test_the_same_wish_is_asked_once_hidden_or_not(store: Store, grant: Grant) -> None:
    number = wanted(store)
    with pytest.raises(Conflict) as twice:
        wanted(store, title="bus   delays")
    assert str(number) in twice.value.fix
    store.demands.set_hidden(number, "spam", event=did())
    with pytest.raises(Conflict) as again:
        wanted(store)
    assert again.value.fix == ""
    assert wanted(store, title="Train delays")


def test_a_person_votes_once_and_visitors_are_counted_apart(store: Store, grant: Grant) -> None:
    number = wanted(store)
    store.demands.vote(number, person="ana", event=did())
    with pytest.raises(Conflict):
        store.demands.vote(number, person="ana", event=did())
    store.demands.vote(number, person="ben", event=did())
    for _ in range(3):
        demand = store.demands.vote(number, person="", event=did())
    assert (demand.votes, demand.visitor_votes) == (2, 3)
    assert store.demands.voted("ana", [number, 99]) == {number}
    with pytest.raises(NotFound):
        store.demands.vote(99, person="", event=did())


def test_two_who_answer_at_once_are_one_answer(store: Store, grant: Grant) -> None:
    demand = store.demands.get(wanted(store))
    assert demand is not None
    store.demands.answer(demand, PLAN, text="Soon.", event=did())
    with pytest.raises(Conflict, match="planned"):
        store.demands.answer(demand, PLAN, text="Never.", event=did())
    now = store.demands.get(demand.id)
    assert now is not None
    assert now.answer == "Soon."


def test_the_list_is_by_votes_or_by_age_and_the_hidden_are_apart(store: Store, grant: Grant) -> None:
    first, second, third = (wanted(store, title=f"Demand {n}") for n in range(3))
    store.demands.vote(first, person="ana", event=did())
    store.demands.vote(second, person="", event=did())
    store.demands.vote(second, person="ben", event=did())
    store.demands.set_hidden(third, "spam", event=did())

    def numbers(**more: Any) -> list[int]:
        return [d.id for d in store.demands.page(**{"offset": 0, "limit": 10, **more}).demands]

    assert numbers() == [second, first]
    assert numbers(newest=True) == [second, first]
    assert numbers(hidden=True) == [third]
    assert numbers(offset=1) == [first]
    assert numbers(states=[DemandState.PLANNED]) == []
    assert store.demands.page(offset=5, limit=1).total == 2
    assert store.figures.demands_by_state() == {"asked": 2, "hidden": 1}


def test_what_was_asked_today_is_counted(store: Store, grant: Grant, clock: Clock) -> None:
    morning = clock.moment
    wanted(store)
    store.demands.add(replace(WISH, title="Mine"), asker="ana", contact="", event=did())
    assert store.demands.asked_since(morning, visitors=True) == 1
    assert store.demands.asked_since(morning, person="ana") == 1
    assert store.demands.asked_since(morning, person="ben") == 0
    assert store.demands.asked_since(morning + timedelta(days=1), visitors=True) == 0


def test_a_contact_is_kept_in_its_row_and_nowhere_else(store: Store, grant: Grant) -> None:
    made = store.demands.add(WISH, asker="", contact="eva@example.org", event=did())
    assert store.demands.contact(made.id) == "eva@example.org"
    rows = everything(store)
    assert [name for name, found in rows.items() if "eva@" in repr(found)] == ["demands"]
    assert "eva@" not in repr(made)


def test_a_rating_is_changed_in_place_and_a_hidden_sentence_stays_hidden(store: Store, grant: Grant) -> None:
    store.ratings.rate("loans", person="ana", stars=1, sentence="Buy now!", event=did())
    store.ratings.hide("loans", person="ana", reason="spam", event=did())
    assert store.ratings.rate("loans", person="ana", stars=2, sentence="Buy now!", event=did()).hidden
    assert not store.ratings.rate("loans", person="ana", stars=2, sentence="Good.", event=did()).hidden
    assert [r.stars for r in store.ratings.of_dataset("loans")] == [2]
    entry = store.log.newest(limit=1)[0]
    assert (entry.event.facts["stars"], entry.event.facts["stars_were"]) == (2, 2)


def test_a_project_reports_the_same_once(store: Store, grant: Grant) -> None:
    first = store.results.add(MADE, grant=grant, event=did())
    with pytest.raises(Conflict):
        store.results.add(replace(MADE, title="WHO WAITS"), grant=grant, event=did())
    other = store.results.add(replace(MADE, kind=ResultKind.MODEL), grant=grant, event=did())
    with pytest.raises(Conflict):
        store.results.move(other, AMEND, made=MADE, event=did())
    assert [r.id for r in store.results.of_project(grant.project)] == [first.id, other.id]


def test_only_confirmed_results_of_known_datasets_are_on_the_register(store: Store, grant: Grant) -> None:
    first = store.results.add(MADE, grant=grant, event=did())
    store.results.add(replace(MADE, title="Unconfirmed"), grant=grant, event=did())
    store.results.move(first, CONFIRM, event=did())
    page = store.results.confirmed(offset=0, limit=10, dataset="loans")
    assert ([r.id for r in page.results], page.total) == ([first.id], 1)
    assert page.results[0].state is ResultState.CONFIRMED
    assert store.results.confirmed(offset=0, limit=10, dataset="other").total == 0
    with pytest.raises(Conflict):
        store.results.move(first, CONFIRM, event=did())


def test_figures_are_counted_for_the_named_datasets(store: Store, grant: Grant) -> None:
    from tests.store.world import ask

    ask(store, grant)
    ask(store, grant)
    assert store.figures.questions_by_dataset(["loans"]) == {"loans": 2}
    assert store.figures.questions_by_month(["loans"]) == {"2026-03": 2}
    assert store.figures.questions_by_month(["other"]) == {}
    assert store.figures.releases_by_status(["loans"]) == {}
    assert store.figures.projects()[("loans", "credit risk")].percent == pytest.approx(100 * 2000 / 6000)
    assert store.figures.lineages()["loans"].percent == pytest.approx(20.0)
    assert store.figures.moments("question.reserved")
