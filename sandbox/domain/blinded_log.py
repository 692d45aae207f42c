"""The log as one person may read it: who reviewed and how is hidden from those whose request it is."""

from __future__ import annotations

from dataclasses import replace

from sandbox.domain.audit import Entry
from sandbox.domain.people import Person
from sandbox.domain.release import Release, votes_are_in

_BY_REVIEWERS = frozenset({"release.voted", "release.commented", "release.comment_voided"})
HIDES = _BY_REVIEWERS | {"release.reviewed", "release.vote_voided"}
_TELLING = frozenset({"decisions", "reviewer", "comment", "file"})
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
    facts = {name: v for name, v in event.facts.items() if name not in _TELLING}
    actor = SOMEBODY if event.action in _BY_REVIEWERS else event.actor
    return replace(entry, event=replace(event, actor=actor, facts=facts))
