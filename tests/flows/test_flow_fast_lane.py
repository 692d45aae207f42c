"""The way out without a vote: for private answers alone, where it was agreed, and with a share for people."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from sandbox.disclosure.crate import verify_crate
from sandbox.domain.errors import Tampered
from sandbox.domain.fast_lane import sampled
from sandbox.domain.policy import Mode
from sandbox.domain.release import Release, Status
from tests.flows.reviewing import ANSWER, AUDITOR, GOOD, SQL, A, submit, vote, with_fast_lane

MINE = {"sql": {"t.csv": SQL}}


def test_a_private_answer_leaves_at_once_where_the_agreement_says_so(world: Any) -> None:
    grant = with_fast_lane(world)
    release = submit(world, ANSWER, grant=grant, **MINE)
    assert (release.status, release.votes) == (Status.RELEASED, ())
    crate = world.sandbox.see_release.crate(world.person("ana"), release.id)
    key = world.sandbox.store.signer
    assert verify_crate(crate, verify=key.check).approvals == 0
    assert "release.fast_lane" in world.actions()
    world.sandbox.verify_books(AUDITOR)


def test_an_agreement_signed_before_has_no_fast_lane(world: Any) -> None:
    with_fast_lane(world)
    world.sandbox.answer_question.ask(world.person("ana"), world.grant, sql=SQL, epsilon=0.01)
    release = submit(world, ANSWER, grant=world.grant, **MINE)
    assert release.status is Status.SUBMITTED


@pytest.mark.parametrize(
    ("content", "sql"),
    [
        (ANSWER, ""),  # nobody says of which question
        (b"sex,n\nfemale,3\nmale,6\n", SQL),  # one number is another
        (b"sex,n,m\nfemale,3,30\nmale,5,40\n", SQL),  # a column beside it
        (GOOD, SQL),
    ],
)
def test_what_is_not_wholly_the_answer_goes_to_people_or_is_stopped(
    world: Any, content: bytes, sql: str
) -> None:
    grant = with_fast_lane(world)
    release = submit(world, content, grant=grant, sql={"t.csv": sql} if sql else {})
    assert release.status in (Status.SUBMITTED, Status.BLOCKED)


def test_one_other_file_beside_it_closes_the_lane(world: Any) -> None:
    grant = with_fast_lane(world)
    files = [("t.csv", ANSWER), ("u.csv", GOOD)]
    assert submit(world, files=files, grant=grant, **MINE).status is Status.SUBMITTED


def test_another_projects_answer_is_not_recognised(world: Any) -> None:
    with_fast_lane(world)
    other = world.granted(project="without a question")
    assert submit(world, ANSWER, grant=other, **MINE).status is not Status.RELEASED


@pytest.mark.parametrize("ended", [False, True])
def test_who_has_seen_raw_rows_takes_no_fast_lane(world: Any, ended: bool) -> None:
    """Which rows of an answer one shows could say something of rows; the grant that showed them may be another one."""
    grant = with_fast_lane(world)
    room = world.granted(project="rows", mode=Mode.ROOM)
    if ended:
        world.sandbox.end_access.revoke(world.person("olga"), room.application, reason="It is over now.")
    assert submit(world, ANSWER, grant=grant, **MINE).status is Status.SUBMITTED


def test_a_colleague_who_has_seen_them_closes_it_too(world: Any) -> None:
    grant = with_fast_lane(world)
    world.granted(project="answers", name="ben", mode=Mode.ROOM)
    assert submit(world, ANSWER, grant=grant, **MINE).status is Status.SUBMITTED


def test_an_agreement_with_rows_has_none(world: Any) -> None:
    grant = with_fast_lane(world, mode=Mode.ROOM)
    assert submit(world, ANSWER, grant=grant, **MINE).status is Status.SUBMITTED


def test_what_is_drawn_for_people_waits_for_them_however_often_it_is_sent(world: Any) -> None:
    grant = with_fast_lane(world, sample_percent=100)
    for content in (ANSWER, b"n,sex\n3,female\n5,male\n", b"sex,n\nfemale,3\n"):
        release = submit(world, content, grant=grant, **MINE)
        assert release.status is Status.SUBMITTED
        world.sandbox.review_release.withdraw(world.person("ana"), release.id)
    again = vote(world, submit(world, ANSWER, grant=grant, **MINE), ("rita", A), ("ravi", A))
    assert again.status is Status.RELEASED


def test_the_draw_is_the_share_that_was_agreed_and_needs_the_secret() -> None:
    def drawn(secret: bytes, percent: int) -> list[bool]:
        return [sampled(secret, project="p", answers={"t.csv": n}, percent=percent) for n in range(4000)]

    assert not any(drawn(b"one", 0))
    assert all(drawn(b"one", 100))
    assert 300 < sum(drawn(b"one", 10)) < 500
    assert drawn(b"one", 10) != drawn(b"another", 10)
    renamed = {"a.csv": 7, "b.csv": 8}, {"c.csv": 8, "d.csv": 7, "e.csv": 7}
    first, second = (
        [sampled(bytes([n]), project="p", answers=answers, percent=50) for n in range(64)]
        for answers in renamed
    )
    assert first == second  # the same answers in other files are the same draw


# somebody who can write to the database


def stopped(world: Any, monkeypatch: pytest.MonkeyPatch, grant: Any, content: bytes = ANSWER) -> Release:
    """By the fast lane approved, and cut off before it left."""

    class Killed(BaseException):
        pass

    def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(type(world.sandbox.review_release), "let_out", die)
        with pytest.raises(Killed):
            submit(world, content, grant=grant, **MINE)
    (release,) = world.sandbox.store.releases.in_status([Status.APPROVED])
    return release


def forged(world: Any, statement: str, *values: str) -> None:
    with closing(sqlite3.connect(world.sandbox.settings.home / "state.db")) as db, db:
        db.execute(statement, values)


def test_what_was_cut_off_leaves_later(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    release = stopped(world, monkeypatch, with_fast_lane(world))
    assert world.sandbox.review_release.finish_approved() == (release.id,)


def test_other_bytes_put_in_its_place_do_not_leave(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    release = stopped(world, monkeypatch, with_fast_lane(world))
    other = world.sandbox.store.vault.put(GOOD).sha256
    forged(world, "UPDATE release_files SET sha256 = ?", other)
    with pytest.raises(Tampered):
        world.sandbox.review_release.let_out(world.sandbox.store.releases.get(release.id))


def test_a_request_moved_onto_the_fast_lane_by_hand_does_not_leave(world: Any) -> None:
    grant = with_fast_lane(world, sample_percent=100)
    release = submit(world, ANSWER, grant=grant, **MINE)
    forged(world, "UPDATE releases SET status = 'approved'")
    with pytest.raises(Tampered):
        world.sandbox.review_release.let_out(world.sandbox.store.releases.get(release.id))


def test_rows_seen_in_between_close_it_at_the_last_step(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    grant = with_fast_lane(world)
    release = stopped(world, monkeypatch, grant)
    world.granted(project="rows", mode=Mode.ROOM)
    assert world.sandbox.review_release.finish_approved() == ()
    assert world.sandbox.store.releases.get(release.id).status is Status.APPROVED
