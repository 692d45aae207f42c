"""What a declared model says of the published rows, for the attack that tells who it was trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.domain.errors import BadInput
from sandbox.domain.policy import Column, ColumnType
from sandbox.domain.trained_model import Model, ModelScores, leaf_of
from sandbox.privacy.answering.bounded import UNIT, view_of
from sandbox.privacy.engines.holding import EngineLimits
from sandbox.privacy.publishing.folds import fold_of, place_of
from sandbox.privacy.publishing.views import View
from sandbox.privacy.stored import from_steps

MOST_ROWS = 200_000  # beyond, rows of some units alone
MOST_SCORES = 2_000  # on either side; the attack needs no more


def model_scores(model: Model, train: str, view: View, *, key: str, limits: EngineLimits) -> ModelScores:
    """The model's probabilities of rows that it was, and was not, trained on.

    Args:
        train: the folds of the units that it was trained on.
        key: of the dataset's folds.

    Raises:
        BadInput: a column that the table has not.
    """
    columns = sorted(model.columns)
    unknown = [c for c in columns if c not in view.table.columns or c == view.unit_column]
    if unknown:
        raise BadInput(
            "The model looks at what is no column.", where="model", fix="Name columns of the table."
        )
    sides: dict[bool, list[tuple[tuple[float, ...], bool]]] = {True: [], False: []}
    reached = [0] * (len(model.trees[0]) if len(model.trees) == 1 else 0)
    whole = True
    with view.opened(limits) as rows_of:
        table = view_of(view.table, unit_column=view.unit_column)
        ((size,),) = rows_of(table.aggregate(n=table.count()))
        if (every := -(-size // MOST_ROWS)) > 1:
            table, whole = table.filter(table[UNIT] % every == 0), False
        found = rows_of(table.select(UNIT, *columns))
    # In an order that is the units' own and says nothing: which are kept does not depend on what they hold.
    for unit, row in sorted(_rows(found, view.table.columns, columns), key=lambda r: place_of(key, r[0])):
        seen = model.seen(row)
        if seen is None:
            continue
        probabilities = model.probabilities(seen)
        right = model.right(probabilities, row)
        if right is None:
            continue
        member = fold_of(key, unit) in train
        if member and reached:
            for place in leaf_of(model.trees[0], seen):
                reached[place] += 1
        if len(sides[member]) < MOST_SCORES:
            sides[member].append((probabilities, right))
    return ModelScores(
        members=tuple(p for p, _ in sides[True]),
        others=tuple(p for p, _ in sides[False]),
        members_right=tuple(right for _, right in sides[True]),
        others_right=tuple(right for _, right in sides[False]),
        reached=tuple(reached) if whole else (),
    )


def _rows(
    found: list[tuple[Any, ...]], declared: Mapping[str, Column], columns: list[str]
) -> Iterator[tuple[int, dict[str, float | str | None]]]:
    for unit, *cells in found:
        yield int(unit), {c: _cell(v, declared[c]) for c, v in zip(columns, cells, strict=True)}


def _cell(value: Any, column: Column) -> float | str | None:
    if value is None:
        return None
    match column.type:
        case ColumnType.INTEGER | ColumnType.DECIMAL:
            return float(from_steps(value, column))
        case ColumnType.BOOLEAN:
            return float(value)
        case _:
            return str(value)
