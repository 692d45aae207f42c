"""Which cells to leave out beside the small ones, so that no total gives one of them away.

Totals are equations between cells. A cell that is left out can be worked out exactly when it follows from them by
elimination: then one more cell of its equation is left out, the smallest that is shown, until nothing follows. Nor may
what an equation leaves for its hidden cells together be below the threshold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

TOTALS = frozenset({"total", "all", "sum", "overall", "both", "together", "grand total"})

Cell = tuple[int, str]  # row, column


@dataclass(frozen=True, slots=True)
class Equation:
    """A total and the cells that it is the sum of."""

    total: Cell
    parts: tuple[Cell, ...]


def equations(
    keys: Mapping[str, Sequence[str]], measures: Sequence[str], *, rows: int
) -> tuple[Equation, ...]:
    """What adds up in a table: rows named as totals, and a column named so beside its parts.

    Args:
        keys: the cells of each column that the table is grouped by.
        measures: names of the columns that add up.
    """
    found = []
    for name, cells in keys.items():
        others = [tuple(keys[k][row] for k in keys if k != name) for row in range(rows)]
        for row in range(rows):
            if _is_total(cells[row]):
                parts = [r for r in range(rows) if others[r] == others[row] and not _is_total(cells[r])]
                found += [Equation((row, m), tuple((r, m) for r in parts)) for m in measures if parts]
    totals = [m for m in measures if _is_total(m)]
    parts_of = [m for m in measures if m not in totals]
    if len(totals) == 1 and len(parts_of) > 1:
        found += [Equation((r, totals[0]), tuple((r, m) for m in parts_of)) for r in range(rows)]
    return tuple(found)


def cells_to_hide(
    small: Iterable[Cell], values: Mapping[Cell, Fraction], adding_up: Sequence[Equation], *, threshold: int
) -> frozenset[Cell]:
    """The small cells and those that have to go with them.

    Args:
        small: cells that may not be shown.
        values: the number in each cell.
        threshold: what is left for hidden cells together is at least this.

    >>> table = equations({"sex": ["f", "m", "x", "Total"]}, ["n"], rows=4)
    >>> values = {(0, "n"): Fraction(60), (1, "n"): Fraction(40), (2, "n"): Fraction(3), (3, "n"): Fraction(103)}
    >>> sorted(cells_to_hide([(2, "n")], values, table, threshold=10))
    [(1, 'n'), (2, 'n')]
    """
    hidden = set(small)
    while True:
        known = _determined(hidden, adding_up)
        thin = _thin(hidden, values, adding_up, threshold)
        equation = next(
            (e for e in adding_up if e in thin or known & ({e.total, *e.parts} & hidden)),
            None,
        )
        if equation is None:
            return frozenset(hidden)
        shown = [c for c in equation.parts if c not in hidden and values.get(c, 0) > 0]
        shown = shown or [c for c in (equation.total,) if c not in hidden]
        if not shown:
            left = [c for e in adding_up for c in (*e.parts, e.total) if c not in hidden]
            if not left:
                return frozenset(hidden)
            shown = left
        hidden.add(min(shown, key=lambda c: (values.get(c, Fraction(0)), c)))


def _thin(
    hidden: set[Cell], values: Mapping[Cell, Fraction], adding_up: Sequence[Equation], threshold: int
) -> set[Equation]:
    """Equations that leave less than the threshold for their hidden parts together."""
    found = set()
    for equation in adding_up:
        gone = [c for c in equation.parts if c in hidden]
        rest = sum((values.get(c, Fraction(0)) for c in gone), Fraction(0))
        if gone and equation.total not in hidden and 0 < rest < threshold:
            found.add(equation)
    return found


def _determined(hidden: set[Cell], adding_up: Sequence[Equation]) -> set[Cell]:
    """The hidden cells that follow from the equations: those that stand alone after elimination."""
    order = sorted(hidden)
    rows = []
    for equation in adding_up:
        row = [Fraction(0)] * len(order)
        for at, cell in enumerate(order):
            row[at] = Fraction(cell in equation.parts) - Fraction(cell == equation.total)
        if any(row):
            rows.append(row)
    done = 0
    for column in range(len(order)):
        pivot = next((r for r in range(done, len(rows)) if rows[r][column]), None)
        if pivot is None:
            continue
        rows[done], rows[pivot] = rows[pivot], rows[done]
        lead = rows[done][column]
        rows[done] = [v / lead for v in rows[done]]
        for other in range(len(rows)):
            if other != done and rows[other][column]:
                factor = rows[other][column]
                rows[other] = [a - factor * b for a, b in zip(rows[other], rows[done], strict=True)]
        done += 1
    alone = ([i for i, value in enumerate(row) if value] for row in rows[:done])
    return {order[at[0]] for at in alone if len(at) == 1}


def _is_total(text: str) -> bool:
    return str(text).strip().casefold() in TOTALS
