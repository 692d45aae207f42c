"""Attacks on the way out: a grant that was taken back, and somebody who can write to the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from sandbox.domain.errors import NotAllowed, OperatorError, Tampered, Unanswered
from sandbox.domain.release import Decision, Release, Status

GOOD = b"sex,n\nfemale,60\nmale,40\n"
OTHER = b"sex,n\nfemale,61\nmale,41\n"
CONTEXT = "Counts of applicants by sex, for the report."


def submitted(world: Any, content: bytes = GOOD, *, sql: str = "") -> Release:
    done = world.sandbox.review_release.submit(
        world.person("ana"),
        world.grant,
        files=[("t.csv", content)],
        context=CONTEXT,
        sql={"t.csv": sql} if sql else {},
    )
    release: Release = done.release
    return release


def voted(world: Any, release: Release, *names: str) -> Release:
    for name in names:
        now = world.sandbox.store.releases.get(release.id)
        release = world.sandbox.review_release.vote(
            world.person(name), release.id, version=now.version, decision=Decision.APPROVE, comment=""
        )
    return release


@contextmanager
def database(world: Any) -> Iterator[sqlite3.Connection]:
    """As somebody would have it who can write to the file."""
    with closing(sqlite3.connect(world.sandbox.settings.home / "state.db")) as connection, connection:
        yield connection


def status(world: Any, release: Release) -> Status:
    found: Status = world.sandbox.store.releases.get(release.id).status
    return found


def approved_and_cut_off(world: Any, monkeypatch: pytest.MonkeyPatch) -> Release:
    """Two votes are in, and the process died before the files left."""
    release = submitted(world)

    class Killed(BaseException):
        pass

    def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(type(world.sandbox.review_release), "let_out", die)
        with pytest.raises(Killed):
            voted(world, release, "rita", "ravi")
    assert status(world, release) is Status.APPROVED
    return release


# a grant that was taken back


def test_nothing_leaves_under_a_grant_that_was_revoked_while_people_looked(world: Any) -> None:
    release = voted(world, submitted(world), "rita")
    world.sandbox.end_access.revoke(world.person("olga"), 1, reason="A breach.")
    with pytest.raises(NotAllowed, match="revoked"):
        voted(world, release, "ravi")
    assert status(world, release) is Status.PARTIALLY_REVIEWED


def test_nothing_leaves_under_a_grant_that_was_revoked_after_the_last_vote(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = approved_and_cut_off(world, monkeypatch)
    world.sandbox.end_access.revoke(world.person("olga"), 1, reason="A breach.")
    assert world.sandbox.review_release.finish_approved() == ()
    assert status(world, release) is Status.APPROVED


def test_the_same_votes_let_it_out_while_the_grant_holds(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    release = approved_and_cut_off(world, monkeypatch)
    assert world.sandbox.review_release.finish_approved() == (release.id,)
    assert world.sandbox.review_release.finish_approved() == ()  # and only once


# somebody who can write to the database


def approve_by_hand(db: sqlite3.Connection, vault: Callable[[bytes], str]) -> None:
    db.execute("UPDATE releases SET status = 'approved'")


def vote_by_hand(db: sqlite3.Connection, vault: Callable[[bytes], str]) -> None:
    db.execute("UPDATE releases SET status = 'approved'")
    for position, name in enumerate(("rita", "ravi")):
        db.execute(
            "INSERT INTO votes (release_id, turn, reviewer, position, decision, comment, cast_at, voided)"
            " VALUES (1, 1, ?, ?, 'approve', '', '2026-01-05T12:00:00+00:00', '')",
            (name, position),
        )


def log_by_hand(db: sqlite3.Connection, vault: Callable[[bytes], str]) -> None:
    vote_by_hand(db, vault)
    for at, action, facts in (
        (1, "release.voted", '{"vote":1}'),
        (2, "release.voted", '{"vote":2}'),
        (3, "release.reviewed", '{"decisions":["rita:approve","ravi:approve"]}'),
        (4, "release.approved", "{}"),
    ):
        actor = {1: "rita", 2: "ravi"}.get(at, "system:review")
        db.execute(
            "INSERT INTO audit_log (seq, at, actor, action, object, facts, previous, hash)"
            " SELECT max(seq) + 1, '2026-01-05T12:00:00+00:00', ?, ?, 'release:1', ?, hash, ? FROM audit_log"
            " WHERE seq = (SELECT max(seq) FROM audit_log)",
            (actor, action, facts, f"{at:064d}"),
        )


FORGERIES_BEFORE = (approve_by_hand, vote_by_hand, log_by_hand)


@pytest.mark.parametrize("forge", FORGERIES_BEFORE)
def test_a_release_approved_in_the_database_alone_does_not_leave(world: Any, forge: Any) -> None:
    release = submitted(world)
    with database(world) as db:
        forge(db, lambda data: "")
    assert world.sandbox.review_release.finish_approved() == ()
    assert status(world, release) is not Status.RELEASED


def swap_a_file(db: sqlite3.Connection, vault: Callable[[bytes], str]) -> None:
    db.execute("UPDATE release_files SET sha256 = ?", (vault(OTHER),))


def turn_a_vote(db: sqlite3.Connection, vault: Callable[[bytes], str]) -> None:
    db.execute("UPDATE votes SET reviewer = 'rosa' WHERE reviewer = 'ravi'")


def drop_a_vote(db: sqlite3.Connection, vault: Callable[[bytes], str]) -> None:
    db.execute("DELETE FROM votes WHERE reviewer = 'ravi'")
    db.execute("UPDATE releases SET reviewers_needed = 1")


def another_requester(db: sqlite3.Connection, vault: Callable[[bytes], str]) -> None:
    db.execute("UPDATE releases SET requester = 'ben'")


def a_longer_grant(db: sqlite3.Connection, vault: Callable[[bytes], str]) -> None:
    db.execute("UPDATE grants SET ends = '2099-01-01'")


def looser_terms(db: sqlite3.Connection, vault: Callable[[bytes], str]) -> None:
    import hashlib

    (body,) = db.execute("SELECT body FROM agreements").fetchone()
    body = bytes(body).replace(b'"threshold_units":10', b'"threshold_units":1')
    digest = hashlib.sha256(body).hexdigest()
    db.execute("PRAGMA foreign_keys = OFF")
    db.execute("UPDATE agreements SET body = ?, sha256 = ?", (body, digest))
    db.execute("UPDATE applications SET agreement_hash = ?", (digest,))
    db.execute("UPDATE grants SET agreement_hash = ?", (digest,))


FORGERIES_AFTER = (swap_a_file, turn_a_vote, drop_a_vote, another_requester, a_longer_grant, looser_terms)


@pytest.mark.parametrize("forge", FORGERIES_AFTER)
def test_an_approved_release_that_was_changed_in_the_database_does_not_leave(
    world: Any, monkeypatch: pytest.MonkeyPatch, forge: Any
) -> None:
    release = approved_and_cut_off(world, monkeypatch)
    with database(world) as db:
        forge(db, lambda data: world.sandbox.store.vault.put(data).sha256)
    with pytest.raises(Tampered):
        world.sandbox.review_release.let_out(world.sandbox.store.releases.get(release.id))
    assert status(world, release) is Status.APPROVED


def test_one_release_that_may_not_leave_holds_up_no_other(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = approved_and_cut_off(world, monkeypatch)
    second = approved_and_cut_off(world, monkeypatch)
    with database(world) as db:
        db.execute("UPDATE release_files SET sha256 = ? WHERE release_id = ?", ("0" * 64, first.id))
    assert world.sandbox.review_release.finish_approved() == (second.id,)


# what a query grant could learn from a question that cannot be computed


@pytest.mark.parametrize(("failure", "seen"), [(Unanswered(), False), (OperatorError("down"), True)])
def test_a_failure_that_may_depend_on_rows_is_told_to_reviewers_only(
    world: Any, monkeypatch: pytest.MonkeyPatch, failure: Exception, seen: bool
) -> None:
    def fail(**_: Any) -> None:
        raise failure

    monkeypatch.setattr(world.engine, "evidence", fail)
    release = submitted(world, sql="SELECT sex, COUNT(*) AS n FROM loans GROUP BY sex")
    checks = {f.check for f in world.sandbox.views.release(world.person("ana"), release.id).findings}
    assert ("evidence" in checks) is seen
    assert (release.status is Status.BLOCKED) is seen
    if not seen:
        mine = {f.check for f in world.sandbox.views.release(world.person("rita"), release.id).findings}
        assert "evidence" in mine  # the control: it was found
