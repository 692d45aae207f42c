"""What a request's numbers say together with others', who is told, and what stops."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.domain.access import Grant
from sandbox.domain.errors import NotAllowed
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.policy import Mode
from sandbox.domain.release import Decision, Release, Status
from tests.flows.conftest import POLICY

ALL = ("SELECT COUNT(*) AS n FROM loans", b"n\n160\n")
MOST = ("SELECT COUNT(*) AS n FROM loans WHERE amount <= 900", b"n\n157\n")
BY_SEX = "SELECT sex, COUNT(*) AS n FROM loans GROUP BY sex"


def submit(world: Any, made: tuple[str, bytes], *, grant: Grant | None = None) -> Release:
    sql, content = made
    grant = grant or world.grant
    submitted = world.sandbox.review_release.submit(
        world.person(grant.person),
        grant,
        files=[("t.csv", content)],
        context="Counts of applicants, for the report.",
        sql={"t.csv": sql} if sql else {},
    )
    release: Release = submitted.release
    return release


def told(world: Any, name: str, release: Release, check: str = "differencing") -> list[Finding]:
    view = world.sandbox.views.release(world.person(name), release.id)
    return [f for f in view.findings if f.check == check]


def approve(world: Any, release: Release) -> Release:
    for name in ("rita", "ravi"):
        now = world.sandbox.store.releases.get(release.id)
        release = world.sandbox.review_release.vote(
            world.person(name),
            release.id,
            version=now.version,
            decision=Decision.APPROVE,
            comment="looked at it",
        )
    return release


def test_ones_own_releases_are_named_and_the_request_is_blocked(world: Any) -> None:
    approve(world, submit(world, ALL))
    second = submit(world, MOST)
    assert second.status is Status.BLOCKED
    (finding,) = told(world, "ana", second)
    assert finding.verdict is Verdict.FAIL
    assert "release 1 (project model)" in finding.reason
    assert "exactly 3 applicants" in finding.reason
    assert (finding.row, finding.column) == (0, "n")


def test_a_request_that_differs_by_ten_goes_on(world: Any) -> None:
    approve(world, submit(world, ALL))
    assert submit(world, (MOST[0], b"n\n150\n")).status is Status.SUBMITTED


def test_what_was_withdrawn_says_nothing(world: Any) -> None:
    first = submit(world, ALL)
    assert submit(world, MOST).status is Status.BLOCKED  # the control: while it is pending it does
    world.sandbox.review_release.withdraw(world.person("ana"), first.id)
    assert submit(world, MOST).status is Status.SUBMITTED


def test_a_number_that_was_called_back_is_still_reckoned_with(world: Any) -> None:
    first = approve(world, submit(world, ALL))
    world.sandbox.hold_releases.recall(world.person("olga"), first.id, reason="A mistake in the data.")
    assert submit(world, MOST).status is Status.BLOCKED


def test_another_projects_number_is_no_free_answer_to_who_may_only_ask(world: Any) -> None:
    """Whoever guesses numbers could else read from the verdict how far they are from the exact one."""
    theirs = world.granted(project="other", name="ben")
    approve(world, submit(world, ALL, grant=theirs))
    states, texts = set(), set()
    for n in (157, 120):  # the one singles out three, the other nobody
        mine = submit(world, (MOST[0], b"n\n%d\n" % n))
        view = world.sandbox.views.release(world.person("ana"), mine.id)
        states.add(mine.status)
        texts.add(tuple((f.check, f.verdict, f.reason, f.detail) for f in view.findings))
        reviewers = told(world, "rita", mine)
        assert bool(reviewers) is (n == 157)  # the control: reviewers are told
    assert states == {Status.SUBMITTED}
    assert len(texts) == 1


def test_a_room_shows_rows_and_not_what_another_project_let_out(world: Any) -> None:
    theirs = world.granted(project="other", name="ben")
    approve(world, submit(world, ALL, grant=theirs))
    opened = POLICY.replace("release:", "access: {modes: [query, room]}\nrelease:")
    world.policy_file.write_text(opened)
    world.agreed()
    room = world.granted(project="rooms", mode=Mode.ROOM)
    mine = submit(world, MOST, grant=room)
    assert told(world, "ana", mine) == []
    (reviewers,) = told(world, "rita", mine)
    assert reviewers.verdict is Verdict.FAIL
    assert "release 1 (project other)" in reviewers.detail
    assert "160" in reviewers.detail


def test_a_pending_request_of_another_project_is_for_people_to_judge(world: Any) -> None:
    theirs = world.granted(project="other", name="ben")
    submit(world, ALL, grant=theirs)
    mine = submit(world, MOST)
    (finding,) = told(world, "rita", mine)
    assert finding.verdict is Verdict.REVIEW
    assert "request 1 (project other)" in finding.detail
    assert mine.status is Status.SUBMITTED


def test_what_left_since_the_review_stops_a_release(world: Any) -> None:
    """Both were asked for at once; the reviewers of the first could not know of the second."""
    theirs = world.granted(project="other", name="ben")
    first = submit(world, MOST)
    approve(world, submit(world, ALL, grant=theirs))
    with pytest.raises(NotAllowed, match="left since the review") as refused:
        approve(world, first)
    assert refused.value.clause == "differencing"
    assert world.sandbox.store.releases.get(first.id).status is Status.APPROVED


def test_what_the_reviewers_knew_leaves_when_they_approve_it(world: Any) -> None:
    theirs = world.granted(project="other", name="ben")
    approve(world, submit(world, ALL, grant=theirs))
    mine = submit(world, MOST)
    assert told(world, "rita", mine)
    assert approve(world, mine).status is Status.RELEASED


def test_the_crate_tells_nothing_of_other_projects(world: Any) -> None:
    theirs = world.granted(project="other", name="ben")
    approve(world, submit(world, ALL, grant=theirs))
    mine = approve(world, submit(world, MOST))
    crate = world.sandbox.see_release.crate(world.person("ana"), mine.id)
    assert b"project other" not in crate
    assert b"findings.json" in crate


def test_a_table_without_a_question_is_held_against_its_labels(world: Any) -> None:
    approve(world, submit(world, (BY_SEX, b"sex,n\nfemale,80\nmale,61\n")))
    mine = submit(world, ("", b"sex,n\nfemale,79\nmale,61\n"))
    (finding,) = told(world, "ana", mine)
    assert finding.verdict is Verdict.REVIEW
    assert "not known whom" in finding.reason


def test_numbers_that_are_kept_are_those_of_the_file_and_what_they_add_up_to(world: Any) -> None:
    made = submit(world, (BY_SEX, b"sex,n\nfemale,80\nmale,61\n"))
    cells = world.sandbox.store.output_cells.of_release(made.id)
    assert [(c.row, c.value, c.margin) for c in cells] == [(0, 80, False), (1, 61, False), (-1, 141, True)]


def test_an_exact_number_beside_a_private_answer_is_told(world: Any) -> None:
    asked = world.sandbox.answer_question.ask(world.person("ana"), world.grant, sql=BY_SEX)
    mine = submit(world, (BY_SEX, b"sex,n\nfemale,80\nmale,61\n"))
    (finding,) = told(world, "rita", mine, "covers_private_answer")
    assert "2 numbers are exact" in finding.reason
    assert f"question {asked.id} (project model)" in finding.detail
    (shown,) = told(world, "ana", mine, "covers_private_answer")
    assert shown.detail == ""


def test_a_private_answer_itself_is_no_exact_number(world: Any) -> None:
    world.sandbox.answer_question.ask(world.person("ana"), world.grant, sql=BY_SEX)
    mine = submit(world, (BY_SEX, b"sex,n\nfemale,3\nmale,5\n"))  # the stored answer's own numbers
    assert told(world, "rita", mine, "private_answer")
    assert told(world, "rita", mine, "covers_private_answer") == []
    assert world.sandbox.store.output_cells.of_release(mine.id) == ()


def test_an_answer_that_exact_numbers_add_up_to_is_told(world: Any) -> None:
    world.sandbox.answer_question.ask(world.person("ana"), world.grant, sql=ALL[0])
    made = (BY_SEX + "", b"sex,n\nfemale,80\nmale,61\n")
    assert told(world, "rita", submit(world, made), "covers_private_answer") == []  # some may have no sex
    filled = "SELECT COUNT(*) AS n FROM loans WHERE sex IN ('female', 'male')"
    world.sandbox.answer_question.ask(world.person("ana"), world.grant, sql=filled)
    assert told(world, "rita", submit(world, made), "covers_private_answer")


def test_the_owner_sees_where_noise_protects_nothing_any_more(world: Any) -> None:
    world.sandbox.answer_question.ask(world.person("ana"), world.grant, sql=BY_SEX)
    mine = submit(world, (BY_SEX, b"sex,n\nfemale,80\nmale,61\n"))
    view = world.sandbox.exact_beside_private
    assert view.of_owner(world.person("olga")) == ()  # it has not left
    approve(world, mine)
    (beside,) = view.of_owner(world.person("olga"))
    assert (beside.release.id, len(beside.findings)) == (mine.id, 1)
    with pytest.raises(NotAllowed):
        view.of_owner(world.person("ana"))
