"""How far one unit can move a measurement: every formula, each with its proof.

Setting, common to all. Neighbours D and D' differ by one unit u with all its rows, in all tables. What stands behind a
question's FROM is made of each unit's rows alone (``answering.relations`` proves it), so that it, too, differs by the
rows of u: below, "rows" are those. A measurement is a vector q of whole numbers, one per cell of the answer; its cells
are fixed by the policy's listed keys, so that D and D' have the same. Every aggregate here first computes one vector
v(w) for each unit w from w's rows alone (they carry ranks that were drawn for w alone), then adds the vectors up:
q(D) = Σ_w v(w). So q(D) − q(D') = ±v(u), and the L2 sensitivity is max ‖v(u)‖₂ over all rows that u might have.
Below: M = rows_per_unit, g = groups_per_unit, c = rows_per_group, n_j = the number of u's kept rows that pass WHERE
and fall in cell j. Rows with a rank of M or
more are filtered, ranks within a unit are distinct, and a row falls in at most one cell: Σ_j n_j ≤ M.

An aggregate's own condition (FILTER, or "both columns are filled") looks at one row at a time, as WHERE does, and
leaves n'_j ≤ n_j rows of u in cell j to count. Every proof below uses of n_j only that 0 ≤ n_j and Σ n_j ≤ M, which
holds for n'_j too; which cells ``groups`` keeps follows from all n_j, so that it is the same g for every aggregate.

Gaussian noise (zCDP) is priced by the L2 sensitivity, Laplace noise (pure) by the L1 sensitivity max ‖v(u)‖₁. Results
are exact integers: the *square* of the L2 sensitivity, and the L1 one, so that nothing is rounded before the price.

Source: the Gaussian mechanism in zCDP by L2 sensitivity, Bun & Steinke 2016, Proposition 1.6; the discrete one,
Canonne, Kamath & Steinke 2020, Theorem 14; Laplace by L1: Dwork, McSherry, Nissim & Smith 2006, Proposition 1. Both
bounding plans: Wilson et al. 2020, "Differentially private SQL with bounded user contribution", section 3, there with
per-group clamping under L1.
"""

from __future__ import annotations

import math
from fractions import Fraction

from sandbox.privacy.planning.bounding import Bounding, BoundingPlan


def rows_squared(bounding: Bounding) -> int:
    """Of COUNT(*), and of the count of filled cells of a column: see ``sum_squared`` with magnitude 1.

    Proof. A count is the sum of 1 over the rows that are counted, and 0 ≤ 1 ≤ 1. With ``groups``, the cut of a count
    to c is the cut of that sum to c·1. For filled cells the rows with an empty cell are left out, so that the number
    that is counted is at most n_j.

    Each table of a base release (``base``) is such a count, over the cells of one or two columns, under ``rows``: a
    row is in exactly one cell of it, the one for empty values included, so that it moves by M², and by M in L1. The
    tables are measurements of their own; what each costs is added up.
    """
    return sum_squared(bounding, magnitude=1)


def units_squared(bounding: Bounding) -> int:
    """Of COUNT(DISTINCT unit) by cell: min(g, M), which is g, as both makers of ``Bounding`` see to g ≤ M.

    Proof. v_j(u) = 1 if n_j ≥ 1 and the cell is kept, otherwise 0. Because Σ n_j ≤ M, at most M cells have
    n_j ≥ 1; there are no more cells than the answer has, and ``groups`` keeps at most g. So v(u) has at most
    min(g, M) ones, and ‖v(u)‖₂² ≤ min(g, M). For ``rows``, g = min(M, cells).
    """
    return min(bounding.groups_per_unit, bounding.rows_per_unit)


def values_squared(bounding: Bounding, *, listed: int = 0) -> int:
    """Of COUNT(DISTINCT column) by cell, under ``rows``: with C = min(listed, M), or M where the values are not listed,
    m·C² + r² with m = min(g, ⌊M/C⌋), and r = M − m·C when m < g, else 0. Without a list that is M².

    Proof. This is no sum of units' vectors, as two units may share a value; so look at the difference itself. Let S_j
    be the values in cell j of all other units' kept rows, which are the same rows in D and D', and T_j those of u's.
    With u the cell counts |S_j ∪ T_j|, without it |S_j|: the difference d_j is within 0 … |T_j|, and |T_j| ≤ n_j,
    |T_j| ≤ C. So d lies in the polytope 0 ≤ d_j ≤ C, Σ d_j ≤ M, with at most g = min(M, cells) entries above 0; Σ d_j²
    is convex and largest at a vertex: cells of C as long as M allows, and one of what is left. It is reached when
    nobody else has a value and u's rows have as many different ones as they can.

    Under ``groups`` a unit's part of a cell is cut to a number before units are added up. But which of its values
    would stay is not said by a number, and there are no partial counts of different values to add up.
    """
    if bounding.plan is not BoundingPlan.ROWS:
        raise ValueError("distinct values are bounded by rows")
    most = bounding.rows_per_unit
    per_cell = min(listed, most) if listed else most
    full = min(bounding.groups_per_unit, most // per_cell)
    rest = most - full * per_cell if full < bounding.groups_per_unit else 0
    return full * per_cell**2 + rest**2


def sum_squared(bounding: Bounding, *, magnitude: int, cut: int | None = None) -> int:
    """Of a sum of values clamped to [−B, B], B = ``magnitude`` (in steps of the column, at least 0).

    Args:
        cut: for ``groups``, A: what a unit adds to one cell is cut to [−A, A] (in steps); c·B when not given.

    ``rows``: (M·B)². Proof. |v_j| ≤ n_j·B, so ‖v‖₂ ≤ ‖v‖₁ ≤ B·Σ n_j ≤ M·B. It is reached when all M rows fall in
    one cell with value B.

    ``groups``: m·A² + r², with m = min(g, ⌊M·B/A⌋), and r = min(M·B − m·A, A) when m < g, else 0.
    Proof. Let w_j = min(n_j·B, A). Whatever is done to u's rows of cell j before the cut, it gives |v_j| ≤ A; and
    clamped values give |v_j| ≤ n_j·B. So |v_j| ≤ w_j: within [0, A], at most g of them above 0, and
    Σ w_j ≤ B·Σ n_j ≤ M·B. Σ w_j² is convex, so that over this polytope it is largest at a vertex, where all w_j but
    one are 0 or A: fill cells with A as long as both g and M·B allow (m cells), and give what is left of M·B (r < A)
    to one more cell if one is left. When M·B ≥ g·A this is the usual (√g·A)²; when a unit has fewer rows, it is
    less. It is reached when A is a multiple of B; in between, whole rows do not reach the vertex, and it is above.

    Squares and products. The square of a centred value, in whole multiples of a quantum q, is one row's number as any
    other, within [0, B] for B = ⌈half/q⌉²; the product of two columns' centred values within [−B, B] for
    B = ⌈half_x/q_x⌉·⌈half_y/q_y⌉, because rounding to the nearest multiple moves no value of size ≤ half beyond
    ⌈half/q⌉ multiples. A row where one of them is empty adds nothing.

    Scaling (``bounded``): a sum over n > c rows of a unit in a cell is multiplied by c/n and rounded to a whole
    number next to it, before the cut. That keeps both bounds: |v_j| ≤ n_j·B because the factor is at most 1 and
    n_j·B is whole, and the cut to [−A, A] comes after it.
    """
    if magnitude < 0 or (cut is not None and cut < 1):
        raise ValueError("a magnitude is not negative, and a cut is at least 1")
    if bounding.plan is BoundingPlan.ROWS:
        return (bounding.rows_per_unit * magnitude) ** 2
    most = bounding.rows_per_unit * magnitude
    per_group = bounding.rows_per_group * magnitude if cut is None else cut
    if most == 0 or per_group == 0:
        return 0
    full = min(bounding.groups_per_unit, most // per_group)
    rest = min(most - full * per_group, per_group) if full < bounding.groups_per_unit else 0
    return full * per_group**2 + rest**2


def tree_squared(bounding: Bounding, *, levels: int) -> int:
    """Of all nodes of a tree of row counts, under ``rows``: L·M², L = ``levels``.

    Proof. Each row that is counted adds 1 to exactly one node of each level, in the one cell it falls in. Let v_l(u)
    be the part of v(u) on level l: its entries are at least 0 and add up to at most M, so ‖v_l‖₂ ≤ ‖v_l‖₁ ≤ M, and
    ‖v‖₂² = Σ_l ‖v_l‖₂² ≤ L·M². It is reached when all M rows fall in one leaf. Rows with an empty cell add nothing.
    """
    if bounding.plan is not BoundingPlan.ROWS:
        raise ValueError("a tree of counts is bounded by rows")
    return levels * bounding.rows_per_unit**2


def units_absolute(bounding: Bounding) -> int:
    """Of COUNT(DISTINCT unit) by cell, in L1: v(u) holds only ones, so that it is ``units_squared`` itself."""
    return units_squared(bounding)


def sum_absolute(bounding: Bounding, *, magnitude: int, cut: int | None = None) -> int:
    """Of a sum, in L1; arguments as in ``sum_squared``. ``rows``: M·B. ``groups``: min(g·A, M·B).

    Proof. |v_j| ≤ n_j·B for every plan (see ``sum_squared``), so that ‖v‖₁ ≤ B·Σ n_j ≤ M·B. With ``groups`` at most g
    cells have any, each at most A.
    """
    if magnitude < 0 or (cut is not None and cut < 1):
        raise ValueError("a magnitude is not negative, and a cut is at least 1")
    most = bounding.rows_per_unit * magnitude
    if bounding.plan is BoundingPlan.ROWS:
        return most
    per_group = bounding.rows_per_group * magnitude if cut is None else cut
    return min(bounding.groups_per_unit * per_group, most)


def values_absolute(bounding: Bounding, *, listed: int = 0) -> int:
    """Of COUNT(DISTINCT column) by cell, in L1, arguments as in ``values_squared``: min(M, g·C).

    Proof. With d_j as there, Σ |d_j| ≤ Σ |T_j|, which is at most Σ n_j ≤ M; and at most g cells have any, each at
    most C.
    """
    if bounding.plan is not BoundingPlan.ROWS:
        raise ValueError("distinct values are bounded by rows")
    most = bounding.rows_per_unit
    return min(most, bounding.groups_per_unit * listed) if listed else most


def tree_absolute(bounding: Bounding, *, levels: int) -> int:
    """Of all nodes of a tree of row counts, in L1: L·M. Proof: each row adds 1 to one node of each of L levels."""
    if bounding.plan is not BoundingPlan.ROWS:
        raise ValueError("a tree of counts is bounded by rows")
    return levels * bounding.rows_per_unit


def histogram_squared() -> int:
    """Of a histogram over units, where each unit is counted in at most one bin: 1.

    Proof. v(u) depends on u's rows alone: it is 1 in the bin that u's measure falls in (none where u has no row that
    counts), otherwise 0. So ‖v(u)‖₂² ≤ 1, and ‖v(u)‖₁ ≤ 1 as well.
    """
    return 1


def tilt_squared(*, parts: int) -> int:
    """Of a histogram by rows, in which a unit adds the distance of its average from the middle of its column's bounds.

    Args:
        parts: H, half the range of the column as a whole number: what a unit at one end of it adds.

    Proof. A unit's values are clamped to [l, u], so that their average is in [l, u], its distance from (l + u)/2 at
    most (u − l)/2, and that, in units of (u − l)/2 / H, at most H. H is whole, so that the nearest whole number is
    also within [−H, H]; it is clamped to that once more, whatever an engine made of the division. It stands in the
    one bin that the unit's number of rows falls in, which u's rows alone say; a unit without a filled cell adds 0. So
    v(u) has at most one entry other than 0, of size at most H: ‖v(u)‖₂² ≤ H², and ‖v(u)‖₁ ≤ H as well. It is
    reached when all values are u.
    """
    return parts**2


def root_up(squared: int) -> float:
    """The smallest floating-point number whose exact square is not below ``squared``.

    A sensitivity that was rounded down would be a promise that does not hold.
    """
    root = math.nextafter(math.sqrt(squared), 0.0)
    while Fraction(root) ** 2 < squared:
        root = math.nextafter(root, math.inf)
    return root


def whole_up(whole: int) -> float:
    """The smallest floating-point number not below ``whole``: beyond 2^53 not every whole number is one."""
    number = float(whole)
    return number if number >= whole else math.nextafter(number, math.inf)
