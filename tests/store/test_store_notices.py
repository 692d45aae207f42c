"""Notices and messages as they are kept, on both databases: each entry once, each key once, nothing lost."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

from sandbox.domain.audit import Event
from sandbox.domain.errors import Conflict, NotFound
from sandbox.domain.notice_choices import Channel, Pace, Sending
from sandbox.domain.notice_rule import Notice, Topic, Urgency
from sandbox.domain.people import Person
from sandbox.store import Store, migrations
from sandbox.store.database import Database
from tests.store.world import Clock, did, open_store

MAIL = Channel.MAIL


def told(seq: int, person: str = "ana", **values: str) -> Notice:
    return Notice(
        seq=seq,
        person=person,
        kind="grant.began",
        topic=Topic.ACCESS,
        urgency=Urgency.NOTE,
        values=values,
        link="/grants",
        at="2026-01-05T12:00:00+00:00",
    )


@pytest.fixture
def people(store: Store) -> Store:
    for name in ("ana", "ben"):
        store.people.add(
            Person(name, frozenset()), password=None, event=did("person.added", f"person:{name}")
        )
    return store


def test_notices_and_the_cursor_move_together(people: Store) -> None:
    notices = people.notices
    assert notices.behind()
    kept = notices.add([told(1, number="7"), told(1, "ben")], cursor=people.log.head().seq)
    assert [notice.values for notice in kept] == [{"number": "7"}, {}]
    assert notices.cursor() == people.log.head().seq
    assert not notices.behind()
    with pytest.raises(Conflict):  # the entry was told to ana
        notices.add([told(2), told(1)], cursor=99)
    assert (notices.cursor(), notices.page("ana")[1]) == (people.log.head().seq, 1)


def test_pages_are_newest_first_and_by_what_is_unread(people: Store) -> None:
    notices = people.notices
    kept = notices.add([told(seq) for seq in range(1, 8)], cursor=7)
    page, total = notices.page("ana", offset=2, limit=3)
    assert ([notice.seq for notice in page], total) == ([5, 4, 3], 7)
    assert notices.mark_read("ben", number=kept[0].id) == 0
    assert notices.mark_read("ana", number=kept[0].id) == 1
    assert notices.mark_read("ana", number=kept[0].id) == 0
    assert notices.mark_read("ana", up_to=kept[3].id) == 3
    assert notices.unread("ana") == 3
    assert notices.page("ana", unread=True, topic=Topic.ACCESS)[1] == 3
    assert notices.page("ana", topic=Topic.JOB) == ((), 0)


def test_a_key_is_put_once_and_a_digest_gathers(people: Store, clock: Clock) -> None:
    outbox = people.outbox
    for _ in range(2):
        outbox.put("notice-mail-1", person="ana", channel=MAIL, notices=(1,))
    due = people.now() + timedelta(hours=5)
    for number in (2, 3):
        outbox.gather(number, person="ana", channel=MAIL, due=due)
    outbox.gather(4, person="ben", channel=MAIL, due=due)
    assert [message.notices for message in outbox.due(MAIL)] == [(1,)]
    assert outbox.due(Channel.WEBHOOK) == ()
    clock.forward(hours=6)
    assert [message.notices for message in outbox.due(MAIL)] == [(1,), (2, 3), (4,)]
    assert outbox.made_since(people.now() - timedelta(days=1), person="ana", channel=MAIL) == 1
    first, digest, _ = outbox.due(MAIL)
    outbox.end(digest, Sending.SENT)
    outbox.gather(5, person="ana", channel=MAIL, due=due)  # the clock was put back
    assert [message.notices for message in outbox.due(MAIL)] == [(1,), (4,), (5,)]
    outbox.later(first, due=people.now() + timedelta(minutes=1), failure="It is away.")
    assert [message.notices for message in outbox.due(MAIL)] == [(4,), (5,)]
    clock.forward(minutes=2)
    again = outbox.due(MAIL)[-1]
    assert (again.key, again.attempts, again.failure) == (first.key, 1, "It is away.")
    outbox.end(again, Sending.GIVEN_UP, failure="Refused.")
    assert outbox.counts()[Sending.GIVEN_UP] == 1
    assert outbox.try_again() == 1
    assert [m.attempts for m in outbox.newest(state=Sending.WAITING) if m.key == first.key] == [0]


def test_how_a_person_is_reached_is_kept_with_an_event(people: Store) -> None:
    contacts, event = people.contacts, did("person.notices_chosen", "person:ana")
    assert contacts.choices("ana").pace(MAIL) is Pace.AT_ONCE
    contacts.choose("ana", {MAIL: Pace.DAILY}, event=event)
    contacts.choose("ana", {MAIL: Pace.NEVER, Channel.WEBHOOK: Pace.DAILY}, event=event)
    contacts.set_language("ana", "zh-Hans", event=event)
    choices = contacts.choices("ana")
    assert (choices.pace(MAIL), choices.pace(Channel.WEBHOOK), choices.language) == (
        Pace.NEVER,
        Pace.DAILY,
        "zh-Hans",
    )
    with pytest.raises(NotFound):
        contacts.set_language("nobody", "en", event=event)
    contacts.ask("ana", "ana@example.org", day="2026-01-05", times=1, event=event)
    contacts.count_wrong("ana", event=event)
    assert contacts.mail("ana").tries == 1
    with pytest.raises(Conflict):
        contacts.confirm("ana", "other@example.org", event=event)
    assert contacts.confirm("ana", "ana@example.org", event=event).address == "ana@example.org"
    assert contacts.forget("ana", event=event).address == ""
    assert contacts.mail("ben").address == ""


BROKEN = Event("t", "half a character \ud800", "person:ana")


@pytest.mark.parametrize(
    "change",
    [
        lambda contacts: contacts.choose("ana", {MAIL: Pace.NEVER}, event=BROKEN),
        lambda contacts: contacts.set_language("ana", "zh-Hans", event=BROKEN),
        lambda contacts: contacts.ask("ana", "a@example.org", day="", times=1, event=BROKEN),
        lambda contacts: contacts.count_wrong("ana", event=BROKEN),
        lambda contacts: contacts.set("ana", "a@example.org", event=BROKEN),
    ],
)
def test_what_cannot_be_logged_is_not_done(people: Store, change: Any) -> None:
    before = (people.contacts.choices("ana"), people.contacts.mail("ana"))
    with pytest.raises(Exception, match="half a character"):
        change(people.contacts)
    assert (people.contacts.choices("ana"), people.contacts.mail("ana")) == before


def test_what_the_log_held_before_the_upgrade_is_told_to_nobody(new_url: str, home: Path) -> None:
    database = Database(new_url)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with database.engine.connect() as connection, connection.begin():
        migrations._run(config, ScriptDirectory.from_config(config), connection, "0016")
        connection.execute(
            text("INSERT INTO audit_head (id, seq, hash, signature) VALUES (1, 41, :hash, '')"),
            {"hash": "0" * 64},
        )
    database.close()
    store = open_store(new_url, home)
    assert (store.notices.cursor(), store.notices.behind()) == (41, False)
    store.close()


def test_a_new_database_begins_at_the_beginning(new_url: str, home: Path) -> None:
    store = open_store(new_url, home)
    assert store.notices.cursor() == 0
    assert not store.notices.behind()
    store.close()
