"""Second factors: a shared secret for each person (TOTP, RFC 6238), and recovery codes.

- Secrets are encrypted (AES-256-GCM) with a key that lies beside the database, not in it; a person's name is bound in,
  so that a row cannot be moved to somebody else.
- Recovery codes have 80 random bits, and are kept as a keyed hash: nothing slower is needed against guessing.
- Neither is ever on the log.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b32encode
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyotp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, Row, func, insert, select, update

from sandbox.domain.audit import Event
from sandbox.domain.errors import BadInput, Conflict, NotFound, OperatorError
from sandbox.domain.second_factor import (
    NEVER,
    RECOVERY_CODES,
    FactorState,
    accepted_step,
    steps_around,
    typed,
)
from sandbox.store.database import Database, stamp
from sandbox.store.log import Log
from sandbox.store.schema import people, recovery_codes, second_factors
from sandbox.store.secrets import secret

KEY, RECOVERY_KEY = "second-factors", "recovery-codes"
NONCE_BYTES = 12  # of AES-GCM
RECOVERY_BYTES = 10  # 80 bits, 16 letters
_UNUSED = (recovery_codes.c.used_at == "", recovery_codes.c.withdrawn.is_(False))
NOBODYS = b32encode(b"nobody's secret, for the same work").decode().rstrip("=")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a typed code is worth, before it is used."""

    good: bool
    kind: str = ""  # ``code`` | ``recovery code``; empty: none is asked of this person
    step: int = NEVER
    recovery: str = ""  # the code's hash


class SecondFactors:
    """Everybody's second factor.

    Args:
        keys: the folder of the installation's keys.
    """

    def __init__(self, database: Database, log: Log, now: Callable[[], datetime], keys: Path) -> None:
        self._database, self._log, self._now, self._keys = database, log, now, keys

    def begin(self, name: str, *, event: Event) -> str:
        """Make a new secret for a person. The one that holds, if any, goes on holding until ``confirm``.

        Returns:
            The secret, base32, for the person's app: told here and nowhere again.
        """
        made = pyotp.random_base32()
        with self._database.transaction() as connection:
            if connection.execute(select(people.c.name).where(people.c.name == name)).first() is None:
                raise NotFound(f"There is no person {name!r}.")
            sealed = self._sealed(name, made)
            if _row(connection, name) is None:
                values = {"secret": b"", "enrolled_at": "", "last_step": NEVER}
                connection.execute(insert(second_factors).values(person=name, pending=sealed, **values))
            else:
                _change(connection, name, pending=sealed)
            self._log.append(connection, event)
        return made

    def pending(self, name: str) -> str:
        """The secret that waits for its first code; empty when none does."""
        with self._database.reading() as connection:
            row = _row(connection, name)
        return self._opened(name, row.pending) if row is not None else ""

    def confirm(self, name: str, code: str, *, event: Event) -> tuple[str, ...]:
        """The app shows the right code: from now on it is asked for.

        Returns:
            New recovery codes, told here and nowhere again; older ones serve no more.

        Raises:
            Conflict: nothing was begun.
            BadInput: another code would be right; nothing changed.
        """
        codes = tuple(b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode() for _ in range(RECOVERY_CODES))
        with self._database.transaction() as connection:
            row = _row(connection, name)
            if row is None or not row.pending:
                raise Conflict("No second factor was begun.", fix="Begin again.")
            step = self._step(self._opened(name, row.pending), code, last=NEVER)
            if step is None:
                raise BadInput(
                    "That is not the code that your app should show now.",
                    where="code",
                    fix="Check the clock of your device, and type the next code.",
                )
            now = stamp(self._now())
            _change(connection, name, secret=row.pending, pending=b"", enrolled_at=now, last_step=step)
            self._withdraw(connection, name)
            hashes = [self._hash(name, typed(code)) for code in codes]
            rows = [
                {"hash": h, "person": name, "made_at": now, "used_at": "", "withdrawn": False} for h in hashes
            ]
            connection.execute(insert(recovery_codes), rows)
            self._log.append(connection, event)
        return tuple(f"{c[:4]}-{c[4:8]}-{c[8:12]}-{c[12:]}" for c in codes)

    def reset(self, name: str, *, event: Event) -> None:
        """Take a person's second factor away: a lost device."""
        with self._database.transaction() as connection:
            row = _row(connection, name)
            if row is None or not (row.secret or row.pending):
                raise NotFound(f"{name} has no second factor.")
            # The last step stays: a code of the old secret is worth nothing under a new one all the same.
            _change(connection, name, secret=b"", pending=b"", enrolled_at="")
            self._withdraw(connection, name)
            self._log.append(connection, event)

    def state(self, name: str) -> FactorState:
        """Whether a person has enrolled, and how many recovery codes are left."""
        with self._database.reading() as connection:
            row = _row(connection, name)
            left = connection.execute(
                select(func.count()).select_from(recovery_codes).where(*_usable(name))
            ).scalar_one()
        return (
            FactorState(enrolled_at=row.enrolled_at, recovery_left=left) if row is not None else FactorState()
        )

    def states(self, names: Collection[str] | None = None) -> dict[str, FactorState]:
        """The same for many people, or for everybody; those who never began are not in it."""
        rows, codes = select(second_factors.c.person, second_factors.c.enrolled_at), recovery_codes.c
        left = select(codes.person, func.count()).where(*_UNUSED).group_by(codes.person)
        if names is not None:
            rows = rows.where(second_factors.c.person.in_(names))
            left = left.where(codes.person.in_(names))
        with self._database.reading() as connection:
            counts = {person: int(count) for person, count in connection.execute(left)}
            return {
                row.person: FactorState(enrolled_at=row.enrolled_at, recovery_left=counts.get(row.person, 0))
                for row in connection.execute(rows)
            }

    def judge(self, connection: Connection, name: str, code: str) -> Proof:
        """What a code typed at the door is worth. The work is the same whoever is asked for, and changes nothing.

        Args:
            name: a person's, or what somebody typed in its place.
        """
        row = _row(connection, name)
        enrolled = row is not None and bool(row.secret)
        last = row.last_step if row is not None else NEVER
        step = self._step(
            self._opened(name, row.secret) if row is not None and enrolled else NOBODYS, code, last=last
        )
        hashed = self._hash(name, typed(code))
        known = connection.execute(
            select(recovery_codes.c.hash).where(*_usable(name), recovery_codes.c.hash == hashed)
        ).first()
        if not enrolled:
            return Proof(good=True)
        if step is not None:
            return Proof(good=True, kind="code", step=step)
        return Proof(good=known is not None, kind="recovery code", recovery=hashed)

    def use(self, connection: Connection, name: str, proof: Proof) -> bool:
        """Use a good proof up; False when somebody else was quicker with the same code."""
        if proof.step != NEVER:
            once = second_factors.c.last_step < proof.step
            used = connection.execute(
                update(second_factors)
                .where(second_factors.c.person == name, once)
                .values(last_step=proof.step)
            )
            return used.rowcount == 1
        if proof.recovery:
            used = connection.execute(
                update(recovery_codes)
                .where(*_usable(name), recovery_codes.c.hash == proof.recovery)
                .values(used_at=stamp(self._now()))
            )
            return used.rowcount == 1
        return proof.good

    def _step(self, key: str, code: str, *, last: int) -> int | None:
        totp = pyotp.TOTP(key)
        around = steps_around(int(self._now().timestamp()))
        return accepted_step(typed(code), {step: totp.generate_otp(step) for step in around}, last=last)

    def _withdraw(self, connection: Connection, name: str) -> None:
        connection.execute(update(recovery_codes).where(*_usable(name)).values(withdrawn=True))

    def _hash(self, name: str, code: str) -> str:
        key = bytes.fromhex(secret(self._keys, RECOVERY_KEY))
        return hmac.new(key, f"{name} {code}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def _sealed(self, name: str, plain: str) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher().encrypt(nonce, plain.encode(), name.encode())

    def _opened(self, name: str, sealed: bytes) -> str:
        if not sealed:
            return ""
        try:
            plain = self._cipher().decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name.encode())
        except InvalidTag:
            raise OperatorError(
                f"The second factor of {name} cannot be read with this installation's key.",
                fix=f"Restore keys/{KEY} from the backup of the same day as the database.",
            ) from None
        return plain.decode()

    def _cipher(self) -> AESGCM:
        return AESGCM(bytes.fromhex(secret(self._keys, KEY)))


def _row(connection: Connection, name: str) -> Row[Any] | None:
    return connection.execute(select(second_factors).where(second_factors.c.person == name)).first()


def _change(connection: Connection, name: str, **values: Any) -> None:
    connection.execute(update(second_factors).where(second_factors.c.person == name).values(**values))


def _usable(name: str) -> tuple[Any, ...]:
    return (recovery_codes.c.person == name, *_UNUSED)
