"""A notice says that something is to be done for as long as it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from sandbox.domain.notice_rule import Notice, Topic, Urgency
from sandbox.domain.notices import RULES
from sandbox.domain.release import Decision
from sandbox.domain.results import Verb
from sandbox.flows.still_to_do import KINDS
from tests.portal.example_world import SMALL_CELL_TABLE, World
from tests.portal.markup import text_of
from tests.portal.society_world import furnished


@pytest.fixture(autouse=True)
def caught_up(world: World) -> None:
    world.sandbox.tell_people.catch_up()


def _marks(world: World, name: str) -> list[tuple[str, bool]]:
    """Kind, and whether it is over, of a person's notices that ask for something; newest first."""
    shown = world.sandbox.my_notices.page(world.person(name))
    return [(n.kind, n.id in shown.over) for n in shown.notices if n.urgency is not Urgency.NOTE]


def _page(world: World, name: str) -> str:
    return text_of(world.browser(name).get("/notices").text)


def test_every_row_that_asks_for_something_is_followed() -> None:
    asking = {rule.kind for rule in RULES.values() if rule.urgency is Urgency.SOON}
    assert asking <= KINDS
    assert set(RULES) >= KINDS


def test_an_application_is_decided_and_signed(world: World) -> None:
    application = world.applied()
    assert _marks(world, "olga") == [("application.submitted", False)]
    assert "for you to do" in _page(world, "olga")
    world.sandbox.request_access.approve(world.person("olga"), application.id)
    assert _marks(world, "olga") == [("application.submitted", True)]
    assert _marks(world, "ana") == [("application.approved", False)]
    page = _page(world, "olga")
    assert "dealt with" in page
    assert "for you to do" not in page
    world.sandbox.request_access.sign(world.person("ana"), application.id)
    assert _marks(world, "ana") == [("application.approved", True)]


def test_an_application_that_came_back_is_over_when_it_is_taken_back(world: World) -> None:
    application = world.applied()
    requests = world.sandbox.request_access
    requests.send_back(world.person("olga"), application.id, reason="Say for whom you do it.")
    assert _marks(world, "ana") == [("application.returned", False)]
    requests.withdraw(world.person("ana"), application.id)
    assert _marks(world, "ana") == [("application.returned", True)]


def test_of_a_declined_agreement_only_the_applicant_has_something_to_do(world: World) -> None:
    application = world.applied()
    world.sandbox.request_access.approve(world.person("olga"), application.id)
    world.sandbox.request_access.decline(
        world.person("ana"), application.id, reason="I have left the institute."
    )
    assert [kind for kind, _ in _marks(world, "olga")] == ["application.submitted"]
    assert "Somebody declined the agreement" in _page(world, "olga")


def test_a_reviewer_has_voted_and_another_has_not(world: World) -> None:
    release = world.submitted(world.granted())
    assert _marks(world, "rita") == _marks(world, "rosa") == [("release.submitted:reviewers left", False)]
    release = world.voted(release, ("rita", Decision.APPROVE, ""))
    assert _marks(world, "rita") == [("release.submitted:reviewers left", True)]
    assert _marks(world, "rosa") == [("release.submitted:reviewers left", False)]
    world.voted(release, ("ravi", Decision.RETURN, "Leave the second column out."))
    world.voted(release, ("rosa", Decision.RETURN, "Leave the second column out."))
    assert dict(_marks(world, "rosa"))["release.submitted:reviewers left"] is True
    assert dict(_marks(world, "ana"))["release.returned:requester"] is False


def test_a_requester_has_taken_back_what_a_check_stopped(world: World) -> None:
    stopped = world.submitted(world.granted(), files=(("h.csv", SMALL_CELL_TABLE),))
    assert dict(_marks(world, "ana"))["release.blocked:requester"] is False
    world.sandbox.review_release.withdraw(world.person("ana"), stopped.id)
    assert dict(_marks(world, "ana"))["release.blocked:requester"] is True


def test_a_stopped_import_is_over_once_another_is_asked_for(world: World) -> None:
    grant, ask = world.granted(), world.sandbox.import_files.ask
    ask(world.person("ana"), grant, files=[("bad.csv", b"\0")], why="Growth by region, beside the loans.")
    assert dict(_marks(world, "ana"))["import.blocked"] is False
    ask(world.person("ana"), grant, files=[("t.csv", b"a\n1\n")], why="Growth by region, beside the loans.")
    assert dict(_marks(world, "ana"))["import.blocked"] is True


def test_what_was_held_goes_on(world: World) -> None:
    world.submitted(world.granted())
    world.sandbox.suspend_dataset.suspend(world.person("olga"), "loans", reason="A row is wrong.")
    assert dict(_marks(world, "ana"))["release.held:requester"] is False
    assert dict(_marks(world, "rita"))["release.submitted:reviewers left"] is True  # nobody votes now
    world.sandbox.suspend_dataset.resume(world.person("olga"), "loans", reason="It was right.")
    assert dict(_marks(world, "ana"))["release.held:requester"] is True
    assert dict(_marks(world, "rita"))["release.submitted:reviewers left"] is False


def test_results_proposals_and_suspensions(world: World) -> None:
    made = furnished(world)
    proposal = world.proposed()
    waiting = [over for kind, over in _marks(world, "olga") if kind == "result.reported"]
    assert sorted(waiting) == [False, True]  # one was confirmed
    assert dict(_marks(world, "olga"))["policy.proposed"] is False
    world.sandbox.change_policy.approve(world.person("olga"), proposal.id)
    assert dict(_marks(world, "olga"))["policy.proposed"] is True
    result = world.sandbox.store.results.get(made.waiting)
    assert result is not None
    world.sandbox.report_result.decide(
        world.person("olga"), made.waiting, Verb.RETURN, version=result.version, reason="Which model is it?"
    )
    assert dict(_marks(world, "ana"))["result.returned"] is False
    suspending = world.sandbox.suspend_dataset
    suspending.suspend(world.person("olga"), "loans", reason="A row is wrong.")
    assert dict(_marks(world, "ana"))["dataset.suspended:users"] is False
    suspending.resume(world.person("olga"), "loans", reason="It was right.")
    assert dict(_marks(world, "ana"))["dataset.suspended:users"] is True


def _notice(kind: str, **values: str) -> Notice:
    return Notice(
        id=1,
        seq=1,
        person="ana",
        kind=kind,
        topic=Topic.ACCESS,
        urgency=Urgency.SOON,
        values=values,
        link="/",
        at="2025-03-10T09:30:00+00:00",
    )


def test_access_a_report_and_a_course(world: World) -> None:
    number = str(world.granted().application)
    still = world.sandbox.my_notices.still
    ends, due = _notice("grant.ends_soon", number=number), _notice("duty.reminded:due soon", number=number)
    assert not still.over(ends)
    day = world.sandbox.end_access.duties(world.sandbox.store.access.applications()[0])[-1].due.isoformat()
    assert not still.over(replace(due, values={"number": number, "due": day}))
    assert still.over(replace(due, values={"number": number, "due": "2001-01-01"}))  # it is owed no more
    world.sandbox.end_access.close(world.person("ana"), int(number))
    assert still.over(ends)
    course = _notice("training.ends_soon", course="safe_data", until="2025-04-01")
    assert not still.over(course)
    world.sandbox.look_after_people.record_training(
        world.person("alma"), "ana", course="safe_data", until=date(2026, 4, 1)
    )
    assert still.over(course)


@pytest.mark.parametrize(
    "kind", ["import.checked", "objection.received", "release.overdue", "something.else"]
)
def test_what_is_not_there_any_more_holds_nothing_up(world: World, kind: str) -> None:
    assert world.sandbox.my_notices.still.over(_notice(kind, number="999")) is (kind != "something.else")
    assert not world.sandbox.my_notices.still.over(replace(_notice(kind, number="999"), urgency=Urgency.NOTE))
