"""Turns, splits, reviewers who leave, earlier releases: what is kept, what counts no more, who sees it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sandbox.domain.audit import Event
from sandbox.domain.errors import BadInput, Conflict, NotAllowed, NotFound, Tampered
from sandbox.domain.people import Person, Role
from sandbox.domain.release import Release, Status
from tests.flows.reviewing import AUDITOR, GOOD, OTHER, A, R, X, now, released, resubmit, submit, vote


def test_a_returned_request_comes_again_under_its_number_and_needs_all_votes_anew(world: Any) -> None:
    first = vote(world, submit(world), ("rita", R), ("ravi", R))
    assert first.status is Status.RETURNED
    again = resubmit(world, first)
    assert (again.id, again.turn, again.status, again.votes) == (first.id, 2, Status.SUBMITTED, ())
    assert [(v.reviewer, v.comment) for v in again.early] == [
        ("rita", "words of rita"),
        ("ravi", "words of ravi"),
    ]
    assert all(v.voided and v.turn == 1 for v in again.early)
    half = vote(world, again, ("ravi", A))
    assert half.status is Status.PARTIALLY_REVIEWED  # the earlier votes count no more
    assert vote(world, half, ("rosa", A)).status is Status.RELEASED
    assert b"61" in world.sandbox.see_release.crate(world.person("ana"), first.id)
    world.sandbox.verify_books(AUDITOR)


def test_what_a_check_stopped_comes_again(world: Any) -> None:
    stopped = submit(world, b"sex,n\nfemale,60\nmale,4\n")
    assert stopped.status is Status.BLOCKED
    again = resubmit(world, stopped)
    assert again.status is Status.SUBMITTED
    assert {f.verdict for f in world.sandbox.store.releases.findings(again.id)} != {"fail"}


def test_only_its_requester_brings_the_next_turn_and_only_of_what_went_back(world: Any) -> None:
    waiting = submit(world)
    with pytest.raises(Conflict):
        resubmit(world, waiting)
    back = vote(world, waiting, ("rita", R), ("ravi", R))
    with pytest.raises(BadInput, match="Neither a file nor the context"):
        resubmit(world, back, GOOD)
    for version in (back.version - 1, back.version + 1):
        with pytest.raises(Conflict):
            world.sandbox.review_release.resubmit(
                world.person("ana"),
                back.id,
                version=version,
                files=[("t.csv", OTHER)],
                context="x" * 20,
                sql={},
            )
    with pytest.raises(NotFound):
        world.sandbox.review_release.resubmit(
            world.person("ben"), back.id, version=back.version, files=[], context="", sql={}
        )
    assert resubmit(world, back).turn == 2  # the control


def test_a_vote_of_an_earlier_turn_put_back_by_hand_lets_nothing_out(world: Any) -> None:
    """Somebody who can write to the database revives a vote about other bytes."""
    import sqlite3
    from contextlib import closing

    back = vote(world, submit(world), ("rita", A), ("ravi", R), ("rosa", R))
    again = vote(world, resubmit(world, back), ("ravi", A))
    with closing(sqlite3.connect(world.sandbox.settings.home / "state.db")) as db, db:
        db.execute("UPDATE votes SET turn = 2, voided = '' WHERE reviewer = 'rita'")
        db.execute("UPDATE releases SET status = 'approved'")
    with pytest.raises(Tampered):
        world.sandbox.review_release.let_out(now(world, again))
    with pytest.raises(Tampered):
        world.sandbox.verify_books(AUDITOR)


def test_one_more_person_decides_a_split_and_learns_neither_names_nor_votes_before(world: Any) -> None:
    split = vote(world, submit(world), ("rita", A), ("ravi", X))
    assert split.status is Status.PARTIALLY_REVIEWED
    seen = world.sandbox.views.release(world.person("rosa"), split.id)
    assert (seen.votes, seen.votes_in, seen.votes_needed) == ((), 2, 3)
    assert seen.split_comments == ("words of ravi", "words of rita")
    assert world.sandbox.views.release(world.person("ana"), split.id).votes == ()
    assert vote(world, split, ("rosa", A)).status is Status.RELEASED


def test_two_against_it_are_enough(world: Any) -> None:
    assert vote(world, submit(world), ("rita", X), ("ravi", R)).status is Status.REJECTED


def test_a_split_with_nobody_left_to_ask_is_not_let_out(world: Any) -> None:
    world.sandbox.store.people.set_active(
        "rosa", False, event=Event("t", "person.deactivated", "person:rosa")
    )
    assert vote(world, submit(world), ("rita", A), ("ravi", X)).status is Status.REJECTED


def leaves_the_pool(world: Any) -> None:
    text = world.policy_file.read_text()
    world.policy_file.write_text(text.replace("[rita, ravi, rosa]", "[ravi, rosa]"))
    world.sandbox.publish_dataset(
        world.person("olga"), policy_file=world.policy_file, files={"loans": world.raw_file}
    )


def loses_the_role(world: Any) -> None:
    event = Event("t", "person.roles_changed", "person:rita")
    world.sandbox.store.people.set_roles("rita", {Role.AUDITOR}, event=event)


def is_closed(world: Any) -> None:
    world.sandbox.store.people.set_active(
        "rita", False, event=Event("t", "person.deactivated", "person:rita")
    )


@pytest.mark.parametrize("leave", [leaves_the_pool, loses_the_role, is_closed])
def test_the_vote_of_a_reviewer_who_was_removed_in_the_middle_counts_no_more(world: Any, leave: Any) -> None:
    release = vote(world, submit(world), ("rita", A))
    leave(world)
    half = vote(world, release, ("ravi", A))
    assert half.status is Status.PARTIALLY_REVIEWED  # not two approvals
    assert [v.reviewer for v in half.votes] == ["ravi"]
    assert [(v.reviewer, v.turn) for v in half.early] == [("rita", 1)]
    assert vote(world, half, ("rosa", A)).status is Status.RELEASED
    assert "release.vote_voided" in world.actions()


def test_the_votes_let_it_out_while_the_reviewer_stays(world: Any) -> None:
    assert vote(world, submit(world), ("rita", A), ("ravi", A)).status is Status.RELEASED


def test_a_vote_on_bytes_that_changed_is_not_even_counted(world: Any) -> None:
    release = submit(world)
    path = world.sandbox.store.vault.checked_path(release.files[0].sha256)
    path.chmod(0o600)
    path.write_bytes(OTHER)
    with pytest.raises(Tampered):
        vote(world, release, ("rita", A))
    assert now(world, release).votes == ()


def test_thresholds_and_votes_stay_as_they_were_agreed(world: Any) -> None:
    """A policy that is loosened while people look asks no less of what was agreed before."""
    release = submit(world)
    text = world.policy_file.read_text()
    world.policy_file.write_text(re.sub(r"release: \{", "release: {reviewers: 1, threshold: 3, ", text))
    world.agreed()
    assert vote(world, release, ("rita", A)).status is Status.PARTIALLY_REVIEWED
    assert submit(world, b"sex,n\nfemale,60\nmale,4\n").status is Status.BLOCKED


# earlier releases


def test_a_release_stands_in_the_place_of_an_earlier_one_once_it_leaves(world: Any) -> None:
    first = released(world)
    second = submit(world, OTHER, supersedes=first.id)
    assert now(world, first).status is Status.RELEASED
    assert vote(world, second, ("rita", A), ("ravi", A)).status is Status.RELEASED
    assert now(world, first).status is Status.SUPERSEDED
    assert world.sandbox.see_release.crate(
        world.person("ana"), first.id
    )  # copies of it are about all the same
    recalled = world.sandbox.hold_releases.recall(world.person("olga"), first.id, reason="A wrong unit.")
    assert recalled.status is Status.RECALLED
    world.sandbox.verify_books(AUDITOR)


def test_a_recall_names_what_rests_on_it_and_what_builds_on_it_does_not_leave(world: Any) -> None:
    first = released(world)
    second = released(world, OTHER, builds_on=[first.id])
    third = released(world, b"sex,n\nfemale,62\nmale,42\n", builds_on=[second.id])
    same = released(world, GOOD, context="The same table for another report.")
    alone = released(world, b"sex,n\nfemale,70\nmale,45\n")
    waiting = submit(world, b"sex,n\nfemale,80\nmale,45\n", builds_on=[first.id])
    world.sandbox.hold_releases.recall(world.person("olga"), first.id, reason="A wrong unit.")
    (event,) = [e.event for e in world.sandbox.store.log.newest(limit=5, action="release.recalled")]
    assert event.facts["later"] == [second.id, third.id, same.id, waiting.id]
    assert alone.id not in event.facts["later"]
    with pytest.raises(NotAllowed, match=f"Request {first.id}, which it builds on, was recalled") as refused:
        vote(world, waiting, ("rita", A), ("ravi", A))
    assert refused.value.clause == "recall"
    assert now(world, waiting).status is Status.APPROVED


@pytest.mark.parametrize("case", ["none", "waiting", "others", "both"])
def test_only_releases_of_the_project_that_have_left_are_named(world: Any, case: str) -> None:
    first = released(world)
    words: dict[str, Any] = {
        "none": {"supersedes": 99},
        "waiting": {"builds_on": [submit(world, OTHER).id]},
        "others": {"supersedes": first.id, "grant": world.granted(project="another", name="ana")},
        "both": {"supersedes": first.id, "builds_on": [first.id]},
    }[case]
    with pytest.raises(BadInput):
        submit(world, b"sex,n\nfemale,64\nmale,44\n", **words)
    assert submit(world, b"sex,n\nfemale,65\nmale,45\n", supersedes=first.id).supersedes == first.id


# what the log shows to people


def test_the_log_as_people_read_it_tells_neither_too_early_nor_those_whose_request_it_is(world: Any) -> None:
    def read(name: str, *roles: Role) -> str:
        person = Person(name, frozenset({Role.AUDITOR, *roles}))
        return str([(e.event.actor, dict(e.event.facts)) for e in world.sandbox.views.log(person).entries])

    release: Release = vote(world, submit(world), ("rita", A))
    before = read("ada", Role.REVIEWER)
    assert "rita:" not in before
    assert "('rita'" not in before
    vote(world, release, ("ravi", A))
    after = read("ada")
    assert "rita:approve" in after  # the control: auditors read it when the votes are in
    for theirs in ("ana",):
        assert "rita" not in read(theirs)
    world.sandbox.store.log.verify()  # only what is shown is blinded
