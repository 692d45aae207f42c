"""People without an account: how often they may ask and vote, without anybody knowing who they are.

- An address is never kept. What is counted is its fingerprint, made with a key that exists in this process's memory
  only; with the day (UTC) the key, the fingerprints and the counts are forgotten, and no two days can be put together.
- Nothing of it is written to a disk, a log or a backup. A restart forgets early, which lets somebody vote again: a
  visitor's vote is a sign of interest, not a counted head, and is shown apart from the votes of accounts.
- All visitors together have a limit too, so that many addresses are not many voices without end.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from sandbox.domain.errors import Conflict, TooOften

MAX_ADDRESSES = 200_000  # fingerprints held at once; more visitors than that wait for tomorrow


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody without an account, as their address says.

    >>> Visitor.at("2001:db8:1:2:3:4:5:6"), Visitor.at("::ffff:192.0.2.7"), Visitor.at("nonsense")
    (Visitor(network='2001:db8:1:2::/64'), Visitor(network='192.0.2.7/32'), Visitor(network='unknown'))
    """

    network: str  # the address; of IPv6 the half that a household has to itself

    @classmethod
    def at(cls, address: str) -> Visitor:
        """The visitor at an address; all without a readable one are one visitor."""
        try:
            ip = ipaddress.ip_address(address.strip())
        except ValueError:
            return cls("unknown")
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        bits = 32 if ip.version == 4 else 64
        return cls(str(ipaddress.ip_network((ip, bits), strict=False)))


class Visitors:
    """Counts what visitors did today.

    Args:
        today: the current day, in UTC.
    """

    def __init__(self, today: Callable[[], date]) -> None:
        self._today = today
        self._lock = threading.Lock()
        self._forget(today())

    def take(self, visitor: Visitor, act: str, *, about: str, each: int, all: int) -> None:
        """Count one act, or refuse it.

        Args:
            act: such as ``vote``.
            about: what it is done to; the same visitor does it to the same thing once a day. Empty: as often as
                ``each`` lets it.
            each: how many acts one address has in a day.
            all: how many all visitors have together.

        Raises:
            TooOften: names the limit.
            Conflict: this visitor did it to the same thing today.
        """
        with self._lock:
            if self._today() != self._day:
                self._forget(self._today())
            mine = self._fingerprint(visitor, act)
            once = self._fingerprint(visitor, act, about)
            if about and once in self._done:
                raise Conflict(
                    "Somebody at your address did this today.", fix="Sign in to be counted as yourself."
                )
            if self._counts.get(mine, 0) >= each:
                raise _too_often(f"{each} a day from one address", "one address a day")
            full = mine not in self._counts and len(self._counts) + len(self._done) >= MAX_ADDRESSES
            if full or self._totals.get(act, 0) >= all:
                raise _too_often(f"{all} a day from all visitors together", "all visitors a day")
            self._counts[mine] = self._counts.get(mine, 0) + 1
            self._totals[act] = self._totals.get(act, 0) + 1
            if about:
                self._done.add(once)

    def _fingerprint(self, visitor: Visitor, *words: str) -> bytes:
        message = "\0".join((visitor.network, *words)).encode()
        return hmac.digest(self._key, message, hashlib.sha256)

    def _forget(self, day: date) -> None:
        self._day = day
        self._key = secrets.token_bytes(32)
        self._counts: dict[bytes, int] = {}
        self._done: set[bytes] = set()
        self._totals: dict[str, int] = {}


def _too_often(limit: str, clause: str) -> TooOften:
    return TooOften(
        f"That is more than {limit}.",
        clause=clause,
        fix="Come back tomorrow, or sign in if you have an account.",
    )
