"""How often one address may do what anybody may do: remembered for a day, in memory only, as a keyed hash.

The key is drawn when the process starts and never written down, so that what is remembered can be turned back into an
address by nobody, and is forgotten with the process at the latest. An IPv6 address counts with its /64, which one
household has.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.domain.errors import TooMany

_DAY = timedelta(days=1)
_MOST_KEPT = 100_000  # addresses; with more, a new one is refused rather than an old one forgotten


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyLimit:
    """A counter.

    Args:
        most: times in 24 hours.
    """

    most: int
    now: Callable[[], datetime]
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    _seen: dict[bytes, list[datetime]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def take(self, address: str) -> None:
        """Count one, or raise.

        Raises:
            TooMany: as many came from there within a day.
        """
        name = hmac.new(self._key, _network(address).encode(), hashlib.sha256).digest()
        with self._lock:
            since = self.now() - _DAY
            self._forget(since)
            times = [moment for moment in self._seen.get(name, ()) if moment > since]
            if len(times) >= self.most or (not times and len(self._seen) >= _MOST_KEPT):
                raise TooMany(
                    f"{self.most} came from your network within a day.",
                    fix="Wait until tomorrow, or write to the provider of the data.",
                )
            self._seen[name] = [*times, self.now()]

    def _forget(self, since: datetime) -> None:
        for name in [n for n, times in self._seen.items() if times[-1] <= since]:
            del self._seen[name]


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"  # all of these share one count
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
