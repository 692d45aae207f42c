"""The journey of an output: staged by hash, judged, voted on blind, sealed; and what a query grant never learns."""

from __future__ import annotations

import io
import zipfile
from functools import partial
from typing import Any

import pytest

from sandbox.disclosure.crate import verify_crate
from sandbox.domain.errors import BadInput, Conflict, NotAllowed, NotFound, Tampered
from sandbox.domain.findings import Verdict
from sandbox.domain.release import Decision, Release, Status
from sandbox.store.keys import verify_signature

GOOD = b"sex,n\nfemale,60\nmale,40\n"
SMALL = b"sex,n\nfemale,60\nmale,4\n"
SQL = "SELECT sex, COUNT(*) AS n FROM loans GROUP BY sex"
CONTEXT = "Counts of applicants by sex, for the report."


def submit(
    world: Any, content: bytes = GOOD, *, name: str = "t.csv", sql: str = "", context: str = CONTEXT
) -> Any:
    return world.sandbox.review_release.submit(
        world.person("ana"),
        world.grant,
        files=[(name, content)],
        context=context,
        sql={name: sql} if sql else {},
    )


def vote(world: Any, release: Release, name: str, decision: Decision = Decision.APPROVE) -> Release:
    current = world.sandbox.store.releases.get(release.id)
    moved: Release = world.sandbox.review_release.vote(
        world.person(name), release.id, version=current.version, decision=decision, comment="looked at it"
    )
    return moved


def test_two_approvals_release_a_crate_that_verifies(world: Any) -> None:
    release = submit(world).release
    assert release.status is Status.SUBMITTED
    assert vote(world, release, "rita").status is Status.PARTIALLY_REVIEWED
    assert vote(world, release, "ravi").status is Status.RELEASED
    crate = world.sandbox.see_release.crate(world.person("ana"), release.id)
    key = world.sandbox.store.signer.public_pem
    assert verify_crate(crate, verify=partial(verify_signature, key)).lines()
    broken = crate.replace(b"male,40", b"male,41") if b"male,40" in crate else crate[:-1] + b"x"
    with pytest.raises(Tampered):
        verify_crate(broken, verify=partial(verify_signature, key))


def test_a_small_cell_is_stopped_before_a_person_looks(world: Any) -> None:
    submitted = submit(world, SMALL)
    assert submitted.release.status is Status.BLOCKED
    found = [f for f in submitted.findings if f.verdict is Verdict.FAIL]
    assert (found[0].row, found[0].column) == (1, "n")
    with pytest.raises(Conflict):
        vote(world, submitted.release, "rita")


def test_what_was_staged_is_what_leaves(world: Any) -> None:
    content = bytearray(GOOD)
    release = submit(world, bytes(content)).release
    content[-3:-1] = b"99"  # the notebook's copy changes after submission
    vote(world, release, "rita")
    vote(world, release, "ravi")
    crate = world.sandbox.see_release.crate(world.person("ana"), release.id)
    with zipfile.ZipFile(io.BytesIO(crate)) as archive:
        left = [archive.read(name) for name in archive.namelist() if name.endswith("t.csv")]
    assert left == [GOOD]


def test_bytes_changed_in_the_vault_stop_the_release(world: Any) -> None:
    release = submit(world).release
    vote(world, release, "rita")
    digest = release.files[0].sha256
    path = world.sandbox.store.vault.checked_path(digest)
    path.chmod(0o600)
    path.write_bytes(GOOD.replace(b"40", b"41"))
    with pytest.raises(Tampered):
        vote(world, release, "ravi")


def test_an_approval_that_a_crash_interrupted_leaves_later(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = submit(world).release
    vote(world, release, "rita")
    flow = type(world.sandbox.review_release)

    def die(*_: Any) -> Release:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(flow, "let_out", die)
        with pytest.raises(KeyboardInterrupt):
            vote(world, release, "ravi")
    assert world.sandbox.store.releases.get(release.id).status is Status.APPROVED
    assert world.sandbox.review_release.finish_approved() == (release.id,)
    assert world.sandbox.store.releases.get(release.id).status is Status.RELEASED


@pytest.mark.parametrize("units", [50, 3])
def test_a_query_grant_learns_nothing_from_a_verdict_on_rows(world: Any, units: int) -> None:
    """A guess about an exact number must look the same whether it is right, wrong, or about a small group."""
    world.engine.units = units
    submitted = submit(world, b"sex,n\nfemale,50\nmale,50\n", sql=SQL)
    seen = world.sandbox.views.release(world.person("ana"), submitted.release.id)
    assert submitted.release.status is Status.SUBMITTED
    assert [f for f in seen.findings if f.from_rows] == []
    reviewer = world.sandbox.views.release(world.person("rita"), submitted.release.id)
    assert [f for f in reviewer.findings if f.from_rows]  # the positive control: reviewers do see it
    if units < 10:
        assert any(f.verdict is Verdict.FAIL for f in reviewer.findings)


def test_nobody_reviews_what_is_theirs_or_their_projects(world: Any) -> None:
    release = submit(world).release
    for name in ("ana", "ben", "olga"):
        with pytest.raises(NotAllowed):
            vote(world, release, name)


def test_a_vote_on_a_version_that_changed_is_refused(world: Any) -> None:
    release = submit(world).release
    vote(world, release, "rita")
    with pytest.raises(Conflict):
        world.sandbox.review_release.vote(
            world.person("ravi"), release.id, version=release.version, decision=Decision.APPROVE, comment=""
        )


def test_how_a_vote_went_is_not_on_the_log_before_the_last(world: Any) -> None:
    release = submit(world).release
    vote(world, release, "rita", Decision.REJECT)
    assert "reject" not in str(world.sandbox.store.log.newest(limit=5))
    assert vote(world, release, "ravi").status is Status.PARTIALLY_REVIEWED
    assert "reject" not in str(world.sandbox.store.log.newest(limit=5))
    assert vote(world, release, "rosa", Decision.RETURN).status is Status.REJECTED


def test_a_crate_is_for_its_requester_and_owner_and_only_once_released(world: Any) -> None:
    release = submit(world).release
    with pytest.raises(NotAllowed):
        world.sandbox.see_release.crate(world.person("ana"), release.id)
    vote(world, release, "rita")
    vote(world, release, "ravi")
    assert world.sandbox.see_release.crate(world.person("olga"), release.id)
    with pytest.raises(NotFound):
        world.sandbox.see_release.crate(world.person("ben"), release.id)


@pytest.mark.parametrize(
    ("name", "content", "context", "sql"),
    [
        ("../t.csv", GOOD, CONTEXT, ""),
        ("t.csv", GOOD, "short", ""),
        ("t.csv", b"x" * 2_000_000, CONTEXT, ""),
        ("t.csv", GOOD, CONTEXT, "SELECT nonsense"),
    ],
)
def test_a_bad_request_is_refused_and_nothing_is_staged(
    world: Any, name: str, content: bytes, context: str, sql: str
) -> None:
    with pytest.raises(BadInput):
        submit(world, content, name=name, sql=sql, context=context)
    assert world.sandbox.views.releases(world.person("ana")) == ()


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04zip", b"\x80\x04\x95pickle", b"<html></html>", b"\x89PNG\r\n\x1a\n", b""]
)
def test_what_is_no_table_is_blocked(world: Any, content: bytes) -> None:
    assert submit(world, content).release.status is Status.BLOCKED
