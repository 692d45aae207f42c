"""How a price is split over the tables that are measured: from the columns' sizes alone.

Every table over one or two columns is wanted. A table over a pair says something about each of its columns too, so
that an even split would waste: the shares are those with the least mean variance of a cell, where tables over one
column together weigh as much as those over two together.

The noise of table A has the precision τ_A (1 / variance), and Σ τ_A is what a price pays for (ρ = τ·Δ²/2, the same Δ
for each). The mean variance is a convex function f of the τ and falls in each. The multiplicative rule
τ_A ← τ_A · √(−∂f/∂τ_A), scaled back to the sum, lowers f step by step, to its least value.

Source: Silvey, Titterington & Torsney 1978, "An algorithm for optimal designs on a finite design space"; Yu 2010,
"Monotonic convergence of a general algorithm for computing optimal designs", section 4, for the mean of variances.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sandbox.privacy.base.least_squares import Axes, subsets

_STEPS = 100
_LEAST = 1e-3  # of an even share: a table over one column that is worth less is not measured for itself


def shares(sizes: Sequence[int], tables: Sequence[Axes]) -> dict[Axes, float]:
    """The part of the price for each table; they add up to 1.

    Args:
        sizes: how many values each column has.
        tables: over one or two columns each. Those over one column can get no share: pairs tell about them too.
    """
    parts = {part: place for place, part in enumerate({p: None for axes in tables for p in subsets(axes)})}
    pairs = [(place, parts[part], axes, part) for place, axes in enumerate(tables) for part in subsets(axes)]
    table = np.array([place for place, *_ in pairs])
    within = np.array([part for _, part, *_ in pairs])
    others = np.array([float(_product(sizes, set(axes) - set(part))) for *_, axes, part in pairs])
    orders = np.array([len(axes) for axes in tables])
    weight = 1.0 / np.array([np.count_nonzero(orders == order) for order in orders])
    own = np.array([math.prod((sizes[i] - 1) / sizes[i] for i in part) for part in parts])
    wanted = np.bincount(within, weight[table] * own[within] / others**2)  # f = Σ wanted / precision
    split = np.full(len(tables), 1.0 / len(tables))
    for _ in range(_STEPS):
        precision = np.bincount(within, split[table] / others)
        falls = np.bincount(table, (wanted / precision**2)[within] / others)
        split = split * np.sqrt(falls)
        split /= split.sum()
    split = np.where((orders < 2) & (split < _LEAST / len(tables)), 0.0, split)
    split /= split.sum()
    return {axes: float(part) for axes, part in zip(tables, split, strict=True) if part > 0}


def _product(sizes: Sequence[int], places: set[int]) -> int:
    return math.prod(sizes[i] for i in places)
