"""What is looked for in tables of counts beyond small cells: rounding that was promised, and rows that are the data."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from sandbox.disclosure.columns import Column, Kind, normal
from sandbox.disclosure.kinds.case import Case, numbers_of
from sandbox.disclosure.mark import Rule
from sandbox.disclosure.sources import DECLARED, HANDBOOK, HANDBOOK_PLOTS
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.outputs import OutputKind, Statistic

NOT_ROUNDED = Rule(
    "rounding_not_applied",
    Verdict.FAIL,
    "Round every count in the same way, or declare no rounding.",
    DECLARED,
    says="Counts that are said to be rounded, and are not.",
)
UNKNOWN_ROUNDING = Rule(
    "rounding_unknown",
    Verdict.FAIL,
    "Declare '5', '6', '10' or 'midpoint 6'.",
    DECLARED,
    says="A rounding that nobody knows.",
)
TOTAL_OF_EXACT = Rule(
    "total_of_exact_counts",
    Verdict.REVIEW,
    "Add the total up from the rounded counts.",
    HANDBOOK,
    says="A total beside rounded counts that is not their sum: together they say more than each.",
)
RAW_ROWS = Rule(
    "rows_of_data",
    Verdict.FAIL,
    "Aggregate: rows of single units do not leave.",
    HANDBOOK,
    says="Several of the dataset's own columns side by side with nothing counted: a run of its rows.",
)
SCATTER = Rule(
    "scatter_of_rows",
    Verdict.FAIL,
    "Draw counts in bins, or a fitted line, and send the table that it was drawn from.",
    HANDBOOK_PLOTS,
    says="The table behind a plot has a row for each unit instead of counts.",
)
NOT_COUNTED = Rule(
    "histogram_without_counts",
    Verdict.FAIL,
    "Send the table with the number of units in each bin.",
    HANDBOOK_PLOTS,
    says="A histogram without the counts of its bins.",
)

_FITS = {
    "5": lambda v: v % 5 == 0,
    "6": lambda v: v % 6 == 0,
    "10": lambda v: v % 10 == 0,
    # Source: OpenSAFELY documentation, "midpoint 6" rounding: ceil(x / 6) * 6 - 3, and 0 stays 0.
    "midpoint 6": lambda v: v == 0 or v % 6 == 3,
}
_SCATTER_ROWS = 20


def check_rounding(case: Case) -> Iterator[Finding]:
    """The rounding that is declared is there in every count, and totals are those of rounded counts."""
    said = case.declared.rounding.strip().casefold() if case.declared is not None else ""
    if not said:
        return
    fits = _FITS.get(said)
    if fits is None:
        yield UNKNOWN_ROUNDING.file(case.name, f"'{said}' is no rounding that is known here.")
        return
    for column in case.counts:
        parts, totals = Decimal(0), []
        for row, number in numbers_of(column):
            if case.is_total_row(row):
                totals.append((row, number.value))
            else:
                parts += number.value
            if not fits(number.value):
                reason = f"{number.value} is not rounded as declared ({said})."
                yield NOT_ROUNDED.cell(case.name, row, column.name, reason)
        keys = [c for c in case.columns if c.kind is Kind.KEY]
        if len(totals) == 1 and len(keys) == 1 and all(n is not None for n in column.numbers):
            row, total = totals[0]
            if total != parts:
                reason = "The total is not the sum of the rounded counts."
                yield TOTAL_OF_EXACT.cell(case.name, row, column.name, reason)


def check_raw_rows(case: Case, own_columns: frozenset[str]) -> Iterator[Finding]:
    """Rows of the data: its own columns, none of them counted.

    Args:
        own_columns: plain names of the dataset's columns that hold measures or free values, not listed keys.
    """
    own = [c for c in case.columns if normal(c.name) in own_columns and not _is_matrix(case, c)]
    aggregated = [c for c in case.columns if c.name in case.roles and normal(c.name) not in own_columns]
    if len(own) > 1 and not aggregated:
        names = ", ".join(c.name for c in own[:3])
        yield RAW_ROWS.file(
            case.name, f"It holds {names} and counts nothing: these look like rows of the data."
        )


def _is_matrix(case: Case, column: Column) -> bool:
    """A correlation matrix has the dataset's columns for its own; its numbers lie between −1 and 1."""
    role = case.roles.get(column.name)
    if role is None or role.statistic is not Statistic.CORRELATION:
        return False
    return all(abs(number.value) <= 1 for _, number in numbers_of(column))


def check_binned(case: Case) -> Iterator[Finding]:
    """The table behind a plot counts something."""
    kind = case.declared.kind if case.declared is not None else OutputKind.UNKNOWN
    if kind not in (OutputKind.HISTOGRAM, OutputKind.PLOT):
        return
    counted = case.counts or case.evidence is not None
    if kind is OutputKind.HISTOGRAM and not counted:
        yield NOT_COUNTED.file(case.name, "No column counts the units in a bin.")
    numbers = [c for c in case.columns if c.kind is Kind.NUMBER]
    summed = any(True for _ in case.of(Statistic.MEAN, Statistic.QUANTILE, Statistic.SHARE))
    many = case.rows > _SCATTER_ROWS and len(numbers) > 1
    if many and not counted and not summed and case.units is None:
        yield SCATTER.file(case.name, f"It has {case.rows} rows of numbers, and none is a count.")


CHECKS = (check_rounding, check_binned)
