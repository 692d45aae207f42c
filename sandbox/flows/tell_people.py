"""Entries of the log become notices and messages, in the log's order, each once.

Read from the log and not written beside each event: nothing that happens can fail because of a notice, every process's
events are seen, and what a killed process left is gone on with from the cursor. Notices, messages and cursor are one
transaction; see docs/adr/0040.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time

from sandbox.domain.audit import Entry
from sandbox.domain.errors import CallerError, Tampered
from sandbox.domain.notice_choices import Channel, Choices, Pace, next_digest
from sandbox.domain.notice_rule import Notice, Whom
from sandbox.domain.notice_terms import NoticeTerms
from sandbox.domain.notices import EVENTS, RULES, rules_for, told_minute
from sandbox.domain.people import Person
from sandbox.flows.who_is_told import WhoIsTold
from sandbox.store import Store

PAGE = 50  # entries in one transaction: writers wait for it
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TellPeople:
    """The journey's parts.

    Args:
        channels: the ways out that the operator has set up.
    """

    store: Store
    who: WhoIsTold
    terms: NoticeTerms
    channels: tuple[Channel, ...]
    now: Callable[[], datetime]

    def catch_up(self, *, pages: int | None = None) -> int:
        """Work out what the log has said since the last time.

        Args:
            pages: at most so many of ``PAGE`` entries each, for who cannot wait longer; None: all.

        Returns:
            How many notices were made.
        """
        made = done = 0
        while (pages is None or done < pages) and self.store.notices.behind():
            done += 1
            found = self._page()
            if found is None:
                break
            made += found
        return made

    def _page(self) -> int | None:
        """Returns: how many were made; None when somebody else has done it."""
        with self.store.transaction():  # whoever comes second finds the cursor moved
            after = self.store.notices.cursor()
            entries = self.store.log.entries(after=after, limit=PAGE)
            if not entries:
                return None
            everybody: dict[str, Person] = {}
            if any(entry.event.action in EVENTS for entry in entries):
                everybody = {person.name: person for person in self.store.people.all()}
            found = [notice for entry in entries for notice in self._of(entry, everybody)]
            self._send(self.store.notices.add(found, cursor=entries[-1].seq))
        return len(found)

    def _of(self, entry: Entry, everybody: Mapping[str, Person]) -> tuple[Notice, ...]:
        """The notices of one entry. One that cannot be worked out is told to the operator, and holds up no other."""
        if entry.event.action not in EVENTS:
            return ()
        try:
            return self._notices(entry, everybody)
        except (CallerError, Tampered, KeyError, ValueError, AssertionError) as failure:
            _log.error("entry %d is told to nobody: %s", entry.seq, type(failure).__name__)
            return ()

    def _notices(self, entry: Entry, everybody: Mapping[str, Person]) -> tuple[Notice, ...]:
        about = self.who(entry, everybody)
        told: dict[str, Notice] = {}
        for rule in rules_for(entry.event.action, entry.event.facts):
            for whom in rule.whom:
                for name in about.people.get(whom, ()):
                    person = everybody.get(name)
                    if person is None or not person.active or name in told:
                        continue
                    if name == entry.event.actor and whom is not Whom.THEMSELF:
                        continue
                    told[name] = Notice(
                        seq=entry.seq,
                        person=name,
                        kind=rule.kind,
                        topic=rule.topic,
                        urgency=rule.urgency,
                        values=about.values,
                        link=rule.link.format_map(about.values),
                        at=told_minute(entry.at),
                    )
        return tuple(told.values())

    def _send(self, kept: Sequence[Notice]) -> None:
        """The messages of notices, as their people chose; within the caller's transaction."""
        reached = {name: self._reached(name) for name in {notice.person for notice in kept}}
        left = {(name, channel): self._left(name, channel) for name, to in reached.items() for channel in to}
        at_once = []
        for notice in kept:
            for channel, pace in () if RULES[notice.kind].inside else reached[notice.person].items():
                here = (notice.person, channel)
                if pace is Pace.AT_ONCE and left[here] > 0:
                    left[here] -= 1
                    at_once.append((f"notice-{channel}-{notice.id}", *here, notice.id))
                else:
                    due = next_digest(self.now(), hour=self.terms.digest_hour)
                    self.store.outbox.gather(notice.id, person=notice.person, channel=channel, due=due)
        self.store.outbox.put_all(at_once)

    def _reached(self, person: str) -> dict[Channel, Pace]:
        """By which channels something is sent to this person, and how soon."""
        choices = self.store.contacts.choices(person) if self.channels else Choices()
        paces = {channel: choices.pace(channel) for channel in self.channels}
        if Channel.MAIL in paces and not self.store.contacts.mail(person).address:
            del paces[Channel.MAIL]
        return {channel: pace for channel, pace in paces.items() if pace is not Pace.NEVER}

    def _left(self, person: str, channel: Channel) -> int:
        """How many messages may still be sent at once today."""
        midnight = datetime.combine(self.now().date(), time(), tzinfo=UTC)
        return self.terms.most_a_day - self.store.outbox.made_since(midnight, person=person, channel=channel)
