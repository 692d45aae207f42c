"""How far one unit can move a measurement: every formula, each with its proof.

Setting, common to all. Neighbours D and D' differ by one unit u with all its rows. A measurement is a vector q of
whole numbers, one per cell of the answer; its cells are fixed by the policy's listed keys, so that D and D' have the
same. Every aggregate here first computes one vector v(w) for each unit w from w's rows alone (they carry ranks that
were drawn for w alone), then adds the vectors up: q(D) = Σ_w v(w). So q(D) − q(D') = ±v(u), and the L2 sensitivity
is max ‖v(u)‖₂ over all rows that u might have. Below: M = rows_per_unit, g = groups_per_unit,
c = rows_per_group, n_j = the number of u's kept rows that pass WHERE and fall in cell j. Rows with a rank of M or
more are filtered, ranks within a unit are distinct, and a row falls in at most one cell: Σ_j n_j ≤ M.

Results are exact integers: the *square* of the L2 sensitivity, so that nothing is rounded before the price.

Source: the Gaussian mechanism in zCDP by L2 sensitivity, Bun & Steinke 2016, Proposition 1.6; the discrete one,
Canonne, Kamath & Steinke 2020, Theorem 14. Both bounding plans: Wilson et al. 2020, "Differentially private SQL
with bounded user contribution", section 3, there with per-group clamping under L1.
"""

from __future__ import annotations

import math
from fractions import Fraction

from sandbox.privacy.bounding import Bounding, BoundingPlan


def rows_squared(bounding: Bounding) -> int:
    """Of COUNT(*), and of the count of filled cells of a column: see ``sum_squared`` with magnitude 1.

    Proof. A count is the sum of 1 over the rows that are counted, and 0 ≤ 1 ≤ 1. With ``groups``, the cut of a count
    to c is the cut of that sum to c·1. For filled cells the rows with an empty cell are left out, so that the number
    that is counted is at most n_j.
    """
    return sum_squared(bounding, magnitude=1)


def units_squared(bounding: Bounding) -> int:
    """Of COUNT(DISTINCT unit) by cell: min(g, M), which is g, as both makers of ``Bounding`` see to g ≤ M.

    Proof. v_j(u) = 1 if n_j ≥ 1 and the cell is kept, otherwise 0. Because Σ n_j ≤ M, at most M cells have
    n_j ≥ 1; there are no more cells than the answer has, and ``groups`` keeps at most g. So v(u) has at most
    min(g, M) ones, and ‖v(u)‖₂² ≤ min(g, M). For ``rows``, g = min(M, cells).
    """
    return min(bounding.groups_per_unit, bounding.rows_per_unit)


def sum_squared(bounding: Bounding, *, magnitude: int) -> int:
    """Of a sum of values clamped to [−B, B], B = ``magnitude`` (in steps of the column, at least 0).

    ``rows``: (M·B)². Proof. |v_j| ≤ n_j·B, so ‖v‖₂ ≤ ‖v‖₁ ≤ B·Σ n_j ≤ M·B. It is reached when all M rows fall in
    one cell with value B.

    ``groups``: B²·(m·c² + r²), with m = min(g, ⌊M/c⌋), and r = min(M − m·c, c) when m < g, else 0.
    Proof. The cut gives |v_j| ≤ B·w_j with w_j = min(n_j, c): within [0, c], at most g of them above 0, and
    Σ w_j ≤ Σ n_j ≤ M. Σ w_j² is convex, so that over this polytope it is largest at a vertex, where all w_j but one
    are 0 or c: fill cells with c as long as both g and M allow (m cells), and give what is left of M (r < c) to one
    more cell if one is left. Multiplying by B² bounds ‖v‖₂². When M ≥ g·c this is the usual (√g·c·B)²; when a unit
    has fewer rows, it is less.
    """
    if magnitude < 0:
        raise ValueError("a magnitude is not negative")
    if bounding.plan is BoundingPlan.ROWS:
        return (bounding.rows_per_unit * magnitude) ** 2
    most, per_group = bounding.rows_per_unit, bounding.rows_per_group
    full = min(bounding.groups_per_unit, most // per_group)
    rest = min(most - full * per_group, per_group) if full < bounding.groups_per_unit else 0
    return magnitude**2 * (full * per_group**2 + rest**2)


def root_up(squared: int) -> float:
    """The smallest floating-point number whose exact square is not below ``squared``.

    A sensitivity that was rounded down would be a promise that does not hold.
    """
    root = math.nextafter(math.sqrt(squared), 0.0)
    while Fraction(root) ** 2 < squared:
        root = math.nextafter(root, math.inf)
    return root
