"""Sides of a join → the relation in its one form, and what each side's columns are called in it.

Sides are sorted, and joins within joins are laid open, so that their order in the text does not matter. A column has
its own name where only one side has it; otherwise it has its table's name before its own. Numbers of each unit and
what lookups say always have: which of them are there depends on what is asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sandbox.domain.derived import declared
from sandbox.domain.errors import QuestionRefused
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.relation import Base, Joined, PerUnit, Relation, WithLookup, label_of, rows_key

_LONGEST_NAME = 63


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A side that is no join itself, where it came from, and what it was called there."""

    relation: Relation
    optional: bool
    side: int
    before: Mapping[str, str]  # its own columns: what the side calls them


def joined(
    sides: Sequence[tuple[Relation, bool]], *, unit: str, policy: DatasetPolicy
) -> tuple[Joined, tuple[Mapping[str, str], ...]]:
    """The relation, and for each side what its columns are called.

    Args:
        sides: relations, and whether a unit may do without its rows there; the first one's it may not.

    Raises:
        QuestionRefused: two sides are the same rows.
    """
    leaves = sorted(_leaves(sides, unit, policy), key=lambda leaf: (leaf.optional, rows_key(leaf.relation)))
    keys = [rows_key(leaf.relation) for leaf in leaves]
    if len(set(keys)) != len(keys):
        raise QuestionRefused(
            "The same rows stand on two sides of this join.",
            fix="Join numbers of each unit: (SELECT unit, COUNT(*) AS n FROM … GROUP BY unit).",
        )
    columns = _called(leaves, unit, policy)
    names: list[dict[str, str]] = [{} for _ in sides]
    for leaf, called in zip(leaves, columns, strict=True):
        names[leaf.side] |= {leaf.before[own]: name for own, name in called.items()}
    relation = Joined(
        unit=unit,
        parts=tuple(leaf.relation for leaf in leaves if not leaf.optional),
        optional=tuple(leaf.relation for leaf in leaves if leaf.optional),
        columns=tuple(tuple(sorted(called.items())) for called in columns),
    )
    return relation, tuple(names)


def _leaves(sides: Sequence[tuple[Relation, bool]], unit: str, policy: DatasetPolicy) -> list[_Leaf]:
    found = []
    for place, (relation, optional) in enumerate(sides):
        if isinstance(relation, Joined) and not optional:
            count = len(relation.parts)
            found += [
                _Leaf(part, at >= count, place, dict(pairs))
                for at, (part, pairs) in enumerate(zip(relation.sides, relation.columns, strict=True))
            ]
        else:
            own = [name for name in declared(relation, policy).columns if name != unit]
            found.append(_Leaf(relation, optional, place, {name: name for name in own}))
    return found


def _called(leaves: Sequence[_Leaf], unit: str, policy: DatasetPolicy) -> list[dict[str, str]]:
    fixed = [_fixed(leaf.relation, policy) - {unit} for leaf in leaves]
    taken = {unit}.union(*fixed)
    labels: list[str] = []
    for leaf in leaves:
        label = label_of(leaf.relation)
        same = sum(label_of(other.relation) == label for other in leaves[: len(labels)])
        labels.append(f"{label}_{same + 1}" if same else label)
    found = []
    for place, (leaf, label) in enumerate(zip(leaves, labels, strict=True)):
        others: set[str] = set().union(*(names for at, names in enumerate(fixed) if at != place))
        called = {}
        for own in sorted(leaf.before):
            alone = own in fixed[place] and own not in others
            called[own] = own if alone else _free(f"{label}_{own}", taken)
            taken.add(called[own])
        found.append(called)
    return found


def _fixed(relation: Relation, policy: DatasetPolicy) -> set[str]:
    """The columns that are there whatever is asked."""
    match relation:
        case Base():
            return set(declared(relation, policy).columns)
        case PerUnit():
            return {relation.unit, *relation.keys}
        case WithLookup():
            return _fixed(relation.of, policy)
        case Joined():
            return {
                called
                for side, pairs in zip(relation.sides, relation.columns, strict=True)
                for fixed in [_fixed(side, policy)]
                for own, called in pairs
                if own in fixed
            }


def _free(name: str, taken: set[str]) -> str:
    if len(name) > _LONGEST_NAME:
        name = f"{name[: _LONGEST_NAME - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    while name in taken:
        name += "_"
    return name
