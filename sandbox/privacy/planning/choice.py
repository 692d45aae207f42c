"""Which bounds: the ones whose loss and noise together are least, by what the profile says of how units contribute.

- Candidates stand on public ladders; the choice follows from question, policy, profile and price. No row is read.
- The error of an aggregate is the root of (what bounding takes away)² + (noise)², relative to its own size.
- Cutting a unit's aggregate takes rows of heavy cells only, where dropping rows of a unit takes them everywhere; so
  ``rows`` is taken where it is about as good, because it is one plain filter.

What is lost is estimated without WHERE: a condition leaves fewer rows of each unit, and less is cut.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sandbox.domain.privacy_loss import Accounting
from sandbox.domain.question import MeasureKind, Question
from sandbox.privacy.planning.bounding import Bounding, BoundingLoss, BoundingPlan, groups_plan, rows_plan
from sandbox.privacy.planning.measurements import Recipe, Target, What
from sandbox.privacy.planning.profile import Profile, ladder, sum_edges
from sandbox.privacy.planning.strata import Stratum, strata

_AS_GOOD = 1.05  # how much more error a plain filter may have
_UNEVEN = math.sqrt(2)  # cells are uneven: what is lost counts as if it were lost in half of them
_OF_AN_AVERAGE = (
    0.1  # rows that are left out differ from the others by such a part of the average, we suppose
)


class Crowd:
    """A profile's units with their totals. What a bounding takes from them is worked out once."""

    def __init__(self, strata: tuple[Stratum, ...]) -> None:
        self.strata = strata
        self.rows = sum(s.units * s.rows for s in strata)
        self.cells = sum(s.units * s.groups for s in strata)
        columns = strata[0].sums if strata else {}  # all strata know the same ones
        self.sums = {name: sum(s.units * s.sums[name] for s in strata) for name in columns}
        self._lost: dict[tuple[object, ...], float] = {}

    def lost(self, what: tuple[object, ...], of: Callable[[Stratum], tuple[float, float]]) -> float:
        """The part of a total that is not kept.

        Args:
            what: names it, so that it need not be worked out again.
            of: the whole of a unit of a stratum, and what is kept of it.
        """
        if what not in self._lost:
            whole = kept = 0.0
            for stratum in self.strata:
                one, stays = of(stratum)
                whole += stratum.units * one
                kept += stratum.units * stays
            self._lost[what] = min(1.0, max(0.0, 1.0 - kept / whole)) if whole > 0 else 0.0
        return self._lost[what]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a choice is made for."""

    question: Question
    cells: int
    recipes: tuple[Recipe, ...]
    targets: tuple[Target, ...]
    nano: int  # of all targets together
    accounting: Accounting
    profile: Profile

    @property
    def share(self) -> int:
        """What one target may cost, in nanos: the price is split evenly."""
        return self.nano // len(self.targets)

    def target(self, name: str) -> Target:
        return next(t for t in self.targets if t.name == name)

    def crowd(self) -> Crowd:
        columns = {t.column for t in self.targets if t.column}
        # A key that is worked out from a column has cells of its own, which the profile does not know.
        keys = [key.column if getattr(key, "form", None) is None else "" for key in self.question.keys]
        return Crowd(strata(self.profile, keys=keys, columns=sorted(columns)))


def uncentred(setting: Setting) -> Setting:
    """The same question with sums that stand behind averages measured as they are, not from the middle.

    A centred value is at most half as large. But where values are far below their bound, a unit's sum can be cut much
    lower than a centred one, which is large for every unit.
    """
    plain = {MeasureKind.SUM, MeasureKind.AVG}
    kept = {
        name
        for recipe in setting.recipes
        if recipe.measure.kind not in plain
        for name in (recipe.total, recipe.count)
    }
    moved = {t.name for t in setting.targets if t.what is What.CENTRED} - kept
    return replace(
        setting,
        targets=tuple(replace(t, middle=0) if t.name in moved else t for t in setting.targets),
        recipes=tuple(replace(r, middle=0) if r.total in moved else r for r in setting.recipes),
    )


def apart(setting: Setting) -> Setting:
    """The same question with a sum measured apart from the average of the same column.

    One measurement more, and less of the price for each. But an average bears a tight bound, which lets each unit
    speak with a few rows, where a sum loses what is left out.
    """
    recipes, added = [], {}
    for recipe in setting.recipes:
        target = setting.target(recipe.total)
        if recipe.measure.kind is MeasureKind.SUM and target.what is What.CENTRED:
            target = replace(target, what=What.SUM, middle=0)
            added[target.name] = target
            recipe = replace(recipe, total=target.name, count="", middle=0)
        recipes.append(recipe)
    used = {name for recipe in recipes for name in (recipe.total, recipe.count, recipe.squares)}
    targets = (*(t for t in setting.targets if t.name in used), *added.values())
    return replace(setting, recipes=tuple(recipes), targets=targets)


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
    found = [
        (way, best)
        for way in ways
        if (best := _best(way, most=most, groups=groups, per_group=per_group)) is not None
    ]
    if not found:
        return None
    way, (bounding, _) = min(found, key=lambda pair: pair[1][1])
    return way, bounding


def _best(setting: Setting, *, most: int, groups: int, per_group: int) -> tuple[Bounding, float] | None:
    """The best bounding with its error.

    Args:
        most: rows of a unit that may count at all.
        groups: cells of the answer that it may count in.
        per_group: rows of it that may count in one cell.
    """
    crowd = setting.crowd()
    if not crowd.strata:
        return None

    def error(bounding: Bounding) -> float:
        return sum(math.hypot(*_parts(setting, crowd, bounding, recipe)) for recipe in setting.recipes)

    plain = [rows_plan(rows_per_unit=k, cells=setting.cells) for k in ladder(most)]
    plain = [b for b in plain if b.groups_per_unit <= groups]
    if any(t.what is What.TREE for t in setting.targets):  # a tree is bounded by rows
        return (best := min(plain, key=error)), error(best)
    cut_apart = _cut_apart(setting, crowd)
    by_rows_counts = any(t.what is not What.UNITS and t not in cut_apart for t in setting.targets)
    by_groups = []
    for g in ladder(groups):
        cuts = tuple(
            (t.name, _best_cut(setting, crowd, t, most=most, groups=g, per_group=per_group))
            for t in cut_apart
        )
        by_groups += [
            groups_plan(
                rows_per_unit=most, cells=setting.cells, groups_per_unit=g, rows_per_group=c, cuts=cuts
            )
            for c in (ladder(per_group) if by_rows_counts else (per_group,))
        ]
    best = min(by_groups, key=error)
    if setting.question.where is None and plain:
        good = min(plain, key=error)
        if error(good) <= _AS_GOOD * error(best):
            return good, error(good)
    return best, error(best)


def loss_to(setting: Setting, bounding: Bounding) -> BoundingLoss | None:
    """What a bounding takes away; None where the profile says nothing."""
    crowd = setting.crowd()
    if not crowd.strata:
        return None
    parts = [_parts(setting, crowd, bounding, recipe) for recipe in setting.recipes]
    # An average stays where it is when rows are left out evenly: it says how many only when it stands alone.
    even = {MeasureKind.AVG, MeasureKind.VARIANCE, MeasureKind.STDDEV, MeasureKind.QUANTILE}
    totals = [r for r in setting.recipes if r.measure.kind not in even] or setting.recipes
    lost = max(_lost(crowd, bounding, setting.target(r.count or r.total)) for r in totals)
    return BoundingLoss(percent=round(100.0 * lost, 2), over_noise=any(bias > noise for bias, noise in parts))


def _cut_apart(setting: Setting, crowd: Crowd) -> tuple[Target, ...]:
    """The plain sums whose sizes the profile knows: each is cut where it is best for it alone."""
    return tuple(t for t in setting.targets if _has_sizes(crowd, t))


def _has_sizes(crowd: Crowd, target: Target) -> bool:
    plain = target.what is What.SUM or (target.what is What.CENTRED and target.middle == 0)
    return plain and target.column in crowd.sums


def _best_cut(
    setting: Setting, crowd: Crowd, target: Target, *, most: int, groups: int, per_group: int
) -> int:
    """The cut of a plain sum with the least error, for units that count in so many cells."""
    cells = setting.cells
    size = crowd.sums[target.column]

    def error(cut: int) -> float:
        bounding = groups_plan(
            rows_per_unit=most,
            cells=cells,
            groups_per_unit=groups,
            rows_per_group=most,
            cuts=((target.name, cut),),
        )
        bias = _unevenly(cells) * _lost(crowd, bounding, target)
        return math.hypot(bias, cells * _sigma(setting, target, bounding) / max(size, 1.0))

    largest = target.magnitude * per_group  # what the owner declared of one cell
    return min((e for e in sum_edges(target.magnitude, most) if e <= largest), key=error)


def _parts(setting: Setting, crowd: Crowd, bounding: Bounding, recipe: Recipe) -> tuple[float, float]:
    """Bias and noise of an aggregate's typical cell, both relative to the aggregate in it."""
    target = setting.target(recipe.total)
    cells, rows = setting.cells, crowd.rows
    bias = _unevenly(cells) * _lost(crowd, bounding, target)
    sigma = _sigma(setting, target, bounding)
    if target.what is What.UNITS:
        return bias, cells * sigma / crowd.cells
    if target.what is What.TREE:  # ranks: like averages, they bear what is left out evenly
        return _OF_AN_AVERAGE * bias, cells * sigma / rows
    if target.what in (What.ROWS, What.FILLED):
        return bias, cells * sigma / rows
    size = max(crowd.sums.get(target.column, rows * target.magnitude), 1.0)
    if recipe.measure.kind is MeasureKind.AVG and recipe.count:
        away = abs(size / rows - target.middle)  # of the average from the middle
        counted = setting.target(recipe.count)
        sigma = math.hypot(sigma, away * _sigma(setting, counted, bounding))
        rows_lost = _unevenly(cells) * _lost(crowd, bounding, counted)
        return abs(bias - rows_lost) + _OF_AN_AVERAGE * rows_lost, cells * sigma / size
    if recipe.count:
        counted = setting.target(recipe.count)
        sigma = math.hypot(sigma, recipe.middle * _sigma(setting, counted, bounding))
    return bias, cells * sigma / size


def _unevenly(cells: int) -> float:
    return _UNEVEN if cells > 1 else 1.0


def _sigma(setting: Setting, target: Target, bounding: Bounding) -> float:
    """About the σ of a target's noise: close enough to choose by; OpenDP says the real one."""
    price = 1e-9 * setting.share
    if setting.accounting is Accounting.PURE:
        return math.sqrt(2) * target.absolute_sensitivity(bounding) / price
    return math.sqrt(target.squared_sensitivity(bounding) / (2 * price))


def _lost(crowd: Crowd, bounding: Bounding, target: Target) -> float:
    """The part of a target's total that bounding takes away (0 to 1)."""
    sized = _has_sizes(crowd, target)
    plan, most, groups = bounding.plan, bounding.rows_per_unit, bounding.groups_per_unit
    if target.what is What.UNITS:
        return crowd.lost(("units", plan, most, groups), lambda s: (s.groups, _kept_cells(s, bounding)))
    per_group = math.inf if sized and target.what is What.SUM else bounding.rows_per_group
    cut = target.cut(bounding) if sized else math.inf

    def kept(s: Stratum) -> tuple[float, float]:
        each = s.sums[target.column] / s.rows if sized else 1.0
        return s.rows * each, _kept(s, bounding, each=each, cut=min(cut, per_group * each))

    return crowd.lost((target.column if sized else "", plan, most, groups, per_group, cut), kept)


def _kept(s: Stratum, bounding: Bounding, *, each: float, cut: float) -> float:
    """What counts of a unit of the stratum, when each of its rows gives ``each``."""
    part = min(1.0, bounding.rows_per_unit / s.rows)
    if bounding.plan is BoundingPlan.ROWS:
        return s.rows * part * each
    others = max(0.0, min(s.groups, bounding.groups_per_unit) - 1)
    return min(s.peak * part * each, cut) + others * min(s.rest * part * each, cut)


def _kept_cells(s: Stratum, bounding: Bounding) -> float:
    """In how many cells a unit of the stratum counts: of rows drawn at random, some cells have none."""
    part = min(1.0, bounding.rows_per_unit / s.rows)
    seen = s.groups * (1 - (1 - part) ** (s.rows / s.groups)) if part < 1 else s.groups
    return seen if bounding.plan is BoundingPlan.ROWS else min(seen, bounding.groups_per_unit)
