"""Synthetic rows: as like the data as the base is, and made from the base alone.

Each row is made up, column after column along a tree: the tree joins the columns whose pairs tell most about each
other (Chow & Liu 1968), and each column is drawn given its parent alone. So a column's counts, and those of the tree's
pairs, are those of the base; what three columns have to do with each other beyond that is not in it. All pairs were
measured, so that choosing the tree costs nothing.

Values of a cell are spread as evenly as a draw: the parts of a parent's rows are rounded, not thrown (systematic
sampling). Within a bin or a month all values are as likely. The order is fixed by the base's own hash: everybody who
asks for so many rows gets the same ones.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandbox.domain.errors import BadInput
from sandbox.domain.policy import Column, ColumnType, DatasetPolicy
from sandbox.privacy.base.answer import known
from sandbox.privacy.base.cells import ends_of
from sandbox.privacy.base.least_squares import Floats
from sandbox.privacy.base.modelling import Model
from sandbox.privacy.base.release import BaseColumn, BaseRelease
from sandbox.privacy.stored import steps_per_one

MOST_ROWS = 100_000

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Made-up rows, in the columns of the policy; None is an empty cell."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def only(self, columns: Collection[str]) -> Sample:
        """The same rows in these columns alone, in the same order."""
        places = [i for i, name in enumerate(self.columns) if name in columns]
        return Sample(
            columns=tuple(self.columns[i] for i in places),
            rows=tuple(tuple(row[i] for i in places) for row in self.rows),
        )

    def csv(self) -> str:
        """As a CSV file with a header, in the form that publishing reads."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([_written(value) for value in row] for row in self.rows)
        return out.getvalue()


def sample(base: BaseRelease, policy: DatasetPolicy, rows: int | None = None) -> Sample:
    """Synthetic rows.

    Columns that the base does not know are empty; the unit's column numbers the rows, each a unit of its own.

    Args:
        rows: as many as the base counts when not given, up to ``MOST_ROWS``.

    Raises:
        BadInput: no such number of rows, or the base is of another policy.
    """
    table = policy.table(base.table)
    if table is None or policy.unit is None or not base.fits(table):
        raise BadInput("The base is about another table.", where="base", fix="Buy one for this version.")
    _, model = known(base)
    wanted = min(MOST_ROWS, round(model.total)) if rows is None else rows
    if type(wanted) is not int or not 0 <= wanted <= MOST_ROWS:
        raise BadInput(
            f"A sample has 0 to {MOST_ROWS} rows.", where="rows", fix="Ask for 1000, for instance."
        )
    chance = np.random.default_rng(int(base.id, 16))
    places = drawn(model, wanted, chance)
    by_name: dict[str, Sequence[Any]] = {
        column.name: _values(column, table.columns[column.name], places[i], chance)
        for i, column in enumerate(base.columns)
    }
    numbers = range(1, wanted + 1)
    named = table.columns[policy.unit.column].type is ColumnType.TEXT
    by_name[policy.unit.column] = [f"made-up-{n}" for n in numbers] if named else numbers
    nothing = [None] * wanted
    return Sample(
        columns=tuple(table.columns),
        rows=tuple(zip(*(by_name.get(name, nothing) for name in table.columns), strict=True)),
    )


def drawn(model: Model, rows: int, chance: np.random.Generator) -> list[Places]:
    """For each column, the place of its value in each row."""
    places: dict[int, Places] = {}
    for column, parent in tree(model):
        if parent is None:
            found = parted(model.column(column), rows, chance)
        else:
            pair = model.pair((min(column, parent), max(column, parent)))
            by_parent = pair if parent < column else pair.T
            found = np.zeros(rows, dtype=np.int64)
            for value, given in enumerate(by_parent):
                here = np.flatnonzero(places[parent] == value)
                weights = given if given.sum() > 0 else model.column(column)
                found[here] = parted(weights, len(here), chance)
        places[column] = found
    return [places[i] for i in range(len(model.sizes))]


def tree(model: Model) -> list[tuple[int, int | None]]:
    """Each column with its parent, parents first: the tree whose pairs tell most (Prim's algorithm)."""
    told = {pair: model.told(pair) for pair in itertools.combinations(range(len(model.sizes)), 2)}
    joined: list[tuple[int, int | None]] = [(0, None)]
    inside, left = {0}, set(range(1, len(model.sizes)))
    while left:
        parent, column = max(
            ((i, j) for i in sorted(inside) for j in sorted(left)), key=lambda p: told[min(p), max(p)]
        )
        joined.append((column, parent))
        inside.add(column)
        left.remove(column)
    return joined


def parted(weights: Floats, rows: int, chance: np.random.Generator) -> Places:
    """Rows in random order, each value as often as its weight says, to the next whole number."""
    if weights.sum() <= 0:
        weights = np.ones(len(weights))
    ends = np.cumsum(weights) / weights.sum() * rows
    found = np.searchsorted(ends, np.arange(rows) + chance.random(), side="right")
    return chance.permutation(np.minimum(found, len(weights) - 1)).astype(np.int64)


def _values(column: BaseColumn, declared: Column, places: Places, chance: np.random.Generator) -> list[Any]:
    """A value of the cell that each row is in, each as likely as the others; None for the empty cell."""
    ends = [ends_of(column, value, declared) for value in column.values]
    if column.form is None:
        listed = [*(_shown(low, declared) for low, _ in ends), None]
        return [listed[place] for place in places.tolist()]
    per_one = steps_per_one(declared)
    first = np.array([*(_step(low, per_one) for low, _ in ends), 0])
    last = np.array([*(_step(high, per_one) for _, high in ends), 0])
    steps = first[places] + (chance.random(len(places)) * (last - first + 1)[places]).astype(np.int64)
    nothing = len(ends)
    return [
        None if place == nothing else _value(step, declared, per_one)
        for place, step in zip(places.tolist(), steps.tolist(), strict=True)
    ]


def _step(end: Any, per_one: int) -> int:
    """A cell's end as a whole number: days of a date, steps of a number."""
    return end.toordinal() if isinstance(end, date) else int(end * per_one)


def _value(step: int, declared: Column, per_one: int) -> Any:
    if declared.type is ColumnType.DATE:
        return date.fromordinal(step)
    return step if declared.type is ColumnType.INTEGER else step / per_one


def _shown(listed: Any, declared: Column) -> Any:
    """A listed value in the column's own type."""
    if not isinstance(listed, Fraction):
        return listed
    return int(listed) if declared.type is ColumnType.INTEGER else float(listed)


def _written(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value
