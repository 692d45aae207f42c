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


class Repeats:
    """What forms led to, by a key that only the page knows that was filled in."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._found: OrderedDict[str, tuple[float, Any]] = OrderedDict()

    def once(self, key: str, make: Callable[[], V]) -> V:
        """What ``make`` gave for this key before, or gives now; an error is not kept. One at a time."""
        with self._lock:
            now = self._clock()
            while self._found and (len(self._found) > MOST or next(iter(self._found.values()))[0] < now):
                self._found.popitem(last=False)
            if key not in self._found:
                made = make()
                self._found[key] = (now + KEPT_S, made)
            found: V = self._found[key][1]
            return found
