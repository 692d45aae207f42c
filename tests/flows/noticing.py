"""Being told, in the small world of these tests: what each person was told, and messages that a test sends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.domain.audit import Event
from sandbox.domain.letters import Letter, Undelivered
from sandbox.domain.notice_choices import Channel
from sandbox.domain.notice_rule import Message, Notice
from sandbox.flows.my_notices import MyNotices
from sandbox.flows.send_notices import SendNotices, Wording, by_mail, by_webhook
from sandbox.flows.tell_people import TellPeople

BOTH = (Channel.MAIL, Channel.WEBHOOK)


@dataclass
class Postman:
    """Takes letters and bodies. ``fails`` makes it refuse them."""

    letters: list[Letter] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    fails: Undelivered | None = None

    def mail(self, letter: Letter) -> None:
        if self.fails is not None:
            raise self.fails
        self.letters.append(letter)

    def hook(self, body: Mapping[str, Any]) -> None:
        if self.fails is not None:
            raise self.fails
        self.bodies.append(dict(body))


@dataclass
class Desk:
    """The small world, with both ways out set up and a postman on them."""

    world: Any
    tell: TellPeople
    mine: MyNotices
    postman: Postman
    senders: dict[Channel, SendNotices]

    def told(self, name: str) -> list[str]:
        """The kinds that a person was told, oldest first."""
        return [notice.kind for notice in self.notices(name)]

    def notices(self, name: str) -> list[Notice]:
        self.tell.catch_up()
        return list(reversed(self.world.sandbox.store.notices.page(name, limit=200)[0]))

    def news(self, name: str, *, since: Sequence[str]) -> list[str]:
        """What was told beyond an earlier list."""
        now = self.told(name)
        assert now[: len(since)] == list(since)
        return now[len(since) :]

    def messages(self, name: str) -> list[Message]:
        """Oldest first."""
        found = self.world.sandbox.store.outbox.newest(limit=200)
        return [message for message in reversed(found) if message.person == name]

    def reach(self, name: str, address: str = "") -> None:
        """Give a person an address that counts."""
        event = Event(name, "person.mail_confirmed", f"person:{name}")
        self.world.sandbox.store.contacts.set(name, address or f"{name}@example.org", event=event)

    def send(self, channel: Channel = Channel.MAIL) -> int:
        return self.senders[channel]()


def desk_of(world: Any, clock: list[Any], channels: tuple[Channel, ...] = BOTH) -> Desk:
    """Both ways out for the small world."""
    sandbox, postman = world.sandbox, Postman()
    tell = replace(sandbox.tell_people, channels=channels)
    words = Wording(
        site="Test",
        portal="https://sandbox.example/services/portal",
        language="en",
        code_key=sandbox.my_notices.code_key,
        hook_secret=b"a secret of two",
    )
    carry = {
        Channel.MAIL: by_mail(sandbox.store, words, postman.mail),
        Channel.WEBHOOK: by_webhook(words, postman.hook),
    }
    senders = {
        channel: SendNotices(
            store=sandbox.store,
            channel=channel,
            words=words,
            terms=tell.terms,
            carry=carry[channel],
            now=sandbox.store.now,
        )
        for channel in channels
    }
    tell.catch_up()
    return Desk(world, tell, replace(sandbox.my_notices, tell=tell), postman, senders)
