"""The log as a chain of values.

- Entries are numbered from 1 without gaps.
- Each entry's hash covers its number, time, actor, action, object, facts and the hash before it.
- The head (last number and hash) is signed at every append, so that a dropped last row is seen too.
- Facts never hold a raw value; they are text and whole numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sandbox.domain.canonical import canonical_json, content_hash
from sandbox.domain.errors import Tampered

GENESIS = "0" * 64

Fact = str | int | bool | None | list[str] | list[int]


@dataclass(frozen=True, slots=True)
class Event:
    """What happened: who did what to what. Every changing call of the store takes one."""

    actor: str  # a person's name, or ``system:<part>``
    action: str  # dotted, past tense: ``question.answered``
    object: str  # ``dataset:german_credit``, ``release:7``
    facts: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event at its place in the chain."""

    seq: int  # from 1
    at: str  # ISO 8601, UTC, microseconds
    event: Event
    previous: str  # 64 hex digits
    hash: str  # 64 hex digits


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain, as it was signed."""

    seq: int
    hash: str

    def signed_bytes(self) -> bytes:
        return b"sandbox-log-head-v1\n" + canonical_json({"seq": self.seq, "hash": self.hash})


EMPTY_HEAD = Head(0, GENESIS)


def entry_hash(seq: int, at: str, event: Event, previous: str) -> str:
    """SHA-256 of the canonical entry, 64 hex digits."""
    return content_hash(
        {
            "seq": seq,
            "at": at,
            "actor": event.actor,
            "action": event.action,
            "object": event.object,
            "facts": dict(event.facts),
            "previous": previous,
        }
    )


def chained(event: Event, *, at: str, after: Head) -> Entry:
    """The event as the next entry after a head."""
    seq = after.seq + 1
    return Entry(seq, at, event, after.hash, entry_hash(seq, at, event, after.hash))


def verify_chain(entries: Iterable[Entry], head: Head, *, after: Head = EMPTY_HEAD) -> int:
    """Walk the chain up to its signed head.

    Args:
        after: where to begin: before the first entry, or later.

    Returns:
        The number of the last entry.

    Raises:
        Tampered: names the first entry that was edited, dropped, swapped or added.
    """
    previous, seq = after.hash, after.seq
    for entry in entries:
        expected = seq + 1
        if entry.seq != expected:
            raise Tampered(
                f"Entry {expected} is missing; entry {entry.seq} stands there.", place=f"entry {expected}"
            )
        if entry.previous != previous:
            raise Tampered(f"Entry {expected} does not follow entry {seq}.", place=f"entry {expected}")
        if entry_hash(entry.seq, entry.at, entry.event, entry.previous) != entry.hash:
            raise Tampered(f"Entry {expected} was changed after it was written.", place=f"entry {expected}")
        previous, seq = entry.hash, expected
    if seq < head.seq:
        raise Tampered(
            f"The log ends at entry {seq}; the signed head says entry {head.seq}.", place=f"entry {seq + 1}"
        )
    if seq > head.seq:
        raise Tampered(f"Entry {head.seq + 1} was added without a signature.", place=f"entry {head.seq + 1}")
    if previous != head.hash:
        raise Tampered(f"Entry {seq} is not the one that was signed.", place=f"entry {seq}")
    return seq
