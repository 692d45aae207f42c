"""What each column of a table is: a grouping key, a count, another number, or something unread.

Deny by default: a column of whole numbers is a count until something public says that it is a key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from sandbox.disclosure.cells import Number, is_suppressed, leading_count, plain, read_number
from sandbox.disclosure.table import Table
from sandbox.domain.policy import Scalar

TOTALS = frozenset(
    {"total", "all", "sum", "overall", "any", "both", "together", "grand total", "合计", "总计"}
)
EXTREME = re.compile(r"(^|_)(min|max|minimum|maximum|smallest|largest|range|lowest|highest)($|_)")
_KEY_NAMES = re.compile(
    r"(^|_)(year|month|day|weekday|week|quarter|hour|age|band|bin|decile|quartile|quintile|rank|level|code|grade|"
    r"period|date|bracket|group)($|_)"
)
COUNT_NAMES = re.compile(
    r"(^|_)(n|count|counts|freq|frequency|num|number|total|cases|people|persons|patients|applicants|flights|"
    r"rows|units|size|obs|observations)($|_)"
)


class Kind(StrEnum):
    KEY = "key"
    COUNT = "count"
    NUMBER = "number"  # a mean, a sum, a percentage
    MIXED = "mixed"  # numbers and words that are no usual sign of suppression


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it was read.

    Attributes:
        cells: the text of each cell.
        numbers: the number in each cell; for a count with something beside, the count; None where there is none.
        guessed: it was taken for a key by its name alone, so nothing in it was checked.
    """

    name: str
    kind: Kind
    cells: tuple[str, ...]
    numbers: tuple[Number | None, ...]
    guessed: bool = False


@lru_cache(maxsize=10_000)  # names repeat, and each is looked at by several checks
def normal(name: str) -> str:
    """A column's name without case, blanks and signs.

    >>> normal("Max age (years)")
    'max_age_years'
    """
    return re.sub(r"[^0-9a-z\u0080-\uffff]+", "_", plain(name).casefold()).strip("_")


def is_total(cell: str) -> bool:
    return plain(cell).casefold() in TOTALS


def columns_of(table: Table, *, keys: Mapping[str, Sequence[Scalar]]) -> tuple[Column, ...]:
    """Say what each column is.

    Args:
        keys: the dataset's columns that may group, each with its public list of values.
    """
    listed = {normal(name): frozenset(str(v).casefold() for v in values) for name, values in keys.items()}
    return tuple(_column(name, table.column(name), listed) for name in table.columns)


def _column(name: str, cells: tuple[str, ...], listed: Mapping[str, frozenset[str]]) -> Column:
    numbers = tuple(read_number(cell) for cell in cells)
    said = [
        (cell, number)
        for cell, number in zip(cells, numbers, strict=True)
        if not is_suppressed(cell) and not is_total(cell)
    ]
    values = listed.get(normal(name))
    if values is not None and said and all(_is_listed(c, n, values) for c, n in said):
        return Column(name, Kind.KEY, cells, numbers)
    counted = COUNT_NAMES.search(normal(name)) is not None
    if not any(number for _, number in said):
        beside = tuple(leading_count(cell) for cell in cells)
        if any(count is not None for count in beside):
            counts = tuple(read_number(str(c)) if c is not None else None for c in beside)
            return Column(name, Kind.COUNT, cells, counts)
        # Nothing but signs of suppression: a count that is hidden throughout, unless letters (c, s, x) are labels.
        hidden = not said and (counted or not any(c.isalpha() for cell in cells for c in cell))
        return Column(name, Kind.COUNT if hidden else Kind.KEY, cells, numbers)
    if not all(number for _, number in said):
        return Column(name, Kind.COUNT if counted else Kind.MIXED, cells, numbers)
    if all(number.whole and (number.value >= 0 or counted) for _, number in said if number):
        if _KEY_NAMES.search(normal(name)) and not counted:
            return Column(name, Kind.KEY, cells, numbers, guessed=True)
        return Column(name, Kind.COUNT, cells, numbers)
    return Column(name, Kind.NUMBER, cells, numbers)


def _is_listed(cell: str, number: Number | None, values: frozenset[str]) -> bool:
    as_whole = str(int(number.value)) if number and number.whole else ""
    return plain(cell).casefold() in values or as_whole in values
