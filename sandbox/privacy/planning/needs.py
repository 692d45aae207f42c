"""What each measurement's noise weighs in the aggregates that are worked out from it: by that a price is split.

An aggregate that is worked out from several noisy numbers moves, for small noise, as Σ cₜ·noiseₜ (the first term of
its Taylor series), with variance Σ cₜ²·σₜ². Only ratios of the cₜ count, so that they are taken for a cell of the
answer with any number of rows:

- a count, a sum, a quantile: its one number. A sum from the middle: total + middle·count.
- an average total/count + middle: 1 and the average's distance a from the middle, because
  ∂/∂total = 1/n, ∂/∂count = −total/n² = −a/n.
- a covariance products/count − (x/count)·(y/count): q_x·q_y, the other column's average for each sum, and the product
  of both averages and both deviations, which bounds |covariance − a_x·a_y|. A correlation is that over both
  deviations, and half of itself times each variance besides.
- a variance squares/count − (total/count)²: q², 2a, and V + a², its square's average, which bounds |V − a²|; for
  squares in multiples of q.

What an aggregate would have alone. Split the best way, the whole price s gives it ``least_total`` of the cₜ²Δₜ², over
sᵖ. The sum of all aggregates' variances, each relative to that, is Σₜ nₜ / sₜᵖ with
nₜ = Σₖ cₖₜ²·Δₜ² / least_totalₖ: the needs. A vector that two aggregates share counts for both and is paid for once.
The units that decide which unlisted keys are shown need as much as an aggregate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from sandbox.domain.privacy_loss import Accounting
from sandbox.domain.question import MeasureKind
from sandbox.privacy.planning.bounding import Bounding
from sandbox.privacy.planning.measurements import Recipe, Target
from sandbox.privacy.planning.split import least_total, power_of, split

_SUPPOSED = 0.5  # of half the range: how far an average is from the middle, where nothing is known
_LEAST = 0.25  # of half the range: an average's count has to stay clear of its noise, also in small cells


def weights(recipe: Recipe, targets: Mapping[str, Target], average: float | None) -> dict[str, float]:
    """The size of cₜ by the target's name.

    Args:
        average: of the column, in steps, where something is known of it.
    """
    total = targets[recipe.total]
    if not recipe.count:
        return {recipe.total: 1.0}
    half = (total.upper - total.lower) / 2
    supposed = (total.upper + total.lower) / 2 + _SUPPOSED * half
    away = max(_LEAST * half, abs((supposed if average is None else average) - total.middle))
    if recipe.measure.kind is MeasureKind.SUM:
        return {recipe.total: 1.0, recipe.count: float(abs(recipe.middle))}
    if recipe.products:
        return _pair_weights(recipe, targets, away)
    if not recipe.squares:
        return {recipe.total: 1.0, recipe.count: away}
    square = away**2 + supposed_variance(half)
    return {
        recipe.squares: float(targets[recipe.squares].quantum) ** 2,
        recipe.total: 2 * away,
        recipe.count: square,
    }


def _pair_weights(recipe: Recipe, targets: Mapping[str, Target], away: float) -> dict[str, float]:
    """Of a covariance in squares of steps, of a correlation in ones."""
    total, other = targets[recipe.total], targets[recipe.other_total]
    halves = [(target.upper - target.lower) / 2 for target in (total, other)]
    means = away, _SUPPOSED * halves[1]
    spreads = [math.sqrt(supposed_variance(half)) for half in halves]
    found = {
        recipe.products: float(targets[recipe.products].unit),
        recipe.total: means[1],
        recipe.other_total: means[0],
        recipe.count: means[0] * means[1] + spreads[0] * spreads[1],
    }
    if not recipe.squares or not all(spreads):
        return found
    for total_name, squares, mean, spread, beside in (
        (recipe.total, recipe.squares, means[0], spreads[0], spreads[1]),
        (recipe.other_total, recipe.other_squares, means[1], spreads[1], spreads[0]),
    ):
        part = _SUPPOSED / 2 * beside / spread  # half of the correlation, for variances
        found[squares] = part * targets[squares].unit
        found[total_name] += 2 * part * mean
        found[recipe.count] += part * (mean**2 + spread**2)
    return {name: weight / (spreads[0] * spreads[1]) for name, weight in found.items()}


def supposed_variance(half: float) -> float:
    """Of values within ``half`` of the middle, in squares of its unit."""
    return (_SUPPOSED * half) ** 2


def shares(
    recipes: Sequence[Recipe],
    targets: Sequence[Target],
    bounding: Bounding,
    *,
    whole: int,
    averages: Mapping[str, float],
    accounting: Accounting,
    shown_by: str = "",
) -> tuple[int, ...]:
    """What each target may cost of a price: all of it, in whole numbers, by need.

    Args:
        whole: the price, in nanos.
        averages: of columns in steps, as far as known.
        shown_by: the target by which unlisted keys are shown: that needs as much as an aggregate of its own.
    """
    named = {target.name: target for target in targets}
    weighed = [weights(recipe, named, averages.get(recipe.measure.column)) for recipe in recipes]
    weighed += [{shown_by: 1.0}] if shown_by else []
    squared = {t.name: distance_squared(t, bounding, accounting) for t in targets}
    return split(whole, needs(weighed, squared, accounting), power=power_of(accounting))


def distance_squared(target: Target, bounding: Bounding, accounting: Accounting) -> float:
    """The square of Δ: in L1 for Laplace noise, in L2 for Gaussian noise."""
    if accounting is Accounting.PURE:
        return float(target.absolute_sensitivity(bounding)) ** 2
    return float(target.squared_sensitivity(bounding))


def noise_variance(squared: float, *, price: float, accounting: Accounting) -> float:
    """About the variance of a target's noise: close enough to choose by; OpenDP says the real one.

    Args:
        squared: its ``distance_squared``.
        price: rho or epsilon.
    """
    return 2 * squared / price**2 if accounting is Accounting.PURE else squared / (2 * price)


def needs(
    weighed: Sequence[Mapping[str, float]], squared: Mapping[str, float], accounting: Accounting
) -> list[float]:
    """nₜ for each target, in the order of ``squared``.

    Args:
        weighed: ``weights`` of each aggregate.
        squared: ``distance_squared`` of each target.
    """
    found = dict.fromkeys(squared, 0.0)
    for weight in weighed:
        own = {name: c * c * squared[name] for name, c in weight.items() if c}
        alone = least_total(list(own.values()), power=power_of(accounting))
        for name, need in own.items():
            found[name] += need / alone if alone else 0.0
    return list(found.values())
