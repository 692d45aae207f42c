"""The register of results: what came of a grant.

- The holder of a grant reports, under that grant alone; also when it has ended: the duty outlives it.
- The dataset's owner or an administrator confirms it, sends it back or withdraws it; nobody confirms their own.
- Only what is confirmed is public. Who reported it is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sandbox.domain.canonical import content_hash
from sandbox.domain.errors import BadInput, Conflict, NotAllowed
from sandbox.domain.people import Person, Role
from sandbox.domain.plain_text import plain_text, public_link

EARLIEST = date(1990, 1, 1)


class ResultKind(StrEnum):
    PAPER = "paper"
    PRODUCT = "product"
    MODEL = "model"
    REPORT = "report"
    OTHER = "other"


class ResultState(StrEnum):
    REPORTED = "reported"
    RETURNED = "returned"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


class Verb(StrEnum):
    CONFIRM = "confirm"
    RETURN = "return"
    WITHDRAW = "withdraw"
    AMEND = "amend"


@dataclass(frozen=True, slots=True)
class Step:
    """One row of a result's state machine."""

    start: ResultState
    verb: Verb
    end: ResultState
    by_reporter: bool  # else by the dataset's owner or an administrator
    event: str


STEPS: tuple[Step, ...] = (
    Step(ResultState.REPORTED, Verb.CONFIRM, ResultState.CONFIRMED, False, "result.confirmed"),
    Step(ResultState.REPORTED, Verb.RETURN, ResultState.RETURNED, False, "result.returned"),
    Step(ResultState.REPORTED, Verb.AMEND, ResultState.REPORTED, True, "result.amended"),
    Step(ResultState.RETURNED, Verb.AMEND, ResultState.REPORTED, True, "result.amended"),
    Step(ResultState.CONFIRMED, Verb.WITHDRAW, ResultState.WITHDRAWN, False, "result.withdrawn"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What was made, as a form brings it."""

    kind: ResultKind
    title: str
    authors: str
    link: str  # an https address or a DOI; empty when there is none
    made_on: date
    how_used: str  # how the data were used
    citation_carried: bool  # whether it names the source as the agreement asks


@dataclass(frozen=True, slots=True, kw_only=True)
class Made(Told):
    """The same in plain text, its link an https address; made by ``made`` alone."""

    @property
    def sha256(self) -> str:
        return content_hash(
            {
                "kind": str(self.kind),
                "title": self.title,
                "authors": self.authors,
                "link": self.link,
                "made_on": self.made_on.isoformat(),
                "how_used": self.how_used,
                "citation_carried": self.citation_carried,
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A line of the register."""

    id: int
    grant_id: int
    dataset: str
    project: str
    reporter: str
    made: Made
    state: ResultState
    version: int  # counts changes; a change has to name the version it saw
    reason: str  # why it was returned or withdrawn
    reported_at: str  # ISO 8601, UTC
    changed_at: str


def made(told: Told, *, today: date) -> Made:
    """What was made, in plain text.

    Raises:
        BadInput: names the field.
    """
    if not EARLIEST <= told.made_on <= today:
        raise BadInput(
            f"{told.made_on} is not a day on which it can have appeared.",
            where="made_on",
            fix="Give the day it appeared, not a later one than today.",
        )
    return Made(
        kind=told.kind,
        title=plain_text(told.title, where="title", least=5, most=300),
        authors=plain_text(told.authors, where="authors", least=2, most=500),
        link=public_link(told.link),
        made_on=told.made_on,
        how_used=plain_text(told.how_used, where="how_used", least=10, most=2000, lines=True),
        citation_carried=told.citation_carried,
    )


def step(result: Result, verb: Verb, person: Person, *, owner: str) -> Step:
    """The row that applies.

    Args:
        owner: of the result's dataset.

    Raises:
        NotAllowed: the verb is somebody else's.
        Conflict: the state has no such verb.
    """
    rows = [row for row in STEPS if row.start is result.state and row.verb is verb]
    by_reporter = any(row.by_reporter for row in STEPS if row.verb is verb)
    if not _plays(result, person, by_reporter=by_reporter, owner=owner):
        who = "who reported it" if by_reporter else "the dataset's owner or an administrator"
        raise NotAllowed(f"Only {who} may {verb} result {result.id}.", clause="separation of duties")
    if not rows:
        raise Conflict(f"Result {result.id} is {result.state}; it cannot be changed by '{verb}'.")
    return rows[0]


def allowed_actions(result: Result, person: Person | None, *, owner: str) -> tuple[str, ...]:
    """What the one who asks may do with it now."""
    return tuple(
        str(row.verb)
        for row in STEPS
        if person is not None
        and row.start is result.state
        and _plays(result, person, by_reporter=row.by_reporter, owner=owner)
    )


def may_see(result: Result, person: Person | None, *, owner: str) -> bool:
    """Whether somebody sees it in every state: who reported it, and those who decide."""
    return person is not None and any(
        _plays(result, person, by_reporter=by_reporter, owner=owner) for by_reporter in (True, False)
    )


def reason(verb: Verb, text: str) -> str:
    """Why it goes back, or off the register; empty for the other verbs."""
    least = 5 if verb in (Verb.RETURN, Verb.WITHDRAW) else 0
    return plain_text(text, where="reason", least=least, most=500)


def _plays(result: Result, person: Person, *, by_reporter: bool, owner: str) -> bool:
    if by_reporter:
        return person.name == result.reporter
    deciding = (person.name == owner and person.has(Role.OWNER)) or person.has(Role.ADMINISTRATOR)
    return deciding and person.name != result.reporter
