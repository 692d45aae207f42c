"""One queue over all projects, its clock, its reminders, its figures."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from sandbox.domain.errors import NotAllowed
from sandbox.domain.people import Person, Role
from sandbox.domain.release_clock import Turn, clock, turnaround, working_days_between
from sandbox.domain.release_states import Verb
from tests.flows.reviewing import AUDITOR, OTHER, A, R, resubmit, submit, vote


def test_the_longest_waiting_comes_first_over_all_projects(world: Any, clock: list[datetime]) -> None:
    first = submit(world)
    clock[0] += timedelta(days=1)
    second = submit(world, OTHER, grant=world.granted(project="another"))
    clock[0] += timedelta(days=1)
    vote(world, first, ("ravi", R), ("rosa", R))
    resubmit(world, first, b"sex,n\nfemale,64\nmale,44\n")  # came back later than the second
    queue = world.sandbox.review_queue.of(world.person("rita"))
    assert [q.view.release.id for q in queue] == [second.id, first.id]
    vote(world, second, ("rita", A))
    assert [q.view.release.id for q in world.sandbox.review_queue.of(world.person("rita"))] == [first.id]
    assert world.sandbox.store.releases.waiting_for("rita", datasets=["loans"])[0].id == first.id


def test_what_waits_too_long_is_told_once_each_time(world: Any, clock: list[datetime]) -> None:
    release = submit(world)  # a Monday
    remind = world.sandbox.review_queue.remind
    clock[0] = datetime.fromisoformat("2026-01-12T18:00:00+00:00")  # the fifth working day
    assert remind() == ()
    clock[0] += timedelta(days=1)
    assert remind() == (release.id,)
    assert remind() == ()
    (told,) = world.sandbox.store.log.newest(limit=5, action="release.overdue")
    assert told.event.facts == {"due": "2026-01-12", "turn": 1, "votes_missing": 2, "reviewers_left": 3}
    world.sandbox.hold_releases.hold(world.person("olga"), release.id, reason="To be looked at.")
    clock[0] += timedelta(days=30)
    assert remind() == ()  # what is on hold waits for nobody's vote
    world.sandbox.hold_releases.let_go(world.person("olga"), release.id)
    (waiting,) = world.sandbox.review_queue.all(AUDITOR)
    assert waiting.clock.overdue_days == 0  # the clock began anew


def test_figures_tell_how_long_decisions_took(world: Any, clock: list[datetime]) -> None:
    quick, slow = submit(world), submit(world, OTHER)
    vote(world, quick, ("rita", A), ("ravi", A))
    clock[0] += timedelta(days=14)
    vote(world, slow, ("rita", R), ("ravi", R))
    (line,) = world.sandbox.review_queue.turnaround(world.person("rita"))
    f = line.figures
    assert (f.decided, f.median_days, f.slow_days, f.in_time_percent) == (2, 0, 10, 50)
    assert f.decisions == {"approve": 1, "return": 1, "reject": 0}
    assert world.sandbox.review_queue.turnaround(world.person("ana")) == ()


def test_everything_that_waits_is_for_those_who_look_after_the_machine(world: Any) -> None:
    submit(world)
    assert world.sandbox.review_queue.all(Person("alma", frozenset({Role.ADMINISTRATOR})))
    with pytest.raises(NotAllowed):
        world.sandbox.review_queue.all(world.person("rita"))


@pytest.mark.parametrize("days", range(40))
def test_working_days_are_those_that_are_counted_one_by_one(days: int) -> None:
    for start in (date(2026, 1, 1) + timedelta(days=n) for n in range(7)):
        end = start + timedelta(days=days)
        counted = sum((start + timedelta(days=n + 1)).weekday() < 5 for n in range(days))
        assert working_days_between(start, end) == counted
        assert working_days_between(end, start) == (counted if days == 0 else 0)


def test_a_clock_over_a_weekend() -> None:
    friday = "2026-01-09T16:00:00+00:00"
    assert clock(friday, today=date(2026, 1, 16), days=5).overdue_days == 0
    assert clock(friday, today=date(2026, 1, 19), days=5).overdue_days == 1


def test_nothing_decided_has_no_figures() -> None:
    empty = turnaround([], days=5)
    assert (empty.decided, empty.median_days, empty.in_time_percent) == (0, None, None)
    late = Turn(
        release=1,
        turn=1,
        waiting_since="2026-01-05T09:00:00+00:00",
        decided_at="2026-01-05T10:00:00+00:00",
        decision=Verb.APPROVE,
    )
    assert turnaround([late], days=5).in_time_percent == 100
