"""What a set of numbers says of any group of people: exact bounds by linear programming.

The unknowns are how many units are in each atom; each number is a constraint on a sum of them. The least and the most
that a group can hold are then two linear programs; being whole numbers, bounds are rounded inwards, and of small
systems solved in whole numbers. Source: Hundepool et al. (2012), Statistical Disclosure Control, 4.2.2 and 4.6.
Solver: HiGHS, through SciPy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array, vstack

from sandbox.disclosure.differencing.atoms import Bools

MAX_WHOLE = 60  # atoms of a system that is solved in whole numbers
_NEAR = 1e-6  # what a solver's arithmetic may be off
_EXHAUSTIVE = 6  # small atoms of which every set is tried

Floats = NDArray[np.float64]


class Contradiction(Exception):
    """No counts at all fit all of the numbers: some of them are not about what they say."""


@dataclass(frozen=True, slots=True)
class Said:
    """One number, as a constraint.

    Attributes:
        low: the least it can be; of a share, between 0 and 1.
        high: the most; None where nothing bounds it.
        base: of a share, the place of its base among the populations; None for a count.
    """

    low: Decimal
    high: Decimal | None
    base: int | None = None


@dataclass(frozen=True, slots=True)
class Range:
    """What a group can hold.

    Attributes:
        low, high: the least and the most; None: nothing bounds it.
        used: places of the numbers that say so.
    """

    low: int
    high: int | None
    used: frozenset[int] = frozenset()


class System:
    """Numbers about populations, ready to be asked.

    Args:
        held: which atoms each population holds (populations × atoms).
        said: beside each population its number, or None where nothing was said of it.
    """

    def __init__(self, held: Bools, said: Sequence[Said | None]) -> None:
        self.held, self._said = held, said
        rows, bounds, who = [], [], []
        counts = held.astype(np.float64)
        for at, number in enumerate(said):
            if number is None:
                continue
            if number.base is None:
                if number.high is not None:
                    rows.append(counts[at])
                    bounds.append(float(number.high))
                    who.append(at)
                if number.low > 0:
                    rows.append(-counts[at])
                    bounds.append(-float(number.low))
                    who.append(at)
                continue
            part = counts[at] * counts[number.base]  # a share is of those in the base
            for sign, end in ((1.0, number.high), (-1.0, number.low)):
                if end is not None:
                    rows.append(sign * (part - float(end) * counts[number.base]))
                    bounds.append(0.0)
                    who.append(at)
        atoms = held.shape[1]
        self._matrix = csr_array(np.array(rows)) if rows else csr_array((0, atoms), dtype=np.float64)
        self._bounds = np.array(bounds)
        self._who = np.array(who, dtype=np.int64)

    def only(self, places: frozenset[int]) -> System:
        """The same atoms, with these numbers alone."""
        return System(self.held, [s if at in places else None for at, s in enumerate(self._said)])

    def range(self, group: Bools) -> Range:
        """The least and the most units that can be in a group of atoms.

        Raises:
            Contradiction: no counts fit.
        """
        low, least = self._solve(group, 1.0)
        high, most = self._solve(group, -1.0)
        return Range(low=low or 0, high=high, used=least | most)

    def least(self, group: Bools) -> int:
        """The least alone."""
        return self._solve(group, 1.0)[0] or 0

    def small(self, threshold: int) -> Bools:
        """The atoms that surely hold fewer units than the threshold.

        All that can be large at once are found together: each program asks for as many as possible.
        """
        atoms = self.held.shape[1]
        rest = np.ones(atoms, dtype=np.bool_)
        single = np.zeros(atoms, dtype=np.bool_)
        while rest.any():
            places = np.flatnonzero(rest)
            many = len(places)
            # capped <= count of the atom, capped <= threshold; as much of them as there can be
            top = csr_array(
                (self._matrix.data, self._matrix.indices, self._matrix.indptr),
                shape=(self._matrix.shape[0], atoms + many),
            )
            at = np.arange(many)
            both = csr_array(
                (
                    np.concatenate([-np.ones(many), np.ones(many)]),
                    (np.concatenate([at, at]), np.concatenate([places, atoms + at])),
                ),
                shape=(many, atoms + many),
            )
            cost = np.concatenate([np.zeros(atoms), -np.ones(many)])
            limits = [(0.0, None)] * atoms + [(0.0, float(threshold))] * many
            result = linprog(
                cost,
                A_ub=vstack([top, both]),
                b_ub=np.concatenate([self._bounds, np.zeros(many)]),
                bounds=limits,
                method="highs",
            )
            if result.status == 2:
                raise Contradiction
            large = places[result.x[atoms:] >= threshold - _NEAR]
            if len(large) == 0:
                break
            rest[large] = False
        # What is left was not large together with the others; alone it may be.
        for place in np.flatnonzero(rest):
            group = single.copy()
            group[place] = True
            high, _ = self._solve(group, -1.0)
            if high is None or high >= threshold:
                rest[place] = False
        return rest

    def isolated(self, threshold: int, *, most: int) -> list[Bools]:
        """Groups that surely hold somebody and surely fewer than the threshold; smallest first, none within another."""
        small = self.small(threshold)
        found: list[Bools] = []
        if not small.any() or self.least(small) == 0:
            return found
        places = [int(place) for place in np.flatnonzero(small)]
        for place in places:
            group = self._group([place])
            if self.least(group) > 0:
                found.append(group)
        rest = [p for p in places if not any(g[p] for g in found)]
        if len(rest) <= _EXHAUSTIVE:
            found += self._sets(rest, threshold)
        else:
            found += self._packed(rest, threshold)
        return found[:most]

    def _group(self, places: Sequence[int]) -> Bools:
        group = np.zeros(self.held.shape[1], dtype=np.bool_)
        group[list(places)] = True
        return group

    def _sets(self, places: Sequence[int], threshold: int) -> list[Bools]:
        """Every smallest set of atoms that is isolated."""
        found: list[Bools] = []
        for size in range(2, len(places) + 1):
            for bits in range(1 << len(places)):
                if bits.bit_count() != size:
                    continue
                group = self._group([p for i, p in enumerate(places) if bits >> i & 1])
                if not any((g & ~group).sum() == 0 for g in found) and self._is_isolated(group, threshold):
                    found.append(group)
        return found

    def _packed(self, places: list[int], threshold: int) -> list[Bools]:
        """Smallest sets one after the other, none with an atom of another; first within what the populations hold."""
        found: list[Bools] = []
        small = self._group(places)
        for row in self.held:
            group = row & small & ~np.any([*found, np.zeros_like(small)], axis=0)
            if group.sum() > 1 and self._is_isolated(group, threshold):
                found.append(self._shrunk(group))
        rest = small & ~np.any([*found, np.zeros_like(small)], axis=0)
        while rest.any() and self.least(rest) > 0:
            group = self._shrunk(rest)
            if self._is_isolated(group, threshold):
                found.append(group)
            rest = rest & ~group
        return found

    def _shrunk(self, group: Bools) -> Bools:
        """A smallest part of a group that still surely holds somebody."""
        for place in np.flatnonzero(group):
            fewer = group.copy()
            fewer[place] = False
            if fewer.any() and self.least(fewer) > 0:
                group = fewer
        return group

    def _is_isolated(self, group: Bools, threshold: int) -> bool:
        if self.least(group) == 0:
            return False
        high, _ = self._solve(group, -1.0)
        return high is not None and high < threshold

    def _solve(self, group: Bools, sign: float) -> tuple[int | None, frozenset[int]]:
        """The least (sign 1) or the most (sign -1); None where nothing bounds it. And the numbers it hangs on."""
        cost = sign * group.astype(np.float64)
        result = linprog(cost, A_ub=self._matrix, b_ub=self._bounds, bounds=(0, None), method="highs")
        if result.status == 2:
            raise Contradiction
        if result.status == 3:
            return None, frozenset()
        weights: Floats = result.ineqlin.marginals
        used = frozenset(int(at) for at in self._who[np.abs(weights) > _NEAR])
        value = sign * float(result.fun)
        if self.held.shape[1] <= MAX_WHOLE:
            value = self._whole(cost, sign, value)
        rounded = math.ceil(value - _NEAR) if sign > 0 else math.floor(value + _NEAR)
        return max(0, rounded), used

    def _whole(self, cost: Floats, sign: float, relaxed: float) -> float:
        """The bound in whole numbers of units."""
        result = milp(
            cost,
            constraints=LinearConstraint(self._matrix, ub=self._bounds + _NEAR),
            integrality=np.ones(len(cost)),
            bounds=Bounds(lb=0),
        )
        if result.status == 2:
            raise Contradiction
        return relaxed if result.fun is None else sign * float(result.fun)
