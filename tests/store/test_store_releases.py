"""Releases: every change names the version it saw; one vote each; files by hash."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from sandbox.domain.access import Grant
from sandbox.domain.errors import Conflict, NotFound, SandboxError
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.release import Decision, Release, StagedFile, Status, Verb, Vote, transition
from sandbox.store import Store
from tests.store.world import did, grant_to

FILES = (
    StagedFile(name="table.csv", sha256="a" * 64, size_bytes=120, sql="SELECT COUNT(*) FROM loans"),
    StagedFile(name="about.txt", sha256="b" * 64, size_bytes=7),
)
FINDINGS = (
    Finding(
        file="table.csv",
        check="small_count",
        verdict=Verdict.REVIEW,
        place="row 3, column n",
        reason="7 units",
        fix="Merge rows.",
        source="RELEASE §3",
        row=2,
        column="n",
        from_rows=True,
    ),
    Finding(file="about.txt", check="file_type", verdict=Verdict.PASS),
)


def stage(store: Store, grant: Grant) -> Release:
    return store.releases.create(
        grant=grant,
        context="one table for the report",
        files=FILES,
        findings=FINDINGS,
        reviewers_needed=2,
        event=did("release.staged", "release:new"),
    )


def move(store: Store, release: Release, verb: Verb) -> Release:
    row = transition(release.status, verb)
    return store.releases.move(release, row, event=did(row.event, f"release:{release.id}"))


def vote(store: Store, release: Release, reviewer: str, decision: Decision = Decision.APPROVE) -> Release:
    return store.releases.add_vote(
        release,
        Vote(reviewer=reviewer, decision=decision, comment="seen"),
        row=transition(release.status, Verb.VOTE),
        event=did("release.voted", f"release:{release.id}"),
    )


@pytest.fixture
def submitted(store: Store, grant: Grant) -> Release:
    return move(store, stage(store, grant), Verb.PASS_CHECKS)


def test_a_request_is_kept_with_its_files_and_findings(store: Store, grant: Grant) -> None:
    release = stage(store, grant)
    assert (release.status, release.version, release.requester) == (Status.CHECKING, 1, "ana")
    assert release.files == FILES
    assert store.releases.get(release.id) == release
    assert store.releases.findings(release.id) == FINDINGS
    assert store.log.newest(limit=1)[0].event.object == f"release:{release.id}"


def test_each_change_counts_a_version_and_is_logged_under_the_steps_own_name(
    store: Store, submitted: Release
) -> None:
    assert (submitted.status, submitted.version) == (Status.SUBMITTED, 2)
    assert store.log.newest(limit=1)[0].event.action == "release.submitted"


def test_a_change_to_a_version_that_is_gone_is_a_conflict(store: Store, submitted: Release) -> None:
    vote(store, submitted, "rita")
    before = store.log.head()
    with pytest.raises(Conflict, match="version 3"):
        move(store, submitted, Verb.WITHDRAW)
    with pytest.raises(Conflict):
        vote(store, submitted, "rosa")
    assert store.log.head() == before


def test_nobody_votes_twice(store: Store, submitted: Release) -> None:
    after = vote(store, submitted, "rita")
    with pytest.raises(Conflict, match="voted"):
        vote(store, after, "rita", Decision.REJECT)
    found = store.releases.get(submitted.id)
    assert found == after  # the second one left nothing, not even a version


def test_the_whole_way_out(store: Store, submitted: Release) -> None:
    release = vote(store, vote(store, submitted, "rita"), "rosa")
    assert [v.reviewer for v in release.votes] == ["rita", "rosa"]
    release = move(store, move(store, release, Verb.COMPLETE), Verb.APPROVE)
    released = move(store, replace(release, crate_sha256="c" * 64), Verb.RELEASE)
    assert (released.status, released.crate_sha256, released.version) == (Status.RELEASED, "c" * 64, 7)


def test_nothing_is_released_without_a_crate(store: Store, submitted: Release) -> None:
    release = vote(store, vote(store, submitted, "rita"), "rosa")
    release = move(store, move(store, release, Verb.COMPLETE), Verb.APPROVE)
    with pytest.raises(Conflict, match="does not fit"):
        move(store, release, Verb.RELEASE)


def test_two_votes_at_once_on_one_version_let_one_in(store: Store, submitted: Release) -> None:
    def try_to(reviewer: str) -> Release | SandboxError:
        try:
            return vote(store, submitted, reviewer)
        except SandboxError as refused:
            return refused

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(try_to, ["rita", "rosa"]))
    assert sorted(type(r).__name__ for r in results) == ["Conflict", "Release"]
    found = store.releases.get(submitted.id)
    assert found is not None
    assert len(found.votes) == 1


def test_several_calls_in_one_transaction_happen_wholly_or_not_at_all(
    store: Store, submitted: Release
) -> None:
    before = store.log.head()

    def half() -> None:
        with store.transaction():
            after = vote(store, submitted, "rita")
            vote(store, after, "rita")

    with pytest.raises(Conflict):
        half()
    assert store.releases.get(submitted.id) == submitted
    assert store.log.head() == before


def test_lists_are_by_requester_dataset_state_and_reviewer(
    store: Store, grant: Grant, submitted: Release
) -> None:
    ben = move(store, stage(store, grant_to(store, "ben", project="housing")), Verb.PASS_CHECKS)
    assert store.releases.of_requester("ana") == (submitted,)
    assert store.releases.of_dataset("loans") == (submitted, ben)
    assert store.releases.in_status([Status.SUBMITTED]) == (submitted, ben)
    assert store.releases.in_status([]) == ()
    voted = vote(store, submitted, "rita")
    assert store.releases.waiting_for("rita", datasets=["loans"]) == (ben,)
    assert store.releases.waiting_for("rosa", datasets=["loans"]) == (voted, ben)
    assert store.releases.waiting_for("ben", datasets=["loans"]) == (voted,)
    assert store.releases.waiting_for("rosa", datasets=["flights"]) == ()


def test_what_is_not_there_is_not_found(store: Store, submitted: Release) -> None:
    assert store.releases.get(9) is None
    assert store.releases.findings(9) == ()
    with pytest.raises(NotFound):
        move(store, replace(submitted, id=9), Verb.WITHDRAW)
