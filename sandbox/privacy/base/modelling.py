"""From consistent noisy tables to a model: counts that are not negative, for what was not measured and for rows.

Everything here is post-processing. It trades honesty for likeness: an estimate that is pulled towards what is likely
is nearer to the truth on the whole, but no longer unbiased, and no interval is claimed for it.

- A column's own counts are moved to the nearest ones that are not negative and add up to the total.
- What a pair adds beyond its columns is shrunk: by the part of its size that noise explains (James-Stein). A pair
  whose noise drowns it is taken for independent.
- A table over more columns is the one that says nothing beyond its pairs (maximum entropy): iterative proportional
  fitting of the pairs' tables.

Source: James & Stein 1961, "Estimation with quadratic loss", with the positive part of Baranchik 1970. Deming & Stephan
1940 (fitting); Darroch & Ratcliff 1972 (it ends at maximum entropy).
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from sandbox.privacy.base.least_squares import Axes, Consistent, Floats, centred, spread

_ROUNDS = 30
_NEARLY = 1e-6  # of the total: fitting ends when no pair is further off


class Model:
    """A likely world behind consistent tables: total, columns and pairs that fit together."""

    def __init__(self, consistent: Consistent) -> None:
        self.sizes = consistent.sizes
        self.total = max(0.0, float(consistent.parts[()]))
        self._consistent = consistent
        self._columns: dict[int, Floats] = {}
        self._pairs: dict[Axes, Floats] = {}

    def column(self, place: int) -> Floats:
        """Counts of a column's values."""
        if place not in self._columns:
            self._columns[place] = not_negative(self._consistent.table((place,)), self.total)
        return self._columns[place]

    def pair(self, axes: Axes) -> Floats:
        """Counts of a pair's values; independent where it was not measured."""
        if axes not in self._pairs:
            one, other = self.column(axes[0]), self.column(axes[1])
            cells = np.outer(one, other) / max(self.total, 1e-9)
            if axes in self._consistent.parts:
                beyond = self._consistent.parts[axes] - centred(cells)
                cells = np.maximum(cells + shrunk(beyond, self._consistent.precisions[axes]), 0.0)
            self._pairs[axes] = fitted(cells, {(0,): one, (1,): other}, self.total)
        return self._pairs[axes]

    def table(self, axes: Axes) -> Floats:
        """Counts over any columns."""
        if not axes:
            return np.asarray(self.total)
        if len(axes) == 1:
            return self.column(axes[0])
        if len(axes) == 2:
            return self.pair(axes)
        cells = np.ones([self.sizes[i] for i in axes]) * self.total / math.prod(self.sizes[i] for i in axes)
        places = itertools.combinations(range(len(axes)), 2)
        return fitted(cells, {(a, b): self.pair((axes[a], axes[b])) for a, b in places}, self.total)

    def told(self, axes: Axes) -> float:
        """How much one column of a pair tells about the other: mutual information, in nats."""
        cells = self.pair(axes) / max(self.total, 1e-9)
        apart = np.outer(cells.sum(axis=1), cells.sum(axis=0))
        here = cells > 0
        return float((cells[here] * np.log(cells[here] / apart[here])).sum())


def not_negative(cells: Floats, total: float) -> Floats:
    """The nearest counts (least squares) that are at least 0 and add up to the total.

    Source: Held, Wolfe & Crowder 1974, "Validation of subgradient optimization", section 3.
    """
    falling = np.sort(cells)[::-1]
    over = (np.cumsum(falling) - total) / np.arange(1, len(cells) + 1)
    last = int(np.flatnonzero(falling >= over)[-1]) if total > 0 else 0
    return np.maximum(cells - over[last], 0.0) if total > 0 else np.zeros(len(cells))


def shrunk(part: Floats, precision: float) -> Floats:
    """What a pair adds beyond independence, less what noise explains of it.

    It has (n−1)(m−1) free numbers with the variance 1 / precision each, in the directions that are left to it.
    """
    free = math.prod(n - 1 for n in part.shape)
    size = float((part**2).sum())
    if free <= 2 or size <= 0.0:
        return part if free <= 2 else np.zeros_like(part)
    return np.asarray(part * max(0.0, 1.0 - (free - 2) / (precision * size)))


def fitted(cells: Floats, wanted: dict[Axes, Floats], total: float) -> Floats:
    """The cells scaled until they add up to what is wanted over some of their axes."""
    for _ in range(_ROUNDS):
        off = 0.0
        for axes, goal in wanted.items():
            rest = tuple(i for i in range(cells.ndim) if i not in axes)
            now = cells.sum(axis=rest)
            off = max(off, float(np.abs(now - goal).sum()))
            ratio = np.divide(goal, now, out=np.zeros_like(now), where=now > 0)
            cells = cells * spread(ratio, axes, tuple(range(cells.ndim)))
        if off <= _NEARLY * max(total, 1.0):
            break
    return cells
