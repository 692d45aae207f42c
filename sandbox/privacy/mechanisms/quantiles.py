"""Quantiles from one tree of noisy counts over the declared range of a column.

Its leaves are equal bins of the range, its inner nodes the sums of four children; the root is not measured. All nodes
of all cells are one vector with one noise (``sensitivity.tree_squared``), and every quantile of the column is
reckoned from it. A rank is a sum of at most three nodes of each level, so that its noise grows with the logarithm of
the number of bins, not with their number.

Source: Hay, Rastogi, Miklau & Suciu 2010, "Boosting the accuracy of differentially private histograms through
consistency", section 4 (trees of counts); Dwork, Naor, Pitassi & Rothblum 2010 (the same for streams).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sandbox.privacy.mechanisms.noise import Z_95

BRANCHES = 4
MAX_LEVELS = 5  # 1024 bins
MAX_NODES = 200_000  # of all cells of an answer together


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The tree over ``lower`` … ``upper`` (in steps).

    Attributes:
        levels: at least 1; the last one holds the leaves.
        width: of a leaf, in steps.
    """

    lower: int
    upper: int
    levels: int
    width: int

    @property
    def nodes(self) -> int:
        return sum(BRANCHES**level for level in range(1, self.levels + 1))

    @property
    def last_leaf(self) -> int:
        return (self.upper - self.lower) // self.width


def shape_for(lower: int, upper: int) -> Shape:
    """Leaves of one step where there are few enough, else the narrowest that cover the range."""
    values, levels = upper - lower + 1, 1
    while levels < MAX_LEVELS and BRANCHES**levels < values:
        levels += 1
    return Shape(lower=lower, upper=upper, levels=levels, width=-(-values // BRANCHES**levels))


def tree_of(leaves: Mapping[int, int], shape: Shape) -> list[int]:
    """All nodes, level by level, from exact counts of leaves."""
    level = [0] * BRANCHES**shape.levels
    for leaf, count in leaves.items():
        level[leaf] += count
    found: list[int] = []
    while len(level) > 1:
        found = level + found
        level = [sum(level[at : at + BRANCHES]) for at in range(0, len(level), BRANCHES)]
    return found


def quantile(
    nodes: Sequence[float], shape: Shape, *, share: float, scale: float
) -> tuple[float, float, float] | None:
    """The value with a ``share`` of the filled rows at or below it, with its 95 % interval, in steps.

    None where the count itself cannot be told from noise.

    The interval is the set of leaves that are not refuted: with F(e) the rows below an edge e and N all rows,
    T(e) = F(e) − share·N is at most 0 at the true leaf's lower edge and at least 0 at its upper one. T is a sum of
    nodes, so that its noise is normal with a known deviation s(e): T(lower) ≤ z·s and T(upper) ≥ −z·s each hold for
    the true leaf in 97.5 of 100 draws, both in 95.
    """
    levels = _levels(nodes, shape)
    count = sum(levels[0])
    if count <= Z_95 * scale * math.sqrt(BRANCHES):
        return None
    leaf, within = _descend(levels, shape, share * count)
    edges = _edges(levels, shape, share)
    stays = [
        at
        for at, ((low, low_sd), (high, high_sd)) in enumerate(itertools.pairwise(edges))
        if low <= Z_95 * scale * low_sd and high >= -Z_95 * scale * high_sd
    ]
    first, last = min([leaf, *stays]), max([leaf, *stays])
    value = _start(shape, leaf) + within * (_end(shape, leaf) - _start(shape, leaf))
    return value, float(_start(shape, first)), float(_end(shape, last))


def _start(shape: Shape, leaf: int) -> int:
    return shape.lower + leaf * shape.width


def _end(shape: Shape, leaf: int) -> int:
    """The last value in a leaf."""
    return min(_start(shape, leaf) + shape.width - 1, shape.upper)


def _levels(nodes: Sequence[float], shape: Shape) -> list[Sequence[float]]:
    found: list[Sequence[float]] = []
    at = 0
    for level in range(1, shape.levels + 1):
        found.append(nodes[at : at + BRANCHES**level])
        at += BRANCHES**level
    return found


def _descend(levels: Sequence[Sequence[float]], shape: Shape, rank: float) -> tuple[int, float]:
    """The leaf where the noisy rank is reached, and how far within it (0 to 1)."""
    node, inside = 0, 0.0
    for depth, level in enumerate(levels, start=1):
        last = shape.last_leaf // BRANCHES ** (shape.levels - depth)  # nodes beyond it hold nothing
        children = range(node * BRANCHES, min(node * BRANCHES + BRANCHES, last + 1))
        for node in children:
            here = max(0, level[node])
            if rank <= here or node == children[-1]:
                inside = min(1.0, rank / here) if here else 0.5
                break
            rank -= here
    return node, inside


def _edges(levels: Sequence[Sequence[float]], shape: Shape, share: float) -> list[tuple[float, float]]:
    """T at the lower edge of each leaf and at the upper end, with its standard deviation for a noise of scale 1."""
    below, variances = [0.0], [0.0]
    for depth, level in enumerate(levels):
        next_below, next_variances = [], []
        for node, (rank, variance) in enumerate(zip(below, variances, strict=True)):
            for digit in range(BRANCHES):
                next_below.append(rank)
                # Nodes of the first level stand in F with weight 1 - share or -share, all others with 1 or not at all.
                added = digit * (1 - share) ** 2 + (BRANCHES - digit) * share**2 if depth == 0 else digit
                next_variances.append(variance + added)
                rank += level[node * BRANCHES + digit]
        below, variances = next_below, next_variances
    count = sum(levels[0])
    found = [
        (rank - share * count, math.sqrt(variance))
        for rank, variance in zip(below[: shape.last_leaf + 1], variances, strict=False)
    ]
    # Below the first leaf there is nothing, below the end there is all: F has no noise of its own there.
    ends = [(part * count, abs(part) * math.sqrt(BRANCHES)) for part in (-share, 1 - share)]
    return [ends[0], *found[1:], ends[1]]
