"""The fingerprint of a view that a warehouse holds: its rows, counted and hashed where they lie.

It is keyed, as a snapshot's name is: whoever guesses a table cannot check the guess.
"""

from __future__ import annotations

import hashlib
import hmac

from sandbox.domain.canonical import sha256_hex
from sandbox.domain.policy import Column, Table
from sandbox.privacy.answering.bounded import RANK, UNIT
from sandbox.privacy.engines.holding import VIEW, EngineLimits, Holder, Words
from sandbox.privacy.publishing.portable_cells import content

_PATIENCE_S = 3600  # it reads the whole view


def fingerprint_of(holder: Holder, table: Table, *, unit_column: str, key: bytes, words: Words) -> str:
    """What the rows of a kept view say now."""
    columns = {name: column for name, column in table.columns.items() if name != unit_column}
    return fingerprint(
        holder.fetch(fingerprint_sql(VIEW, words, columns, key), EngineLimits(timeout_s=_PATIENCE_S))
    )


def fingerprint_sql(name: str, words: Words, columns: dict[str, Column], key: bytes) -> str:
    """The statement that counts rows and adds up their hashes."""
    secret = words.literal(hmac.new(key, b"fingerprint", hashlib.sha256).hexdigest())
    place = " || ':' || ".join(f"CAST({column} AS {words.text})" for column in (UNIT, RANK))
    digest = words.sha256(f"{secret} || {place} || ':' || {content(words, columns)}")
    halves = ", ".join(
        f"coalesce(sum(CAST({words.hex15(f'substr(digest, {start}, 15)')} AS DECIMAL(38, 0))), 0)"
        for start in (1, 16)
    )
    return f"SELECT count(*), {halves} FROM (SELECT {digest} AS digest FROM {name}) AS hashed"  # noqa: S608 - ours


def fingerprint(found: list[tuple[object, ...]]) -> str:
    """What that statement found, as one text."""
    (numbers,) = found
    return sha256_hex(":".join(str(int(str(number))) for number in numbers).encode())
