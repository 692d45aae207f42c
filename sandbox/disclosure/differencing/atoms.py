"""Populations cut into atoms: groups of rows (or units) that each population holds wholly or not at all.

Each column is an axis, cut where any population cuts it; the atoms are the boxes of that grid, those that no
population tells apart taken together. What cannot be (a whole number between 17 and 18) is no atom.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from sandbox.domain.population import (
    Among,
    Between,
    Empty,
    Every,
    Leaf,
    Not,
    Population,
    Some,
    leaves_of,
)

MAX_GRID = 20_000  # boxes; populations × boxes are held in memory, one byte each
MAX_ATOMS = 1_500

Bools = NDArray[np.bool_]
_Cut = tuple[Fraction, int]  # (number, 0): just before it; (number, 1): just after it
_FIRST, _LAST = (Fraction(-(10**30)), 0), (Fraction(10**30), 1)


class TooMany(Exception):
    """More boxes or atoms than are solved."""


class Axis:
    """The classes of one column: empty, each word that is named, any other word, and stretches of numbers."""

    def __init__(self, leaves: Sequence[Leaf], step: Fraction | None) -> None:
        self._step = step
        words, cuts = set(), {_FIRST, _LAST}
        numeric = False
        for leaf in leaves:
            match leaf:
                case Between(_, low, high):
                    cuts |= {(low, 0)} if low is not None else set()
                    cuts |= {self._after(high)} if high is not None else set()
                    numeric = True
                case Among(_, values):
                    for value in values:
                        if isinstance(value, str):
                            words.add(value)
                        else:
                            cuts |= {(value, 0), self._after(value)}
                            numeric = True
        self.words = sorted(words)
        ordered = sorted(cuts) if numeric else []
        self.stretches = list(itertools.pairwise(ordered))
        self.size = 2 + len(self.words) + len(self.stretches)

    def _after(self, number: Fraction) -> _Cut:
        """The place just behind a number: before the next one, where it is known which that is."""
        return (number, 1) if self._step is None else (number + self._step, 0)

    def holds(self, leaf: Leaf) -> Bools:
        """For each class, whether the leaf holds in it. Classes: empty, other words, the words, the stretches."""
        found = np.zeros(self.size, dtype=np.bool_)
        match leaf:
            case Empty(_, negated):
                found[0] = True
                return ~found if negated else found
            case Between(_, low, high):
                start = _FIRST if low is None else (low, 0)
                end = _LAST if high is None else self._after(high)
                for at, (left, right) in enumerate(self.stretches, start=2 + len(self.words)):
                    found[at] = left >= start and right <= end
                return found
            case Among(_, values, negated):
                for at, word in enumerate(self.words, start=2):
                    found[at] = word in values
                points = {((v, 0), self._after(v)) for v in values if isinstance(v, Fraction)}
                for at, stretch in enumerate(self.stretches, start=2 + len(self.words)):
                    found[at] = stretch in points
                if negated:
                    found = ~found
                    found[0] = False
                return found


def grid_size(populations: Sequence[Population], steps: Mapping[str, Fraction]) -> int:
    """How many boxes the populations cut the rows into."""
    return math.prod(axis.size for axis in _axes(populations, steps).values())


def atoms_of(populations: Sequence[Population], steps: Mapping[str, Fraction]) -> Bools:
    """Which atoms each population holds.

    Args:
        steps: of each numeric column; 1 where it is not named.

    Returns:
        One row for each population, one column for each atom that is in any.

    Raises:
        TooMany: there are more than are solved.
    """
    axes = _axes(populations, steps)
    size = math.prod(axis.size for axis in axes.values())
    if size > MAX_GRID:
        raise TooMany(f"{size} boxes")
    names = list(axes)
    shape = tuple(axes[name].size for name in names)
    masks: dict[Leaf, Bools] = {}
    held = np.empty((len(populations), size), dtype=np.bool_)
    for at, population in enumerate(populations):
        mask = _mask(population, axes, names, masks)
        held[at] = np.broadcast_to(mask, shape).ravel()
    packed = np.packbits(held, axis=0)
    _, first = np.unique(packed, axis=1, return_index=True)
    held = held[:, np.sort(first)]
    held = held[:, held.any(axis=0)]
    if held.shape[1] > MAX_ATOMS:
        raise TooMany(f"{held.shape[1]} atoms")
    return held


def of_units(held: Bools) -> Bools:
    """The atoms of units that may have several rows: each union of what single rows can be.

    Raises:
        TooMany: there are more than are solved.
    """
    known = {column.tobytes(): column for column in held.T}
    fresh = list(known.values())
    while fresh:
        made: dict[bytes, Bools] = {}
        for one in fresh:
            for other in held.T:
                both = one | other
                if both.tobytes() not in known:
                    made[both.tobytes()] = both
            if len(known) + len(made) > MAX_ATOMS:
                raise TooMany("atoms of units")
        known |= made
        fresh = list(made.values())
    return np.array(list(known.values()), dtype=np.bool_).reshape(-1, held.shape[0]).T


def _axes(populations: Sequence[Population], steps: Mapping[str, Fraction]) -> dict[str, Axis]:
    leaves: dict[str, list[Leaf]] = {}
    for population in populations:
        for leaf in leaves_of(population):
            leaves.setdefault(leaf.column, []).append(leaf)
    return {name: Axis(found, steps.get(name, Fraction(1))) for name, found in sorted(leaves.items())}


def _mask(
    population: Population, axes: Mapping[str, Axis], names: Sequence[str], masks: dict[Leaf, Bools]
) -> Bools:
    match population:
        case Not(part):
            return ~_mask(part, axes, names, masks)
        case Every(parts) | Some(parts):
            whole = isinstance(population, Every)
            found: Bools = np.full((1,) * len(names), whole, dtype=np.bool_)
            for part in parts:
                mask = _mask(part, axes, names, masks)
                found = found & mask if whole else found | mask
            return found
        case _:
            if population not in masks:
                shape = [1] * len(names)
                shape[names.index(population.column)] = -1
                masks[population] = axes[population.column].holds(population).reshape(shape)
            return masks[population]
