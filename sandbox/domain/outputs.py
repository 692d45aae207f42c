"""What an output is said to be: ``outputs.yaml``, which lies beside the files that it is about.

A declaration is the researcher's word. It adds checks and never takes one away: what a file shows by itself, and what
the platform computes again, count more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sandbox.domain.policy_keys import Way
from sandbox.domain.policy_keys import doc as _doc

DECLARATIONS = "outputs.yaml"
FORMAT = "sandbox-outputs-v1"


class OutputKind(StrEnum):
    """What an output is to those who judge it."""

    FREQUENCY = "frequency"  # counts
    MAGNITUDE = "magnitude"  # sums and means
    QUANTILE = "quantile"  # percentiles, medians, box plots
    EXTREME = "extreme"  # minima, maxima, ranges
    SPREAD = "spread"  # standard deviation, variance, skew
    REGRESSION = "regression"  # coefficient tables
    RATIO = "ratio"  # odds, risk and hazard ratios
    SURVIVAL = "survival"  # curves with numbers at risk
    HISTOGRAM = "histogram"
    PLOT = "plot"  # a picture
    ASSOCIATION = "association"  # correlations, components, tests
    CONCENTRATION = "concentration"  # Gini, Herfindahl-Hirschman
    MODEL = "model"
    TEXT = "text"  # words, logs, notebooks
    UNKNOWN = "unknown"


class Statistic(StrEnum):
    """What the numbers of a column are."""

    COUNT = "count"
    SUM = "sum"
    MEAN = "mean"
    SHARE = "share"
    QUANTILE = "quantile"  # with its share: "quantile 0.25"
    EXTREME = "extreme"
    CODED = "coded"  # an extreme of values that were top- and bottom-coded before
    SPREAD = "spread"
    COEFFICIENT = "coefficient"
    ERROR = "error"  # standard errors, ends of confidence intervals
    TEST = "test"  # test statistics and p-values
    RATIO = "ratio"
    CORRELATION = "correlation"
    CONCENTRATION = "concentration"
    AT_RISK = "at_risk"
    EVENTS = "events"
    SURVIVAL = "survival"
    EACH_ROW = "each_row"  # residuals, fitted values: one number for each row of the data


class Draw(StrEnum):
    """How a picture comes to leave: its pixels as they were sent, or drawn by the platform from the table behind it."""

    PIXELS = "pixels"
    BAR = "bar"
    LINE = "line"
    SCATTER = "scatter"  # of rows that are groups
    HISTOGRAM = "histogram"  # bars that touch, one for each bin


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What one file is said to be."""

    kind: OutputKind = _doc("What it is.", Way.NEVER)
    dims: tuple[str, ...] = _doc("The columns that it is grouped by.", Way.NEVER, default=())
    statistics: Mapping[str, str] = _doc(
        "For each other column what its numbers are, such as 'mean' or 'quantile 0.25'.",
        Way.NEVER,
        default_factory=dict,
    )
    units: str = _doc("The column that counts the distinct units behind each row.", Way.NEVER, default="")
    n: int | None = _doc(
        "How many units are behind the whole, for models and tests.", Way.NEVER, default=None
    )
    df: int | None = _doc("Residual degrees of freedom, for models and tests.", Way.NEVER, default=None)
    rounding: str = _doc("How counts were rounded: '5', '6', '10' or 'midpoint 6'.", Way.NEVER, default="")
    method: str = _doc("What kind of model it is, such as 'decision tree'.", Way.NEVER, default="")
    train: str = _doc(
        "For a model: the folds of the units that it was trained on, which are first digits of pseudonyms, such as "
        "'0123456789ab'.",
        Way.NEVER,
        default="",
    )
    outcome: str = _doc("For a model: the column that it predicts.", Way.NEVER, default="")
    table: str = _doc("For a picture: the file of the table that it was drawn from.", Way.NEVER, default="")
    draw: Draw = _doc(
        "For a picture: how the platform draws it from that table; 'pixels': what was sent leaves.",
        Way.NEVER,
        default=Draw.PIXELS,
    )
    x: str = _doc("For a picture that is drawn: the table's column along the axis.", Way.NEVER, default="")
    y: tuple[str, ...] = _doc("The columns with the numbers that are drawn.", Way.NEVER, default=())
    by: str = _doc("The column that tells series apart, where they are in rows.", Way.NEVER, default="")
    sql: str = _doc("The question that made it, so that it can be computed again.", Way.NEVER, default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Declarations:
    """The whole file."""

    format: str = _doc(f"Always '{FORMAT}'.", Way.NEVER)
    files: Mapping[str, Declared] = _doc("The files by name.", Way.NEVER)


def statistic_named(text: str) -> tuple[Statistic, str] | None:
    """A statistic as it is declared, with what follows it; None for one that nobody knows.

    >>> statistic_named("quantile 0.25"), statistic_named("Maximum"), statistic_named("vibe")
    ((<Statistic.QUANTILE: 'quantile'>, '0.25'), (<Statistic.EXTREME: 'extreme'>, ''), None)
    """
    first, _, rest = text.strip().casefold().partition(" ")
    name = _ALSO.get(first, first)
    if first == "median":
        return Statistic.QUANTILE, "0.5"
    return (Statistic(name), rest.strip()) if name in frozenset(Statistic) else None


_ALSO = {
    "maximum": "extreme",
    "max": "extreme",
    "minimum": "extreme",
    "min": "extreme",
    "range": "extreme",
    "average": "mean",
    "avg": "mean",
    "total": "sum",
    "sd": "spread",
    "std": "spread",
    "variance": "spread",
    "var": "spread",
    "skew": "spread",
    "percent": "share",
    "rate": "share",
    "proportion": "share",
    "percentile": "quantile",
    "p": "test",
    "residual": "each_row",
    "fitted": "each_row",
    "gini": "concentration",
    "hhi": "concentration",
    "odds": "ratio",
    "n": "count",
    "units": "count",
}
