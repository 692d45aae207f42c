"""Where rows are touched for an answer: a plan against one private view."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis

from sandbox.domain.policy import Scalar, Table
from sandbox.domain.question import Key, Question
from sandbox.domain.relation import Base
from sandbox.privacy.answering.bounded import bounded, flat_targets, leaves, view_of
from sandbox.privacy.answering.contributions import key_served, partial_of, schema_of
from sandbox.privacy.answering.relations import relation_rows
from sandbox.privacy.answering.rowwise import Expression, key_cell
from sandbox.privacy.engines.holding import CONTRIBUTIONS, EngineLimits, Rows
from sandbox.privacy.mechanisms import noise
from sandbox.privacy.mechanisms.quantiles import tree_of
from sandbox.privacy.mechanisms.threshold import Threshold, shown
from sandbox.privacy.planning.measurements import Plan, Target, What
from sandbox.privacy.publishing.views import View
from sandbox.privacy.stored import Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Noisy:
    """What may leave: noisy vectors, and the cells they are about.

    Attributes:
        cells: the keys of each cell, in the order of the answer; public.
        vectors: by target, its numbers cell after cell.
    """

    cells: tuple[tuple[Scalar, ...], ...]
    vectors: Mapping[str, Sequence[int]]


def measure(ready: Plan, view: View, limits: EngineLimits) -> Noisy:
    """One noisy vector for each target: a release, each time it is called."""
    if ready.threshold is not None:
        return _measure_unlisted(ready, ready.threshold, view, limits)
    vectors = count_exactly(ready, view, limits)
    return Noisy(
        cells=ready.cells,
        vectors={m.target.name: noise.draw(vectors[m.target.name], m.noise) for m in ready.measurements},
    )


def _measure_unlisted(ready: Plan, threshold: Threshold, view: View, limits: EngineLimits) -> Noisy:
    """First which keys are shown; from then on these are public, and all else is measured for them alone."""
    public = [
        {stored: value for value, stored in _stored_keys(key, ready.table).items()}
        if key.listed(ready.table)
        else None
        for key in ready.question.keys
    ]
    exact_of = {
        key: vectors
        for key, vectors in count_found(ready, view, limits).items()
        if all(names is None or part in names for names, part in zip(public, key, strict=True))
    }
    units = shown({key: vectors[What.UNITS] for key, vectors in exact_of.items()}, threshold)
    vectors = {What.UNITS.value: list(units.values())}
    for measurement in ready.measurements:
        if measurement.threshold is None:
            name = measurement.target.name
            vectors[name] = noise.draw([exact_of[key][name] for key in units], measurement.noise)
    cells = tuple(
        tuple(part if names is None else names[part] for names, part in zip(public, key, strict=True))
        for key in units
    )
    order = sorted(range(len(cells)), key=lambda place: cells[place])
    return Noisy(
        cells=tuple(cells[place] for place in order),
        vectors={name: [numbers[place] for place in order] for name, numbers in vectors.items()},
    )


def count_found(ready: Plan, view: View, limits: EngineLimits) -> dict[tuple[Any, ...], dict[str, int]]:
    """The bounded vectors before noise of each cell that has rows, by its stored keys. They stay inside this room."""
    with view.opened(limits, contributions=_served(ready, view)) as rows:
        return _found(ready, view, rows)


def _served(ready: Plan, view: View) -> str | None:
    """The key whose contributions were added up at publishing and serve the plan: one about the table as it is."""
    if ready.question.source != Base(view.table_name):
        return None
    key = key_served(ready, unit_column=view.unit_column)
    return key if key in view.contributions else None


def _found(ready: Plan, view: View, rows: Rows) -> dict[tuple[Any, ...], dict[str, int]]:
    names = [target.name for target in flat_targets(ready)]
    width = len(ready.question.keys)
    if not names:
        return {}
    table = _rows_of(ready, view)
    partial = None
    if (key := _served(ready, view)) is not None:
        schema = schema_of(key, view.table, table, unit_column=view.unit_column)
        partial = partial_of(ready, ibis.table(schema, name=CONTRIBUTIONS))
    return {
        row[:width]: {name: int(value) for name, value in zip(names, row[width:], strict=True)}
        for row in rows(bounded(ready, table, partial))
    }


def count_exactly(ready: Plan, view: View, limits: EngineLimits) -> dict[str, list[int]]:
    """The bounded vectors before noise, in the order of the plan's cells; those without rows are 0. They stay here."""
    table = _rows_of(ready, view)
    trees = [m.target for m in ready.measurements if m.target.what is What.TREE]
    with view.opened(limits, contributions=_served(ready, view)) as rows:
        found = _found(ready, view, rows)
        leaved = {t.name: rows(leaves(ready, t, table)) for t in trees}
    place = {key: i for i, key in enumerate(stored_cells(ready.cells, ready.question, ready.table))}
    vectors = {target.name: [0] * len(place) for target in flat_targets(ready)}
    for key, numbers in found.items():
        if (at := place.get(key)) is not None:  # else no cell of the answer; see ``bounded``
            for name, value in numbers.items():
                vectors[name][at] = value
    for target in trees:
        vectors[target.name] = _nodes(target, leaved[target.name], place)
    return {m.target.name: vectors[m.target.name] for m in ready.measurements}


def rows_behind(question: Question, view: View, *, whole: bool = False) -> Expression:
    """What stands behind the question's FROM, from published rows.

    Args:
        whole: every row counts (``relation_rows``).
    """

    def published(name: str) -> Expression:
        return view_of(view.policy.tables[name], unit_column=view.unit_column, name=view.name_of(name))

    return relation_rows(question.source, view.policy, published, whole=whole)


def _rows_of(ready: Plan, view: View) -> Expression:
    return rows_behind(
        ready.question, view, whole=ready.bounding.rows_per_unit >= ready.table.max_rows_per_unit
    )


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


def stored_cells(
    cells: Iterable[tuple[Scalar, ...]], question: Question, table: Table
) -> Iterable[tuple[Stored, ...]]:
    """The keys of cells, as the view stores them."""
    values = [_stored_keys(key, table) for key in question.keys]
    return [tuple(stored[v] for v, stored in zip(cell, values, strict=True)) for cell in cells]


def _stored_keys(key: Key, table: Table) -> dict[Scalar, Stored]:
    """A key's public values, as the view stores them."""
    return {value: key_cell(key, value, table) for value in key.values(table)}
