"""Noisy marginals that overlap → one consistent estimate of all of them, with its exact variance.

Write a table over the columns A as a sum of *components*, one for each B ⊆ A: the total, what each column adds to it,
and what each pair adds to that. Component B is the table over B with the mean over each of its axes taken off
(P_B = ⊗ (I − J/n_i)); in the table over A it is spread evenly over the other axes:

    m_A = Σ_{B ⊆ A} r_B / Π_{i ∈ A∖B} n_i          with r_B = P_B m_B

Noise with the same variance v_A in each cell of a measured table falls apart in the same way: the parts of one table
are uncorrelated (the projections are orthogonal), and the part on B, once the other axes are added up, has the
covariance v_A · Π_{i ∈ A∖B} n_i · P_B. So least squares over all measured tables is, component by component, the mean
of what they say weighted by 1 / (v_A · Π n_i): nothing has to be solved. The estimate is unbiased and the best linear
one (Gauss-Markov). A weighted sum of the cells of a table has a variance in closed form from the components'.

Source: the components are those of the analysis of variance. Xiao, He, Zhang & Kifer 2023, "An Optimal and Scalable
Matrix Mechanism for Noisy Marginals under Convex Loss Functions", section 4, measures them directly; we measure
tables, whose noise is independent whole numbers. Barak et al. 2007 made marginals consistent with the same idea.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Axes = tuple[int, ...]  # places of columns, rising
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One noisy table: its axes, its cells (one axis each), and the variance of the noise in a cell."""

    axes: Axes
    cells: Floats
    variance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Consistent:
    """The components of all that was measured.

    Attributes:
        sizes: how many values each column has.
        parts: r_B by its axes.
        precisions: 1 / variance of a component: its covariance is P_B / precision.
    """

    sizes: tuple[int, ...]
    parts: dict[Axes, Floats]
    precisions: dict[Axes, float]

    def knows(self, axes: Axes) -> bool:
        """True where every component of the table was measured."""
        return all(part in self.parts for part in subsets(axes))

    def table(self, axes: Axes) -> Floats:
        """The estimated table over the axes."""
        whole = np.zeros([self.sizes[i] for i in axes])
        for part in subsets(axes):
            whole = whole + spread(self.parts[part], part, axes) / self._others(part, axes)
        return whole

    def sums(self, axes: Axes, weights: Floats) -> tuple[Floats, Floats]:
        """Weighted sums of a table's cells, with their variances.

        Args:
            weights: one table of weights after another, along the first axis.
        """
        value, variance = np.zeros(len(weights)), np.zeros(len(weights))
        for part in subsets(axes):
            rest = tuple(place + 1 for place, i in enumerate(axes) if i not in part)
            projected = centred(weights.sum(axis=rest), first=1).reshape(len(weights), -1)
            others = self._others(part, axes)
            value += projected @ self.parts[part].ravel() / others
            variance += (projected**2).sum(axis=1) / (self.precisions[part] * others**2)
        return value, variance

    def _others(self, part: Axes, axes: Axes) -> int:
        return math.prod(self.sizes[i] for i in axes if i not in part)


def reconciled(sizes: Sequence[int], measured: Iterable[Measured]) -> Consistent:
    """The best linear unbiased estimate of all components from noisy tables."""
    parts: dict[Axes, Floats] = {}
    precisions: dict[Axes, float] = {}
    for one in measured:
        for part in subsets(one.axes):
            rest = tuple(place for place, i in enumerate(one.axes) if i not in part)
            precision = 1.0 / (one.variance * math.prod(sizes[i] for i in one.axes if i not in part))
            seen = precision * centred(one.cells.sum(axis=rest))
            parts[part] = parts[part] + seen if part in parts else seen
            precisions[part] = precisions.get(part, 0.0) + precision
    return Consistent(
        sizes=tuple(sizes),
        parts={part: np.asarray(total / precisions[part]) for part, total in parts.items()},
        precisions=precisions,
    )


def mean_variances(
    sizes: Sequence[int], precisions: dict[Axes, float], tables: Iterable[Axes]
) -> dict[Axes, float]:
    """The variance of a cell of each table (the mean over its cells), from the components' precisions."""
    found = {}
    for axes in tables:
        found[axes] = sum(
            math.prod((sizes[i] - 1) / sizes[i] for i in part)
            / (precisions[part] * math.prod(sizes[i] for i in axes if i not in part) ** 2)
            for part in subsets(axes)
        )
    return found


def subsets(axes: Axes) -> list[Axes]:
    """All of them, the empty one first."""
    return [part for n in range(len(axes) + 1) for part in itertools.combinations(axes, n)]


def centred(cells: Floats, *, first: int = 0) -> Floats:
    """The cells with the mean over each axis from ``first`` on taken off: P_B."""
    cells = np.asarray(cells, dtype=np.float64)
    for axis in range(first, cells.ndim):
        cells = cells - cells.mean(axis=axis, keepdims=True)
    return cells


def spread(cells: Floats, part: Axes, axes: Axes) -> Floats:
    """A table over some of the axes, ready to be added to one over all of them."""
    shape = [cells.shape[part.index(i)] if i in part else 1 for i in axes]
    return cells.reshape(shape)
