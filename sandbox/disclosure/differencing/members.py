"""Numbers that can be set against one another: all about the same rows at the same time, counting the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from sandbox.domain.output_cell import Counted, EarlierCell, OutputCell
from sandbox.domain.population import Box, Population, box, population_from_text

_REMEMBERED = 200_000


@dataclass(frozen=True, slots=True)
class Space:
    """Where numbers can be set against one another.

    Attributes:
        source: the relation; empty where no question was given.
        counts: ``units`` or ``rows``.
        of: the column that is summed or averaged; then the units behind the sums are compared.
    """

    source: str
    snapshot: str
    counts: str
    of: str = ""

    @property
    def private(self) -> bool:
        """Whether its numbers were recomputed: they are shown nowhere, and what follows from them is marked."""
        return self.of != ""

    @property
    def kinds(self) -> tuple[Counted, ...]:
        """What its numbers say, shares left out."""
        if self.of:
            return (Counted.SUM, Counted.MEAN)
        return (Counted.ROWS,) if self.counts == "rows" else (Counted.UNITS,)


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A number, new or earlier, with the populations read.

    Attributes:
        low, high: what is concluded from it; of a private space the units behind, exactly.
        release: 0 for the request that is being checked.
    """

    cell: OutputCell
    population: Population
    box: Box | None
    low: Decimal
    high: Decimal | None
    base: Population | None = None
    release: int = 0
    project: str = ""
    pending: bool = False
    sealed: bool = False

    @property
    def new(self) -> bool:
        return self.release == 0

    @property
    def columns(self) -> frozenset[str]:
        return frozenset(self.box) if self.box is not None else frozenset()

    @property
    def text(self) -> str:
        return self.cell.population


@lru_cache(maxsize=_REMEMBERED)
def read_population(text: str) -> tuple[Population, Box | None]:
    population = population_from_text(text)
    return population, box(population)


def space_of(cell: OutputCell) -> Space | None:
    """The space of a cell; None for a sum or mean whose units are not known."""
    match cell.counted:
        case Counted.UNITS | Counted.SHARE_OF_UNITS:
            return Space(cell.source, cell.snapshot, "units")
        case Counted.ROWS | Counted.SHARE_OF_ROWS:
            return Space(cell.source, cell.snapshot, "rows")
        case Counted.SUM | Counted.MEAN:
            known = cell.units is not None and cell.value is not None
            return Space(cell.source, cell.snapshot, "units", cell.of) if known else None


def member(cell: OutputCell, earlier: EarlierCell | None = None) -> Member:
    """A cell with its populations read."""
    population, leaves = read_population(cell.population)
    low, high = cell.low, cell.high
    if cell.counted in (Counted.SUM, Counted.MEAN):
        low = high = Decimal(cell.units or 0)
    base = read_population(cell.base)[0] if cell.base else None
    if earlier is None:
        return Member(cell, population, leaves, low, high, base)
    return Member(
        cell,
        population,
        leaves,
        low,
        high,
        base,
        earlier.release,
        earlier.project,
        earlier.pending,
        earlier.sealed,
    )


def alike(members: Iterable[Member]) -> list[Member]:
    """Each number once: of the same said of the same population, what has left goes before what is pending."""
    found: dict[tuple[str, str, Decimal, Decimal | None], Member] = {}
    for one in members:
        key = (one.cell.population, one.cell.base, one.low, one.high)
        if key not in found or (found[key].pending and not one.pending):
            found[key] = one
    return list(found.values())


def by_space(members: Sequence[Member]) -> dict[Space, list[Member]]:
    """The members by their space."""
    found: dict[Space, list[Member]] = {}
    for one in members:
        space = space_of(one.cell)
        if space is not None:
            found.setdefault(space, []).append(one)
    return found
