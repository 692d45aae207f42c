"""Unusual use is put on the log, once a day for each person and dataset; from there owners are told. It stops nothing.

Only who asked how often is counted, and what was refused: nothing of rows or answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.domain.audit import Entry, Event
from sandbox.domain.notice_terms import NoticeTerms
from sandbox.domain.unusual_use import Much, Seen, Unusual, unusual
from sandbox.store import Store
from sandbox.store.database import stamp

_MOST = 20_000  # entries that are looked through for one kind
_PAGE = 1000
_ACTOR = "system:watch"


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchUse:
    """The journey's parts."""

    store: Store
    terms: NoticeTerms
    now: Callable[[], datetime]

    def __call__(self) -> int:
        """Look at the last day and hour.

        Returns:
            How many events were written.
        """
        refused = self._since(timedelta(days=1), "access.denied")
        asked = self._since(timedelta(hours=1), "question.reserved", "question.reused", "question.derived")
        wrong = self._since(timedelta(days=1), "person.sign_in_refused")
        found = (
            *unusual(Unusual.REFUSALS, self._by_grant(refused), from_on=self.terms.refusals_a_day),
            *unusual(Unusual.QUESTIONS, self._by_question(asked), from_on=self.terms.questions_an_hour),
            *unusual(Unusual.SIGN_INS, _by_person(wrong), from_on=self.terms.wrong_sign_ins_a_day),
        )
        return sum(self._told(much) for much in found)

    def _since(self, span: timedelta, *actions: str) -> Iterator[Entry]:
        """Entries of these actions, newest first, not older than so long."""
        begin = stamp(self.now() - span)
        for action in actions:
            for offset in range(0, _MOST, _PAGE):
                page = self.store.log.newest(offset=offset, limit=_PAGE, action=action)
                yield from (entry for entry in page if entry.at >= begin)
                if len(page) < _PAGE or page[-1].at < begin:
                    break

    def _by_grant(self, entries: Iterator[Entry]) -> Iterator[Seen]:
        for entry in entries:
            number = _number(entry)
            grant = self.store.grants.get(number) if number else None
            if grant is not None and entry.event.actor == grant.person:
                yield Seen(person=grant.person, dataset=grant.dataset, grant=grant.id)

    def _by_question(self, entries: Iterator[Entry]) -> Iterator[Seen]:
        for entry in entries:
            number = entry.event.facts.get("grant", 0)
            grant = self.store.grants.get(number) if isinstance(number, int) and number else None
            if grant is not None:
                yield Seen(person=grant.person, dataset=grant.dataset, grant=grant.id)

    def _told(self, much: Much) -> bool:
        """Put it on the log, unless that was done today."""
        if much.what is Unusual.SIGN_INS:
            said = Event(_ACTOR, "person.sign_in_unusual", f"person:{much.seen.person}")
        else:
            said = Event(_ACTOR, "use.unusual", f"grant:{much.seen.grant}", {"what": str(much.what)})
        day = stamp(self.now())[:10]
        with self.store.transaction():
            for entry in self.store.log.newest(action=said.action, object=said.object, limit=20):
                if entry.at[:10] == day and entry.event.facts.get("what") == said.facts.get("what"):
                    return False
            self.store.log.record(said)
        return True


def _by_person(entries: Iterator[Entry]) -> Iterator[Seen]:
    for entry in entries:
        name = entry.event.object.removeprefix("person:")
        if name != "unknown":  # a name that nobody has
            yield Seen(person=name, dataset="")


def _number(entry: Entry) -> int:
    kind, _, number = entry.event.object.partition(":")
    return int(number) if kind == "grant" and number.isdecimal() else 0
