"""One number of an output, as it is remembered: whom it is about, what it says, and how exactly.

- Kept for every request from the moment it is staged, over all users and projects of a lineage: the numbers of two
  releases may say together what neither says alone.
- ``low`` and ``high`` are what a reader can conclude from the number alone: it, give or take half of its rounding.
- ``units`` was computed again on the raw rows: it is private, and only marked findings rest on it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from sandbox.domain.population import columns_of_population, population_from_text
from sandbox.domain.release import OUT, OVER, Status


class Counted(StrEnum):
    """What a number says of its population."""

    UNITS = "units"  # how many different units
    ROWS = "rows"  # how many rows, where a unit may have several
    SHARE_OF_UNITS = "share of units"  # of the base's units, those in the population
    SHARE_OF_ROWS = "share of rows"
    SUM = "sum"
    MEAN = "mean"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputCell:
    """One cell.

    Attributes:
        row: 0-based data row of the file; of a margin, -1.
        source: the text of the relation that was counted (``relation_text``); empty where no question was given.
        population: its text, see ``population``. Where no question was given, what the file's own labels say.
        base: of a share: the population it is a share of, as text; else empty.
        dims: the key columns' labels as the file shows them, by their normal names.
        of: the column that is summed or averaged; of a share, empty.
        value: as shown; None where it is suppressed.
        low: the least that it can be; shares as 0 to 1.
        high: the most, likewise; None where nothing bounds it.
        step: the rounding, declared or recognised; 0 where the number is exact.
        units: different units behind the cell, where they were recomputed.
        margin: no cell of the file, but what a reader gets by adding up its cells.
    """

    file: str
    row: int
    column: str
    source: str
    snapshot: str
    population: str
    counted: Counted
    value: Decimal | None
    low: Decimal
    high: Decimal | None
    base: str = ""
    dims: tuple[tuple[str, str], ...] = ()
    of: str = ""
    step: Decimal = Decimal(0)
    units: int | None = None
    margin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierCell:
    """A cell of another request on the lineage, with what became of the request.

    Attributes:
        pending: it has not left.
        sealed: it is pending, and of a job: its own sender has not seen it either.
    """

    cell: OutputCell
    release: int
    project: str
    pending: bool
    sealed: bool = False


class Brief(NamedTuple):
    """The few words of an earlier number that tell whether it is worth a closer look.

    Attributes:
        columns: those that its population looks at (``columns_text``).
        low, high: what it can be; of a sum the units behind it. ``inf`` where nothing bounds it.
    """

    release: int
    position: int  # among the release's numbers
    population: str
    columns: str
    low: float
    high: float
    margin: bool


def columns_text(population: str) -> str:
    """The columns of a population, one on each line."""
    return "\n".join(sorted(columns_of_population(population_from_text(population))))


def labels_text(cell: OutputCell) -> str:
    """The labels of a cell in one order and without case."""
    labels = sorted((name, label.casefold()) for name, label in cell.dims)
    return json.dumps(labels, separators=(",", ":"), ensure_ascii=False)


NO_LABELS = "[]"

# What may still leave: numbers to reckon with, though nobody outside has them yet.
PENDING = frozenset(Status) - OVER - {Status.BLOCKED, Status.RETURNED}
# What has left, called back or not: whoever has it, has it.
LEFT = OUT | {Status.RECALLED}
