"""What the log tells of a request, held against its row before anything leaves.

The tables can be changed by whoever can write to the database; the log cannot, without that being seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sandbox.domain.access import Grant
from sandbox.domain.audit import Entry, Event
from sandbox.domain.errors import Tampered
from sandbox.domain.release import Release, outcome
from sandbox.domain.release_states import TRANSITIONS, Status, Verb

_ENDS = {row.event: row.end for row in TRANSITIONS}
STAGED = "release.staged"
_RESUBMITTED, _VOTED, _VOIDED = "release.resubmitted", "release.voted", "release.vote_voided"


@dataclass(slots=True)
class ToldRelease:
    """A request as the log tells it, entry by entry.

    Attributes:
        staged: who asked, and for what; the first turn's.
        files: the hashes of this turn's files.
        voted: who voted in this turn, in order, but for those whose votes were voided.
        seen: the hashes that the votes of this turn were about; earlier logs do not say.
        decisions: how the votes of this turn went, as the last one told them.
        steps: the actions of this turn.
    """

    staged: Event | None = None
    status: Status | None = None
    turn: int = 0
    files: object = None
    voted: list[str] = field(default_factory=list)
    seen: list[object] = field(default_factory=list)
    decisions: list[object] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    crate: object = ""
    earlier: tuple[object, object] = (0, [])  # supersedes, builds on

    def hear(self, event: Event) -> None:
        """Take in the next entry about it."""
        facts = event.facts
        if event.action in (STAGED, _RESUBMITTED):
            if event.action == STAGED:
                self.staged = event if self.staged is None else None  # twice is no story
                self.earlier = (facts.get("supersedes", 0), facts.get("builds_on", []))
            self.turn += 1
            self.files = facts.get("files_sha256")
            self.status = Status.CHECKING
            self.voted, self.seen, self.decisions, self.steps = [], [], [], []
        if event.action not in _ENDS:
            return
        self.steps.append(event.action)
        self.status = _ENDS[event.action]
        match event.action:
            case "release.resumed":
                self.status = Status(str(facts.get("to")))
            case action if action == _VOTED:
                self.voted.append(event.actor)
                self.seen.append(facts.get("files_sha256", self.files))
            case action if action == _VOIDED:
                if (who := str(facts.get("reviewer"))) in self.voted:
                    self.voted.remove(who)
            case "release.reviewed":
                self.decisions.append(facts.get("decisions"))
            case "release.released":
                self.crate = facts.get("crate_sha256")


def told_of(entries: Iterable[Entry]) -> ToldRelease:
    """The story that entries about one request tell."""
    told = ToldRelease()
    for entry in entries:
        told.hear(entry.event)
    return told


def difference(release: Release, told: ToldRelease) -> str:
    """What the row says otherwise than the log; empty where they agree."""
    staged = told.staged
    if staged is None or (staged.actor, staged.facts.get("grant")) != (release.requester, release.grant_id):
        return "who asked for it"
    if told.files != [f.sha256 for f in release.files] or told.turn != release.turn:
        return "its files"
    if told.earlier != (release.supersedes, list(release.builds_on)):
        return "the releases that it names"
    if told.voted != [v.reviewer for v in release.votes]:
        return "its votes"
    if told.status is not release.status:
        return "its state"
    if told.crate != release.crate_sha256:
        return "its crate"
    return ""


def check_recorded(
    release: Release, grant: Grant, entries: Sequence[Entry], *, needed: int, fast_lane: bool
) -> None:
    """Raise unless the log tells the same story: these files were staged, and n people approved just these.

    Args:
        grant: of the release.
        entries: all entries of the log about this release, proved by the chain.
        needed: approvals, by the signed agreement.
        fast_lane: the agreement lets private answers leave without a vote, and its files are nothing else.

    Raises:
        Tampered: the log tells another story, or none.
    """
    told = told_of(entries)
    by_vote = (
        told.decisions == [[f"{v.reviewer}:{v.decision}" for v in release.votes]]
        and told.steps.count("release.approved") == 1
        and len({v.reviewer for v in release.votes}) == len(release.votes)
        and all(seen == told.files for seen in told.seen)
        and outcome(release.votes, needed) is Verb.APPROVE
    )
    by_answers = (
        fast_lane
        and not release.votes
        and not told.voted
        and told.steps.count("release.fast_lane") == 1
        and "release.submitted" not in told.steps
    )
    story = (
        difference(release, told) == ""
        and release.status is Status.APPROVED
        and all(e.event.object == f"release:{release.id}" for e in entries)
        and (grant.id, grant.person, grant.dataset, grant.project)
        == (release.grant_id, release.requester, release.dataset, release.project)
        and (by_vote or by_answers)
    )
    if not story:
        raise Tampered(
            f"Request {release.id} is not the one that the log tells of.", place=f"release {release.id}"
        )
