"""What is asked of a database that holds private views: few verbs, so that another one is soon written.

- ``Holder``: one private view where it lies. For a question it is opened, runs our own expressions, and is closed: read
  only, this one view and no other, for a limited time.
- ``Warehouse``: a database in which tables stay where they are. Its owner's side (``preparing``) makes a private view
  beside the raw table, with the statements of ``publishing/in_place``; ``holder`` finds it again.

No text of an asker comes near either. Literals of a question do, inside an expression: each engine pins the settings
that its quoting of texts depends on.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from sandbox.domain.policy import ColumnType

VIEW = "private_view"  # what the open view is called in every engine
CONTRIBUTIONS = "private_contributions"  # and what units give to the values of a key, where that is there

Expression = Any  # ibis ships no types
Rows = Callable[[Expression], list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineLimits:
    """What one use of the engine may take."""

    memory_mib: int = 1024
    threads: int = 2
    timeout_s: float = 30.0


class Holder(Protocol):
    """One private view where it lies."""

    def opened(self, limits: EngineLimits) -> AbstractContextManager[Rows]:
        """What runs an expression over ``private_view``, until the time is up."""
        ...

    def fetch(self, sql: str, limits: EngineLimits) -> list[tuple[Any, ...]]:
        """Run a statement of ours over ``private_view``; for its fingerprint."""
        ...


class Words(Protocol):
    """How one engine says what the statements of ``publishing/in_place`` need. Arguments and answers are SQL.

    None of it may fail for any cell: what cannot be said of a cell is NULL.
    """

    text: str  # the name of the type for text
    binary: str  # behind a text in ORDER BY: by its bytes

    def type(self, type_: ColumnType) -> str:
        """The type of a stored column."""
        ...

    def name(self, name: str) -> str:
        """A name, quoted."""
        ...

    def literal(self, text: str) -> str:
        """A text, quoted."""
        ...

    def as_text(self, cell: str) -> str:
        """A raw cell of whatever type as text in Unicode, compared by its bytes."""
        ...

    def lower(self, text: str) -> str:
        """In small letters; at least those of ASCII."""
        ...

    def trim(self, text: str, characters: str) -> str:
        """Without these characters (a Python text) at both ends."""
        ...

    def before(self, text: str, mark: str) -> str:
        """What stands before the first ``mark`` (a character)."""
        ...

    def matches(self, text: str, pattern: str) -> str:
        """True when the whole text fits a regular expression that every engine reads alike."""
        ...

    def decimal(self, numeral: str) -> str:
        """A text that is a numeral as an exact number with 12 places, halves away from zero; or NULL if too large."""
        ...

    def day(self, text: str) -> str:
        """A text of the form 2013-1-5 as a date; NULL where there is no such day in the years 1 to 9999."""
        ...

    def sha256(self, text: str) -> str:
        """The hash of a text in UTF-8, as 64 hex digits in small letters."""
        ...

    def hex15(self, digits: str) -> str:
        """15 hex digits as a whole number of 64 bits."""
        ...


class Bench(Protocol):
    """The owner's connection while a view is made. Whatever it makes besides the view is gone afterwards."""

    def columns(self, source: str) -> list[str]:
        """The names of a raw table's columns, as it writes them.

        Raises:
            BadInput: there is no such table.
        """
        ...

    def table(self, source: str) -> str:
        """A raw table's name as SQL, quoted."""
        ...

    def make(self, name: str, select: str) -> None:
        """A working table, filled now."""
        ...

    def fetch(self, sql: str) -> list[tuple[Any, ...]]: ...

    def keep(self, snapshot: str, select: str, columns: dict[str, str]) -> None:
        """The view of a snapshot, complete or not at all; left alone where it is there already.

        Args:
            select: its rows, in the order that they are best stored in.
            columns: names and types.
        """
        ...


class Warehouse(Protocol):
    """A database that keeps its tables."""

    @property
    def kind(self) -> str:
        """Its name in a manifest."""
        ...

    @property
    def words(self) -> Words: ...

    def preparing(self, limits: EngineLimits) -> AbstractContextManager[Bench]:
        """The owner's side, for one view."""
        ...

    def holder(self, snapshot: str) -> Holder:
        """The view of a snapshot."""
        ...
