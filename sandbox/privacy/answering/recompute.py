"""A table computed again on the raw rows, to be held beside a file that asks to leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import isqrt
from typing import Any

from sandbox.domain.derived import declared
from sandbox.domain.evidence import Contributors, Evidence, EvidenceRow, Exact, Sides
from sandbox.domain.policy import ColumnType, Table
from sandbox.domain.question import Measure, MeasureKind, Question, canonical_sql
from sandbox.privacy.answering.exact import (
    SPREADS,
    contributors,
    exact,
    known_squares,
    sides,
    whole_share,
)
from sandbox.privacy.answering.run import rows_behind, stored_cells
from sandbox.privacy.engines.holding import EngineLimits
from sandbox.privacy.planning.measurements import cells_of
from sandbox.privacy.publishing.views import View
from sandbox.privacy.stored import exact_text

_PLACES = 12  # decimals of what is no whole number of steps
_HELD = (MeasureKind.SUM, MeasureKind.AVG, *SPREADS)

_Cells = Mapping[tuple[Any, ...], Sequence[Any]]  # by stored keys


def recompute(question: Question, view: View, limits: EngineLimits) -> Evidence:
    """The exact table behind a question, and how many units and rows are behind each cell."""
    table = declared(question.source, view.policy)
    behind = rows_behind(question, view, whole=True)
    expression = exact(question, table, behind)
    names = [str(name) for name in expression.columns]
    width = len(question.keys)
    held = {(m.column, m.kind in SPREADS) for m in question.measures if m.kind in _HELD}
    quantiles = [m for m in question.measures if m.kind is MeasureKind.QUANTILE]
    with view.opened(limits) as rows_of:

        def by_key(made: Any) -> _Cells:
            return {row[:width]: row[width:] for row in rows_of(made)}

        found = by_key(expression)
        parts = {
            (column, spread): by_key(contributors(question, table, behind, column, spread=spread))
            for column, spread in sorted(held)
        }
        beside = {m.alias: by_key(sides(question, table, behind, m)) for m in quantiles}
    cells = cells_of(question, table)
    rows = []
    for cell, key in zip(cells, stored_cells(cells, question, table), strict=True):
        numbers = dict(zip(names[width:], found.get(key, ()), strict=False))
        rows.append(
            EvidenceRow(
                key=cell,
                values={
                    m.alias: _exact_value(m, numbers, beside.get(m.alias, {}).get(key), table)
                    for m in question.measures
                    if m.kind not in SPREADS or known_squares(numbers, m.column)
                },
                units=int(numbers.get("units", 0)),
                rows=int(numbers.get("rows", 0)),
                contributors={
                    m.alias: _contributors(parts[m.column, m.kind in SPREADS][key])
                    for m in question.measures
                    if m.kind in _HELD and key in parts[m.column, m.kind in SPREADS]
                },
                sides={m.alias: _sides(beside[m.alias][key]) for m in quantiles if key in beside[m.alias]},
            )
        )
    return Evidence(
        sql=canonical_sql(question),
        keys=tuple(key.alias for key in question.keys),
        rows=tuple(rows),
        kinds={m.alias: m.kind for m in question.measures},
    )


def _contributors(numbers: Sequence[Any]) -> Contributors:
    largest, second, total, givers, low, high = numbers
    return Contributors(
        largest=int(largest),
        second=int(second),
        total=int(total),
        givers=int(givers),
        equal=low == high,
    )


def _sides(numbers: Sequence[Any]) -> Sides:
    _, _, below, above, low, high = numbers
    return Sides(below=int(below), above=int(above), equal=low == high)


def _exact_value(
    measure: Measure, numbers: Mapping[str, Any], beside: Sequence[Any] | None, table: Table
) -> Exact:
    match measure.kind:
        case MeasureKind.COUNT_ROWS:
            return int(numbers.get("rows", 0))
        case MeasureKind.COUNT_UNITS:
            return int(numbers.get("units", 0))
        case MeasureKind.COUNT_FILLED:
            return int(numbers.get(f"filled_{measure.column}") or 0)
    column = table.columns[measure.column]
    total = int(numbers.get(f"sum_{measure.column}") or 0)
    filled = int(numbers.get(f"filled_{measure.column}") or 0)
    if measure.kind is MeasureKind.QUANTILE:
        if beside is None:
            return None
        return exact_text(_quantile(measure, int(beside[0]), int(beside[1]), filled), column, places=_PLACES)
    if measure.kind in SPREADS:
        if filled < 2:
            return None
        variance = _variance(filled, total, int(numbers[f"squares_{measure.column}"])) / column.steps**2
        return _text(_root(variance) if measure.kind is MeasureKind.STDDEV else variance)
    if measure.kind is MeasureKind.AVG:
        return exact_text(Fraction(total, filled), column, places=_PLACES) if filled else None
    if column.type is ColumnType.INTEGER:
        return total
    return exact_text(Fraction(total), column, places=len(column.resolution.partition(".")[2]))


def _quantile(measure: Measure, lower: int, upper: int, filled: int) -> Fraction:
    """Between the two values next to it, in steps.

    Args:
        lower, upper: those values.
    """
    share, parts = whole_share(measure.share)
    between = Fraction((filled - 1) * share % parts, parts)
    return lower + between * (upper - lower)


def _variance(filled: int, total: int, squares: int) -> Fraction:
    """Of a sample, in squared steps."""
    return (squares - Fraction(total * total, filled)) / (filled - 1)


def _root(number: Fraction) -> Fraction:
    """To twice as many digits as are told."""
    scale = 10 ** (2 * _PLACES)
    return Fraction(isqrt(number.numerator * scale**2 // number.denominator), scale)


def _text(value: Fraction) -> str:
    """As decimal text."""
    whole, rest = divmod((value * 10**_PLACES + Fraction(1, 2)).__floor__(), 10**_PLACES)
    return f"{whole}.{rest:0{_PLACES}d}"
