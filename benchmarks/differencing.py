"""How long a request is compared with all earlier ones: python -m benchmarks.differencing [RELEASES] [DATABASE_URL].

Fills a store of its own with made-up releases of one lineage, true of one made-up population, then times what a new
request costs: reading the earlier numbers, and comparing. Beside it, in the same run, the plainest thing one could do:
fetching the same rows, and comparing every new number with every earlier one. Times are of the processor, so that what
else runs on the machine does not count.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
from sqlalchemy import text

from sandbox.disclosure.differencing.check import compare
from sandbox.disclosure.differencing.members import member
from sandbox.disclosure.differencing.pairs import Old
from sandbox.disclosure.differencing.reading import margins_of
from sandbox.domain.audit import Event
from sandbox.domain.output_cell import Counted, OutputCell
from sandbox.domain.population import Among, Between, Population, every, population_text, within
from sandbox.domain.privacy_loss import Loss
from sandbox.flows.kept_numbers import KeptNumbers
from sandbox.store import Store
from tests.store.world import furnish

LISTED = {"sex": 2, "region": 6, "sector": 9, "education": 5, "status": 4, "housing": 3, "origin": 7}
RANGED = {"age": 90, "income": 1000, "weight": 150, "tenure": 40}
PEOPLE = 200_000
STEPS = {name: Fraction(1) for name in RANGED}


@dataclass
class People:
    """Columns of whole numbers."""

    columns: dict[str, np.ndarray]

    def table(
        self, keys: Sequence[str], filters: Sequence[tuple[str, int, int]], name: str
    ) -> Iterator[OutputCell]:
        """The counts by keys of those who pass, where at least ten are counted."""
        passes = np.ones(PEOPLE, dtype=bool)
        where: list[Population] = []
        for column, low, high in filters:
            passes &= (self.columns[column] >= low) & (self.columns[column] <= high)
            where.append(Between(column, Fraction(low), Fraction(high)))
        codes = np.zeros(PEOPLE, dtype=np.int64)
        for key in keys:
            codes = codes * LISTED[key] + self.columns[key]
        counts = np.bincount(codes[passes])
        for row, (code, n) in enumerate(zip(np.flatnonzero(counts >= 10), counts[counts >= 10], strict=True)):
            labels, rest = [], int(code)
            for key in reversed(keys):
                rest, value = divmod(rest, LISTED[key])
                labels.append((key, str(value)))
            parts = [Among(key, frozenset({label})) for key, label in labels]
            yield OutputCell(
                file=name,
                row=row,
                column="n",
                source="people",
                snapshot="s1",
                population=population_text(every([*where, *parts])),
                counted=Counted.UNITS,
                value=Decimal(int(n)),
                low=Decimal(int(n)),
                high=Decimal(int(n)),
                dims=tuple(reversed(labels)),
            )


def made_up(draw: random.Random) -> tuple[list[str], list[tuple[str, int, int]]]:
    """A table as researchers ask for it: one or two keys, and up to two filters."""
    keys = draw.sample(sorted(LISTED), draw.choice((1, 2, 2)))
    filters = []
    for column in draw.sample(sorted(RANGED), draw.choice((0, 1, 1, 2))):
        low, high = sorted(draw.sample(range(0, RANGED[column] + 1, max(1, RANGED[column] // 20)), 2))
        filters.append((column, low, high))
    return keys, filters


def cells_of(people: People, draw: random.Random) -> tuple[OutputCell, ...]:
    keys, filters = made_up(draw)
    cells = tuple(people.table(keys, filters, "t.csv"))
    return (*cells, *margins_of(cells, STEPS))


def fill(store: Store, people: People, releases: int, draw: random.Random) -> int:
    """Keep so many requests; how many numbers they have."""
    grant = furnish(store, cap=Loss(10**9))
    total = 0
    with store.transaction():
        for _ in range(releases):
            cells = cells_of(people, draw)
            total += len(cells)
            event = Event("bench", "release.staged", "release:new", {})
            store.releases.create(
                grant=grant,
                context="made up",
                files=(),
                findings=(),
                reviewers_needed=2,
                event=event,
                lineage="loans",
                cells=cells,
            )
    return total


def main(releases: int, url: str) -> None:
    draw = random.Random(34)  # noqa: S311 - made-up data
    numbers = np.random.default_rng(34)
    people = People(
        {name: numbers.integers(0, size, PEOPLE) for name, size in LISTED.items()}
        | {name: numbers.integers(0, size + 1, PEOPLE) for name, size in RANGED.items()}
    )
    with tempfile.TemporaryDirectory() as folder:
        store = Store(url or f"sqlite:///{folder}/state.db", Path(folder))
        start = time.perf_counter()
        total = fill(store, people, releases, draw)
        print(f"{releases:,} releases, {total:,} numbers, filled in {time.perf_counter() - start:.0f} s")
        taken = []
        for _ in range(5):
            new = cells_of(people, draw)
            start = time.process_time()
            earlier = KeptNumbers(store=store, lineage="loans")
            found = compare(new, earlier, threshold=10, steps=STEPS)
            taken.append(time.process_time() - start)
            print(
                f"{len(new):>4} new numbers: {taken[-1]:5.2f} s; {len(found.isolated)} found, "
                f"{found.unsettled:,} not solved together"
            )
        start = time.process_time()
        with store.database.reading() as connection:
            connection.execute(text("SELECT * FROM output_cells")).all()
        fetched = time.process_time() - start
        briefs = store.output_cells.briefs("loans", source="people", snapshot="s1", counted=[Counted.UNITS])
        members = [Old(brief) for brief in briefs]
        start = time.process_time()
        for one in [member(cell) for cell in new]:
            for other in members:
                if one.box is not None and other.box is not None:
                    within(one.box, other.box), within(other.box, one.box)
        every_pair = time.process_time() - start
        worst = max(taken)
        print(f"worst {worst:.2f} s = {worst / fetched:.1f} × fetching the same rows ({fetched:.2f} s)")
        print(
            f"every pair of numbers alone, the plain way: {every_pair:.1f} s, {every_pair / worst:.1f} × ours"
        )
        store.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, sys.argv[2] if len(sys.argv) > 2 else "")
