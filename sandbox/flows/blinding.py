"""Entries as one reader may see them: who reviewed is taken out where the reader must not know it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sandbox.domain.audit import Entry
from sandbox.domain.blinded_log import HIDES, SOMEBODY, blinded
from sandbox.domain.people import Person, Role
from sandbox.domain.planted import PLANTED
from sandbox.domain.release import Release
from sandbox.store import Store


@dataclass(frozen=True, slots=True)
class Blinding:
    """For one reading: a request is looked up once, however many entries are about it."""

    store: Store
    person: Person
    _known: dict[int, tuple[Release, tuple[str, ...]] | None] = field(default_factory=dict)

    def __call__(self, entry: Entry) -> Entry:
        """The entry, or what this person may see of it."""
        if entry.event.action == PLANTED:
            return self._planted(entry)
        number = entry.event.object.removeprefix("release:")
        if entry.event.action not in HIDES or not number.isdigit():
            return entry
        found = self._release(int(number))
        if found is None:
            return entry
        release, members = found
        return blinded(entry, self.person, release, project_members=members)

    def _planted(self, entry: Entry) -> Entry:
        """Who reviews does not learn that something was planted before that is decided."""
        if (
            not self.person.has(Role.REVIEWER)
            or entry.event.actor == self.person.name
            or self.store.planted_outputs.opened(entry.seq)
        ):
            return entry
        return replace(entry, event=replace(entry.event, actor=SOMEBODY, facts={}))

    def _release(self, number: int) -> tuple[Release, tuple[str, ...]] | None:
        if number not in self._known:
            release = self.store.releases.get(number)
            members = self.store.access.members_of(release.project) if release is not None else ()
            self._known[number] = (release, tuple(members)) if release is not None else None
        return self._known[number]
