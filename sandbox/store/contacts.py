"""How people are reached: their e-mail address once it is confirmed, how often by which channel, in which language.

An address stands here alone, never on the log: that it was given, confirmed or taken away does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from sandbox.domain.audit import Event
from sandbox.domain.errors import Conflict, NotFound
from sandbox.domain.notice_choices import Channel, Choices, Pace
from sandbox.store.database import Database, stamp
from sandbox.store.log import Log
from sandbox.store.schema import mail_addresses, notice_choices, people


@dataclass(frozen=True, slots=True, kw_only=True)
class MailAddress:
    """A person's address.

    Attributes:
        address: confirmed; empty: none is.
        asked: waits for its code; empty: none does.
        asked_at: when that was asked for; part of its code.
        tries: how many wrong codes were typed since then.
        asked_day, asked_times: how often one was asked for on the last day that one was.
    """

    address: str = ""
    asked: str = ""
    asked_at: str = ""
    tries: int = 0
    asked_day: str = ""
    asked_times: int = 0


class Contacts:
    """How people are reached."""

    def __init__(self, database: Database, log: Log, now: Callable[[], datetime]) -> None:
        self._database, self._log, self._now = database, log, now

    def choices(self, person: str) -> Choices:
        """What the person chose."""
        with self._database.reading() as connection:
            rows = connection.execute(select(notice_choices).where(notice_choices.c.person == person))
            paces = {Channel(row.channel): Pace(row.pace) for row in rows}
            language = connection.execute(select(people.c.language).where(people.c.name == person)).scalar()
        return Choices(paces=paces, language=language or "")

    def choose(self, person: str, paces: Mapping[Channel, Pace], *, event: Event) -> None:
        """How often by which channel."""
        with self._database.transaction() as connection:
            for channel, pace in paces.items():
                here = (notice_choices.c.person == person, notice_choices.c.channel == str(channel))
                changed = connection.execute(update(notice_choices).where(*here).values(pace=str(pace)))
                if not changed.rowcount:
                    connection.execute(
                        insert(notice_choices).values(person=person, channel=str(channel), pace=str(pace))
                    )
            self._log.append(connection, event)

    def set_language(self, person: str, language: str, *, event: Event) -> None:
        """In which language this person is spoken to; empty: the site's."""
        with self._database.transaction() as connection:
            changed = connection.execute(
                update(people).where(people.c.name == person).values(language=language)
            )
            if changed.rowcount != 1:
                raise NotFound(f"There is no person {person!r}.")
            self._log.append(connection, event)

    def mail(self, person: str) -> MailAddress:
        """The person's address."""
        with self._database.reading() as connection:
            row = _row(connection, person)
        return _address(row) if row is not None else MailAddress()

    def ask(self, person: str, address: str, *, day: str, times: int, event: Event) -> MailAddress:
        """Keep an address that is to be confirmed; an earlier one counts until then.

        Args:
            day, times: how often one was asked for on this day (ISO date), this time too.
        """
        values = {
            "asked": address,
            "asked_at": stamp(self._now()),
            "tries": 0,
            "asked_day": day,
            "asked_times": times,
        }
        return self._write(person, values, event)

    def count_wrong(self, person: str, *, event: Event) -> None:
        """A wrong code was typed."""
        with self._database.transaction() as connection:
            connection.execute(
                update(mail_addresses)
                .where(mail_addresses.c.person == person)
                .values(tries=mail_addresses.c.tries + 1)
            )
            self._log.append(connection, event)

    def confirm(self, person: str, address: str, *, event: Event) -> MailAddress:
        """The code was right: the address counts from now on.

        Raises:
            Conflict: another one was asked for meanwhile.
        """
        with self._database.transaction() as connection:
            row = _row(connection, person)
            if row is None or row.asked != address:
                raise Conflict("Another address was given meanwhile.", fix="Type the newest code.")
            return self.set(person, address, event=event)

    def set(self, person: str, address: str, *, event: Event) -> MailAddress:
        """An address that counts from now on, without a code: somebody vouches for it."""
        return self._write(person, {"address": address, "asked": "", "asked_at": "", "tries": 0}, event)

    def forget(self, person: str, *, event: Event) -> MailAddress:
        """No address any more: nothing is written to this person."""
        return self.set(person, "", event=event)

    def _write(self, person: str, values: dict[str, Any], event: Event) -> MailAddress:
        with self._database.transaction() as connection:
            if _row(connection, person) is None:
                connection.execute(insert(mail_addresses).values(person=person, **values))
            else:
                connection.execute(
                    update(mail_addresses).where(mail_addresses.c.person == person).values(values)
                )
            self._log.append(connection, event)
            row = _row(connection, person)
            assert row is not None  # noqa: S101 - it was written just now
            return _address(row)


def _row(connection: Connection, person: str) -> Row[Any] | None:
    return connection.execute(select(mail_addresses).where(mail_addresses.c.person == person)).first()


def _address(row: Row[Any]) -> MailAddress:
    return MailAddress(
        address=row.address,
        asked=row.asked,
        asked_at=row.asked_at,
        tries=row.tries,
        asked_day=row.asked_day,
        asked_times=row.asked_times,
    )
