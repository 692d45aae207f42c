"""What the log tells of planted outputs, held against their rows: nobody says it afterwards, nobody takes it back.

- The salted hash stands before the first vote on the request that the statement names.
- Every hash has its row; a row whose request was decided is unveiled, with that statement and salt.
- Found or missed is what the votes said.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.domain.audit import Entry
from sandbox.domain.errors import Tampered
from sandbox.domain.planted import HELD, PLANTED, UNVEILED, Planted, commitment, outcome_of
from sandbox.domain.release import Release, Status, outcome
from sandbox.store import Store

_DECIDED = frozenset({"release.approved", "release.returned", "release.rejected"})
_VOTED = "release.voted"


@dataclass(slots=True)
class ToldPlanted:
    """What the log says.

    Attributes:
        hashes: entry and person, by hash.
        voted: the first vote's entry, by request.
        decided: the last entry that decided a request as any other, by request.
        unveiled: the entry that told of it, by request.
        held: requests that were on hold in the turn that was unveiled.
    """

    hashes: dict[str, tuple[int, str]] = field(default_factory=dict)
    voted: dict[str, int] = field(default_factory=dict)
    decided: dict[str, int] = field(default_factory=dict)
    unveiled: dict[str, Entry] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)

    def hear(self, entry: Entry) -> None:
        """Take in the next entry of the log."""
        event, number = entry.event, entry.event.object.partition(":")[2]
        match event.action:
            case action if action == PLANTED:
                self.hashes[str(event.facts.get("commitment"))] = (entry.seq, event.actor)
            case action if action == _VOTED:
                self.voted.setdefault(number, entry.seq)
            case action if action in _DECIDED:
                self.decided[number] = entry.seq
            case action if action == HELD:
                self.held.add(number)
            case "release.resubmitted":
                self.held.discard(number)
            case action if action == UNVEILED:
                self.unveiled[number] = entry


def check_planted(store: Store, told: ToldPlanted) -> int:
    """Hold rows and log together.

    Returns:
        How many there are.

    Raises:
        Tampered: names the first that is not what the log says.
    """
    rows = store.planted_outputs.all()
    for row in rows:
        release = store.releases.get(row.release)
        if release is None or (wrong := _wrong(row, release, told)):
            what = "its request" if release is None else wrong
            raise _differs(f"planted output {row.release}", what)
    gone = told.hashes.keys() - {row.commitment for row in rows}
    if gone:
        entry = min(told.hashes[hash][0] for hash in gone)
        raise _differs(f"entry {entry}", "what was planted: its row is gone")
    strangers = told.unveiled.keys() - {str(row.release) for row in rows}
    if strangers:
        raise _differs(f"release {min(strangers)}", "that it was planted")
    return len(rows)


def _wrong(row: Planted, release: Release, told: ToldPlanted) -> str:
    """What the row says otherwise than the log; empty where they agree."""
    number, said = str(row.release), _said(row.statement)
    if commitment(row.statement, row.salt) != row.commitment:
        return "its statement"
    if told.hashes.get(row.commitment) != (row.entry, row.planted_by):
        return "the hash of its statement"
    if (said.get("release"), said.get("turn"), said.get("sender"), said.get("planted_by")) != (
        release.id,
        release.turn,
        release.requester,
        row.planted_by,
    ) or said.get("files_sha256") != [f.sha256 for f in release.files]:
        return "the request that it is about"
    if told.voted.get(number, row.entry + 1) < row.entry:
        return "when it was planted: somebody had voted"
    entry = told.unveiled.get(number)
    if entry is None:
        decided = number in told.decided or release.status in (Status.RELEASED, Status.PLANTED)
        return "that it was planted: it was decided as any other" if decided or row.outcome else ""
    facts = entry.event.facts
    if (facts.get("statement"), facts.get("salt"), facts.get("commitment"), facts.get("entry")) != (
        row.statement,
        row.salt,
        row.commitment,
        row.entry,
    ):
        return "the statement that was told"
    decision = outcome(release.votes, release.reviewers_needed)
    became = outcome_of(decision, release.votes, planted_by=row.planted_by, held=number in told.held)
    if {facts.get("outcome"), str(row.outcome)} != {str(became)}:
        return "whether it was found"
    return "" if {facts.get("decision"), str(row.decision)} == {str(decision)} else "how it was decided"


def _said(statement: str) -> Mapping[str, Any]:
    try:
        read = json.loads(statement)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _differs(place: str, what: str) -> Tampered:
    return Tampered(f"Of {place}, the database and the log differ in {what}.", place=place)
