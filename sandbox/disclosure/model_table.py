"""A table that is a trained model, read to what it says of rows. Nothing is ever unpickled, or run.

A tree or forest has a row for each node: ``tree`` (where there are several), ``node``, ``feature``, ``threshold``,
``left``, ``right``, ``samples``, and a column ``p_…`` for each class. A logistic regression has a row for each
``term`` with its ``coef``. A feature is a column's name, or ``column=value``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sandbox.disclosure.cells import read_number
from sandbox.disclosure.columns import normal
from sandbox.disclosure.table import Table
from sandbox.domain.policy import Column, ColumnType
from sandbox.domain.policy import Table as Declared
from sandbox.domain.trained_model import LEAF, Feature, Model, Node, check_model

_INTERCEPT = ("const", "intercept", "_intercept_")


class NoModel(ValueError):
    """Why a table is no model that can be attacked."""


def read_model(
    table: Table, method: str, outcome: str, tables: Mapping[str, Declared], *, unit: str
) -> tuple[str, Model]:
    """The model, and the dataset's table that its features are columns of.

    Args:
        method: what it is said to be.
        outcome: the column that it is said to predict.
        unit: the column that names the privacy unit, which is no feature.

    Raises:
        NoModel: it is none that this reads, or its features are no columns of one table.
    """
    names = {normal(c): c for c in table.columns}
    if {"node", "feature", "threshold", "left", "right"} <= set(names):
        read = _trees(table, names)
    elif {"term", "coef"} <= set(names) and "logist" in method.casefold():
        read = _weights(table, names)
    else:
        raise NoModel("It is no table of nodes, and no logistic regression")
    texts, build = read
    for name, declared in tables.items():
        features = [_feature(text, declared.columns, unit) for text in texts]
        known = [f for f in features if f is not None]
        predicted = _feature(f"{outcome}=", declared.columns, unit)
        if len(known) == len(features) and predicted is not None:
            model = build(known, predicted.column, _values(declared.columns[predicted.column]))
            try:
                check_model(model)
            except ValueError as wrong:
                raise NoModel(f"Of this model, {wrong}") from None
            return name, model
    raise NoModel("Not all of its features, and what it predicts, are columns of one table of the dataset")


_Read = tuple[Sequence[str], "_Build"]


class _Build:
    """Makes the model once its features are known."""

    def __init__(
        self,
        trees: Sequence[Sequence[Node]] = (),
        weights: Sequence[float] = (),
        intercept: float = 0.0,
        classes: Sequence[str] = (),
    ) -> None:
        self._trees, self._weights, self._intercept, self._classes = trees, weights, intercept, classes

    def __call__(self, features: Sequence[Feature], outcome: str, values: Sequence[str]) -> Model:
        return Model(
            features=tuple(features),
            outcome=outcome,
            classes=tuple(self._classes or values),
            trees=tuple(map(tuple, self._trees)),
            weights=tuple(self._weights),
            intercept=self._intercept,
        )


def _trees(table: Table, names: Mapping[str, str]) -> _Read:
    def column(name: str) -> Sequence[str]:
        return table.column(names[name])

    classes = [c for c in table.columns if normal(c).startswith("p_")]
    of = column("tree") if "tree" in names else ("",) * len(table.rows)
    places: dict[tuple[str, int], int] = {}
    rows: dict[str, list[int]] = {}
    order = sorted(range(len(table.rows)), key=lambda r: (of[r], _whole(column("node")[r])))
    for row in order:
        key = of[row], _whole(column("node")[row])
        if key in places:
            raise NoModel(f"Node {key[1]} stands there twice")
        rows.setdefault(of[row], []).append(row)
        places[key] = len(rows[of[row]]) - 1
    texts = list(dict.fromkeys(f for f in (c.strip() for c in column("feature")) if f))
    trees = []
    for tree, members in rows.items():
        nodes = []
        for row in members:
            samples = _whole(column("samples")[row]) if "samples" in names else 0
            feature = column("feature")[row].strip()
            if feature:
                below = [places.get((tree, _whole(column(side)[row])), LEAF) for side in ("left", "right")]
                node = Node(
                    feature=texts.index(feature),
                    threshold=_float(column("threshold")[row]),
                    left=below[0],
                    right=below[1],
                    samples=samples,
                )
            else:
                values = tuple(_float(table.column(c)[row]) for c in classes)
                node = Node(feature=LEAF, values=values, samples=samples)
            nodes.append(node)
        trees.append(nodes)
    return texts, _Build(trees=trees, classes=[c.strip()[len("p_") :] for c in classes])


def _weights(table: Table, names: Mapping[str, str]) -> _Read:
    terms = [t.strip() for t in table.column(names["term"])]
    coefs = [_float(c) for c in table.column(names["coef"])]
    told = [(t, c) for t, c in zip(terms, coefs, strict=True) if normal(t) not in _INTERCEPT]
    intercept = sum(c for t, c in zip(terms, coefs, strict=True) if normal(t) in _INTERCEPT)
    return [t for t, _ in told], _Build(weights=[c for _, c in told], intercept=intercept)


def _feature(text: str, columns: Mapping[str, Column], unit: str) -> Feature | None:
    name, equals, value = text.partition("=")
    by_name = {normal(c): c for c in columns if c != unit}
    column = by_name.get(normal(name))
    if column is None:
        return None
    if not equals:
        return Feature(column) if columns[column].type not in (ColumnType.TEXT, ColumnType.DATE) else None
    return Feature(column, value.strip())


def _values(column: Column) -> Sequence[str]:
    """The values of an outcome, in the order in which a regression counts them."""
    if column.type is ColumnType.BOOLEAN:
        return ("false", "true")
    return sorted(str(v) for v in column.key_values) or ("0", "1")


def _whole(cell: str) -> int:
    number = read_number(cell)
    if number is None or not number.whole:
        raise NoModel(f"'{cell.strip()[:20]}' numbers no node")
    return int(number.value)


def _float(cell: str) -> float:
    number = read_number(cell)
    if number is None:
        raise NoModel(f"'{cell.strip()[:20]}' is no number")
    return float(number.value)
