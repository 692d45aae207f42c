"""What a plan promises, in numbers and in words: shown before anything is spent, and again in the answer."""

from __future__ import annotations

import math
from collections.abc import Mapping

from sandbox.domain.evidence import PAIRED
from sandbox.domain.policy import Column, Table
from sandbox.domain.question import MeasureKind
from sandbox.privacy.mechanisms.noise import Z_95, Noise, half_width_95, standard_deviation
from sandbox.privacy.mechanisms.quantiles import BRANCHES, shape_for
from sandbox.privacy.mechanisms.spread import quantum_for
from sandbox.privacy.mechanisms.threshold import Threshold
from sandbox.privacy.planning.bounding import Bounding, BoundingLoss, BoundingPlan
from sandbox.privacy.planning.measurements import ColumnEstimate, Recipe
from sandbox.privacy.stored import bounds_in_steps, steps_per_one

_TYPICAL_ROWS = 1000  # how many rows an average is over, in the sentence that tells its error

KINDS = {
    MeasureKind.COUNT_ROWS: "count",
    MeasureKind.COUNT_FILLED: "count",
    MeasureKind.COUNT_UNITS: "count",
    MeasureKind.COUNT_VALUES: "count",
    MeasureKind.SUM: "sum",
    MeasureKind.AVG: "avg",
    MeasureKind.VARIANCE: "variance",
    MeasureKind.STDDEV: "stddev",
    MeasureKind.COVARIANCE: "covariance",
    MeasureKind.COVARIANCE_POP: "covariance",
    MeasureKind.CORRELATION: "correlation",
    MeasureKind.QUANTILE: "quantile",
}


def column_estimate(recipe: Recipe, table: Table, noises: Mapping[str, Noise]) -> ColumnEstimate:
    """The noise to expect of one aggregate."""
    measure, kind = recipe.measure, KINDS[recipe.measure.kind]
    if kind == "count":
        noise = noises[recipe.total]
        width = half_width_95(noise)
        return ColumnEstimate(
            name=measure.alias,
            kind=kind,
            sd=standard_deviation(noise),
            error_95=width,
            text=f"{measure.alias}: ±{width:,} in 95 of 100 cells.",
        )
    if measure.kind in PAIRED:
        text = f"{measure.alias}: {_pair_told(recipe, table, noises)}"
        return ColumnEstimate(name=measure.alias, kind=kind, sd=None, error_95=None, text=text)
    column = table.columns[measure.column]
    per_one, unit = steps_per_one(column), _measured_in(column)
    if kind in ("variance", "stddev", "quantile"):
        text = f"{measure.alias}: {_told(recipe, table, noises)}"
        return ColumnEstimate(name=measure.alias, kind=kind, sd=None, error_95=None, text=text)
    if kind == "avg":
        # Where the average is what was taken off, the noise of the count cancels out; far from it it weighs most.
        lower, upper = bounds_in_steps(column)
        away = max(abs(lower - recipe.middle), abs(upper - recipe.middle))
        ends = math.hypot(noises[recipe.total].sigma(), noises[recipe.count].sigma() * away)
        times_rows = Z_95 * ends / per_one  # the error, times how many rows the average is over
        if times_rows < _half(column) * _TYPICAL_ROWS:
            error = f"{three_digits(times_rows / _TYPICAL_ROWS)}{unit}"
            text = f"{measure.alias}: at most about ±{error} over {_TYPICAL_ROWS:,} rows, and less over more."
        else:
            least = math.ceil(times_rows / _half(column))
            text = f"{measure.alias}: says something only over more than about {least:,} rows."
        return ColumnEstimate(name=measure.alias, kind=kind, sd=None, error_95=None, text=text)
    sd, width = sum_error(recipe, noises)
    return ColumnEstimate(
        name=measure.alias,
        kind=kind,
        sd=sd / per_one,
        error_95=width / per_one,
        text=f"{measure.alias}: ±{width / per_one:,.6g}{unit} in 95 of 100 cells.",
    )


def _told(recipe: Recipe, table: Table, noises: Mapping[str, Noise]) -> str:
    """What to expect of a variance, a standard deviation or a quantile, in words."""
    column = table.columns[recipe.measure.column]
    lower, upper = bounds_in_steps(column)
    if recipe.measure.kind is MeasureKind.QUANTILE:
        shape = shape_for(lower, upper)
        rank = math.ceil(Z_95 * noises[recipe.total].sigma() * math.sqrt(BRANCHES + 3 * (shape.levels - 1)))
        bin_ = f"{shape.width / steps_per_one(column):,.6g}{_measured_in(column)}"
        return f"at most about {rank:,} rows off in rank, in bins of {bin_}."
    half = max(abs(lower - recipe.middle), abs(upper - recipe.middle))
    quantum = quantum_for(half=half, max_rows=table.max_rows)
    parts = (
        noises[recipe.squares].sigma() * quantum**2,
        noises[recipe.total].sigma() * 2 * half,
        noises[recipe.count].sigma() * half**2,
    )
    most = Z_95 * math.hypot(*parts) / _TYPICAL_ROWS / steps_per_one(column) ** 2
    what = "its square " if recipe.measure.kind is MeasureKind.STDDEV else ""
    return f"{what}at most about ±{three_digits(most)} over {_TYPICAL_ROWS:,} rows, and less over more."


def _pair_told(recipe: Recipe, table: Table, noises: Mapping[str, Noise]) -> str:
    """What to expect of a covariance or a correlation, in words: of columns that fill their bounds evenly."""
    halves, units, per_one = [], [], 1
    for name in (recipe.measure.column, recipe.measure.other):
        lower, upper = bounds_in_steps(table.columns[name])
        halves.append(max(abs(lower - (lower + upper) // 2), abs(upper - (lower + upper) // 2)))
        units.append(quantum_for(half=halves[-1], max_rows=table.max_rows))
        per_one *= steps_per_one(table.columns[name])
    first, second = halves
    products = noises[recipe.products].sigma() * units[0] * units[1]
    if recipe.measure.kind is MeasureKind.CORRELATION:
        # Around 0 the noise of the products is all that counts; an even spread has a variance of half²/3.
        error = 3 * Z_95 * products / max(1, first * second) / _TYPICAL_ROWS
        return (
            f"about ±{error:.2g} over {_TYPICAL_ROWS:,} rows spread evenly between their bounds; less over more, "
            "and more where they lie closer together."
        )
    parts = (
        products,
        noises[recipe.total].sigma() * second,
        noises[recipe.other_total].sigma() * first,
        noises[recipe.count].sigma() * first * second,
    )
    most = Z_95 * math.hypot(*parts) / _TYPICAL_ROWS / per_one
    return f"at most about ±{three_digits(most)} over {_TYPICAL_ROWS:,} rows, and less over more."


def sum_error(recipe: Recipe, noises: Mapping[str, Noise]) -> tuple[float, int | float]:
    """Standard deviation and 95 % half width of a sum's noise, in steps."""
    total = noises[recipe.total]
    if not recipe.count:
        return standard_deviation(total), half_width_95(total)
    count = noises[recipe.count]
    sd = math.hypot(standard_deviation(total), recipe.middle * standard_deviation(count))
    return sd, math.ceil(Z_95 * math.hypot(total.sigma(), recipe.middle * count.sigma()))


def shown_text(threshold: Threshold | None, noun: str) -> str:
    """Which unlisted keys an answer shows; nothing where all are listed."""
    if threshold is None:
        return ""
    return f" A key is shown where its noisy number of units ({noun}) is at least {threshold.least:,}."


def bounding_text(bounding: Bounding, table: Table, noun: str, *, cells: int) -> str:
    """One sentence: how a unit is bounded."""
    if table.max_rows_per_unit == 1:
        return f"Each {noun} has one row."
    rows = _rows(bounding.rows_per_unit)
    if bounding.plan is BoundingPlan.ROWS:
        return f"Each {noun} counts with at most {rows}, wherever in the answer they fall."
    groups = bounding.groups_per_unit
    where = "all rows of the answer" if groups >= cells else f"at most {groups} rows of the answer"
    return (
        f"Each {noun} counts in {where}, with at most {_rows(bounding.rows_per_group)} in each "
        f"and {bounding.rows_per_unit} in all."
    )


def loss_notes(loss: BoundingLoss | None) -> list[str]:
    """What the bounds are estimated to leave out, and a warning where that outweighs the noise."""
    if loss is None:
        return []
    notes = [loss.text]
    if loss.percent:
        notes.append("The intervals are about noise alone.")
    if loss.over_noise:
        notes.append(
            "Warning: what the bounds leave out is more than the noise. Count more of each unit, if you limited it."
        )
    return notes


def three_digits(value: float) -> str:
    """Three significant digits, never in exponent form where people read it.

    >>> three_digits(2320.4), three_digits(0.01234)
    ('2,320', '0.0123')
    """
    return f"{value:.3g}" if abs(value) < 1000 else f"{float(f'{value:.3g}'):,.0f}"


def _rows(n: int) -> str:
    return f"{n} row" if n == 1 else f"{n} rows"


def _half(column: Column) -> float:
    return ((column.upper or 0) - (column.lower or 0)) / 2


def _measured_in(column: Column) -> str:
    return f" {column.measured_in}" if column.measured_in else ""
