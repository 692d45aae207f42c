"""My notices: what I am told, what of it I have read; how I am reached, in which language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.domain.audit import Event
from sandbox.domain.errors import BadInput, Conflict, NotFound, TooOften
from sandbox.domain.mail_address import (
    ASKED_A_DAY,
    CODE_HOURS,
    CODE_TRIES,
    confirming_code,
    mail_address,
    same_code,
)
from sandbox.domain.notice_choices import Channel, Choices, Pace
from sandbox.domain.notice_rule import Notice, Topic
from sandbox.domain.people import Person, Role, check_active, check_role
from sandbox.flows.send_notices import code_message
from sandbox.flows.still_to_do import StillToDo
from sandbox.flows.tell_people import TellPeople
from sandbox.language import LANGUAGES
from sandbox.store import MailAddress, Store

PER_PAGE = 50
SOON = 4  # pages of the log that somebody waits for who looks; the rest is worked out beside


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticesPage:
    """A page of one person's notices, newest first.

    Attributes:
        over: those of them that asked for something which is done, or no more to be done.
    """

    notices: tuple[Notice, ...]
    total: int
    unread: int
    offset: int
    limit: int
    newest: int  # the largest number on it: what is marked read at once goes up to here
    allowed_actions: tuple[str, ...]
    over: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How a person is reached.

    Attributes:
        channels: the ways out that this installation has.
        mail: their own address, confirmed or asked for.
    """

    channels: tuple[Channel, ...]
    choices: Choices
    mail: MailAddress
    languages: tuple[str, ...]
    allowed_actions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MyNotices:
    """The journey's parts.

    Args:
        code_key: makes the codes that confirm addresses.
    """

    store: Store
    tell: TellPeople
    still: StillToDo
    code_key: bytes
    now: Callable[[], datetime]

    # reading

    def unread(self, person: Person) -> int:
        """For the head of every page."""
        return self.store.notices.unread(person.name)

    def page(
        self,
        person: Person,
        *,
        unread: bool = False,
        topic: Topic | None = None,
        offset: int = 0,
        limit: int = PER_PAGE,
    ) -> NoticesPage:
        """A person's own; what the log said up to this moment is among them.

        Raises:
            BadInput: no such part of the list.
        """
        check_active(person)
        if offset < 0 or not 1 <= limit <= 200:
            raise BadInput("offset is at least 0 and limit 1 to 200.", where="limit")
        self.tell.catch_up(pages=SOON)
        found, total = self.store.notices.page(
            person.name, unread=unread, topic=topic, offset=offset, limit=limit
        )
        waiting = self.unread(person)
        return NoticesPage(
            notices=found,
            total=total,
            unread=waiting,
            offset=offset,
            limit=limit,
            newest=max((notice.id for notice in found), default=0),
            allowed_actions=("read_all",) if waiting else (),
            over=frozenset(notice.id for notice in found if self.still.over(notice)),
        )

    def mark_read(self, person: Person, number: int) -> None:
        """One of their own.

        Raises:
            NotFound: it is somebody else's, or there is none.
        """
        self.one(person, number)
        self.store.notices.mark_read(person.name, number=number)

    def mark_all_read(self, person: Person, *, up_to: int) -> int:
        """All that were there when the page was made: what came since stays unread.

        Args:
            up_to: the largest number on it.
        """
        check_active(person)
        return self.store.notices.mark_read(person.name, up_to=up_to)

    def one(self, person: Person, number: int) -> Notice:
        """One of their own."""
        check_active(person)
        for notice in self.store.notices.several((number,)):
            if notice.person == person.name:
                return notice
        raise NotFound(f"You have no notice {number}.")

    def over(self, notice: Notice) -> bool:
        """It asked for something that is done, or no more to be done."""
        return self.still.over(notice)

    # being reached

    def reached(self, person: Person) -> Reached:
        """How this person is reached."""
        mail = self.store.contacts.mail(person.name)
        actions = ["choose", "set_language"]
        if Channel.MAIL in self.tell.channels:
            actions.append("give_address")
            actions += ["confirm_address"] if mail.asked else []
            actions += ["take_address_away"] if mail.address or mail.asked else []
        return Reached(
            channels=self.tell.channels,
            choices=self.store.contacts.choices(person.name),
            mail=mail,
            languages=tuple(LANGUAGES),
            allowed_actions=tuple(actions),
        )

    def choose(self, person: Person, paces: Mapping[Channel, Pace]) -> None:
        """How often by which channel."""
        check_active(person)
        told = {str(channel): str(pace) for channel, pace in paces.items()}
        event = Event(person.name, "person.notices_chosen", f"person:{person.name}", told)
        self.store.contacts.choose(person.name, paces, event=event)

    def set_language(self, person: Person, language: str) -> None:
        """In which language; empty: the site's.

        Raises:
            BadInput: none that there are words in.
        """
        check_active(person)
        if language and language not in LANGUAGES:
            raise BadInput(
                f"There are no words in {language[:20]!r}.",
                where="language",
                fix=f"Choose from {', '.join(LANGUAGES)}.",
            )
        if language == self.store.contacts.choices(person.name).language:
            return
        event = Event(person.name, "person.language_set", f"person:{person.name}", {"language": language})
        self.store.contacts.set_language(person.name, language, event=event)

    def give_address(self, person: Person, text: str) -> MailAddress:
        """An address of theirs: a code is sent there, and it counts once the code is typed here.

        Raises:
            BadInput: no address; or this installation sends no e-mails.
            TooOften: more than a few in a day: a stranger's mailbox is not to be filled.
        """
        check_active(person)
        if Channel.MAIL not in self.tell.channels:
            raise BadInput("This installation sends no e-mails.", where="address")
        address = mail_address(text)
        before, today = self.store.contacts.mail(person.name), self.now().date().isoformat()
        times = before.asked_times + 1 if before.asked_day == today else 1
        if times > ASKED_A_DAY:
            raise TooOften(
                f"That is more than {ASKED_A_DAY} addresses in a day.",
                clause="addresses a day",
                fix="Come back tomorrow.",
            )
        event = Event(person.name, "person.mail_asked", f"person:{person.name}")
        with self.store.transaction():
            mail = self.store.contacts.ask(person.name, address, day=today, times=times, event=event)
            key = code_message(person.name, mail.asked_at)
            self.store.outbox.put(key, person=person.name, channel=Channel.MAIL)
        return mail

    def confirm_address(self, person: Person, code: str) -> MailAddress:
        """The code that was sent there.

        Raises:
            Conflict: none waits for a code, or it waited too long.
            BadInput: a wrong code; it is counted.
        """
        check_active(person)
        mail = self.store.contacts.mail(person.name)
        if not mail.asked:
            raise Conflict("No address waits for a code.", fix="Give your address first.")
        asked = datetime.fromisoformat(mail.asked_at)
        if mail.tries >= CODE_TRIES or self.now() > asked + timedelta(hours=CODE_HOURS):
            raise Conflict("This code is not good any more.", fix="Give your address again.")
        right = confirming_code(self.code_key, person=person.name, address=mail.asked, asked_at=mail.asked_at)
        if not same_code(right, code):
            wrong = Event(person.name, "person.mail_code_refused", f"person:{person.name}")
            self.store.contacts.count_wrong(person.name, event=wrong)
            raise BadInput(
                "That is not the code.", where="code", fix="Copy it from the newest e-mail to this address."
            )
        event = Event(person.name, "person.mail_confirmed", f"person:{person.name}")
        return self.store.contacts.confirm(person.name, mail.asked, event=event)

    def take_address_away(self, person: Person) -> MailAddress:
        """Nothing is written to them any more."""
        check_active(person)
        event = Event(person.name, "person.mail_removed", f"person:{person.name}")
        return self.store.contacts.forget(person.name, event=event)

    def vouch(self, actor: Person, name: str, text: str) -> MailAddress:
        """An administrator gives somebody's address, and vouches for it: no code is sent."""
        check_role(actor, Role.ADMINISTRATOR)
        address = mail_address(text)
        if self.store.people.get(name) is None:
            raise NotFound(f"There is no person {name!r}.")
        event = Event(actor.name, "person.mail_confirmed", f"person:{name}")
        return self.store.contacts.set(name, address, event=event)
