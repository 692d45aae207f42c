"""What a bounding keeps of the units that a profile describes.

Worked out from strata: units that contribute alike. Nearly all of it is Σ weight·min(size, cap) for some cap, which
sorted sizes and running sums give in one look-up (``Capped``). None of it depends on a price, so that a crowd is
remembered with its profile.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import accumulate
from typing import Any

from sandbox.privacy.planning.bounding import Bounding, BoundingPlan
from sandbox.privacy.planning.profile import Profile
from sandbox.privacy.planning.strata import Stratum, strata

_FEW, _FAR = 0.1, 3.0  # a tenth of units, so many deviations above the others


class Capped:
    """Σ weight·min(size, cap) over many things.

    >>> Capped([(1.0, 10.0), (5.0, 2.0)])(3.0)
    16.0
    """

    def __init__(self, things: Iterable[tuple[float, float]]) -> None:
        ordered = sorted(things)
        self._sizes = [size for size, _ in ordered]
        self._below = [0.0, *accumulate(size * weight for size, weight in ordered)]
        above = [0.0, *accumulate(weight for _, weight in reversed(ordered))]
        self._above = above[::-1]

    def __call__(self, cap: float) -> float:
        place = bisect_right(self._sizes, cap)
        beyond = self._above[place]
        return self._below[place] + (cap * beyond if beyond else 0.0)


class Crowd:
    """A profile's units, in strata, with their totals.

    Attributes:
        rows, cells: of all units together.
        sums: the size of all units' sums by column, in steps, of columns whose sizes the profile knows.
        tilted: columns of which it knows how averages differ with the number of rows.
    """

    def __init__(self, strata: tuple[Stratum, ...]) -> None:
        self.strata = strata
        self.rows = sum(s.units * s.rows for s in strata)
        self.cells = sum(s.units * s.groups for s in strata)
        columns = strata[0].sums if strata else {}  # all strata know the same ones
        self.sums = {name: sum(s.units * s.sums[name] for s in strata) for name in columns}
        self.tilted = frozenset(strata[0].tilts) if strata else frozenset()
        self._known: dict[tuple[object, ...], Any] = {}

    def rows_lost(self, bounding: Bounding) -> float:
        """The part of all rows that does not count (0 to 1)."""
        return _part_lost(self.rows, self.rows_kept(bounding))

    def cells_lost(self, bounding: Bounding) -> float:
        """The part of all pairs of a unit and a cell that does not count."""
        plan, most, groups = bounding.plan, bounding.rows_per_unit, bounding.groups_per_unit

        def kept() -> float:
            return sum(s.units * _cells_kept(s, bounding) for s in self.strata)

        return _part_lost(self.cells, self._once(("cells", plan, most, groups), kept))

    def sum_lost(self, column: str, bounding: Bounding, *, cut: float, per_group: float) -> float:
        """The part of a column's sum that does not count, where a unit gives at most so much to a cell.

        Args:
            cut: in steps of the column.
            per_group: its rows in the cell count for no more than so many, before the cut.
        """
        plan, most, groups = bounding.plan, bounding.rows_per_unit, bounding.groups_per_unit

        def each(s: Stratum) -> float:
            return s.sums[column] / s.rows

        if plan is BoundingPlan.ROWS:
            by_rows = self._once(
                ("sum", column), lambda: Capped((s.rows, s.units * each(s)) for s in self.strata)
            )
            return _part_lost(self.sums[column], by_rows(most))

        def capped() -> Capped:
            return Capped(
                (min(rows, per_group) * each(s), s.units * cells)
                for s in self.strata
                for rows, cells in _by_cell(s, most=most, groups=groups)
            )

        if per_group >= most:
            per_group = math.inf  # the same, and remembered as the same
        by_sum = self._once(("sum", column, most, groups, per_group), capped)
        return _part_lost(self.sums[column], by_sum(cut))

    def cut_lost(self, column: str, bounding: Bounding, *, cut: float) -> float:
        """The part of an average's sum that is cut away, of what its ``rows_per_group`` rows gave without the cut.

        Within a stratum, units are not all alike: the average of n rows is taken to be 1 + 3/√n times as large in one
        unit of ten, and a little smaller in the others, as if single values had a deviation of their own size. (Such
        a tail is longer than that of values that fall exponentially.)
        """
        most, per_group = bounding.rows_per_unit, bounding.rows_per_group
        if bounding.plan is BoundingPlan.ROWS:
            return 0.0  # nothing is cut but rows

        def capped() -> Capped:
            things = []
            for s in self.strata:
                for rows, cells in _by_cell(
                    s, most=most, groups=most
                ):  # how many cells are kept hardly matters
                    size, spread = (
                        min(rows, per_group) * s.sums[column] / s.rows,
                        1 / math.sqrt(max(1.0, rows)),
                    )
                    things += [
                        (size * (1 + _FAR * spread), s.units * cells * _FEW),
                        (size * (1 - _FAR * spread * _FEW / (1 - _FEW)), s.units * cells * (1 - _FEW)),
                    ]
            return Capped(things)

        sums = self._once(("cut", column, most, per_group), capped)
        return _part_lost(sums(math.inf), sums(cut))

    def shift(self, column: str, bounding: Bounding) -> float:
        """How far the average of what counts is from the average of all rows, in halves of the range."""
        away = self._rows_kept(bounding, column) / self.rows_kept(bounding)
        return abs(away - self.average(column))

    def strays(self, bounding: Bounding) -> float:
        """The variance of (average of what counts − average of all), for values that vary by 1 from row to row.

        However alike units are, K rows that count say a little less than all N: 1/K − 1/N for a ``rows`` plan. A
        ``groups`` plan takes for the m rows of a unit that count in a cell the average of all its n rows there: of
        that, Σ m²/n / K² − 1/N is left.
        """
        most, groups, per_group = bounding.rows_per_unit, bounding.groups_per_unit, bounding.rows_per_group
        kept = self.rows_kept(bounding)
        if bounding.plan is BoundingPlan.ROWS:
            return max(0.0, 1 / kept - 1 / self.rows)

        def squares() -> float:
            return sum(
                s.units * cells * min(rows, per_group) ** 2 / rows
                for s in self.strata
                for rows, cells in _by_cell(s, most=most, groups=groups)
                if rows > 0
            )

        known = self._once(("strays", most, groups, per_group), squares)
        return max(0.0, float(known) / kept**2 - 1 / self.rows)

    def average(self, column: str) -> float:
        """Of all rows: its distance from the middle, in halves of the range."""
        tilts = self._once(
            ("average", column), lambda: sum(s.units * s.rows * s.tilts[column] for s in self.strata)
        )
        return float(tilts / self.rows)

    def rows_kept(self, bounding: Bounding) -> float:
        """How many rows count."""
        return self._rows_kept(bounding, "")

    def _rows_kept(self, bounding: Bounding, column: str) -> float:
        """The same; with a column, each counts by how far its average is from the middle."""
        most, groups = bounding.rows_per_unit, bounding.groups_per_unit

        def weight(s: Stratum) -> float:
            return s.units * (s.tilts[column] if column else 1.0)

        if bounding.plan is BoundingPlan.ROWS:
            by_rows = self._once(("rows", column), lambda: Capped((s.rows, weight(s)) for s in self.strata))
            return float(by_rows(most))

        def capped() -> Capped:
            return Capped(
                (rows, weight(s) * cells)
                for s in self.strata
                for rows, cells in _by_cell(s, most=most, groups=groups)
            )

        return float(self._once(("rows", column, most, groups), capped)(bounding.rows_per_group))

    def _once(self, what: tuple[object, ...], work: Callable[[], Any]) -> Any:
        if what not in self._known:
            self._known[what] = work()
        return self._known[what]


@lru_cache(maxsize=256)
def crowd_of(profile: Profile, keys: tuple[str, ...], columns: tuple[str, ...]) -> Crowd:
    """The crowd of a profile for an answer by ``keys``; with sums and averages of those ``columns`` that it knows."""
    return Crowd(strata(profile, keys=keys, columns=columns))


def _by_cell(s: Stratum, *, most: int, groups: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """A unit's rows in its largest cell and in each other one, with the number of such cells that are kept."""
    part = min(1.0, most / s.rows)
    return (s.peak * part, 1.0), (s.rest * part, max(0.0, min(s.groups, groups) - 1))


def _cells_kept(s: Stratum, bounding: Bounding) -> float:
    """In how many cells a unit of the stratum counts: of rows drawn at random, some cells have none."""
    part = min(1.0, bounding.rows_per_unit / s.rows)
    seen = s.groups * (1 - (1 - part) ** (s.rows / s.groups)) if part < 1 else s.groups
    return seen if bounding.plan is BoundingPlan.ROWS else min(seen, bounding.groups_per_unit)


def _part_lost(whole: float, kept: float) -> float:
    return min(1.0, max(0.0, 1.0 - kept / whole)) if whole > 0 else 0.0
