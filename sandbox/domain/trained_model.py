"""A trained classifier as a value: trees, or a weighted sum. It holds numbers and names of columns, and no program.

- A row goes left in a tree where its feature is at most the node's threshold; a feature that says ``column = value``
  is 1 or 0.
- What it says of a row are the probabilities of its classes.
- A row with an empty cell in any of its features is not judged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

LEAF = -1
MAX_NODES = 20_000
HEX = "0123456789abcdef"  # a unit's fold: the first digit of its pseudonym


@dataclass(frozen=True, slots=True)
class Feature:
    """What is looked at.

    Attributes:
        equals: the value that the column is compared with, as text; None: the column's own number.
    """

    column: str
    equals: str | None = None

    def of(self, row: Mapping[str, float | str | None]) -> float | None:
        cell = row[self.column]
        if cell is None:
            return None
        if self.equals is not None:
            return float(same_value(_text(cell)) == same_value(self.equals))
        return float(cell)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node of a tree.

    Attributes:
        feature: its place in ``Model.features``; LEAF for a leaf.
        left, right: places of nodes in the tree.
        values: the classes' probabilities in a leaf.
        samples: how many rows of the training the tree says were here; 0: it does not say.
    """

    feature: int
    threshold: float = 0.0
    left: int = LEAF
    right: int = LEAF
    values: tuple[float, ...] = ()
    samples: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Trees whose probabilities are averaged, or weights of a logistic regression, one for each feature.

    Attributes:
        trees: each a list of nodes, the first its root, in which a node comes before those below it.
        weights: none where there are trees.
        outcome: the column that it predicts.
        classes: its values, in the order of the probabilities, as ``same_value`` compares them.
    """

    features: tuple[Feature, ...]
    outcome: str
    classes: tuple[str, ...]
    trees: tuple[tuple[Node, ...], ...] = ()
    weights: tuple[float, ...] = ()
    intercept: float = 0.0

    @property
    def columns(self) -> frozenset[str]:
        return frozenset(f.column for f in self.features) | {self.outcome}

    def seen(self, row: Mapping[str, float | str | None]) -> tuple[float, ...] | None:
        """A row's features; None where one is empty."""
        found = tuple(f.of(row) for f in self.features)
        known = tuple(v for v in found if v is not None)
        return known if len(known) == len(found) else None

    def right(self, probabilities: Sequence[float], row: Mapping[str, float | str | None]) -> bool | None:
        """Whether it says of a row what is so; None where the outcome is empty."""
        cell = row[self.outcome]
        if cell is None:
            return None
        said = max(range(len(probabilities)), key=probabilities.__getitem__)
        return same_value(_text(cell)) == same_value(self.classes[said])

    def probabilities(self, seen: Sequence[float]) -> tuple[float, ...]:
        """The classes' probabilities of a row with such features."""
        if not self.trees:
            score = self.intercept + sum(w * v for w, v in zip(self.weights, seen, strict=True))
            yes = 1 / (1 + math.exp(-max(-700.0, min(700.0, score))))
            return (1 - yes, yes)
        leaves = [tree[leaf_of(tree, seen)[-1]].values for tree in self.trees]
        return tuple(sum(column) / len(leaves) for column in zip(*leaves, strict=True))


def leaf_of(tree: Sequence[Node], seen: Sequence[float]) -> list[int]:
    """The places of the nodes that a row passes, the leaf last."""
    path = [0]
    while tree[path[-1]].feature != LEAF:
        node = tree[path[-1]]
        path.append(node.left if seen[node.feature] <= node.threshold else node.right)
    return path


def same_value(text: str) -> str:
    """A value, however it is written.

    >>> [same_value(t) for t in ("True", "1.0", "good", "0")]
    ['1', '1', 'good', '0']
    """
    plain = text.strip().casefold()
    plain = {"true": "1", "false": "0"}.get(plain, plain)
    return plain[:-2] if plain.endswith(".0") else plain


def _text(cell: float | str) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def model_document(model: Model) -> dict[str, Any]:
    """The model as a JSON value."""
    return asdict(model)


def model_from_document(document: Mapping[str, Any]) -> Model:
    """The reverse.

    Raises:
        KeyError, TypeError, ValueError: the document has another shape, or a tree has no end.
    """
    model = Model(
        features=tuple(Feature(**f) for f in document["features"]),
        trees=tuple(
            tuple(Node(**{**n, "values": tuple(n["values"])}) for n in tree) for tree in document["trees"]
        ),
        weights=tuple(document["weights"]),
        intercept=document["intercept"],
        outcome=document["outcome"],
        classes=tuple(document["classes"]),
    )
    check_model(model)
    return model


def check_model(model: Model) -> None:
    """Raise unless every row comes to a leaf, and all leaves say something of the same classes.

    Raises:
        ValueError: says what is wrong.
    """
    if bool(model.trees) == bool(model.weights):
        raise ValueError("it is neither trees nor weights")
    if not model.features or (model.weights and len(model.weights) != len(model.features)):
        raise ValueError("its weights are not one for each feature")
    if sum(map(len, model.trees)) > MAX_NODES:
        raise ValueError(f"it has more than {MAX_NODES} nodes")
    numbers = [*model.weights, model.intercept, *(n.threshold for t in model.trees for n in t)]
    if not all(math.isfinite(n) for n in [*numbers, *(v for t in model.trees for n in t for v in n.values)]):
        raise ValueError("one of its numbers has no end")
    held = {len(n.values) for t in model.trees for n in t if n.feature == LEAF} or {2}
    if len(model.classes) < 2 or held != {len(model.classes)}:
        raise ValueError("it does not say of each row how likely each of the same two or more classes is")
    for tree in model.trees:
        if not tree:
            raise ValueError("a tree has no nodes")
        for place, node in enumerate(tree):
            if node.feature == LEAF:
                continue
            if not 0 <= node.feature < len(model.features):
                raise ValueError("a node looks at a feature that it does not have")
            if not all(place < below < len(tree) for below in (node.left, node.right)):
                raise ValueError("the nodes below a node do not come after it")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelScores:
    """What a model says of the rows. Private, row by row: for the attack, and nobody else.

    Attributes:
        members, others: the classes' probabilities of rows that it was, and was not, trained on.
        members_right, others_right: whether it says of each of these what is so.
        reached: of a single tree, how many rows of the training pass each node; empty where not all were counted.
    """

    members: tuple[tuple[float, ...], ...]
    others: tuple[tuple[float, ...], ...]
    members_right: tuple[bool, ...]
    others_right: tuple[bool, ...]
    reached: tuple[int, ...] = ()


def scores_document(scores: ModelScores) -> dict[str, Any]:
    """The scores as a JSON value."""
    return asdict(scores)


def scores_from_document(document: Mapping[str, Any]) -> ModelScores:
    """The reverse.

    Raises:
        KeyError, TypeError, ValueError: the document has another shape.
    """
    return ModelScores(
        members=tuple(tuple(map(float, row)) for row in document["members"]),
        others=tuple(tuple(map(float, row)) for row in document["others"]),
        members_right=tuple(map(bool, document["members_right"])),
        others_right=tuple(map(bool, document["others_right"])),
        reached=tuple(map(int, document["reached"])),
    )


def check_folds(train: str) -> str:
    """The folds of the units that a model was trained on, sorted.

    >>> check_folds("b0a")
    '0ab'

    Raises:
        ValueError: other signs, one twice, none, or all of them.
    """
    if not train or len(set(train)) < len(train) or not set(train) < set(HEX):
        raise ValueError("It is no part of 0123456789abcdef, each once.")
    return "".join(sorted(train))
