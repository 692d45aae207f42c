"""What was worked out before and follows from its key alone: a plan, a question from its text."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

V = TypeVar("V")
_KEPT = 2048


class Remembered(Generic[V]):
    """At most so many values; all are forgotten when there are more."""

    def __init__(self) -> None:
        self._values: dict[Hashable, V] = {}

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value of a key, made when it is not known."""
        if key in self._values:
            return self._values[key]
        found = make()
        if len(self._values) >= _KEPT:
            self._values.clear()
        self._values[key] = found
        return found
