"""Verifying the log by a button or at the terminal, and what is known of it since: by whom, when, up to which entry."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sandbox.domain.audit import Entry, Event
from sandbox.domain.errors import SandboxError, Tampered
from sandbox.domain.people import Person, Role, check_role
from sandbox.domain.tree_head import TreeHead
from sandbox.flows.verify_books import Books, VerifyBooks
from sandbox.store import Store
from sandbox.store.log import End

VERIFIED, FOUND_BROKEN = "log.verified", "log.found_broken"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogState:
    """How the log stands.

    Attributes:
        end: None when the end is broken, which ``broken`` tells.
        verified: the newest entry that says that the whole was walked, and what came of it; None: never.
        head: the newest kept head.
    """

    end: End | None
    broken: Tampered | None
    verified: Entry | None
    head: TreeHead | None

    @property
    def holds(self) -> bool:
        """It was walked, was whole, and its end is what was signed last."""
        return self.broken is None and self.verified is not None and self.verified.event.action == VERIFIED

    @property
    def since(self) -> int:
        """How many entries were written since it was verified."""
        if self.end is None or self.verified is None:
            return 0
        return max(0, self.end.head.seq - self.verified.seq)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyLog:
    """The journey's parts."""

    store: Store
    books: VerifyBooks

    def __call__(self, person: Person) -> Books:
        """Walk the whole of it, and write on it that this was done.

        Raises:
            Tampered: names the first thing that is not what the log says; that is written as well.
        """
        books = self._walked(person)
        self.store.log.record(_verified(person, books))
        return books

    def though_not_kept(self, person: Person) -> tuple[Books, bool]:
        """The same for the terminal, where somebody may be allowed to read only, or look at a copy.

        Returns:
            What was walked, and whether the log keeps that it was.

        Raises:
            Tampered: as above.
        """
        books = self._walked(person)
        return books, self._write(_verified(person, books))

    def state(self, person: Person) -> LogState:
        """What is known without walking it: the signed head, the anchor, the kept head, the last verification."""
        check_role(person, Role.AUDITOR, Role.ADMINISTRATOR)
        broken, end, head = None, None, None
        try:
            end = self.store.log.check_end()
            head = self.store.log_tree.heads.newest()
        except Tampered as tampered:
            broken = tampered
        last = self.store.log.last((VERIFIED, FOUND_BROKEN))
        return LogState(end=end, broken=broken, verified=last, head=head)

    def _walked(self, person: Person) -> Books:
        try:
            return self.books(person)
        except Tampered as broken:
            self._write(Event(person.name, FOUND_BROKEN, "log", {"place": broken.place}))
            raise

    def _write(self, event: Event) -> bool:
        """A log whose end is broken, or that may not be written, takes no entry: then whoever looked alone knows."""
        try:
            self.store.log.record(event)
        except (SandboxError, OSError) as refused:
            _log.error("%s is not on the log, which takes no entry: %s", event.action, type(refused).__name__)
            return False
        return True


def _verified(person: Person, books: Books) -> Event:
    return Event(person.name, VERIFIED, "log", {"entries": books.entries, "heads": books.heads})
