"""What a plan promises, in numbers and in words: shown before anything is spent, and again in the answer."""

from __future__ import annotations

import math
from collections.abc import Mapping

from sandbox.domain.policy import Column, Table
from sandbox.domain.question import MeasureKind
from sandbox.privacy.bounding import Bounding, BoundingPlan
from sandbox.privacy.measurements import ColumnEstimate, Recipe
from sandbox.privacy.noise import Z_95, Noise, half_width_95, standard_deviation
from sandbox.privacy.stored import steps_per_one

_TYPICAL_ROWS = 1000  # how many rows an average is over, in the sentence that tells its error

KINDS = {
    MeasureKind.COUNT_ROWS: "count",
    MeasureKind.COUNT_UNITS: "count",
    MeasureKind.SUM: "sum",
    MeasureKind.AVG: "avg",
}


def column_estimate(recipe: Recipe, table: Table, noises: Mapping[str, Noise]) -> ColumnEstimate:
    """The noise to expect of one aggregate."""
    measure, kind = recipe.measure, KINDS[recipe.measure.kind]
    if kind == "count":
        noise = noises[recipe.total]
        width = half_width_95(noise.scale)
        return ColumnEstimate(
            name=measure.alias,
            kind=kind,
            sd=standard_deviation(noise.scale),
            error_95=width,
            text=f"{measure.alias}: ±{width:,} in 95 of 100 cells.",
        )
    column = table.columns[measure.column]
    per_one, unit = steps_per_one(column), _measured_in(column)
    if kind == "avg":
        # At the middle of the bounds the noise of the count cancels out; at their ends it weighs as much again.
        ends = math.hypot(noises[recipe.total].scale, noises[recipe.count].scale * _half(column) * per_one)
        times_rows = Z_95 * ends / per_one  # the error, times how many rows the average is over
        if times_rows < _half(column) * _TYPICAL_ROWS:
            error = f"{times_rows / _TYPICAL_ROWS:.3g}{unit}"
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


def sum_error(recipe: Recipe, noises: Mapping[str, Noise]) -> tuple[float, int]:
    """Standard deviation and 95 % half width of a sum's noise, in steps."""
    total = noises[recipe.total]
    if not recipe.count:
        return standard_deviation(total.scale), half_width_95(total.scale)
    sd = math.hypot(total.scale, recipe.middle * noises[recipe.count].scale)
    return sd, math.ceil(Z_95 * sd)


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


def _rows(n: int) -> str:
    return f"{n} row" if n == 1 else f"{n} rows"


def _half(column: Column) -> float:
    return ((column.upper or 0) - (column.lower or 0)) / 2


def _measured_in(column: Column) -> str:
    return f" {column.measured_in}" if column.measured_in else ""
