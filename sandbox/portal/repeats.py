"""A form that comes again leads where it led: a page that is loaded anew, a double click, a way back and forth.

For forms of people without an account, of whom nothing is kept: in memory, for an hour.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

V = TypeVar("V")
KEPT_S = 3600
MOST = 1000
_LANES = 64  # keys that wait for each other are few


class Repeats:
    """What forms led to, by a key that only the page knows that was filled in."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._lanes = tuple(threading.Lock() for _ in range(_LANES))
        self._found: OrderedDict[str, tuple[float, Any]] = OrderedDict()

    def once(self, key: str, make: Callable[[], V]) -> V:
        """What ``make`` gave for this key before, or gives now; an error is not kept."""
        with self._lanes[hash(key) % _LANES]:  # whoever sends the same waits, others do not
            self.tidy()
            kept = self._found.get(key)
            if kept is not None:
                found: V = kept[1]
                return found
            made = make()
            with self._lock:
                self._forget(MOST - 1)
                self._found[key] = (self._clock() + KEPT_S, made)
            return made

    def tidy(self) -> None:
        """Forget what is older than an hour."""
        with self._lock:
            self._forget(MOST)

    def _forget(self, most: int) -> None:
        now = self._clock()
        while self._found and (len(self._found) > most or next(iter(self._found.values()))[0] < now):
            self._found.popitem(last=False)
