"""Whom an OpenID Connect provider means: its subject, bound to a person here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import insert, select, update

from sandbox.domain.audit import Event
from sandbox.domain.errors import Conflict, NotFound
from sandbox.store.database import Database, stamp
from sandbox.store.log import Log
from sandbox.store.schema import outside_identities


class Identities:
    """Subjects and persons, one to one for each issuer."""

    def __init__(self, database: Database, log: Log, now: Callable[[], datetime]) -> None:
        self._database, self._log, self._now = database, log, now

    def person_of(self, issuer: str, subject: str) -> str | None:
        """The name of whom a subject is bound to."""
        table = outside_identities.c
        with self._database.reading() as connection:
            found = connection.execute(
                select(table.person).where(
                    table.issuer == issuer, table.subject == subject, table.ended_at == ""
                )
            ).first()
        return str(found.person) if found is not None else None

    def is_bound(self, issuer: str, person: str) -> bool:
        """True when the person is some subject of this issuer."""
        table = outside_identities.c
        with self._database.reading() as connection:
            found = connection.execute(
                select(table.id).where(table.issuer == issuer, table.person == person, table.ended_at == "")
            ).first()
        return found is not None

    def bind(self, issuer: str, subject: str, person: str, *, event: Event) -> None:
        """From now on this subject is this person.

        Raises:
            Conflict: one of the two is bound already.
        """
        with self._database.transaction() as connection:
            if self.person_of(issuer, subject) is not None or self.is_bound(issuer, person):
                raise Conflict("That sign-in belongs to somebody already.", fix="Sign in again.")
            connection.execute(
                insert(outside_identities).values(
                    issuer=issuer,
                    subject=subject,
                    person=person,
                    bound_at=stamp(self._now()),
                    ended_at="",
                )
            )
            self._log.append(connection, event)

    def release(self, person: str, *, event: Event) -> None:
        """The person is bound anew at the next sign-in: a new account at the provider."""
        table = outside_identities.c
        with self._database.transaction() as connection:
            ended = connection.execute(
                update(outside_identities)
                .where(table.person == person, table.ended_at == "")
                .values(ended_at=stamp(self._now()))
            )
            if ended.rowcount == 0:
                raise NotFound(f"{person} is bound to nobody at a provider.")
            self._log.append(connection, event)
