"""Where rows are touched: a plan, or a check's question, against one private view."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from sandbox.domain.evidence import Evidence, EvidenceRow, Exact
from sandbox.domain.policy import ColumnType, Scalar
from sandbox.domain.question import Measure, MeasureKind, Question, canonical_sql
from sandbox.privacy.answering.bounded import bounded, exact, flat_targets, leaves, view_of
from sandbox.privacy.answering.rowwise import key_cell
from sandbox.privacy.engines.holding import EngineLimits
from sandbox.privacy.mechanisms import noise
from sandbox.privacy.mechanisms.quantiles import tree_of
from sandbox.privacy.planning.measurements import Plan, Target, What, cells_of
from sandbox.privacy.publishing.views import View
from sandbox.privacy.stored import Stored, exact_text

_AVERAGE_PLACES = 12  # decimals of an exact average


def measure(ready: Plan, view: View, limits: EngineLimits) -> dict[str, list[int]]:
    """One noisy vector for each target, in the order of the plan's cells: a release, each time it is called."""
    vectors = count_exactly(ready, view, limits)
    return {m.target.name: noise.draw(vectors[m.target.name], m.noise) for m in ready.measurements}


def count_exactly(ready: Plan, view: View, limits: EngineLimits) -> dict[str, list[int]]:
    """The bounded vectors before noise; cells without rows are 0. They stay inside this room."""
    table = view_of(view.table, unit_column=view.unit_column)
    flat = [target.name for target in flat_targets(ready)]
    trees = [m.target for m in ready.measurements if m.target.what is What.TREE]
    with view.opened(limits) as rows:
        found = rows(bounded(ready, table)) if flat else []
        leaved = {t.name: rows(leaves(ready, t, table)) for t in trees}
    place = {key: i for i, key in enumerate(_stored(ready.cells, ready.question, view))}
    width = len(ready.question.keys)
    vectors = {name: [0] * len(place) for name in flat}
    for row in found:
        at = place.get(row[:width])
        if at is None:
            continue  # no cell of the answer; see ``bounded``
        for name, value in zip(vectors, row[width:], strict=True):
            vectors[name][at] = int(value)
    for target in trees:
        vectors[target.name] = _nodes(target, leaved[target.name], place)
    return {m.target.name: vectors[m.target.name] for m in ready.measurements}


def _nodes(
    target: Target, found: Iterable[tuple[Any, ...]], place: Mapping[tuple[Any, ...], int]
) -> list[int]:
    """The nodes of each cell's tree, cell after cell."""
    shape = target.shape
    counts: list[dict[int, int]] = [{} for _ in place]
    for *key, start, count in found:
        at = place.get(tuple(key))
        if at is not None:
            counts[at][int(start) // shape.width] = int(count)
    return [node for leaf_counts in counts for node in tree_of(leaf_counts, shape)]


def recompute(question: Question, view: View, limits: EngineLimits) -> Evidence:
    """The exact table behind a question, and how many units and rows are behind each cell."""
    expression = exact(question, view.table, view_of(view.table, unit_column=view.unit_column))
    names = [str(name) for name in expression.columns]
    with view.opened(limits) as rows_of:
        found = rows_of(expression)
    width = len(question.keys)
    by_key = {row[:width]: dict(zip(names[width:], row[width:], strict=True)) for row in found}
    cells = cells_of(question, view.table)
    rows = []
    for cell, key in zip(cells, _stored(cells, question, view), strict=True):
        numbers = by_key.get(key, {})
        rows.append(
            EvidenceRow(
                key=cell,
                values={m.alias: _exact_value(m, numbers, view) for m in question.measures},
                units=int(numbers.get("units", 0)),
                rows=int(numbers.get("rows", 0)),
            )
        )
    return Evidence(
        sql=canonical_sql(question),
        keys=tuple(key.alias for key in question.keys),
        rows=tuple(rows),
        kinds={m.alias: m.kind for m in question.measures},
    )


def _stored(
    cells: Iterable[tuple[Scalar, ...]], question: Question, view: View
) -> Iterable[tuple[Stored, ...]]:
    values = [
        {value: key_cell(key, value, view.table) for value in key.values(view.table)} for key in question.keys
    ]
    return [tuple(stored[v] for v, stored in zip(cell, values, strict=True)) for cell in cells]


def _exact_value(measure: Measure, numbers: Mapping[str, Any], view: View) -> Exact:
    if measure.kind is MeasureKind.COUNT_ROWS:
        return int(numbers.get("rows", 0))
    if measure.kind is MeasureKind.COUNT_UNITS:
        return int(numbers.get("units", 0))
    if measure.kind is MeasureKind.COUNT_FILLED:
        return int(numbers.get(f"filled_{measure.column}") or 0)
    column = view.table.columns[measure.column]
    total = int(numbers.get(f"sum_{measure.column}") or 0)
    filled = int(numbers.get(f"filled_{measure.column}") or 0)
    if measure.kind is MeasureKind.AVG:
        return exact_text(Fraction(total, filled), column, places=_AVERAGE_PLACES) if filled else None
    if column.type is ColumnType.INTEGER:
        return total
    return exact_text(Fraction(total), column, places=len(column.resolution.partition(".")[2]))
