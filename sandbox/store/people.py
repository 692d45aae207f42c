"""People, their roles and passwords.

- Passwords are kept as argon2id hashes (RFC 9106), with the parameters that made them.
- A wrong name takes as long as a wrong password and gets the same words, the same counter and the same lock.
- From the fifth failure in a row on, a name is locked for a time that doubles, up to 15 minutes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Row, delete, insert, select, update

from sandbox.domain.audit import Event
from sandbox.domain.canonical import canonical_json
from sandbox.domain.errors import BadInput, Conflict, NotFound, NotSignedIn
from sandbox.domain.people import NAME, Person, Role
from sandbox.store.database import Database, stamp
from sandbox.store.log import Log
from sandbox.store.schema import failed_logins, people

FREE_FAILURES = 4  # wrong tries in a row that lock nothing
FIRST_LOCK_S, LONGEST_LOCK_S = 60, 15 * 60
FORGET_S = 24 * 3600  # failures older than this count no more
PASSWORD_CHARACTERS = (8, 200)


class People:
    """Everybody with a password here.

    Args:
        hasher: argon2id with its parameters; tests hand in a light one.
    """

    def __init__(
        self, database: Database, log: Log, now: Callable[[], datetime], hasher: PasswordHasher | None = None
    ) -> None:
        self._database, self._log, self._now = database, log, now
        self._hasher = hasher or PasswordHasher()
        self._nobody = self._hasher.hash("of nobody")  # verified for unknown names, so that they take as long

    def add(self, person: Person, *, password: str, event: Event) -> Person:
        """Add a person with these roles.

        Raises:
            BadInput: a password that cannot be one.
            Conflict: the name is taken.
        """
        hashed = self._hasher.hash(_checked(password))  # before the transaction: it takes its time on purpose
        with self._database.transaction() as connection:
            if _row(connection, person.name) is not None:
                raise Conflict(f"There is a person {person.name} already.", fix="Choose another name.")
            connection.execute(
                insert(people).values(
                    name=person.name,
                    password_hash=hashed,
                    roles=_roles(person),
                    added_at=stamp(self._now()),
                )
            )
            self._log.append(connection, event)
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

    def set_roles(self, name: str, roles: Iterable[Role], *, event: Event) -> Person:
        """Give a person exactly these roles."""
        person = Person(name, frozenset(roles))
        with self._database.transaction() as connection:
            self._change(connection, name, event, roles=_roles(person))
        return person

    def set_password(self, name: str, password: str, *, event: Event) -> None:
        """Give a person a new password; it also ends a lock."""
        hashed = self._hasher.hash(_checked(password))
        with self._database.transaction() as connection:
            self._change(connection, name, event, password_hash=hashed)
            connection.execute(delete(failed_logins).where(failed_logins.c.name == name))

    def check_password(self, name: str, password: str, *, event: Event) -> Person:
        """The person, when name and password belong together.

        Args:
            event: the sign-in; a refused one is written as ``person.sign_in_refused``.

        Raises:
            NotSignedIn: they do not, or the name is locked; the words are the same for names that do not exist.
        """
        named = name if NAME.fullmatch(name) else ""  # what cannot be a name is counted as one name
        with self._database.reading() as connection:
            row = _row(connection, named)
            self._refuse_locked(connection, named)
        right = self._matches(row.password_hash if row is not None else self._nobody, password)
        with self._database.transaction() as connection:
            self._refuse_locked(connection, named)  # again: many tries may have run side by side
            if row is not None and right:
                connection.execute(delete(failed_logins).where(failed_logins.c.name == named))
                self._rehash(connection, row, password)
                self._log.append(connection, event)
                return _person(row)
            self._count_failure(connection, named)
            # A password typed in the name's place must not reach the log: unknown names are not written.
            who = name if row is not None else "unknown"
            self._log.append(connection, Event("system:sign_in", "person.sign_in_refused", f"person:{who}"))
        raise NotSignedIn(
            "Name or password is wrong.", fix="Try again, or ask an administrator for a new password."
        )

    def _matches(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password[: PASSWORD_CHARACTERS[1] + 1])
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False

    def _rehash(self, connection: Connection, row: Row[Any], password: str) -> None:
        """Take over stronger parameters at a sign-in, the only moment the password is known."""
        if self._hasher.check_needs_rehash(row.password_hash):
            hashed = self._hasher.hash(password)
            connection.execute(update(people).where(people.c.name == row.name).values(password_hash=hashed))

    def _refuse_locked(self, connection: Connection, name: str) -> None:
        now = self._now()
        row = connection.execute(select(failed_logins).where(failed_logins.c.name == name)).first()
        if row is not None and row.locked_until > stamp(now):
            seconds = (datetime.fromisoformat(row.locked_until) - now).total_seconds()
            raise NotSignedIn(
                "Too many wrong tries.",
                fix=f"Wait {int(seconds // 60) + 1} minutes, or ask an administrator.",
            )

    def _count_failure(self, connection: Connection, name: str) -> None:
        now = self._now()
        old = failed_logins.c.last_at < stamp(now - timedelta(seconds=FORGET_S))
        connection.execute(delete(failed_logins).where(old))
        row = connection.execute(select(failed_logins).where(failed_logins.c.name == name)).first()
        failures = (row.failures if row is not None else 0) + 1
        values = {
            "failures": failures,
            "locked_until": stamp(now + timedelta(seconds=lock_s(failures))),
            "last_at": stamp(now),
        }
        if row is None:
            connection.execute(insert(failed_logins).values(name=name, **values))
        else:
            connection.execute(update(failed_logins).where(failed_logins.c.name == name).values(**values))

    def _change(self, connection: Connection, name: str, event: Event, **values: Any) -> None:
        changed = connection.execute(update(people).where(people.c.name == name).values(**values))
        if changed.rowcount != 1:
            raise NotFound(f"There is no person {name!r}.")
        self._log.append(connection, event)


def lock_s(failures: int) -> int:
    """How long a name is locked after so many failures in a row, in seconds."""
    if failures <= FREE_FAILURES:
        return 0
    return int(min(LONGEST_LOCK_S, FIRST_LOCK_S * 2 ** min(failures - FREE_FAILURES - 1, 10)))


def _checked(password: str) -> str:
    least, most = PASSWORD_CHARACTERS
    if not least <= len(password) <= most:
        raise BadInput(
            f"A password of {len(password)} characters is refused.",
            where="password",
            fix=f"Use {least} to {most} characters.",
        )
    try:
        password.encode()
    except UnicodeEncodeError:
        raise BadInput(
            "The password holds half a character.", where="password", fix="Type it again."
        ) from None
    return password


def _row(connection: Connection, name: str) -> Row[Any] | None:
    return connection.execute(select(people).where(people.c.name == name)).first()


def _person(row: Row[Any]) -> Person:
    return Person(row.name, frozenset(Role(role) for role in json.loads(row.roles)))


def _roles(person: Person) -> str:
    return canonical_json(sorted(person.roles)).decode()
