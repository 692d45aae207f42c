"""The numbers that the store keeps of a lineage, as comparisons ask for them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sandbox.disclosure.differencing.members import Space
from sandbox.domain.output_cell import Brief, Counted, EarlierCell
from sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptNumbers:
    """One lineage's.

    Attributes:
        but: a request whose own numbers are not wanted; 0: all are.
        left_only: only what has left, and nothing that is still pending.
    """

    store: Store
    lineage: str
    but: int = 0
    left_only: bool = False

    def briefs(self, space: Space) -> Sequence[Brief]:
        return self.store.output_cells.briefs(
            self.lineage,
            source=space.source,
            snapshot=space.snapshot,
            counted=space.kinds,
            of=space.of,
            but=self.but,
            left_only=self.left_only,
        )

    def shares(self, space: Space) -> Sequence[EarlierCell]:
        if space.private:
            return ()
        return self.store.output_cells.shares(
            self.lineage,
            source=space.source,
            snapshot=space.snapshot,
            counted=Counted.SHARE_OF_ROWS if space.counts == "rows" else Counted.SHARE_OF_UNITS,
            but=self.but,
            left_only=self.left_only,
        )

    def cells(self, places: Collection[tuple[int, int]]) -> Sequence[EarlierCell]:
        return self.store.output_cells.at(places)

    def of_populations(self, source: str, populations: Collection[str]) -> Sequence[EarlierCell]:
        return self.store.output_cells.of_populations(
            self.lineage, source, populations, but=self.but, left_only=self.left_only
        )

    def of_labels(self, labels: Collection[str], *, unasked: bool) -> Sequence[EarlierCell]:
        return self.store.output_cells.of_labels(
            self.lineage, labels, unasked=unasked, but=self.but, left_only=self.left_only
        )
