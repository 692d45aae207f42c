"""A check's question → the queries that compute it again: without bounds or clamps, with the units behind each number.

Never for answers. Everything is in whole numbers, so that each engine gives the same; no step fails for some rows and
not for others: a value too large to be squared is left out, and the number that it belongs to is not known then.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import ibis

from sandbox.domain.policy import Table
from sandbox.domain.question import Measure, MeasureKind, Question
from sandbox.privacy.answering.bounded import UNIT, grouped, keys_of_cells, selected
from sandbox.privacy.answering.rowwise import Expression, clamped
from sandbox.privacy.stored import bounds_in_steps

SPREADS = (MeasureKind.VARIANCE, MeasureKind.STDDEV)
_ADDED = (MeasureKind.SUM, MeasureKind.AVG, *SPREADS)
_WHOLE = "decimal(38, 0)"
_LARGEST_SQUARED = 10**15  # its square, ten million times, is within 38 digits
_FINE = 1000  # parts of a step in which distances from a mean are taken, where steps are few
_FEW_STEPS = 10**6


def exact(question: Question, policy_table: Table, table: Expression) -> Expression:
    """The question's counts and sums, with distinct units and rows behind each cell."""
    rows = selected(question, policy_table, table)
    columns: dict[str, Expression] = {"rows": rows.count(), "units": rows[UNIT].nunique()}
    for measure in question.measures:
        if measure.kind in _ADDED:
            # Cells are not clamped here: their sum may leave 64 bits, in which some engines would go on adding.
            columns[f"sum_{measure.column}"] = rows[measure.column].cast(_WHOLE).sum()
        if measure.kind in (*_ADDED, MeasureKind.COUNT_FILLED, MeasureKind.QUANTILE):
            columns[f"filled_{measure.column}"] = rows[measure.column].count()
        if measure.kind in SPREADS:
            value = _squarable(rows[measure.column])
            columns[f"squares_{measure.column}"] = (value * value).sum()
            columns[f"squared_{measure.column}"] = value.count()
    return grouped(rows, keys_of_cells(question, policy_table, rows), columns)


def contributors(
    question: Question, policy_table: Table, table: Expression, column: str, *, spread: bool = False
) -> Expression:
    """Whose values a column's sum is made of in each cell: the two largest parts of a unit, all parts together, the
    units with any part, and the ends of the values.

    Args:
        spread: a unit's part is the sum of its squared distances from the cell's mean, instead of that of its
            absolute values.
    """
    rows = selected(question, policy_table, table)
    rows = rows.filter(rows[column].notnull())
    keys = keys_of_cells(question, policy_table, rows)
    rows = rows.mutate(**keys)
    part = _distance(rows, policy_table, column, list(keys)) if spread else rows[column].cast(_WHOLE).abs()
    rows = rows.mutate(_part=part)
    by_unit = rows.group_by(**{name: rows[name] for name in keys}, unit=rows[UNIT])
    parts = by_unit.aggregate(part=rows["_part"].sum(), low=rows[column].min(), high=rows[column].max())
    ranked = parts.mutate(
        place=ibis.row_number().over(
            group_by=[parts[name] for name in keys], order_by=[parts.part.desc(), parts.unit]
        )
    )
    columns = {
        "largest": ranked.part.max(),
        "second": ranked.part.max(where=ranked.place == 1).coalesce(0),
        "total": ranked.part.sum(),
        "givers": ranked.part.count(where=ranked.part > 0),
        "low": ranked.low.min(),
        "high": ranked.high.max(),
    }
    return grouped(ranked, {name: ranked[name] for name in keys}, columns)


def sides(question: Question, policy_table: Table, table: Expression, measure: Measure) -> Expression:
    """A quantile of each cell, by the values next to it, and the distinct units strictly on each side of it.

    Columns ``lower`` and ``upper`` (equal where the quantile is a value itself), ``below`` and ``above`` (units), and
    the ends ``low`` and ``high`` of the values. The quantile stands at (n − 1)·share among n ordered values, from 0.

    Source: Hyndman & Fan (1996), definition 7, which is PERCENTILE_CONT's.
    """
    share, parts = whole_share(measure.share)
    rows = selected(question, policy_table, table)
    rows = rows.filter(rows[measure.column].notnull())
    keys = keys_of_cells(question, policy_table, rows)
    rows = rows.mutate(**keys)
    of_cell = [rows[name] for name in keys]
    ranked = rows.mutate(
        _place=ibis.row_number().over(group_by=of_cell, order_by=[rows[measure.column], rows[UNIT]]),
        _among=rows.count().over(group_by=of_cell),
    )
    value, place, at = ranked[measure.column], ranked["_place"] * parts, (ranked["_among"] - 1) * share
    columns = {
        "lower": value.max(where=place <= at),
        "upper": value.min(where=place >= at),
        "below": ibis.cases((place < at, ranked[UNIT]), else_=None).nunique(),
        "above": ibis.cases((place > at, ranked[UNIT]), else_=None).nunique(),
        "low": value.min(),
        "high": value.max(),
    }
    return grouped(ranked, {name: ranked[name] for name in keys}, columns)


def whole_share(share: Decimal | None) -> tuple[int, int]:
    """A share as a fraction of whole numbers.

    >>> whole_share(Decimal("0.25"))
    (1, 4)
    """
    return (share or Decimal(0)).as_integer_ratio()


def known_squares(numbers: Mapping[str, object], column: str) -> bool:
    """Whether every value of a cell was squared."""
    return numbers.get(f"squared_{column}") == numbers.get(f"filled_{column}")


def _squarable(cell: Expression) -> Expression:
    small = (cell <= _LARGEST_SQUARED) & (cell >= -_LARGEST_SQUARED)
    return ibis.cases((small, cell), else_=None).cast(_WHOLE)


def _distance(rows: Expression, policy_table: Table, column: str, keys: list[str]) -> Expression:
    """The squared distance of a value from its cell's mean, in parts of a step that are fine beside the bounds.

    The mean is rounded: shares of a total are compared with whole percentages, and change by next to nothing.
    """
    lower, upper = bounds_in_steps(policy_table.columns[column])
    fine = _FINE if upper - lower < _FEW_STEPS else 1
    largest = _LARGEST_SQUARED // fine
    value = clamped(rows[column], -largest, largest)
    mean = (value.mean().over(group_by=[rows[name] for name in keys]) * fine).round().cast("int64")
    away = (value * fine - mean).cast(_WHOLE)
    return away * away
