"""Which bounds: the ones whose loss and noise together are least, by what the profile says of how units contribute.

- Candidates stand on public ladders; the choice follows from question, policy, profile and price. No row is read.
- The error of an aggregate is the root of (what bounding takes away)² + (noise)², relative to its own size.
- What bounding takes from a count or a sum is gone. An average stays where it is as long as the units that are cut are
  like the others; how far they are not, the profile's ``tilt`` says.
- Cutting a unit's aggregate takes rows of heavy cells only, where dropping rows of a unit takes them everywhere; so
  ``rows`` is taken where it is about as good, because it is one plain filter.

What is lost is estimated without WHERE: a condition leaves fewer rows of each unit, and less is cut.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

from sandbox.domain.evidence import PAIRED
from sandbox.domain.question import MeasureKind
from sandbox.privacy.mechanisms.quantiles import BRANCHES
from sandbox.privacy.planning.bounding import Bounding, BoundingLoss, groups_plan, rows_plan
from sandbox.privacy.planning.measurements import Recipe, Target, What
from sandbox.privacy.planning.needs import distance_squared, needs, noise_variance, supposed_variance, weights
from sandbox.privacy.planning.profile import ladder, sum_edges
from sandbox.privacy.planning.split import parts, power_of
from sandbox.privacy.planning.ways import Setting

_AS_GOOD = 1.05  # how much more error a plain filter may have
_UNEVEN = math.sqrt(2)  # cells are uneven: what is lost counts as if it were lost in half of them
_UNTOLD = (
    0.1  # where no tilt was bought: rows that are left out differ by such a part of the average, we suppose
)
_SMALLEST_AVERAGE = 0.1  # of half the range: nearer to zero, an error is not told relative to the average
_EVERY = 4  # a search looks at every fourth step first
_SPREAD = (MeasureKind.VARIANCE, MeasureKind.STDDEV)
_EVEN = (
    MeasureKind.AVG,
    *_SPREAD,
    MeasureKind.QUANTILE,
    *PAIRED,
)  # they stay where they are when rows are left out evenly

T = TypeVar("T")


def choose(
    ways: Sequence[Setting], *, most: int, groups: int, per_group: int
) -> tuple[Setting, Bounding] | None:
    """The best way to measure with its best bounding, or None where the profile says nothing.

    Args:
        ways: the same question, measured differently.
        most: rows of a unit that may count at all.
        groups: cells of the answer that it may count in.
        per_group: rows of it that may count in one cell.
    """
    if not ways[0].crowd.strata:
        return None
    found = [(way, *_best(Weighing(way), most=most, groups=groups, per_group=per_group)) for way in ways]
    way, bounding, _ = min(found, key=lambda best: best[2])
    return way, bounding


def loss_to(setting: Setting, bounding: Bounding) -> BoundingLoss | None:
    """What a bounding takes away; None where the profile says nothing."""
    if not setting.crowd.strata:
        return None
    weighing = Weighing(setting)
    errors = weighing.errors(bounding)
    totals = [r for r in setting.recipes if r.measure.kind not in _EVEN]
    if totals:
        lost = max(weighing.lost(setting.target(r.count or r.total), bounding) for r in totals)
    else:  # averages and the like bear rows that are left out: what counts is how far they move
        lost = max(bias for bias, _ in errors)
    over = any(bias > noise for bias, noise in errors)
    return BoundingLoss(percent=round(100.0 * lost, 2), over_noise=over, moves=not totals)


class Weighing:
    """A setting's errors under any bounding."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.crowd = setting.crowd
        self.targets = {t.name: t for t in setting.targets}
        self.averages = averages(setting)
        self.weights = [
            weights(r, self.targets, self.averages.get(r.measure.column)) for r in setting.recipes
        ]
        self.deciding = [{setting.shown_by: 1.0}] if setting.shown_by else []

    def error(self, bounding: Bounding) -> float:
        return sum(math.hypot(bias, noise) for bias, noise in self.errors(bounding))

    def errors(self, bounding: Bounding) -> list[tuple[float, float]]:
        """Bias and noise of each aggregate in a typical cell, both relative to the aggregate in it."""
        accounting, whole = self.setting.accounting, 1e-9 * self.setting.nano
        squared = {t.name: distance_squared(t, bounding, accounting) for t in self.setting.targets}
        needed = needs([*self.weights, *self.deciding], squared, accounting)
        shares = parts(needed, power=power_of(accounting))
        variances = {
            name: noise_variance(distance, price=whole * share, accounting=accounting) if share else 0.0
            for (name, distance), share in zip(squared.items(), shares, strict=True)
        }
        sigmas = [math.sqrt(sum(c * c * variances[name] for name, c in w.items())) for w in self.weights]
        return [self._error(r, s, bounding) for r, s in zip(self.setting.recipes, sigmas, strict=True)]

    def _error(self, recipe: Recipe, sigma: float, bounding: Bounding) -> tuple[float, float]:
        """Args: sigma: of the aggregate; for an average, of it times its number of rows."""
        target, crowd, column = self.targets[recipe.total], self.crowd, recipe.measure.column
        cells, kind = float(self.setting.usual_cells), recipe.measure.kind
        if target.what is What.UNITS:
            return self._uneven(self.lost(target, bounding)), cells * sigma / crowd.cells
        if target.what in (What.ROWS, What.FILLED):
            return self._uneven(self.lost(target, bounding)), cells * sigma / crowd.rows
        if target.what is What.VALUES:
            # As if each row had a value of its own: then most is lost. Where fewer are listed, noise weighs more.
            most = min(crowd.rows, cells * target.listed) if target.listed else crowd.rows
            return self._uneven(self.lost(target, bounding)), cells * sigma / most
        if kind not in _EVEN:
            bias = self._uneven(self.lost(target, bounding))
            return bias, cells * sigma / self._size(target)
        half = (target.upper - target.lower) / 2
        kept = crowd.rows_kept(bounding)
        moved = crowd.shift(column, bounding) if column in crowd.tilted else None
        supposed = _UNTOLD * self._uneven(crowd.rows_lost(bounding))
        cells *= self._uneven(1.0)  # in cells with fewer rows, an average has more noise
        strays = cells * crowd.strays(bounding)  # a variance, for values that have one of 1
        if kind is MeasureKind.QUANTILE:
            # Of ranks. A shift by half the range passes all of them, where values fill half the range.
            width = math.sqrt(BRANCHES + 3 * (target.shape.levels - 1))  # a rank is a sum of so many nodes
            bias = math.hypot(supposed if moved is None else moved, math.sqrt(strays) / 2)
            return bias, width * cells * sigma / kept
        if kind in _SPREAD:
            bias = math.hypot(supposed + (moved or 0.0), math.sqrt(2 * strays))
            return bias, cells * sigma / (kept * supposed_variance(half))
        if kind in PAIRED:
            other = self.targets[recipe.other_total]
            spread = math.sqrt(supposed_variance(half) * supposed_variance((other.upper - other.lower) / 2))
            whole = 1.0 if kind is MeasureKind.CORRELATION else max(spread, 1.0)
            return math.hypot(supposed + (moved or 0.0), math.sqrt(strays)), cells * sigma / (kept * whole)
        size = max(self._size(target) / crowd.rows, _SMALLEST_AVERAGE * half)
        bias = supposed if moved is None else moved * half / size
        if self.has_sizes(target):  # its sum is cut apart from its count
            bias += crowd.cut_lost(column, bounding, cut=target.cut(bounding))
        bias = math.hypot(bias, self._deviation(target) * math.sqrt(strays) / size)
        return bias, cells * sigma / (kept * size)

    def _deviation(self, target: Target) -> float:
        """Of a column's values, supposed: of values near one of their bounds, no more than their distance from it."""
        widest = math.sqrt(supposed_variance((target.upper - target.lower) / 2))
        average = self.averages.get(target.column)
        return widest if average is None else min(widest, average - target.lower, target.upper - average)

    def lost(self, target: Target, bounding: Bounding) -> float:
        """The part of a target's total that bounding takes away (0 to 1)."""
        if target.what is What.UNITS:
            return self.crowd.cells_lost(bounding)
        if not self.has_sizes(target):
            return self.crowd.rows_lost(bounding)
        per_group = math.inf if target.what is What.SUM else bounding.rows_per_group
        return self.crowd.sum_lost(target.column, bounding, cut=target.cut(bounding), per_group=per_group)

    def cut_error(self, target: Target, bounding: Bounding) -> float:
        """Of a plain sum by itself: each is cut where it is best for it alone."""
        uses = sum(target.name in (r.total, r.count) for r in self.setting.recipes)
        share = uses / len(self.setting.recipes) * (0.5 if target.what is What.CENTRED else 1.0)
        accounting, price = self.setting.accounting, 1e-9 * self.setting.nano * share
        squared = distance_squared(target, bounding, accounting)
        sigma = math.sqrt(noise_variance(squared, price=price, accounting=accounting))
        noise = self.setting.usual_cells * sigma / self._size(target)
        if target.what is What.CENTRED:
            noise /= 1 - self.crowd.rows_lost(bounding)
            return math.hypot(self.crowd.cut_lost(target.column, bounding, cut=target.cut(bounding)), noise)
        return math.hypot(self._uneven(self.lost(target, bounding)), noise)

    def has_sizes(self, target: Target) -> bool:
        """True of a plain sum whose sizes the profile knows."""
        plain = target.what is What.SUM or (target.what is What.CENTRED and target.middle == 0)
        return plain and target.column in self.crowd.sums

    def _size(self, target: Target) -> float:
        """Of a sum, in steps."""
        return max(self.crowd.sums.get(target.column, self.crowd.rows * target.magnitude), 1.0)

    def _uneven(self, lost: float) -> float:
        return lost * (_UNEVEN if self.setting.cells > 1 else 1.0)


def averages(setting: Setting) -> dict[str, float]:
    """What is known of the columns' averages, in steps."""
    crowd, found = setting.crowd, {}
    for target in (t for t in setting.targets if t.lower < t.upper):
        middle, half = (target.lower + target.upper) / 2, (target.upper - target.lower) / 2
        if target.column in crowd.tilted:
            found[target.column] = middle + half * crowd.average(target.column)
        elif target.column in crowd.sums and target.lower >= 0:
            found[target.column] = min(crowd.sums[target.column] / crowd.rows, float(target.upper))
    return found


def _best(weighing: Weighing, *, most: int, groups: int, per_group: int) -> tuple[Bounding, float]:
    """The best bounding with its error; see ``choose``."""
    setting, error = weighing.setting, weighing.error
    steps = [rows_plan(rows_per_unit=k, cells=setting.cells) for k in ladder(most)]
    steps = [b for b in steps if b.groups_per_unit <= groups]
    good = least(steps, error) if steps else None
    if any(t.by_rows_alone for t in setting.targets):
        return good or least([rows_plan(rows_per_unit=most, cells=setting.cells)], error)
    best = _ByGroups(weighing, most=most, per_group=per_group).best(groups)
    if good is not None and setting.question.where is None and good[1] <= _AS_GOOD * best[1]:
        return good
    return best


class _ByGroups:
    """The search for a ``groups`` plan: in how many cells a unit counts; for each, the cut of each sum, then rows."""

    def __init__(self, weighing: Weighing, *, most: int, per_group: int) -> None:
        self.weighing, self.setting = weighing, weighing.setting
        self.most, self.per_group = most, per_group
        targets = self.setting.targets
        self.apart = [t for t in targets if weighing.has_sizes(t)]
        self.average = [t for t in self.apart if t.what is What.CENTRED]
        summed = [t for t in self.apart if t.what is What.SUM]
        self.by_rows = any(t.what is not What.UNITS and t not in summed for t in targets)
        self._found: dict[str, int] = {}  # where the last search for each cut, or for rows, ended

    def best(self, groups: int) -> tuple[Bounding, float]:
        found = {g: self._of(g) for g in reversed(ladder(groups))}
        return min(found.values(), key=lambda pair: pair[1])

    def _of(self, groups: int) -> tuple[Bounding, float]:
        """The best bounding of units that count in so many cells."""
        cuts = {t.name: self._cut(t, groups, self.most) for t in self.apart}
        steps = ladder(self.per_group) if self.by_rows else (self.per_group,)
        rows, error = self._least(
            "rows", steps, lambda c: self.weighing.error(self._bounded(groups, c, cuts))
        )
        found = self._bounded(groups, rows, cuts), error
        if not self.average:
            return found
        # An average's sum is cut anew for the rows that its count is cut to.
        anew = self._bounded(groups, rows, cuts | {t.name: self._cut(t, groups, rows) for t in self.average})
        return min(found, (anew, self.weighing.error(anew)), key=lambda pair: pair[1])

    def _cut(self, target: Target, groups: int, rows: int) -> int:
        """The best cut of a sum, and no further than what the owner declared of one cell."""
        edges = [e for e in sum_edges(target.magnitude, self.most) if e <= target.magnitude * self.per_group]
        best, _ = self._least(
            f"{target.name} {rows == self.most}",
            edges,
            lambda edge: self.weighing.cut_error(target, self._bounded(groups, rows, {target.name: edge})),
        )
        return best

    def _bounded(self, groups: int, rows: int, cuts: dict[str, int]) -> Bounding:
        return groups_plan(
            rows_per_unit=self.most,
            cells=self.setting.cells,
            groups_per_unit=groups,
            rows_per_group=rows,
            cuts=tuple(cuts.items()),
        )

    def _least(self, what: str, steps: Sequence[int], error: Callable[[int], float]) -> tuple[int, float]:
        """``least``, from where the search for the same ended with one cell more: it is seldom far from there."""
        best = least(steps, error, start=self._found.get(what))
        self._found[what] = steps.index(best[0])
        return best


def least(steps: Sequence[T], error: Callable[[T], float], start: int | None = None) -> tuple[T, float]:
    """The step with the least error, and that: from ``start``, or the best of a few, on while it gets better.

    Loss falls along the steps and noise rises, so that their sum falls and then rises, but for small unevenness.
    """
    known: dict[int, float] = {}

    def at(place: int) -> float:
        if place not in known:
            known[place] = error(steps[place])
        return known[place]

    last = len(steps) - 1
    best = min({*range(0, last, _EVERY), last}, key=at) if start is None else min(start, last)
    for way in (1, -1):
        while 0 <= best + way <= last and min(at(p) for p in _ahead(best, way, last)) < at(best):
            best = min(_ahead(best, way, last), key=at)
    return steps[best], at(best)


def _ahead(place: int, way: int, last: int) -> list[int]:
    """The next two steps: a small bump between is stepped over."""
    return [p for p in (place + way, place + 2 * way) if 0 <= p <= last]
