"""The log as somebody looks through it: filtered, page by page, one entry with its neighbours, and as a file.

Every entry passes the reader's own sight and the blinding of reviews; a filter by who did it finds nothing that the
reader could not see done by them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from sandbox.domain.audit import Entry
from sandbox.domain.errors import NotFound
from sandbox.domain.log_sight import Sight, sight_of
from sandbox.domain.people import Person, Role, check_role
from sandbox.domain.privacy_loss import Accounting
from sandbox.flows.blinding import Blinding
from sandbox.flows.log_views import ProvedEntry
from sandbox.store import EVERY, Sought, Store

PER_PAGE = 50
MOST_IN_A_FILE = 100_000
_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenEntry:
    """An entry as one reader sees it.

    Attributes:
        blinded: who reviewed was taken out.
        hash_shown: its hash tells this reader nothing that was taken out.
    """

    entry: Entry
    blinded: bool
    hash_shown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPart:
    """A page, newest first. ``newer`` and ``older`` are the entries that its neighbours begin beside; 0: none."""

    entries: tuple[SeenEntry, ...]
    newer: int
    older: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OneEntry:
    """An entry on its own page.

    Attributes:
        before, after: the nearest entries that the reader sees; 0: none.
        previous_shown: the hash of the entry before may be shown.
        proved: None when its proof would show too much, or no kept head reaches so far; ``why_not`` says which.
    """

    seen: SeenEntry
    before: int
    after: int
    previous_shown: bool
    proved: ProvedEntry | None
    why_not: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExploreLog:
    """The journey's parts."""

    store: Store

    def page(
        self,
        person: Person,
        sought: Sought = EVERY,
        *,
        before: int | None = None,
        after: int | None = None,
        mine: bool = False,
    ) -> LogPart:
        """Fifty entries.

        Args:
            before: those that are older than this entry.
            after: the ones just newer than this entry; ``before`` counts when both are given.
            mine: what concerns this person only; without it, the whole log, for auditors.
        """
        sight = self._sight(person, mine=mine)
        if before is not None or after is None:
            found = self._some(sight, person, sought, before=_number(before), limit=PER_PAGE + 1)
            shown, more = found[:PER_PAGE], len(found) > PER_PAGE
            newer = before is not None and bool(shown)
            return _part(shown, newer=newer, older=more)
        found = self._some(sight, person, sought, after=_number(after) or 0, limit=PER_PAGE + 1)
        shown = found[:PER_PAGE][::-1]
        return _part(shown, newer=len(found) > PER_PAGE, older=bool(shown))

    def accountings(self) -> Mapping[str, Accounting]:
        """What the losses on the log are of, by lineage: everybody reads it in the policies."""
        return self.store.figures.accountings()

    def one(self, person: Person, seq: int) -> OneEntry:
        """An entry, what lies beside it, and its proof.

        Raises:
            NotFound: no such entry, or not this person's to see.
        """
        sight = self._sight(person, mine=not _reads_all(person))
        found = self._some(sight, person, EVERY, before=(_number(seq) or 0) + 1, limit=2)
        if not found or found[0].entry.seq != seq:
            raise NotFound(f"You see no entry {seq} of the log.")
        seen, older = found[0], found[1] if len(found) > 1 else None
        newer = self._some(sight, person, EVERY, after=seq, limit=1)
        proved, why_not = self._proof(seen)
        return OneEntry(
            seen=seen,
            before=older.entry.seq if older else 0,
            after=newer[0].entry.seq if newer else 0,
            previous_shown=seen.hash_shown and (older is None or older.hash_shown),
            proved=proved,
            why_not=why_not,
        )

    def file(self, person: Person, sought: Sought = EVERY, *, mine: bool = False) -> Iterator[SeenEntry]:
        """All that fits, newest first, at most ``MOST_IN_A_FILE``."""
        sight = self._sight(person, mine=mine)
        return self._all(sight, person, sought)

    def _all(self, sight: Sight, person: Person, sought: Sought) -> Iterator[SeenEntry]:
        left, before = MOST_IN_A_FILE, None
        while left > 0:
            found = self._some(sight, person, sought, before=before, limit=min(left, _AT_ONCE))
            yield from found
            if len(found) < _AT_ONCE:
                return
            left, before = left - len(found), found[-1].entry.seq

    def _some(
        self,
        sight: Sight,
        person: Person,
        sought: Sought,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int,
    ) -> list[SeenEntry]:
        """So many entries, or as many as there are: what blinding takes out of an answer leaves no gap."""
        blind, found = Blinding(self.store, person), list[SeenEntry]()
        # A name can be tried against the hash of its entry, and of every entry after it: they go on from each other.
        hashes = sight.everything and not sight.reviews and not person.has(Role.RESEARCHER)
        while len(found) < limit:
            rows = self.store.log_entries.of(sight, sought, before=before, after=after, limit=limit)
            for row in rows:
                shown = blind(row)
                if sought.actor and shown.event.actor != sought.actor:
                    continue  # that they did it is what the reader must not learn
                hidden = shown != row
                found.append(SeenEntry(entry=shown, blinded=hidden, hash_shown=hashes and not hidden))
            if len(rows) < limit:
                break
            before, after = (before, rows[-1].seq) if after is not None else (rows[-1].seq, None)
        return found[:limit]

    def _proof(self, seen: SeenEntry) -> tuple[ProvedEntry | None, str]:
        if seen.blinded:
            return None, "A proof shows the whole entry, and who reviewed is not told to you."
        head = self.store.log_tree.heads.newest()
        if head is None or head.size < seen.entry.seq:
            return None, "It is younger than the newest kept head; the next one is kept within a day."
        for proof in self.store.log_tree.prove((seen.entry.seq,), head):
            return ProvedEntry(proof=proof, head=head), ""
        raise NotFound(f"There is no entry {seen.entry.seq}.")

    def _sight(self, person: Person, *, mine: bool) -> Sight:
        if not mine:
            check_role(person, Role.AUDITOR, Role.ADMINISTRATOR)
        owned = self.store.datasets.owned_by(person.name)
        sight = sight_of(person, owned=owned)
        return replace(sight, everything=False) if mine else sight


def _reads_all(person: Person) -> bool:
    return person.has(Role.AUDITOR) or person.has(Role.ADMINISTRATOR)


def _part(shown: list[SeenEntry], *, newer: bool, older: bool) -> LogPart:
    return LogPart(
        entries=tuple(shown),
        newer=shown[0].entry.seq if shown and newer else 0,
        older=shown[-1].entry.seq if shown and older else 0,
    )


def _number(seq: int | None) -> int | None:
    """A number that a database takes."""
    return None if seq is None else min(max(seq, 0), 2**62)
