"""The way of a request to let files out: one table, from which rules, log, notices and the page's picture come.

A draft is a file in the notebook, which the platform does not hold; a request begins in CHECKING, when its files are
copied and known by hash. What goes back comes again as the next turn, under the same number.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sandbox.domain.errors import Conflict


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
    SUPERSEDED = "superseded"  # a later release stands in its place
    WITHDRAWN = "withdrawn"
    ON_HOLD = "on_hold"  # an objection, or the owner, stopped it where it was
    RECALLED = "recalled"  # what it is made of may not be used any more
    PLANTED = "planted"  # decided, and then told: it had a known flaw and was never to leave


class Verb(StrEnum):
    BLOCK = "block"  # a check failed
    PASS_CHECKS = "pass_checks"  # noqa: S105 - a verb, not a password
    FAST_LANE = "fast_lane"  # wholly private answers, where the agreement lets them leave so
    VOTE = "vote"
    VOID_VOTE = "void_vote"  # who cast it may not review this any more
    ASK_FURTHER = "ask_further"  # the votes split: one more person decides
    COMPLETE = "complete"  # the last vote is in
    APPROVE = "approve"
    RETURN = "return"
    REJECT = "reject"
    UNVEIL = "unveil"  # it was planted: whatever the votes said, it ends here
    RESUBMIT = "resubmit"  # other files, or another context: the next turn
    RELEASE = "release"
    SUPERSEDE = "supersede"  # a later release that names this one has left
    WITHDRAW = "withdraw"
    HOLD = "hold"
    RESUME = "resume"
    RECALL = "recall"


class By(StrEnum):
    PLATFORM = "platform"
    REQUESTER = "requester"
    REVIEWER = "reviewer"
    OWNER = "owner"  # or the platform, when the dataset is suspended and resumed


class Notice(StrEnum):
    """Who is told of a step, beside the one who took it."""

    NOBODY = "nobody"
    REQUESTER = "requester"
    REVIEWERS = "reviewers"
    VOTERS = "who voted"
    BOTH = "requester and reviewers"


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of the state machine."""

    start: Status
    verb: Verb
    end: Status
    by: By
    event: str  # the audit action
    notice: Notice


def _rows() -> tuple[Transition, ...]:
    s, v, t, n = Status, Verb, Transition, Notice
    platform, requester, reviewer, owner = By.PLATFORM, By.REQUESTER, By.REVIEWER, By.OWNER
    open_ = (s.BLOCKED, s.SUBMITTED, s.PARTIALLY_REVIEWED, s.RETURNED)
    return (
        t(s.CHECKING, v.BLOCK, s.BLOCKED, platform, "release.blocked", n.REQUESTER),
        t(s.CHECKING, v.PASS_CHECKS, s.SUBMITTED, platform, "release.submitted", n.REVIEWERS),
        t(s.CHECKING, v.FAST_LANE, s.APPROVED, platform, "release.fast_lane", n.NOBODY),
        t(s.SUBMITTED, v.VOTE, s.PARTIALLY_REVIEWED, reviewer, "release.voted", n.NOBODY),
        t(s.PARTIALLY_REVIEWED, v.VOTE, s.PARTIALLY_REVIEWED, reviewer, "release.voted", n.NOBODY),
        t(
            s.PARTIALLY_REVIEWED,
            v.VOID_VOTE,
            s.PARTIALLY_REVIEWED,
            platform,
            "release.vote_voided",
            n.REVIEWERS,
        ),
        t(
            s.PARTIALLY_REVIEWED,
            v.ASK_FURTHER,
            s.PARTIALLY_REVIEWED,
            platform,
            "release.further_asked",
            n.REVIEWERS,
        ),
        t(s.PARTIALLY_REVIEWED, v.COMPLETE, s.REVIEWED, platform, "release.reviewed", n.VOTERS),
        t(s.REVIEWED, v.APPROVE, s.APPROVED, platform, "release.approved", n.NOBODY),
        t(s.REVIEWED, v.RETURN, s.RETURNED, platform, "release.returned", n.REQUESTER),
        t(s.REVIEWED, v.REJECT, s.REJECTED, platform, "release.rejected", n.REQUESTER),
        t(s.REVIEWED, v.UNVEIL, s.PLANTED, platform, "release.unveiled", n.BOTH),
        *(
            t(state, v.RESUBMIT, s.CHECKING, requester, "release.resubmitted", n.NOBODY)
            for state in (s.BLOCKED, s.RETURNED)
        ),
        t(s.APPROVED, v.RELEASE, s.RELEASED, platform, "release.released", n.REQUESTER),
        *(t(state, v.WITHDRAW, s.WITHDRAWN, requester, "release.withdrawn", n.REVIEWERS) for state in open_),
        *(t(live, v.HOLD, s.ON_HOLD, owner, "release.held", n.BOTH) for live in sorted(LIVE)),
        *(t(s.ON_HOLD, v.RESUME, live, owner, "release.resumed", n.BOTH) for live in sorted(LIVE)),
        t(s.RELEASED, v.SUPERSEDE, s.SUPERSEDED, platform, "release.superseded", n.REQUESTER),
        # Copies of it are about all the same: what takes a release back takes back what stood in its place before.
        *(
            t(out, v.RECALL, s.RECALLED, owner, "release.recalled", n.BOTH)
            for out in (s.RELEASED, s.SUPERSEDED)
        ),
    )


FINAL = frozenset({Status.REJECTED, Status.WITHDRAWN, Status.RECALLED, Status.PLANTED})  # nothing leads on
OUT = frozenset({Status.RELEASED, Status.SUPERSEDED})  # it left, and may be used
OVER = FINAL | OUT  # nothing is on its way out any more
LIVE = frozenset(Status) - OVER - {Status.ON_HOLD}
WAITING = frozenset({Status.SUBMITTED, Status.PARTIALLY_REVIEWED})  # for reviewers
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
