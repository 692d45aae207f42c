"""How an output leaves: one table of states, and the rules of review.

- Files are known by SHA-256 from the moment they are staged; what is voted on is what leaves.
- Checks that fail block the release before a person looks.
- A reviewer is in the dataset's pool, is not the requester, and is not on the requester's project.
- Votes are hidden from all others until the last one is in; the requester never learns who voted what.
- All votes approve, or it goes back: one rejection rejects, one request for changes returns.
- Any live request can be held, and goes on from where it was; what was released can be recalled. See ``release_hold``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sandbox.domain.access import Grant
from sandbox.domain.audit import Entry
from sandbox.domain.errors import BadInput, Conflict, NotAllowed, Tampered
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.people import Person, Role


class Status(StrEnum):
    CHECKING = "checking"
    BLOCKED = "blocked"
    SUBMITTED = "submitted"
    PARTIALLY_REVIEWED = "partially_reviewed"
    REVIEWED = "reviewed"
    RETURNED = "returned"
    REJECTED = "rejected"
    APPROVED = "approved"
    RELEASED = "released"
    WITHDRAWN = "withdrawn"
    ON_HOLD = "on_hold"  # an objection, or the owner, stopped it where it was
    RECALLED = "recalled"  # what it is made of may not be used any more


class Verb(StrEnum):
    BLOCK = "block"  # a check failed
    PASS_CHECKS = "pass_checks"  # noqa: S105 - a verb, not a password
    VOTE = "vote"
    COMPLETE = "complete"  # the last vote is in
    APPROVE = "approve"
    RETURN = "return"
    REJECT = "reject"
    RELEASE = "release"
    WITHDRAW = "withdraw"
    HOLD = "hold"
    RESUME = "resume"
    RECALL = "recall"


class By(StrEnum):
    PLATFORM = "platform"
    REQUESTER = "requester"
    REVIEWER = "reviewer"
    OWNER = "owner"  # or the platform, when the dataset is suspended and resumed


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of the state machine."""

    start: Status
    verb: Verb
    end: Status
    by: By
    event: str  # the audit action


def _rows() -> tuple[Transition, ...]:
    s, v, t = Status, Verb, Transition
    return (
        t(s.CHECKING, v.BLOCK, s.BLOCKED, By.PLATFORM, "release.blocked"),
        t(s.CHECKING, v.PASS_CHECKS, s.SUBMITTED, By.PLATFORM, "release.submitted"),
        t(s.SUBMITTED, v.VOTE, s.PARTIALLY_REVIEWED, By.REVIEWER, "release.voted"),
        t(s.PARTIALLY_REVIEWED, v.VOTE, s.PARTIALLY_REVIEWED, By.REVIEWER, "release.voted"),
        t(s.PARTIALLY_REVIEWED, v.COMPLETE, s.REVIEWED, By.PLATFORM, "release.reviewed"),
        t(s.REVIEWED, v.APPROVE, s.APPROVED, By.PLATFORM, "release.approved"),
        t(s.REVIEWED, v.RETURN, s.RETURNED, By.PLATFORM, "release.returned"),
        t(s.REVIEWED, v.REJECT, s.REJECTED, By.PLATFORM, "release.rejected"),
        t(s.APPROVED, v.RELEASE, s.RELEASED, By.PLATFORM, "release.released"),
        t(s.BLOCKED, v.WITHDRAW, s.WITHDRAWN, By.REQUESTER, "release.withdrawn"),
        t(s.SUBMITTED, v.WITHDRAW, s.WITHDRAWN, By.REQUESTER, "release.withdrawn"),
        t(s.PARTIALLY_REVIEWED, v.WITHDRAW, s.WITHDRAWN, By.REQUESTER, "release.withdrawn"),
        t(s.RETURNED, v.WITHDRAW, s.WITHDRAWN, By.REQUESTER, "release.withdrawn"),
        *(t(live, v.HOLD, s.ON_HOLD, By.OWNER, "release.held") for live in sorted(LIVE)),
        *(t(s.ON_HOLD, v.RESUME, live, By.OWNER, "release.resumed") for live in sorted(LIVE)),
        t(s.RELEASED, v.RECALL, s.RECALLED, By.OWNER, "release.recalled"),
    )


FINAL = frozenset({Status.REJECTED, Status.WITHDRAWN, Status.RECALLED})  # nothing leads on
OVER = FINAL | {Status.RELEASED}  # nothing is on its way out any more
LIVE = frozenset(Status) - OVER - {Status.ON_HOLD}
TRANSITIONS: tuple[Transition, ...] = _rows()


def transition(status: Status, verb: Verb, *, held_from: Status | None = None) -> Transition:
    """The row for a verb in a state.

    Args:
        held_from: of what is on hold: the state that it goes back to.

    Raises:
        Conflict: there is none.
    """
    for row in TRANSITIONS:
        if row.start is status and row.verb is verb and (verb is not Verb.RESUME or row.end is held_from):
            return row
    raise Conflict(f"A release that is {status} cannot be changed by '{verb}'.")


class Decision(StrEnum):
    APPROVE = "approve"
    RETURN = "return"
    REJECT = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    reviewer: str
    decision: Decision
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedFile:
    """A file as the platform holds it."""

    name: str  # a bare file name
    sha256: str
    size_bytes: int
    sql: str = ""  # the question that made it, for evidence; empty when none was given


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A request to let files out."""

    id: int
    grant_id: int
    dataset: str
    project: str
    requester: str
    context: str
    files: tuple[StagedFile, ...]
    status: Status
    version: int  # counts changes; a change has to name the version it saw
    reviewers_needed: int
    votes: tuple[Vote, ...] = ()
    crate_sha256: str = ""  # once released: the crate that leaves, in the vault
    held_from: Status | None = None  # on hold: the state that it goes back to
    held_by: str = ""  # on hold: the owner who held it; empty: a suspension did
    reason: str = ""  # why it is on hold, or was recalled


def sealed(release: Release, person: Person, *, by_job: bool) -> bool:
    """Whether what a request holds is hidden from this person: a job's outputs, from its requester, until they leave.

    Args:
        by_job: code of the requester made the files beside the raw rows; the requester never saw them.
    """
    left = release.status is Status.RELEASED and release.crate_sha256  # what was recalled is shown no more
    return by_job and person.name == release.requester and not left


def check_vote(
    release: Release,
    person: Person,
    *,
    pool: Sequence[str],
    project_members: Sequence[str],
    comment: str,
    decision: Decision,
) -> None:
    """Raise unless this person may vote on this release now."""
    if not person.has(Role.REVIEWER):
        raise NotAllowed("Only reviewers vote.", clause="role")
    if person.name == release.requester:
        raise NotAllowed("Nobody reviews their own request.", clause="reviewer is not the requester")
    if person.name in project_members:
        raise NotAllowed("Nobody reviews their own project.", clause="reviewer is not on the project")
    if person.name not in pool:
        raise NotAllowed(f"You are not a reviewer for {release.dataset}.", clause="reviewer pool")
    if release.status is Status.ON_HOLD:
        raise NotAllowed(
            f"Release {release.id} is on hold. {release.reason}",
            clause="hold",
            fix="Vote when it goes on.",
        )
    transition(release.status, Verb.VOTE)
    if any(v.reviewer == person.name for v in release.votes):
        raise Conflict("You have voted on this release.", fix="Wait for the other votes.")
    if decision is not Decision.APPROVE and len(comment.strip()) < 5:
        raise BadInput(
            "A request that goes back needs a reason.", where="comment", fix="Say what should change."
        )


def check_approvable(findings: Sequence[Finding], decision: Decision, *, by_job: bool) -> None:
    """Raise for an approval of a job's output that fails a check.

    What people send is blocked by a failed check before a reviewer sees it. What a job made is not: its sender may not
    learn the verdict. So it cannot be approved either.
    """
    failed = next((f for f in findings if f.verdict is Verdict.FAIL), None)
    if by_job and failed is not None and decision is Decision.APPROVE:
        raise NotAllowed(
            f"{failed.file} fails a check ({failed.check}): {failed.reason}",
            clause="checks",
            fix="Return it and say what should change, or reject it.",
        )


def outcome(votes: Sequence[Vote]) -> Verb:
    """What the complete set of votes decides."""
    decisions = {v.decision for v in votes}
    if Decision.REJECT in decisions:
        return Verb.REJECT
    return Verb.RETURN if Decision.RETURN in decisions else Verb.APPROVE


def after_checks(verdict: Verdict) -> Verb:
    """A failed check blocks; all else goes to people."""
    return Verb.BLOCK if verdict is Verdict.FAIL else Verb.PASS_CHECKS


def check_recorded(release: Release, grant: Grant, entries: Sequence[Entry]) -> None:
    """Raise unless the log tells the same story: these files were staged, these people voted, all of them approved.

    The tables can be changed by whoever can write to the database; the log cannot, without that being seen.

    Args:
        grant: of the release.
        entries: all entries of the log about this release, proved by the chain.

    Raises:
        Tampered: the log tells another story, or none.
    """
    told = {row.event: [e.event for e in entries if e.event.action == row.event] for row in TRANSITIONS}
    staged = [e.event for e in entries if e.event.action == "release.staged"]
    decisions = [f"{v.reviewer}:{v.decision}" for v in release.votes]
    story = (
        len(staged) == 1
        and (staged[0].actor, staged[0].facts.get("grant")) == (release.requester, release.grant_id)
        and staged[0].facts.get("files_sha256") == [f.sha256 for f in release.files]
        and staged[0].object == f"release:{release.id}"
        and (grant.id, grant.person, grant.dataset, grant.project)
        == (release.grant_id, release.requester, release.dataset, release.project)
        and [e.actor for e in told["release.voted"]] == [v.reviewer for v in release.votes]
        and [e.facts.get("decisions") for e in told["release.reviewed"]] == [decisions]
        and len(told["release.approved"]) == 1
        and not told["release.released"]
        and not told["release.withdrawn"]
        and outcome(release.votes) is Verb.APPROVE
    )
    if not story:
        raise Tampered(
            f"Release {release.id} is not the one that the log tells of.", place=f"release {release.id}"
        )


def visible_votes(release: Release, person: Person) -> tuple[Vote, ...]:
    """The votes this person may see: one's own at once; all of them, to those who vote, when the last is in.

    The requester and everyone else get the comments without names (``reviewer 1``), and only after the last vote.
    """
    complete = len(release.votes) >= release.reviewers_needed
    if person.has(Role.REVIEWER) and person.name != release.requester:
        own = tuple(v for v in release.votes if v.reviewer == person.name)
        return release.votes if complete else own
    if not complete:
        return ()
    return tuple(
        Vote(reviewer=f"reviewer {i}", decision=v.decision, comment=v.comment)
        for i, v in enumerate(sorted(release.votes, key=lambda v: v.comment), start=1)
    )


def allowed_verbs(
    release: Release, person: Person, *, pool: Sequence[str], project_members: Sequence[str]
) -> tuple[str, ...]:
    """What this person may do with the release now, for pages and programs."""
    verbs: list[str] = []
    rows = [t for t in TRANSITIONS if t.start is release.status]
    if person.name == release.requester and any(t.by is By.REQUESTER for t in rows):
        verbs.append(Verb.WITHDRAW)
    if release.status is Status.RELEASED and person.name == release.requester:
        verbs.append("download")
    try:
        check_vote(
            release, person, pool=pool, project_members=project_members, comment="", decision=Decision.APPROVE
        )
    except (NotAllowed, Conflict):
        pass
    else:
        verbs.append(Verb.VOTE)
    return tuple(verbs)


def check_file_name(name: str) -> str:
    """Return a bare, plain file name, or raise. No folders, no ``..``, no hidden files, no control characters."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}", name) or ".." in name:
        raise BadInput(
            f"{name!r} cannot be an output's name.",
            where="file",
            fix="Use a bare name of letters, digits, '_', '-' and '.', such as table.csv, without folders.",
        )
    return name
