"""Messages leave: each is worded, sent, and then marked. What cannot be sent is tried again, less and less often.

- A process that dies between sending and marking sends again, under the same key: at least once, and known again.
- Looked at once more before it leaves: a closed account, a choice, an address, or a notice that was read meanwhile.
- A receiver that is not there ends its own message; a server that is not there holds up its channel.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sandbox.domain import letters
from sandbox.domain.audit import Event
from sandbox.domain.letters import Letter, Undelivered
from sandbox.domain.mail_address import CODE_HOURS, confirming_code
from sandbox.domain.notice_choices import Channel, Pace, Sending, wait_s
from sandbox.domain.notice_rule import Message, Notice
from sandbox.domain.notice_terms import NoticeTerms
from sandbox.language import gettext, speaking, spoken
from sandbox.store import Store

_log = logging.getLogger(__name__)
_MOST_PAUSE_S = 900  # a channel that is down is tried at least so often


class SendMail(Protocol):
    def __call__(self, letter: Letter) -> None: ...


class SendHook(Protocol):
    def __call__(self, body: dict[str, object]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How messages are worded.

    Args:
        site: the installation's name.
        portal: its address, without a slash at the end.
        language: the site's own.
        code_key: makes the codes that confirm addresses.
        hook_secret: makes the pseudonyms of webhooks, and what messages are called outside.
    """

    site: str
    portal: str
    language: str
    code_key: bytes
    hook_secret: bytes


@dataclass(slots=True, kw_only=True)
class SendNotices:
    """One channel's journey.

    Args:
        carry: sends a message's words: a letter, or a webhook's body.
    """

    store: Store
    channel: Channel
    words: Wording
    terms: NoticeTerms
    carry: Callable[[Message, Sequence[Notice]], None]
    now: Callable[[], datetime]
    _failures: int = field(default=0, init=False)  # of the channel, one after another
    _paused_until: datetime | None = field(default=None, init=False)

    def __call__(self) -> int:
        """Send what is due.

        Returns:
            How many messages were sent.
        """
        if self._paused_until is not None and self.now() < self._paused_until:
            return 0
        sent = 0
        for message in self.store.outbox.due(self.channel):
            notices = self._wanted(message)
            if notices is None:
                self.store.outbox.end(message, Sending.DROPPED)
                continue
            try:
                self.carry(message, notices)
            except Undelivered as failure:
                self._failed(message, failure)
                if failure.down:
                    self._pause()
                    break
            else:
                self.store.outbox.end(message, Sending.SENT)
                self._failures, self._paused_until = 0, None
                sent += 1
        return sent

    def _wanted(self, message: Message) -> tuple[Notice, ...] | None:
        """What the message tells of now; None when nobody wants it any more."""
        person = self.store.people.get(message.person)
        if person is None or not person.active:
            return None
        mail = self.store.contacts.mail(message.person)
        if not message.notices:
            made = datetime.fromisoformat(message.made_at)
            late = self.now() > made + timedelta(hours=CODE_HOURS)
            return None if late or message.key != code_message(message.person, mail.asked_at) else ()
        if self.store.contacts.choices(message.person).pace(self.channel) is Pace.NEVER:
            return None
        if self.channel is Channel.MAIL and not mail.address:
            return None
        notices = self.store.notices.several(message.notices)
        unread = tuple(notice for notice in notices if not notice.read_at)
        return (unread if message.digest else notices if unread else ()) or None

    def _failed(self, message: Message, failure: Undelivered) -> None:
        _log.warning("message %d was not sent by %s: %s", message.id, self.channel, failure.message)
        due = self.now() + timedelta(seconds=wait_s(message.attempts + 1))
        tried = timedelta(hours=self.terms.keep_trying_hours + (24 if message.digest else 0))
        if failure.lasting or due > datetime.fromisoformat(message.made_at) + tried:
            self.store.outbox.end(message, Sending.GIVEN_UP, failure=failure.message)
            if not failure.lasting:
                self._tell_administrators()
        else:
            self.store.outbox.later(message, due=due, failure=failure.message)

    def _pause(self) -> None:
        self._failures += 1
        self._paused_until = self.now() + timedelta(seconds=min(wait_s(self._failures), _MOST_PAUSE_S))

    def _tell_administrators(self) -> None:
        """On the log, once a day for each channel; from there it becomes a notice."""
        said = Event("system:notices", "message.given_up", "outbox", {"channel": str(self.channel)})
        today = self.now().date().isoformat()
        for entry in self.store.log.newest(action=said.action, limit=20):
            if entry.at[:10] == today and entry.event.facts == said.facts:
                return
        self.store.log.record(said)


def by_mail(store: Store, words: Wording, send: SendMail) -> Callable[[Message, Sequence[Notice]], None]:
    """Carries messages as e-mails, in the language of who gets them."""

    def carry(message: Message, notices: Sequence[Notice]) -> None:
        with spoken(store.contacts.choices(message.person).language or words.language):
            letter = _letter(store, words, message, notices)
        send(letter)

    return carry


def _letter(store: Store, words: Wording, message: Message, notices: Sequence[Notice]) -> Letter:
    mail = store.contacts.mail(message.person)
    message = letters.outward(message, secret=words.hook_secret)
    if notices:
        return letters.telling(
            message,
            notices,
            to=mail.address,
            site=words.site,
            portal=words.portal,
            language=speaking(),
            translate=gettext,
        )
    code = confirming_code(words.code_key, person=message.person, address=mail.asked, asked_at=mail.asked_at)
    return letters.confirming(
        message,
        to=mail.asked,
        code=code,
        site=words.site,
        portal=words.portal,
        language=speaking(),
        translate=gettext,
    )


def by_webhook(words: Wording, send: SendHook) -> Callable[[Message, Sequence[Notice]], None]:
    """Carries messages as the bodies of a webhook."""

    def carry(message: Message, notices: Sequence[Notice]) -> None:
        outward = letters.outward(message, secret=words.hook_secret)
        send(letters.posted(outward, notices, portal=words.portal, secret=words.hook_secret))

    return carry


def code_message(person: str, asked_at: str) -> str:
    """The key of the message that brings a code."""
    return f"code-{person}-{asked_at}"
