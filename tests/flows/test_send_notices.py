"""Messages leave: at once or in a digest, again when they could not, never to who does not want them, at least once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from sandbox.domain.audit import Event
from sandbox.domain.errors import BadInput, Conflict, NotAllowed, NotFound, TooOften
from sandbox.domain.letters import Undelivered, outward, pseudonym
from sandbox.domain.notice_choices import Channel, Pace, Sending
from sandbox.language import gettext, spoken
from tests.flows.noticing import Desk, desk_of
from tests.flows.reviewing import OTHER, A, submit, vote

MAIL, HOOK = Channel.MAIL, Channel.WEBHOOK
DOWN = Undelivered("The server cannot be reached (TimeoutError).", down=True)
NO_SUCH = Undelivered("The receiver was refused (550).", lasting=True)
LATER = Undelivered("The message was refused (451).")


@pytest.fixture
def desk(world: Any, clock: list[datetime]) -> Desk:
    made = desk_of(world, clock)
    for name in ("ana", "rita"):
        made.reach(name)
    made.tell.catch_up()
    made.send(MAIL)
    made.send(HOOK)
    made.postman.letters.clear()
    made.postman.bodies.clear()
    return made


def choose(desk: Desk, name: str, paces: Mapping[Channel, Pace]) -> None:
    desk.mine.choose(desk.world.person(name), paces)


def asked(desk: Desk, content: bytes = b"") -> None:
    """A request that rita is asked to review."""
    submit(desk.world, content or OTHER)
    desk.tell.catch_up()


def states(desk: Desk, name: str, channel: Channel = MAIL) -> list[Sending]:
    return [message.state for message in desk.messages(name) if message.channel is channel]


def test_a_letter_is_sent_once_and_says_where_to_read_it(desk: Desk) -> None:
    asked(desk)
    assert desk.send() == 1
    assert desk.send() == 0
    (letter,) = desk.postman.letters
    assert letter.to == "rita@example.org"
    assert letter.subject == "[Test] An output waits for your review"
    assert "https://sandbox.example/services/portal/releases/" in letter.text
    assert "loans" not in letter.text + letter.html


def test_who_has_no_confirmed_address_gets_no_letter(desk: Desk) -> None:
    asked(desk)
    desk.send()
    assert [letter.to for letter in desk.postman.letters] == ["rita@example.org"]  # ravi and rosa gave none
    assert states(desk, "ravi") == []
    assert len(desk.notices("ravi")) == 1  # the portal tells them


def test_a_webhook_names_nobody(desk: Desk) -> None:
    asked(desk)
    assert desk.send(HOOK) == 3
    bodies = desk.postman.bodies
    assert {body["to"] for body in bodies} == {
        pseudonym(name, secret=b"a secret of two") for name in ("rita", "ravi", "rosa")
    }
    for word in ("rita", "ravi", "rosa", "ana", "loans", "model"):
        assert word not in str(bodies)


def test_no_channel_shows_which_step_of_a_review_it_was(desk: Desk) -> None:
    """Asked at first, asked because votes split, asked because time is over: the outside sees one and the same."""
    world = desk.world
    release = submit(world)
    desk.tell.catch_up()
    desk.send(HOOK)
    first = [body["notices"] for body in desk.postman.bodies]
    desk.postman.bodies.clear()
    vote(world, release, ("rita", A), ("ravi", type(A)("return")))
    desk.tell.catch_up()
    desk.send(HOOK)
    (split,) = (body["notices"] for body in desk.postman.bodies)
    assert split in first


def test_letters_speak_the_language_of_who_reads_them(desk: Desk) -> None:
    desk.mine.set_language(desk.world.person("rita"), "zh-Hans")
    asked(desk)
    desk.send()
    (letter,) = desk.postman.letters
    with spoken("zh-Hans"):
        said = gettext("An output waits for your review")
    assert (letter.language, letter.subject) == ("zh-Hans", f"[Test] {said}")
    assert said != "An output waits for your review"
    with pytest.raises(BadInput):
        desk.mine.set_language(desk.world.person("rita"), "tlh")


# Paces


def test_daily_gathers_what_is_unread_by_then(desk: Desk, clock: list[datetime]) -> None:
    choose(desk, "rita", {MAIL: Pace.DAILY})
    asked(desk)
    asked(desk, b"sex,n\nfemale,62\nmale,42\n")
    asked(desk, b"sex,n\nfemale,63\nmale,43\n")
    assert desk.send() == 0
    (message,) = [m for m in desk.messages("rita") if m.channel is MAIL and m.state is Sending.WAITING]
    assert (message.digest, len(message.notices)) == (True, 3)
    desk.mine.mark_read(desk.world.person("rita"), message.notices[1])
    clock[0] = clock[0].replace(hour=6) + timedelta(days=1)
    assert desk.send() == 1
    (letter,) = desk.postman.letters
    assert letter.subject == "[Test] 2 notices"
    assert letter.text.count("An output waits for your review") == 2
    assert "rita" not in letter.key  # it is in the head of the message


def test_a_digest_whose_notices_were_all_read_is_not_sent(desk: Desk, clock: list[datetime]) -> None:
    choose(desk, "rita", {MAIL: Pace.DAILY})
    asked(desk)
    desk.mine.mark_all_read(desk.world.person("rita"), up_to=10**6)
    clock[0] += timedelta(days=2)
    assert desk.send() == 0
    assert states(desk, "rita")[-1] is Sending.DROPPED


def test_never_means_never_also_for_what_waits(desk: Desk) -> None:
    asked(desk)
    choose(desk, "rita", {MAIL: Pace.NEVER})
    assert desk.send() == 0
    asked(desk, b"sex,n\nfemale,62\nmale,42\n")
    assert desk.send() == 0
    assert states(desk, "rita")[-1:] == [Sending.DROPPED]
    assert desk.send(HOOK) == 6  # the other way was not chosen away


def test_beyond_a_days_number_messages_wait_for_the_digest(desk: Desk, clock: list[datetime]) -> None:
    desk.tell = replace(desk.tell, terms=replace(desk.tell.terms, most_a_day=2))
    desk.mine = replace(desk.mine, tell=desk.tell)
    before = len([m for m in desk.messages("rita") if m.channel is MAIL])
    for number in range(60, 65):
        asked(desk, f"sex,n\nfemale,{number}\nmale,44\n".encode())
    made = [m for m in desk.messages("rita") if m.channel is MAIL][before:]
    assert [(m.digest, len(m.notices)) for m in made] == [(False, 1), (False, 1), (True, 3)]
    clock[0] += timedelta(days=2)
    assert desk.send() == 3


# What goes wrong


def test_a_server_that_is_away_is_left_alone_for_longer_and_longer(desk: Desk, clock: list[datetime]) -> None:
    tried = []

    def refuse(message: Any, notices: Any) -> None:
        tried.append(clock[0])
        raise DOWN

    sender = replace(desk.senders[MAIL], carry=refuse)
    asked(desk)
    for _ in range(24 * 60):
        sender()
        clock[0] += timedelta(minutes=1)
    waits = [(later - earlier).total_seconds() / 60 for earlier, later in pairwise(tried)]
    assert waits == sorted(waits)
    assert 7 <= len(tried) <= 12  # and not 1440
    assert states(desk, "rita")[-1] is Sending.WAITING
    assert [m.failure for m in desk.messages("rita") if m.channel is MAIL][-1] == DOWN.message


def test_nothing_is_lost_while_a_server_is_away(desk: Desk, clock: list[datetime]) -> None:
    desk.postman.fails = DOWN
    for number in range(60, 64):
        asked(desk, f"sex,n\nfemale,{number}\nmale,44\n".encode())
        desk.send()
    desk.postman.fails = None
    for _ in range(10):
        clock[0] += timedelta(minutes=30)
        desk.send()
    assert len(desk.postman.letters) == 4
    assert len({letter.key for letter in desk.postman.letters}) == 4


def test_one_receiver_that_is_not_there_holds_up_no_other(desk: Desk, clock: list[datetime]) -> None:
    desk.reach("ravi")
    sent = []

    def carry(message: Any, notices: Any) -> None:
        if message.person == "rita":
            raise NO_SUCH
        sent.append(message.person)

    asked(desk)
    sender = replace(desk.senders[MAIL], carry=carry)
    assert sender() == 1
    assert sent == ["ravi"]
    assert states(desk, "rita")[-1] is Sending.GIVEN_UP
    clock[0] += timedelta(days=1)
    assert sender() == 0


def test_what_cannot_be_sent_for_too_long_is_kept_and_administrators_are_told(
    desk: Desk, clock: list[datetime]
) -> None:
    from sandbox.domain.people import Person, Role

    store = desk.world.sandbox.store
    event = Event("t", "person.added", "person:alma")
    store.people.add(Person("alma", frozenset({Role.ADMINISTRATOR})), password="a long password", event=event)
    desk.reach("alma")
    asked(desk)
    asked(desk, b"sex,n\nfemale,62\nmale,42\n")
    desk.postman.fails = LATER
    for _ in range(100):
        clock[0] += timedelta(hours=1)
        desk.send()
    assert states(desk, "rita")[-2:] == [Sending.GIVEN_UP] * 2
    told = [n for n in desk.notices("alma") if n.kind == "message.given_up"]
    assert len(told) == 1  # once a day for a channel, not once a message
    assert told[0].values == {"channel": "mail"}
    assert [m for m in desk.messages("alma") if told[0].id in m.notices] == []  # in the portal alone
    desk.postman.fails = None
    assert store.outbox.try_again() == 2
    assert desk.send() == 2


class Died(BaseException):
    """The process ended here."""


def test_killed_between_sending_and_marking_it_is_sent_again_under_the_same_key(desk: Desk) -> None:
    keys = []

    def send_and_die(message: Any, notices: Any) -> None:
        keys.append(outward(message, secret=b"a secret of two").key)
        raise Died

    asked(desk)
    with pytest.raises(Died):
        replace(desk.senders[MAIL], carry=send_and_die)()
    assert desk.send() == 1
    assert [letter.key for letter in desk.postman.letters] == keys


def test_a_closed_account_gets_nothing_more(desk: Desk) -> None:
    asked(desk)
    desk.world.sandbox.store.people.set_active(
        "rita", False, event=Event("t", "person.deactivated", "person:rita")
    )
    assert desk.send() == 0
    assert states(desk, "rita")[-1] is Sending.DROPPED


def test_an_address_taken_away_gets_nothing_more(desk: Desk) -> None:
    asked(desk)
    desk.mine.take_address_away(desk.world.person("rita"))
    assert desk.send() == 0


# An address


def code_in(desk: Desk) -> str:
    (letter,) = (one for one in desk.postman.letters if "Confirm" in one.subject)
    return next(line.strip() for line in letter.text.splitlines() if line.startswith("    "))


def test_an_address_counts_once_its_code_was_typed(desk: Desk) -> None:
    ravi = desk.world.person("ravi")
    desk.mine.give_address(ravi, "Ravi@Example.ORG")
    asked(desk)
    assert desk.send() == 2  # the code, and rita's
    code = code_in(desk)
    assert states(desk, "ravi") == [Sending.SENT]  # nothing but the code
    with pytest.raises(BadInput):
        desk.mine.confirm_address(ravi, "aaaaa-aaaaa")
    assert desk.mine.confirm_address(ravi, code.upper()).address == "Ravi@example.org"
    asked(desk, b"sex,n\nfemale,62\nmale,42\n")
    desk.send()
    assert "Ravi@example.org" in [letter.to for letter in desk.postman.letters[2:]]
    with pytest.raises(Conflict):
        desk.mine.confirm_address(ravi, code)  # once


def test_the_letter_with_the_code_names_nobody(desk: Desk) -> None:
    desk.mine.give_address(desk.world.person("ravi"), "stranger@example.org")
    desk.send()
    (letter,) = desk.postman.letters
    assert letter.to == "stranger@example.org"
    assert "ravi" not in letter.text + letter.html + letter.subject


def test_a_strangers_mailbox_is_not_filled(desk: Desk, clock: list[datetime]) -> None:
    ravi = desk.world.person("ravi")
    for _ in range(5):
        desk.mine.give_address(ravi, "stranger@example.org")
    with pytest.raises(TooOften):
        desk.mine.give_address(ravi, "stranger@example.org")
    assert desk.send() == 1  # only the newest code is worth a letter
    clock[0] += timedelta(days=1)
    desk.mine.give_address(ravi, "stranger@example.org")


def test_codes_are_not_guessed_and_not_kept_for_ever(desk: Desk, clock: list[datetime]) -> None:
    ravi = desk.world.person("ravi")
    desk.mine.give_address(ravi, "ravi@example.org")
    desk.send()
    code = code_in(desk)
    for _ in range(5):
        with pytest.raises(BadInput):
            desk.mine.confirm_address(ravi, "aaaaa-aaaaa")
    with pytest.raises(Conflict, match="not good any more"):
        desk.mine.confirm_address(ravi, code)
    desk.postman.letters.clear()
    desk.mine.give_address(ravi, "ravi@example.org")
    desk.send()
    clock[0] += timedelta(hours=25)
    with pytest.raises(Conflict, match="not good any more"):
        desk.mine.confirm_address(ravi, code_in(desk))


def test_anothers_code_is_of_no_use(desk: Desk) -> None:
    ravi, rosa = desk.world.person("ravi"), desk.world.person("rosa")
    desk.mine.give_address(ravi, "ravi@example.org")
    desk.send()
    code = code_in(desk)
    desk.mine.give_address(rosa, "ravi@example.org")
    with pytest.raises(BadInput):
        desk.mine.confirm_address(rosa, code)
    desk.mine.confirm_address(ravi, code)  # the control


def test_another_address_is_told_to_the_old_one(desk: Desk) -> None:
    desk.mine.give_address(desk.world.person("rita"), "elsewhere@example.org")
    desk.tell.catch_up()
    desk.send()
    assert ("rita@example.org", "[Test] Another e-mail address was given") in [
        (letter.to, letter.subject) for letter in desk.postman.letters
    ]


def test_no_address_reaches_the_log(desk: Desk) -> None:
    desk.mine.give_address(desk.world.person("ravi"), "ravi_private@example.org")
    desk.mine.take_address_away(desk.world.person("rita"))
    entries = desk.world.sandbox.store.log.entries(limit=1000)
    assert {"person.mail_asked", "person.mail_removed"} <= {entry.event.action for entry in entries}
    assert "example.org" not in str(entries)


def test_only_an_administrator_vouches_for_an_address(desk: Desk) -> None:
    from tests.flows.conftest import ALMA

    with pytest.raises(NotAllowed):
        desk.mine.vouch(desk.world.person("ana"), "ravi", "eve@example.org")
    with pytest.raises(NotFound):
        desk.mine.vouch(ALMA, "nobody", "x@example.org")
    assert desk.mine.vouch(ALMA, "ravi", "ravi@example.org").address == "ravi@example.org"


def test_where_no_way_out_is_set_up_nothing_is_made(world: Any, clock: list[datetime]) -> None:
    inside = desk_of(world, clock, ())
    inside.reach("rita")
    asked(inside)
    assert inside.messages("rita") == []
    assert inside.told("rita") == ["release.submitted:reviewers left"]
    with pytest.raises(BadInput):
        inside.mine.give_address(world.person("rita"), "rita@example.org")
