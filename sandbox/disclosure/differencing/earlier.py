"""Where earlier numbers come from: few words of many of them, and all of few.

``EarlierNumbers`` is what the comparison asks for; the store answers it from its tables, ``Listed`` from a list.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from sandbox.disclosure.differencing.members import Space, space_of
from sandbox.domain.output_cell import Brief, EarlierCell, OutputCell, columns_text, labels_text


class EarlierNumbers(Protocol):
    """The numbers of a lineage, over all users and projects: of what has left, and of what may still leave."""

    def briefs(self, space: Space) -> Sequence[Brief]:
        """All counts of a space, and the units behind all sums of one; no shares."""
        ...

    def shares(self, space: Space) -> Sequence[EarlierCell]:
        """All shares of a space."""
        ...

    def cells(self, places: Collection[tuple[int, int]]) -> Sequence[EarlierCell]:
        """Some in full, by release and position."""
        ...

    def of_populations(self, source: str, populations: Collection[str]) -> Sequence[EarlierCell]:
        """Those about these populations, in any snapshot."""
        ...

    def of_labels(self, labels: Collection[str], *, unasked: bool) -> Sequence[EarlierCell]:
        """Those with these labels (``labels_text``); with ``unasked`` only those of tables without a question."""
        ...


@dataclass(frozen=True)
class Listed:
    """Earlier numbers that are at hand.

    >>> Listed(()).of_labels(["[]"], unasked=True)
    []
    """

    all: Sequence[EarlierCell]

    def briefs(self, space: Space) -> Sequence[Brief]:
        return [
            brief_of(e.cell, release=e.release, position=at, space=space)
            for at, e in enumerate(self.all)
            if space_of(e.cell) == space and not e.cell.base
        ]

    def shares(self, space: Space) -> Sequence[EarlierCell]:
        return [e for e in self.all if e.cell.base and space_of(e.cell) == space]

    def cells(self, places: Collection[tuple[int, int]]) -> Sequence[EarlierCell]:
        return [self.all[position] for _, position in sorted(places)]

    def of_populations(self, source: str, populations: Collection[str]) -> Sequence[EarlierCell]:
        return [e for e in self.all if e.cell.source == source and e.cell.population in populations]

    def of_labels(self, labels: Collection[str], *, unasked: bool) -> Sequence[EarlierCell]:
        return [e for e in self.all if labels_text(e.cell) in labels and not (unasked and e.cell.source)]


def brief_of(cell: OutputCell, *, release: int, position: int, space: Space) -> Brief:
    """The few words of a cell."""
    units = float(cell.units or 0)
    return Brief(
        release=release,
        position=position,
        population=cell.population,
        columns=columns_text(cell.population),
        low=units if space.private else float(cell.low),
        high=units if space.private else (float("inf") if cell.high is None else float(cell.high)),
        margin=cell.margin,
    )
