"""People, their roles and passwords.

- Passwords are kept as argon2id hashes (RFC 9106), with the parameters that made them.
- A wrong name, password or code, and a closed account: the same work, words, counter and lock for all of them.
- From the fifth failure in a row on, a name is locked for a time that doubles, up to 15 minutes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Row, func, insert, select, update

from sandbox.domain.audit import Event, Fact
from sandbox.domain.canonical import canonical_json
from sandbox.domain.errors import Conflict, NotFound, NotSignedIn
from sandbox.domain.passwords import CHARACTERS, check_new
from sandbox.domain.people import NAME, Person, Role
from sandbox.store.attempts import Attempts
from sandbox.store.database import Database, stamp
from sandbox.store.log import Log
from sandbox.store.schema import people
from sandbox.store.second_factors import SecondFactors


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person, and when they were here."""

    person: Person
    added_at: str
    last_sign_in_at: str  # empty: never
    has_password: bool


class People:
    """Everybody with an account here.

    Args:
        factors: the second factors, asked for beside the password.
        hasher: argon2id with its parameters; tests hand in a light one.
    """

    def __init__(
        self,
        database: Database,
        log: Log,
        now: Callable[[], datetime],
        factors: SecondFactors,
        hasher: PasswordHasher | None = None,
    ) -> None:
        self._database, self._log, self._now, self._factors = database, log, now, factors
        self._attempts = Attempts(now)
        self._hasher = hasher or PasswordHasher()
        self._nobody = self._hasher.hash("of nobody")  # verified for unknown names, so that they take as long

    def add(self, person: Person, *, password: str | None, event: Event) -> Person:
        """Add a person with these roles.

        Args:
            password: None for somebody whom a provider knows; then no password is the right one.

        Raises:
            BadInput: a password that cannot be one.
            Conflict: the name is taken.
        """
        hashed = self._hash(password) if password is not None else ""
        with self._database.transaction() as connection:
            if _row(connection, person.name) is not None:
                raise Conflict(f"There is a person {person.name} already.", fix="Choose another name.")
            connection.execute(
                insert(people).values(
                    name=person.name,
                    password_hash=hashed,
                    roles=_roles(person),
                    added_at=stamp(self._now()),
                    active=person.active,
                )
            )
            self._log.append(connection, event, facts=_told(person))
        return person

    def get(self, name: str) -> Person | None:
        """The person, or None."""
        with self._database.reading() as connection:
            row = _row(connection, name)
        return _person(row) if row is not None else None

    def all(self) -> tuple[Person, ...]:
        """Everybody, by name."""
        with self._database.reading() as connection:
            return tuple(_person(row) for row in connection.execute(select(people).order_by(people.c.name)))

    def accounts(self) -> tuple[Account, ...]:
        """Everybody, by name, with when they were here."""
        with self._database.reading() as connection:
            return tuple(_account(row) for row in connection.execute(select(people).order_by(people.c.name)))

    def account(self, name: str) -> Account | None:
        """One of them, or None."""
        with self._database.reading() as connection:
            row = _row(connection, name)
        return _account(row) if row is not None else None

    def search(
        self, words: str = "", *, role: Role | None = None, offset: int = 0, limit: int = 50
    ) -> tuple[tuple[Account, ...], int]:
        """A page of those who fit, by name, and how many fit.

        Args:
            words: a part of the name, in small or capital letters.
        """
        fits = [func.lower(people.c.name).contains(words.lower(), autoescape=True)] if words else []
        if role is not None:
            fits.append(people.c.roles.contains(f'"{role}"', autoescape=True))
        page = select(people).where(*fits).order_by(people.c.name).offset(offset).limit(limit)
        with self._database.reading() as connection:
            count = connection.execute(select(func.count()).select_from(people).where(*fits)).scalar_one()
            return tuple(_account(row) for row in connection.execute(page)), count

    def set_roles(self, name: str, roles: Iterable[Role], *, event: Event) -> Person:
        """Give a person exactly these roles."""
        with self._database.transaction() as connection:
            changed = Person(name, frozenset(roles))
            told = replace(event, facts={**event.facts, **_told(changed)})
            self._change(connection, name, told, roles=_roles(changed))
            row = _row(connection, name)
            assert row is not None  # noqa: S101 - it was changed just now
            return _person(row)

    def set_active(self, name: str, active: bool, *, event: Event) -> None:
        """Open or close an account. Closed, it is nobody's at every door from the next request on."""
        with self._database.transaction() as connection:
            self._change(connection, name, event, active=active)

    def set_password(self, name: str, password: str, *, event: Event) -> None:
        """Give a person a new password; it also ends a lock."""
        hashed = self._hash(password)
        with self._database.transaction() as connection:
            self._change(connection, name, event, password_hash=hashed)
            self._attempts.forget(connection, name)

    def check_password(self, name: str, password: str, *, code: str = "", event: Event) -> Person:
        """The person, when name, password and code belong together; and note that they were here.

        Args:
            code: of the second factor, or a recovery code; not looked at for those who have not enrolled.
            event: the sign-in; a refused one is written as ``person.sign_in_refused``.

        Raises:
            NotSignedIn: they do not, or the name is locked; the words are the same for names that do not exist.
        """
        return self._prove(name, password, code, event, last_sign_in_at=stamp(self._now()))

    def confirm(self, name: str, password: str, *, code: str = "", event: Event) -> Person:
        """The same for somebody who is signed in, before something that matters."""
        return self._prove(name, password, code, event)

    def signed_in(self, name: str, *, event: Event) -> Person:
        """A provider says that it is this person.

        Raises:
            NotFound: nobody, or a closed account.
        """
        with self._database.transaction() as connection:
            row = _row(connection, name)
            if row is None or not row.active:
                raise NotFound(f"There is no person {name!r}.")
            self._change(connection, name, event, last_sign_in_at=stamp(self._now()))
            return _person(row)

    def _prove(self, name: str, password: str, code: str, event: Event, **noted: str) -> Person:
        named = name if NAME.fullmatch(name) else ""  # what cannot be a name is counted as one name
        with self._database.reading() as connection:
            row = _row(connection, named)
            self._attempts.refuse_locked(connection, named)
        known = row is not None and bool(row.password_hash)
        right = (
            self._matches(row.password_hash if row is not None and known else self._nobody, password)
            and known
        )
        with self._database.transaction() as connection:
            self._attempts.refuse_locked(connection, named)  # again: many tries may have run side by side
            row = _row(connection, named)  # again: it may have been closed meanwhile
            proof = self._factors.judge(connection, named, code)
            good = right and row is not None and row.active and proof.good
            if good and row is not None and self._factors.use(connection, named, proof):
                self._attempts.forget(connection, named)
                self._rehash(connection, row, password)
                if noted:
                    connection.execute(update(people).where(people.c.name == named).values(**noted))
                how = {**event.facts, "second_factor": proof.kind} if proof.kind else event.facts
                self._log.append(connection, replace(event, facts=how))
                return _person(row)
            self._attempts.count(connection, named)
            # A password typed in the name's place must not reach the log: unknown names are not written.
            who = name if row is not None else "unknown"
            self._log.append(connection, Event("system:sign_in", "person.sign_in_refused", f"person:{who}"))
        raise NotSignedIn(
            "Name, password or code is wrong.", fix="Try again, or ask an administrator for a new password."
        )

    def _hash(self, password: str) -> str:
        """Before any transaction: it takes its time on purpose."""
        check_new(password)
        return self._hasher.hash(password)

    def _matches(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password[: CHARACTERS[1] + 1])
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False

    def _rehash(self, connection: Connection, row: Row[Any], password: str) -> None:
        """Take over stronger parameters at a sign-in, the only moment the password is known."""
        if self._hasher.check_needs_rehash(row.password_hash):
            hashed = self._hasher.hash(password)
            connection.execute(update(people).where(people.c.name == row.name).values(password_hash=hashed))

    def _change(self, connection: Connection, name: str, event: Event, **values: Any) -> None:
        changed = connection.execute(update(people).where(people.c.name == name).values(**values))
        if changed.rowcount != 1:
            raise NotFound(f"There is no person {name!r}.")
        self._log.append(connection, event)


def _row(connection: Connection, name: str) -> Row[Any] | None:
    return connection.execute(select(people).where(people.c.name == name)).first()


def _person(row: Row[Any]) -> Person:
    return Person(row.name, frozenset(Role(role) for role in json.loads(row.roles)), row.active)


def _account(row: Row[Any]) -> Account:
    return Account(
        person=_person(row),
        added_at=row.added_at,
        last_sign_in_at=row.last_sign_in_at,
        has_password=bool(row.password_hash),
    )


def _told(person: Person) -> dict[str, Fact]:
    return {"roles": [str(role) for role in sorted(person.roles)]}


def _roles(person: Person) -> str:
    return canonical_json(sorted(person.roles)).decode()
