"""The log as one person may read it: who reviewed and how is hidden from those whose request it is."""

from __future__ import annotations

from dataclasses import replace

from sandbox.domain.audit import Entry
from sandbox.domain.people import Person
from sandbox.domain.release import Release, votes_are_in

HIDES = frozenset({"release.voted", "release.reviewed", "release.vote_voided"})
SOMEBODY = "a reviewer"


def blinded(entry: Entry, person: Person, release: Release, *, project_members: tuple[str, ...]) -> Entry:
    """An entry about a request without what this person may not know: its hash tells that it was blinded.

    Requesters and people of their project never learn who reviewed them, also when they may read the log; a reviewer
    who may read it learns who voted when the votes are in.
    """
    event = entry.event
    if event.action not in HIDES:
        return entry
    theirs = person.name == release.requester or person.name in project_members
    if not theirs and (votes_are_in(release) or event.actor == person.name):
        return entry
    facts = {name: v for name, v in event.facts.items() if name not in ("decisions", "reviewer")}
    actor = SOMEBODY if event.action == "release.voted" else event.actor
    return replace(entry, event=replace(event, actor=actor, facts=facts))
