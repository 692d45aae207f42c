"""Planted outputs: requests with a known flaw, by which is measured how much reviewers miss.

- Two people: who sends the request, and an administrator who says what is wrong with it. Neither of them can do it
  alone: the sender hands over a word that only they can read, so that nobody's honest request is planted.
- Planted before any vote, while it waits. From then on the log holds the hash of a salted statement, which names no
  request. At the decision statement and salt are written there too: nobody can say it afterwards.
- What is planted never leaves. Approved it was missed; returned or rejected it was found.
- Not counted: what was on hold before the decision (reviewers read why), and what its planter voted on.

``planting_word``, ``check_may_plant``, ``statement_of``, ``commitment``; then, at the decision, ``outcome_of``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sandbox.domain.canonical import canonical_json, content_hash
from sandbox.domain.errors import BadInput, Conflict, NotAllowed
from sandbox.domain.people import Person, Role
from sandbox.domain.plain_text import plain_text
from sandbox.domain.policy_keys import Way, doc
from sandbox.domain.proportion import exact_interval
from sandbox.domain.release import Release, Vote
from sandbox.domain.release_states import Status, Verb

PLANTED = "review.planted"  # the log's action; its object names no request
UNVEILED = "release.unveiled"
HELD = "release.held"
_WORD_LETTERS = 16


class Planting(StrEnum):
    """Whether outputs may be planted. What opens more comes first."""

    ALLOWED = "allowed"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewTerms:
    """How review itself is looked at."""

    planted: Planting = doc(
        "``allowed``: administrators may plant outputs with a known flaw, which never leave, to measure how much "
        "reviewers miss; reviewers are told that it may happen. Why: docs/adr/0047.",
        Way.EARLIER,
        default=Planting.NONE,
    )


class Flaw(StrEnum):
    """What is wrong with a planted output."""

    SMALL_COUNT = "small_count"
    DOMINANCE = "dominance"
    DIFFERENCE = "difference"  # between two tables, or to what has left
    ROUNDING = "rounding"  # declared and not applied, or applied so that it can be undone
    IDENTIFIER = "identifier"  # of somebody, in a text, a label or a name
    MISLABELLED = "mislabelled"  # it is not what it says that it is
    OTHER = "other"


class Outcome(StrEnum):
    FOUND = "found"
    MISSED = "missed"
    NOT_COUNTED = "not_counted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A planted output.

    Attributes:
        statement: canonical JSON, whose salted hash is on the log.
        entry: the log's entry that holds it.
        outcome: None before the decision.
        decision: of the reviewers: approve, return, reject; None before it.
    """

    release: int
    statement: str
    salt: str  # 64 hex digits
    commitment: str  # 64 hex digits
    planted_by: str
    entry: int = 0
    planted_at: str = ""
    outcome: Outcome | None = None
    decision: Verb | None = None
    decided_at: str = ""

    @property
    def said(self) -> Mapping[str, Any]:
        """The statement, read."""
        read: Mapping[str, Any] = json.loads(self.statement)
        return read

    @property
    def flaw(self) -> Flaw:
        return Flaw(self.said["flaw"])

    @property
    def file(self) -> str:
        return str(self.said["file"])

    @property
    def place(self) -> str:
        return str(self.said["place"])

    @property
    def words(self) -> str:
        return str(self.said["words"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many were found.

    Attributes:
        missed_percent: low and high, 0 to 100: between these the share that is missed lies, in 95 of 100 such
            measurements at least; None where none was counted.
    """

    planted: int
    found: int
    missed: int
    missed_percent: tuple[float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedFigures:
    """What was found of what was planted; only what is decided and counts."""

    all: Share
    by_flaw: Mapping[Flaw, Share]  # those of which there is any


def planting_word(secret: bytes, release: Release) -> str:
    """The word by which its sender agrees that a request is planted. It is told to nobody else.

    >>> from sandbox.domain.release import Release
    >>> len(planting_word(b"secret", Release(
    ...     id=1, grant_id=1, dataset="d", project="p", requester="ana", context="", files=(),
    ...     status=Status.SUBMITTED, version=1, reviewers_needed=2)))
    19
    """
    about = canonical_json({"plant": release.id, "turn": release.turn, "sender": release.requester})
    digest = hmac.digest(secret, about, hashlib.sha256)
    letters = base64.b32encode(digest).decode().lower()[:_WORD_LETTERS]
    return "-".join(letters[at : at + 4] for at in range(0, _WORD_LETTERS, 4))


def same_word(right: str, said: str) -> bool:
    """Whether it is the word, however it was typed."""
    return hmac.compare_digest(_bare(right), _bare(said))


def _bare(word: str) -> bytes:
    return "".join(c for c in word.lower() if c.isalnum()).encode()


def check_allowed(terms: ReviewTerms) -> None:
    """Raise unless the site's policy lets outputs be planted."""
    if terms.planted is not Planting.ALLOWED:
        raise NotAllowed(
            "This site's policy lets nothing be planted.",
            clause="review.planted",
            fix="Set review.planted to allowed in site.yaml; reviewers are told so.",
        )


def check_may_plant(release: Release, person: Person, *, pool: Sequence[str]) -> None:
    """Raise unless this person may plant this request, as far as it does not matter how it stands."""
    if not person.has(Role.ADMINISTRATOR):
        raise NotAllowed("Only administrators plant outputs.", clause="role")
    if person.name in pool:
        raise NotAllowed(
            f"You review {release.dataset}: who reviews it does not plant.", clause="planter is no reviewer"
        )
    if person.name == release.requester:
        raise NotAllowed("Nobody plants their own request.", clause="planter is not the sender")


def check_plantable(release: Release, *, by_job: bool) -> None:
    """Raise unless a request can still be planted.

    Args:
        by_job: a job made its files, which its sender has not seen.
    """
    if by_job:
        raise NotAllowed(
            "A job made these files: its sender does not know what is in them.",
            clause="planted by its sender",
        )
    if release.votes or release.early:
        raise Conflict("Somebody has voted on this request.", fix="Plant before the first vote.")
    if release.status is not Status.SUBMITTED:
        raise Conflict(
            f"Request {release.id} is {str(release.status).replace('_', ' ')}, and does not wait for votes.",
            fix="Plant a request that waits for its reviewers.",
        )


def check_hidden(may_vote: Sequence[Person]) -> None:
    """Raise where who is to review it could tell by the length of the log, since nobody else makes entries on it.

    Args:
        may_vote: who may vote on the request.
    """
    if len(may_vote) == 1 and (may_vote[0].has(Role.ADMINISTRATOR) or may_vote[0].has(Role.AUDITOR)):
        raise NotAllowed(
            f"Only {may_vote[0].name} may vote on it, who reads the whole log and could tell.",
            clause="planted unseen",
            fix="Let somebody else review that dataset too.",
        )


def statement_of(release: Release, *, planted_by: str, flaw: Flaw, file: str, place: str, words: str) -> str:
    """What is said of the flaw, as it is hashed: canonical JSON.

    Args:
        file: of the request; empty: all files together.
        place: within it, such as ``row 3, column n``; may be empty.
        words: what is wrong, for reviewers to read afterwards.

    Raises:
        BadInput: no such file, or too few words.
    """
    if file and file not in {f.name for f in release.files}:
        raise BadInput("The request has no such file.", where="file", fix="Name one of its files, or none.")
    return canonical_json(
        {
            "release": release.id,
            "turn": release.turn,
            "sender": release.requester,
            "planted_by": planted_by,
            "files_sha256": [f.sha256 for f in release.files],
            "flaw": str(flaw),
            "file": file,
            "place": plain_text(place, where="place", least=0, most=200),
            "words": plain_text(words, where="words", least=10, most=1000),
        }
    ).decode()


def commitment(statement: str, salt: str) -> str:
    """The hash that stands on the log before anybody votes, 64 hex digits.

    >>> len(commitment("{}", "00" * 32))
    64
    """
    return content_hash({"salt": salt, "statement": statement})


def outcome_of(decision: Verb, votes: Sequence[Vote], *, planted_by: str, held: bool) -> Outcome:
    """What a decision says about the reviewers.

    Args:
        held: it was on hold in this turn, with a reason that reviewers could read.
    """
    if held or any(v.reviewer == planted_by for v in votes):
        return Outcome.NOT_COUNTED
    return Outcome.MISSED if decision is Verb.APPROVE else Outcome.FOUND


def share(outcomes: Sequence[Outcome]) -> Share:
    """How many of them were found.

    >>> share([Outcome.FOUND] * 10 + [Outcome.MISSED] * 2)
    Share(planted=12, found=10, missed=2, missed_percent=(2.1, 48.4))
    """
    n = Counter(outcomes)
    counted = n[Outcome.FOUND] + n[Outcome.MISSED]
    between = exact_interval(n[Outcome.MISSED], counted) if counted else None
    return Share(
        planted=counted,
        found=n[Outcome.FOUND],
        missed=n[Outcome.MISSED],
        missed_percent=(round(100 * between[0], 1), round(100 * between[1], 1)) if between else None,
    )


def planted_figures(planted: Sequence[Planted]) -> PlantedFigures:
    """Of these, those that are decided and count."""
    outcomes = [(p.flaw, p.outcome) for p in planted if p.outcome is not None]
    by_flaw = {flaw: share([became for of, became in outcomes if of is flaw]) for flaw in Flaw}
    return PlantedFigures(
        all=share([became for _, became in outcomes]),
        by_flaw={flaw: one for flaw, one in by_flaw.items() if one.planted},
    )


def own_share(votes: Sequence[Vote]) -> Share:
    """Of planted outputs that count, what one reviewer let pass and sent back; by their own votes."""
    return share([Outcome.MISSED if v.decision == "approve" else Outcome.FOUND for v in votes])
