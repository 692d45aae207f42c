"""Who is told of what: the right people, once, in order, and nothing that is not theirs to know."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from sandbox.domain.application import Wish
from sandbox.domain.audit import Event
from sandbox.domain.errors import NotFound, OperatorError
from sandbox.domain.notice_choices import Channel
from sandbox.domain.people import Role
from sandbox.domain.policy import Mode
from sandbox.flows.tell_people import TellPeople
from tests.flows.noticing import Desk, desk_of
from tests.flows.objecting import decided, objected
from tests.flows.reviewing import OTHER, A, R, X, released, resubmit, submit, vote

EVERYBODY = ("ana", "ben", "olga", "rita", "ravi", "rosa", "ada")


@pytest.fixture
def desk(world: Any, clock: list[datetime]) -> Desk:
    return desk_of(world, clock)


def wish(**more: Any) -> Wish:
    terms = {
        "project": "another",
        "purpose": "Model the default risk of loans.",
        "days": 30,
        "mode": Mode.QUERY,
    }
    return Wish(**{**terms, "output_plan": "Counts by sex.", **more})


def news(desk: Desk, act: Callable[[], object]) -> dict[str, list[str]]:
    """What an act tells whom."""
    before = {name: desk.told(name) for name in EVERYBODY}
    act()
    return {name: found for name in EVERYBODY if (found := desk.news(name, since=before[name]))}


def test_an_applications_life(desk: Desk) -> None:
    world = desk.world
    access, ana, olga = world.sandbox.request_access, world.person("ana"), world.person("olga")
    made: list[Any] = []
    assert news(
        desk, lambda: made.append(access.apply(ana, dataset="loans", wish=wish(members=("ben",))))
    ) == {"olga": ["application.submitted"]}
    number = made[0].id
    back = lambda: access.send_back(olga, number, reason="Say more of the purpose.")  # noqa: E731
    assert news(desk, back) == {"ana": ["application.returned"]}
    access.edit(ana, number, wish(members=("ben",), purpose="Model the default risk of loans by sex."))
    assert news(desk, lambda: access.submit(ana, number)) == {"olga": ["application.submitted"]}
    assert news(desk, lambda: access.approve(olga, number)) == {
        "ana": ["application.approved"],
        "ben": ["application.approved"],
    }
    assert news(desk, lambda: access.sign(ana, number)) == {}
    assert news(desk, lambda: access.sign(world.person("ben"), number)) == {
        "ana": ["grant.began"],
        "ben": ["grant.began"],
    }
    taken = lambda: world.sandbox.end_access.remove_member(olga, number, member="ben", reason="Left.")  # noqa: E731
    assert news(desk, taken) == {"ben": ["grant.member_removed"]}
    assert news(desk, lambda: world.sandbox.end_access.revoke(olga, number, reason="A breach.")) == {
        "ana": ["grant.revoked"],
        "ben": ["grant.revoked"],
    }


def test_of_a_draft_nobody_else_hears(desk: Desk) -> None:
    world = desk.world
    access, ana = world.sandbox.request_access, world.person("ana")

    def drafted(draft: bool) -> None:
        made = access.apply(ana, dataset="loans", wish=wish(), draft=draft)
        access.withdraw(ana, made.id)

    assert news(desk, lambda: drafted(True)) == {}
    assert news(desk, lambda: drafted(False)) == {
        "olga": ["application.submitted", "application.withdrawn"]
    }  # the control


def test_a_requests_life(desk: Desk) -> None:
    world = desk.world
    made: list[Any] = []
    assert news(desk, lambda: made.append(submit(world))) == {
        name: ["release.submitted:reviewers left"] for name in ("rita", "ravi", "rosa")
    }
    release = made[0]
    assert news(desk, lambda: vote(world, release, ("rita", R), ("ravi", R))) == {
        "ana": ["release.returned:requester"],
        "rita": ["release.reviewed:voters"],
        "ravi": ["release.reviewed:voters"],
    }
    again = lambda: resubmit(world, release)  # noqa: E731
    assert news(desk, again) == {
        name: ["release.submitted:reviewers left"] for name in ("rita", "ravi", "rosa")
    }
    out = news(desk, lambda: vote(world, release, ("rita", A), ("rosa", A)))
    assert out["ana"] == ["release.released:requester"]
    called_back = lambda: world.sandbox.hold_releases.recall(  # noqa: E731
        world.person("olga"), release.id, reason="It holds a mistake."
    )
    assert news(desk, called_back)["ana"] == ["release.recalled:requester"]


def test_what_a_check_stopped_is_no_business_of_reviewers(desk: Desk) -> None:
    """A verdict on rows would be an answer; this one is on the file alone."""
    world = desk.world
    blocked = news(desk, lambda: submit(world, files=[("t.csv", b"id,sex\n1,female\n2,male\n3,male\n")]))
    assert set(blocked) <= {"ana"} or blocked == {
        name: ["release.submitted:reviewers left"] for name in ("rita", "ravi", "rosa")
    }


# Blinding: until the last vote is in, a requester learns neither that anybody voted, nor how many, nor when.


def seen_by(desk: Desk, name: str) -> tuple[Any, ...]:
    """All that somebody is told, inside and outside, to the last letter."""
    return (
        [replace(notice, id=0) for notice in desk.notices(name)],
        desk.mine.unread(desk.world.person(name)),
        [(m.notices, m.made_at) for m in desk.messages(name)],
    )


OUTSIDERS = ("ana", "ben", "olga", "ada", "alma")


@pytest.mark.parametrize("first", [A, R, X])
def test_nobody_but_reviewers_learns_of_a_vote_before_all_are_in(desk: Desk, first: Any) -> None:
    world = desk.world
    add(world, "alma", Role.ADMINISTRATOR)
    for name in OUTSIDERS:
        desk.reach(name)
    release = submit(world)
    before = {name: seen_by(desk, name) for name in OUTSIDERS}
    vote(world, release, ("rita", first))
    assert {name: seen_by(desk, name) for name in OUTSIDERS} == before
    vote(world, release, ("ravi", R))  # the control: now all are in, or one more decides
    if first is A:
        assert seen_by(desk, "rosa")[0][-1].kind == "release.further_asked:reviewers left"
        assert {name: seen_by(desk, name) for name in OUTSIDERS} == before
        vote(world, release, ("rosa", R))
    assert seen_by(desk, "ana") != before["ana"]


def test_a_voided_vote_is_told_to_reviewers_alone(desk: Desk) -> None:
    world = desk.world
    release = submit(world)
    vote(world, release, ("rita", A))
    before = {name: seen_by(desk, name) for name in ("ana", "ben", "olga", "ada")}
    event = Event("t", "person.deactivated", "person:rita")
    world.sandbox.store.people.set_active("rita", False, event=event)
    vote(world, release, ("ravi", A))
    assert "release.vote_voided:reviewers left" in desk.told("rosa")
    assert {name: seen_by(desk, name) for name in before} == before


def test_members_of_the_project_are_not_asked_to_review_it(desk: Desk) -> None:
    world = desk.world
    made = world.sandbox.request_access.apply(
        world.person("ana"), dataset="loans", wish=wish(members=("ben",), project="of both")
    )
    world.sandbox.request_access.approve(world.person("olga"), made.id)
    for name in ("ben", "ana"):
        grant = world.sandbox.request_access.sign(world.person(name), made.id)
    text = world.policy_file.read_text().replace("pool: [rita", "pool: [ben, rita")
    world.policy_file.write_text(text)
    world.agreed()
    told = news(desk, lambda: submit(world, OTHER, grant=grant))
    assert "ben" not in told
    assert "rita" in told  # the control


def test_overdue_reviews_are_told_to_those_who_may_still_vote(desk: Desk, clock: list[datetime]) -> None:
    world = desk.world
    release = submit(world)
    vote(world, release, ("rita", A))
    clock[0] += timedelta(days=14)
    told = news(desk, lambda: world.sandbox.review_queue.remind())
    assert told == {"ravi": ["release.overdue"], "rosa": ["release.overdue"]}


def test_an_owner_is_told_when_too_few_are_left(desk: Desk, clock: list[datetime]) -> None:
    world = desk.world
    submit(world)
    for name in ("rosa", "ravi"):
        world.sandbox.store.people.set_active(
            name, False, event=Event("t", "person.deactivated", f"person:{name}")
        )
    clock[0] += timedelta(days=14)
    told = news(desk, lambda: world.sandbox.review_queue.remind())
    assert told == {"rita": ["release.overdue"], "olga": ["release.overdue:too few reviewers"]}


# Suspensions, objections, policies, accounts


def test_a_suspension_is_told_to_those_whom_it_stops(desk: Desk) -> None:
    world = desk.world
    submit(world)
    suspend = lambda: world.sandbox.suspend_dataset.suspend(  # noqa: E731
        world.person("olga"), "loans", reason="To be looked at."
    )
    told = news(desk, suspend)
    assert told["ana"] == ["dataset.suspended:users", "release.held:requester"]
    assert told["rita"] == ["release.held:reviewers"]
    assert "olga" not in told  # she did it
    resume = lambda: world.sandbox.suspend_dataset.resume(  # noqa: E731
        world.person("olga"), "loans", reason="All is well."
    )
    assert news(desk, resume)["ana"] == ["dataset.resumed", "release.resumed:requester"]


def test_an_objection_reaches_the_owner_and_its_outcome_the_objector(desk: Desk) -> None:
    world = desk.world
    made: list[Any] = []
    told = news(desk, lambda: made.append(objected(world, person=world.person("ben"))))
    assert told["olga"] == ["objection.received", "dataset.suspended:owner"]
    assert "ben" not in told
    from sandbox.domain.objection import Verb

    out = news(desk, lambda: decided(world, made[0].objection, Verb.DISMISS))
    assert out["ben"] == ["objection.looked_at", "objection.dismissed"]
    for notice in desk.notices("olga"):
        assert "ben" not in str(notice)


def test_a_visitors_objection_is_told_to_nobody_as_theirs(desk: Desk) -> None:
    told = news(desk, lambda: objected(desk.world))
    assert told["olga"][0] == "objection.received"
    assert "ben" not in told


def test_a_policy_change_waits_for_the_second_person(desk: Desk) -> None:
    world = desk.world
    add(world, "alma", Role.ADMINISTRATOR)
    world.policy_file.write_text(world.policy_file.read_text().replace("epsilon: '4'", "epsilon: '5'"))
    before = desk.told("alma")
    proposal = world.sandbox.change_policy.apply(
        world.person("olga"), world.policy_file, reason="More were asked than expected."
    ).proposal
    assert desk.news("alma", since=before) == ["policy.proposed"]
    told = news(desk, lambda: world.sandbox.change_policy.approve(world.person("alma"), proposal.id))
    assert told["olga"] == ["policy.approved"]


def test_who_did_it_is_not_told_but_of_their_own_account(desk: Desk) -> None:
    world = desk.world
    ana = world.person("ana")
    changed = lambda: world.sandbox.my_account.change_password(  # noqa: E731
        ana, password="a long password", new="another long one", again="another long one"
    )
    assert news(desk, changed) == {"ana": ["person.password_changed"]}


# Time


def test_what_ends_soon_is_told_once_for_each_of_the_days(desk: Desk, clock: list[datetime]) -> None:
    world = desk.world
    ends, remind = world.grant.ends, world.sandbox.remind_ends.grants
    start = clock[0]

    def at(days: int) -> dict[str, list[str]]:
        clock[0] = start + (ends - start.date()) - timedelta(days=days)
        return news(desk, remind)

    told = {"ana": ["grant.ends_soon"]}
    assert [at(days) for days in (15, 14, 13, 4, 3, 2, 0)] == [{}, told, {}, {}, told, {}, {}]
    clock[0] = start + (ends - start.date()) + timedelta(days=1)
    assert news(desk, world.sandbox.end_access.expire) == {"ana": ["grant.expired"]}


def test_duties_are_told_in_their_states(desk: Desk, clock: list[datetime]) -> None:
    world = desk.world
    clock[0] += timedelta(days=365)
    world.sandbox.end_access.expire()
    desk.tell.catch_up()
    assert news(desk, world.sandbox.end_access.remind)["ana"] == ["duty.reminded:blocking"]
    (notice,) = (n for n in desk.notices("ana") if n.kind == "duty.reminded:blocking")
    assert set(notice.values) == {"number", "dataset", "project", "due"}


def test_unusual_use_is_told_once_a_day_and_stops_nothing(desk: Desk, clock: list[datetime]) -> None:
    world = desk.world
    watch = replace(world.sandbox.watch_use, terms=replace(desk.tell.terms, refusals_a_day=3))
    refused = Event("ana", "access.denied", f"grant:{world.grant.id}", {"action": "ask", "clause": "budget"})
    for _ in range(2):
        world.sandbox.store.log.record(refused)
    assert news(desk, watch) == {}
    world.sandbox.store.log.record(refused)
    assert news(desk, watch) == {"olga": ["use.unusual:owner"]}
    assert news(desk, watch) == {}
    clock[0] += timedelta(days=2)
    assert news(desk, watch) == {}  # a day later nothing is unusual
    world.sandbox.answer_question.ask(
        world.person("ana"), world.grant, sql="SELECT COUNT(*) AS n FROM loans", epsilon=0.01
    )


def test_many_wrong_sign_ins_are_told_to_the_accounts_person(desk: Desk) -> None:
    watch = replace(desk.world.sandbox.watch_use, terms=replace(desk.tell.terms, wrong_sign_ins_a_day=2))
    for name in ("ana", "ana", "unknown", "unknown", "ben"):
        desk.world.sandbox.store.log.record(
            Event("system:sign_in", "person.sign_in_refused", f"person:{name}")
        )
    assert news(desk, watch) == {"ana": ["person.sign_in_unusual"]}


# Once, in order, whatever happens


def test_each_entry_is_told_once_however_often_one_looks(desk: Desk) -> None:
    submit(desk.world)
    desk.tell.catch_up()
    before = {name: desk.told(name) for name in EVERYBODY}
    threads = [threading.Thread(target=desk.tell.catch_up) for _ in range(4)]
    submit(desk.world, OTHER)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert desk.news("rita", since=before["rita"]) == ["release.submitted:reviewers left"]
    assert desk.tell.catch_up() == 0


class Died(BaseException):
    """The process ended here."""


class Dying(TellPeople):
    """Ends while it writes the messages of a notice."""

    def _send(self, kept: Any) -> None:
        super()._send(kept)
        raise Died


def test_nothing_is_lost_or_told_twice_when_the_process_dies_in_the_middle(desk: Desk) -> None:
    world, tell = desk.world, desk.tell
    for name in ("rita", "ravi", "rosa"):
        desk.reach(name)
    submit(world)
    dying = Dying(store=tell.store, who=tell.who, terms=tell.terms, channels=tell.channels, now=tell.now)
    cursor = tell.store.notices.cursor()
    with pytest.raises(Died):
        dying.catch_up()
    assert tell.store.notices.cursor() == cursor
    assert tell.store.notices.page("rita")[1] == 0
    assert desk.messages("rita") == []
    assert desk.told("rita") == ["release.submitted:reviewers left"]
    assert [m.channel for m in desk.messages("rita")] == [Channel.MAIL, Channel.WEBHOOK]


def test_an_entry_that_cannot_be_worked_out_holds_up_no_other(desk: Desk, caplog: Any) -> None:
    log = desk.world.sandbox.store.log
    for name in ("release:9999", "release:x", "dataset:no_such", "application:0", "proposal:77", "elsewhere"):
        for action in ("release.released", "dataset.suspended", "grant.began", "policy.proposed"):
            log.record(Event("t", action, name))
    log.record(Event("t", "person.roles_set", "person:ana"))
    assert desk.told("ana")[-1] == "person.roles_set"
    assert desk.world.sandbox.store.notices.behind() is False


def test_a_database_that_is_away_moves_nothing_on(desk: Desk) -> None:
    class Away:
        def __call__(self, *words: Any) -> Any:
            raise OperatorError("The database failed: locked.")

    submit(desk.world)
    cursor = desk.tell.store.notices.cursor()
    with pytest.raises(OperatorError):
        replace(desk.tell, who=Away()).catch_up()
    assert desk.tell.store.notices.cursor() == cursor
    assert desk.told("rita") == ["release.submitted:reviewers left"]


def test_a_closed_account_is_told_nothing(desk: Desk) -> None:
    world = desk.world
    world.sandbox.store.people.set_active(
        "rosa", False, event=Event("t", "person.deactivated", "person:rosa")
    )
    told = news(desk, lambda: submit(world))
    assert sorted(told) == ["ravi", "rita"]


def test_a_new_installation_and_an_upgraded_one_begin_where_the_log_stands(desk: Desk) -> None:
    assert desk.tell.store.notices.cursor() == desk.tell.store.log.head().seq


# Reading


def test_one_reads_ones_own(desk: Desk) -> None:
    world, mine = desk.world, desk.mine
    submit(world)
    rita, ravi = world.person("rita"), world.person("ravi")
    page = mine.page(rita)
    assert (page.total, page.unread) == (1, 1)
    with pytest.raises(NotFound):
        mine.mark_read(ravi, page.notices[0].id)
    mine.mark_read(rita, page.notices[0].id)
    assert mine.page(rita, unread=True).notices == ()
    assert mine.unread(ravi) == 1


def test_marking_all_leaves_what_came_after_the_page(desk: Desk) -> None:
    world, mine = desk.world, desk.mine
    submit(world)
    page = mine.page(world.person("rita"))
    submit(world, OTHER)
    desk.tell.catch_up()
    assert mine.mark_all_read(world.person("rita"), up_to=page.newest) == 1
    assert mine.unread(world.person("rita")) == 1


def test_a_notice_carries_the_minute_rounded_up(desk: Desk) -> None:
    released(desk.world)
    for name in EVERYBODY:
        for notice in desk.notices(name):
            at = datetime.fromisoformat(notice.at)
            assert (at.second, at.microsecond) == (0, 0)
            (entry,) = desk.tell.store.log.entries(after=notice.seq - 1, limit=1)
            assert at >= datetime.fromisoformat(entry.at)


def add(world: Any, name: str, role: Role) -> None:
    from sandbox.domain.people import Person

    world.sandbox.store.people.add(
        Person(name, frozenset({role})),
        password="a long password",
        event=Event("t", "person.added", f"person:{name}"),
    )
