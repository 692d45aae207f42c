"""An offered base, counted on a view and given its noise: the only step of a base that reads rows.

Tables are counted together, as many columns at once as have few enough cells, so that a table of many columns is not
read once for each pair. What is counted together is added up exactly; noise is drawn for each table by itself.

Progress says how many tables of a public number are done. It leaves for the owner alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from sandbox.privacy.answering.bounded import RANK, key_name, view_of
from sandbox.privacy.answering.rowwise import key_cell, key_expression
from sandbox.privacy.base.least_squares import Axes
from sandbox.privacy.base.offer import BaseOffer, Wanted
from sandbox.privacy.base.release import BaseRelease, NoisyTable
from sandbox.privacy.engines.holding import EngineLimits
from sandbox.privacy.mechanisms import noise
from sandbox.privacy.publishing.views import View

_TOGETHER = 20_000  # cells that are counted at once

Progress = Callable[[float, str], object]  # the part that is done (0 to 1), and what is being done
Expression = Any  # ibis ships no types


def silent(fraction: float, words: str) -> None:
    """Progress that nobody looks at."""


def buy(offered: BaseOffer, view: View, limits: EngineLimits, progress: Progress = silent) -> BaseRelease:
    """The base of a view: a release, each time it is called. Reserve ``offered.price`` before."""
    tables, whole = [], len(offered.wanted)
    for done, (wanted, counts) in enumerate(count_rows(offered, view, limits)):
        progress(done / whole, f"table {done + 1} of {whole}: {_names(offered, wanted.axes)}")
        noisy = noise.draw(counts, wanted.noise)
        tables.append(NoisyTable(axes=wanted.axes, counts=tuple(noisy), scale=wanted.noise.sigma()))
    progress(1.0, f"all {whole} tables counted")
    return BaseRelease(
        table=offered.table,
        snapshot=view.snapshot,
        nano=offered.loss.nano,
        rows_per_unit=offered.rows_per_unit,
        lost_percent=offered.lost_percent,
        columns=offered.columns,
        tables=tuple(sorted(tables, key=lambda t: (len(t.axes), t.axes))),
    )


def count_rows(offered: BaseOffer, view: View, limits: EngineLimits) -> Iterator[tuple[Wanted, list[int]]]:
    """Each table before noise. They stay inside this room."""
    table = view_of(view.table, unit_column=view.unit_column)
    table = bounded_rows(table, offered.rows_per_unit)
    sizes = [column.size for column in offered.columns]
    left = {wanted.axes: wanted for wanted in offered.wanted}
    with view.opened(limits) as rows:
        for together in gathered(list(left), sizes):
            found = rows(_grouped(offered, together, view, table))
            cells = _cells(offered, together, view, found)
            for axes in [a for a in left if set(a) <= set(together)]:
                rest = tuple(i for i, column in enumerate(together) if column not in axes)
                yield left.pop(axes), [int(n) for n in cells.sum(axis=rest).ravel()]


def bounded_rows(table: Expression, rows_per_unit: int) -> Expression:
    """The rows that count, of each unit the first ones by rank: the bound that the price rests on."""
    return table.filter(table[RANK] < rows_per_unit)


def gathered(tables: Sequence[Axes], sizes: Sequence[int]) -> list[Axes]:
    """Columns to be counted together, so that each table is in one of the lots."""
    left, lots = list(tables), []
    while left:
        lot = set(sorted(left, key=len)[-1])
        while True:
            room = _TOGETHER // math.prod(sizes[i] for i in lot)
            gains = {
                i: sum(i in axes and set(axes) <= lot | {i} for axes in left)
                for i in range(len(sizes))
                if i not in lot and sizes[i] <= room
            }
            # Most tables for the cells that it costs.
            best = max(gains, key=lambda i: gains[i] / math.log(sizes[i] + 1), default=None)
            if best is None or not gains[best]:
                break
            lot.add(best)
        lots.append(tuple(sorted(lot)))
        left = [axes for axes in left if not set(axes) <= lot]
    return lots


def _grouped(offered: BaseOffer, together: Axes, view: View, table: Expression) -> Expression:
    keys = {
        key_name(n): key_expression(offered.columns[i].key, view.table, table) for n, i in enumerate(together)
    }
    return table.group_by(**keys).aggregate(n=table.count())


def _cells(
    offered: BaseOffer, together: Axes, view: View, found: Sequence[tuple[Any, ...]]
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """What was found, in its cells; a value that is none of the public ones is in the last, with the empty ones."""
    columns = [offered.columns[i] for i in together]
    places = [{key_cell(c.key, value, view.table): n for n, value in enumerate(c.values)} for c in columns]
    cells = np.zeros([column.size for column in columns], dtype=np.int64)
    for *keys, n in found:
        cells[tuple(p.get(k, len(p)) for p, k in zip(places, keys, strict=True))] += int(n)
    return cells


def _names(offered: BaseOffer, axes: Axes) -> str:
    return " and ".join(offered.columns[i].name for i in axes)
