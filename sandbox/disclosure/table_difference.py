"""What changed between two tables or two texts, for people who look at a file for the second time.

Rows are the same where their labels are (the columns without numbers); where labels repeat, by their place.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.disclosure.cells import is_suppressed, read_number
from sandbox.disclosure.table import Table

MOST = 200  # changes that are listed; more would not be read


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedCell:
    """One cell; empty where there was none before, or is none now."""

    row: str  # its labels, or its number
    column: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What changed.

    Attributes:
        cells: in the order of the later table, then what is gone; ``MOST`` at most.
        total: how many there are.
        lines: of texts instead: (``+`` or ``-``, line).
    """

    cells: tuple[ChangedCell, ...] = ()
    columns_added: tuple[str, ...] = ()
    columns_gone: tuple[str, ...] = ()
    total: int = 0
    lines: tuple[tuple[str, str], ...] = ()

    @property
    def nothing(self) -> bool:
        """The same words and numbers, though perhaps other bytes."""
        return not (self.total or self.columns_added or self.columns_gone)


def table_difference(before: Table, after: Table) -> Difference:
    """Cell by cell.

    >>> difference = table_difference(
    ...     Table(("sex", "n"), (("f", "12"), ("m", "3"))), Table(("sex", "n"), (("m", ""), ("f", "12")))
    ... )
    >>> difference.cells
    (ChangedCell(row='m', column='n', before='3', after=''),)
    """
    labels = [c for c in after.columns if c in before.columns and _labels(before, c) and _labels(after, c)]
    old, new = _by_label(before, labels), _by_label(after, labels)
    if len(old) < len(before.rows) or len(new) < len(after.rows):
        old, new = _by_place(before), _by_place(after)
    both = [c for c in after.columns if c in before.columns]
    cells = [
        ChangedCell(row=row, column=column, before=old.get(row, {}).get(column, ""), after=values[column])
        for row, values in new.items()
        for column in both
        if old.get(row, {}).get(column) != values[column]
    ]
    cells += [
        ChangedCell(row=row, column=column, before=values[column], after="")
        for row, values in old.items()
        if row not in new
        for column in both
    ]
    return Difference(
        cells=tuple(cells[:MOST]),
        columns_added=tuple(c for c in after.columns if c not in before.columns),
        columns_gone=tuple(c for c in before.columns if c not in after.columns),
        total=len(cells),
    )


def text_difference(before: str, after: str) -> Difference:
    """Line by line.

    >>> text_difference("a\\nb", "a\\nc").lines
    (('-', 'b'), ('+', 'c'))
    """
    old, new = before.splitlines(), after.splitlines()
    lines: list[tuple[str, str]] = []
    for what, a, b, c, d in difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if what != "equal":
            lines += [("-", line) for line in old[a:b]] + [("+", line) for line in new[c:d]]
    return Difference(lines=tuple(lines[:MOST]), total=len(lines))


def _labels(table: Table, column: str) -> bool:
    said = [cell for cell in table.column(column) if not is_suppressed(cell)]
    return bool(said) and all(read_number(cell) is None for cell in said)


def _by_label(table: Table, labels: Sequence[str]) -> dict[str, dict[str, str]]:
    at = [table.columns.index(c) for c in labels]
    if not at:
        return {}
    return {", ".join(row[i] for i in at): dict(zip(table.columns, row, strict=True)) for row in table.rows}


def _by_place(table: Table) -> dict[str, dict[str, str]]:
    return {
        f"row {n}": dict(zip(table.columns, row, strict=True)) for n, row in enumerate(table.rows, start=1)
    }
