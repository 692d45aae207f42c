"""How an output leaves: the rules of review.

- Files are known by SHA-256 from the moment they are staged; what is voted on is what leaves.
- Checks that fail block the release before a person looks.
- A reviewer is in the dataset's pool, is not the requester, and is not on the requester's project.
- Votes are hidden from all others until the last one is in; the requester never learns who voted what.
- Nothing leaves without n approvals of these very bytes. Where one vote of n stands against the others, one more person
  decides; else one rejection rejects, and one request for changes returns.
- What goes back comes again as the next turn: its earlier votes and comments are kept, and count no more.
- Any live request can be held, and goes on from where it was; what was released can be recalled. See ``release_hold``.

The states are in ``release_states``, the way without a vote is in ``fast_lane``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from sandbox.domain.errors import BadInput, Conflict, NotAllowed
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.people import Person, Role
from sandbox.domain.plain_text import length
from sandbox.domain.release_states import (
    FINAL,
    LIVE,
    OUT,
    OVER,
    TRANSITIONS,
    WAITING,
    By,
    Status,
    Transition,
    Verb,
    transition,
)

__all__ = [
    "FINAL",
    "LIVE",
    "NOT_SAID",
    "OUT",
    "OVER",
    "TRANSITIONS",
    "WAITING",
    "By",
    "Cause",
    "Decision",
    "Release",
    "StagedFile",
    "Status",
    "Transition",
    "Verb",
    "Vote",
    "after_checks",
    "after_vote",
    "allowed_verbs",
    "causes",
    "check_approvable",
    "check_file_name",
    "check_resubmission",
    "check_version",
    "check_vote",
    "early_votes",
    "further_needed",
    "lost_votes",
    "may_review",
    "outcome",
    "sealed",
    "split_comments",
    "transition",
    "visible_votes",
    "votes_are_in",
    "votes_needed",
    "votes_told",
]


class Decision(StrEnum):
    APPROVE = "approve"
    RETURN = "return"
    REJECT = "reject"


class Cause(StrEnum):
    """Why a vote sends a request back, in one word; the words that OpenSAFELY's output checkers count, and ours."""

    SMALL_COUNTS = "small_counts"
    UNROUNDED = "unrounded_counts"
    CONTEXT = "missing_context"
    NO_TABLE = "no_table_behind_it"
    FILE_TYPE = "file_type"
    DIFFERENCING = "differences_to_other_releases"
    OTHER = "something_else"


NOT_SAID = "not_said"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    reviewer: str
    decision: Decision
    comment: str
    cause: Cause | None = None  # of one that sends back, where it was said
    turn: int = 1
    voided: str = ""  # why it counts no more; it is kept all the same


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
    reviewers_needed: int  # approvals, by the agreement
    votes: tuple[Vote, ...] = ()  # of this turn, those that count
    early: tuple[
        Vote, ...
    ] = ()  # kept, and voided: of earlier turns, or of people who may not review this any more
    turn: int = 1
    supersedes: int = 0  # the release that this one stands in the place of, once it leaves; 0: none
    builds_on: tuple[int, ...] = ()  # earlier releases that it goes on from
    decided_at: str = ""  # when the reviewers' votes decided this turn; empty: not yet
    waiting_since: str = ""  # when this turn came to the reviewers, or back to them; ISO 8601, UTC
    crate_sha256: str = ""  # once released: the crate that leaves, in the vault
    held_from: Status | None = None  # on hold: the state that it goes back to
    held_by: str = ""  # on hold: the owner who held it; empty: a suspension did
    reason: str = ""  # why it is on hold, or was recalled


def sealed(release: Release, person: Person, *, by_job: bool) -> bool:
    """Whether what a request holds is hidden from this person: a job's outputs, from its requester, until they leave.

    Args:
        by_job: code of the requester made the files beside the raw rows; the requester never saw them.
    """
    left = release.status in OUT and release.crate_sha256  # what was recalled is shown no more
    return by_job and person.name == release.requester and not left


def may_review(name: str, release: Release, *, pool: Sequence[str], project_members: Sequence[str]) -> bool:
    """Whether somebody is in the pool and independent of the request."""
    return name in pool and name != release.requester and name not in project_members


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
            f"Request {release.id} is on hold. {release.reason}",
            clause="hold",
            fix="Vote when it goes on.",
        )
    transition(release.status, Verb.VOTE)
    if any(v.reviewer == person.name for v in (*release.votes, *_void_of_this_turn(release))):
        raise Conflict("You have voted on this release.", fix="Wait for the other votes.")
    if decision is not Decision.APPROVE and length(comment) < 5:
        raise BadInput(
            "A request that goes back needs a reason.", where="comment", fix="Say what should change."
        )


def _void_of_this_turn(release: Release) -> tuple[Vote, ...]:
    return tuple(v for v in release.early if v.turn == release.turn)


def check_version(release: Release, version: int | None) -> None:
    """Raise unless a change names the version that it is made to.

    Args:
        version: None for what stops a request, and is right whatever happened to it in between.
    """
    if version is not None and version != release.version:
        raise Conflict("The release changed since you opened it.", fix="Open it again and look once more.")


def check_resubmission(release: Release, files: Sequence[StagedFile], context: str) -> None:
    """Raise for a turn that brings nothing new: it would ask the same people the same thing.

    Raises:
        BadInput: the very same files, questions and context.
    """
    if (
        tuple(sorted(files, key=lambda f: f.name)) == tuple(sorted(release.files, key=lambda f: f.name))
        and context.strip() == release.context
    ):
        raise BadInput(
            "Neither a file nor the context has changed.",
            where="files",
            fix="Change what the checks or the reviewers asked for.",
        )


def lost_votes(
    release: Release,
    *,
    pool: Sequence[str],
    project_members: Sequence[str],
    reviewers: Sequence[str],
) -> tuple[Vote, ...]:
    """Votes whose reviewers may not review this any more.

    Args:
        reviewers: all people with an open account who are reviewers.
    """
    return tuple(
        vote
        for vote in release.votes
        if vote.reviewer not in reviewers
        or not may_review(vote.reviewer, release, pool=pool, project_members=project_members)
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


def further_needed(votes: Sequence[Vote], needed: int) -> bool:
    """Whether one more person decides: all votes are in, and just one stands between the request and n approvals.

    With n = 1 nothing can split. Where two or more stand against it, one more person could not bring n approvals.
    """
    approvals = sum(v.decision is Decision.APPROVE for v in votes)
    return needed > 1 and len(votes) == needed and approvals == needed - 1


def votes_needed(release: Release) -> int:
    """How many votes decide, as far as one can tell now."""
    split = release.status is Status.PARTIALLY_REVIEWED and len(release.votes) >= release.reviewers_needed
    return len(release.votes) + 1 if split else max(release.reviewers_needed, len(release.votes))


def after_vote(release: Release, *, others_left: int) -> Verb | None:
    """What follows from the votes that are in; None while more are awaited.

    Args:
        others_left: how many people may still vote. Where nobody is left to decide a split, the stricter vote stands.
    """
    if len(release.votes) < release.reviewers_needed:
        return None
    if further_needed(release.votes, release.reviewers_needed) and others_left > 0:
        return Verb.ASK_FURTHER
    return Verb.COMPLETE


def outcome(votes: Sequence[Vote], needed: int) -> Verb:
    """What the complete set of votes decides: n approvals, or the strictest vote."""
    decisions = [v.decision for v in votes]
    if decisions.count(Decision.APPROVE) >= max(needed, 1):
        return Verb.APPROVE
    return Verb.REJECT if Decision.REJECT in decisions else Verb.RETURN


def after_checks(verdict: Verdict) -> Verb:
    """A failed check blocks; all else goes to people, but for what ``fast_lane`` lets through."""
    return Verb.BLOCK if verdict is Verdict.FAIL else Verb.PASS_CHECKS


def votes_are_in(release: Release) -> bool:
    """Whether the votes of this turn decided it. One taken back or held before that shows none of them."""
    return release.decided_at != ""


def votes_told(release: Release, *, deciding: bool) -> tuple[int, int]:
    """How many votes are in, and how many are needed.

    Until the decision only who still has to vote learns that the others split; all else see that some are in.

    Args:
        deciding: they may vote now.
    """
    if deciding or votes_are_in(release):
        return len(release.votes), votes_needed(release)
    return min(len(release.votes), max(release.reviewers_needed - 1, 0)), release.reviewers_needed


def visible_votes(release: Release, person: Person) -> tuple[Vote, ...]:
    """The votes this person may see: one's own at once; all of them, to those who vote, when the last is in.

    The requester and everyone else get the comments without names (``reviewer 1``), and only after the last vote. Who
    decides a split sees what the others wrote before, neither who they are nor how they voted.
    """
    complete = votes_are_in(release)
    if person.has(Role.REVIEWER) and person.name != release.requester:
        return release.votes if complete else tuple(v for v in release.votes if v.reviewer == person.name)
    return _nameless(release.votes) if complete else ()


def early_votes(release: Release, person: Person) -> tuple[Vote, ...]:
    """The voided votes that this person may see; those of this turn are hidden as the others are."""
    complete = votes_are_in(release)
    shown = tuple(v for v in release.early if complete or v.turn < release.turn or v.reviewer == person.name)
    return shown if person.has(Role.REVIEWER) and person.name != release.requester else _nameless(shown)


def split_comments(release: Release, person: Person) -> tuple[str, ...]:
    """What those wrote who voted before, for the one who decides a split; in no order that tells who."""
    voted = any(v.reviewer == person.name for v in release.votes)
    split = release.status is Status.PARTIALLY_REVIEWED and len(release.votes) >= release.reviewers_needed
    if not split or voted or not person.has(Role.REVIEWER) or person.name == release.requester:
        return ()
    return tuple(sorted(v.comment for v in release.votes if v.comment))


def _nameless(votes: Sequence[Vote]) -> tuple[Vote, ...]:
    ordered = sorted(votes, key=lambda v: (v.turn, v.comment))
    return tuple(replace(vote, reviewer=f"reviewer {i}") for i, vote in enumerate(ordered, start=1))


def allowed_verbs(
    release: Release,
    person: Person,
    *,
    pool: Sequence[str],
    project_members: Sequence[str],
    by_job: bool = False,
) -> tuple[str, ...]:
    """What this person may do with the release now, for pages and programs.

    Args:
        by_job: a job made its files, so that no others can take their place.
    """
    verbs: list[str] = []
    if person.name == release.requester:
        own = [t.verb for t in TRANSITIONS if t.start is release.status and t.by is By.REQUESTER]
        verbs += [verb for verb in own if not (verb is Verb.RESUBMIT and by_job)]
        if release.status in OUT:
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


def causes(votes: Sequence[Vote]) -> dict[str, int]:
    """Of votes that sent back, how many for what, the most frequent first; ``not_said`` for those without a word."""
    said = Counter(str(v.cause) if v.cause else NOT_SAID for v in votes if v.decision is not Decision.APPROVE)
    return dict(sorted(said.items(), key=lambda one: (-one[1], one[0])))


def check_file_name(name: str) -> str:
    """Return a bare, plain file name, or raise. No folders, no ``..``, no hidden files, no control characters."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}", name) or ".." in name:
        raise BadInput(
            f"{name!r} cannot be an output's name.",
            where="file",
            fix="Use a bare name of letters, digits, '_', '-' and '.', such as table.csv, without folders.",
        )
    return name
