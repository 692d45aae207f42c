"""Odds, risk and hazard ratios: they are counts in another form, so the counts stand beside them and pass."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.disclosure.kinds.case import Case, numbers_of
from sandbox.disclosure.mark import Rule
from sandbox.disclosure.sources import STATBARN
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.outputs import Statistic

NO_COUNTS = Rule(
    "ratio_without_counts",
    Verdict.FAIL,
    "Add the counts that the ratio is of: with and without the outcome, in both groups.",
    STATBARN,
    says="A ratio without the counts behind it.",
)
ENDLESS = Rule(
    "ratio_of_zero",
    Verdict.FAIL,
    "Merge groups until each of the counts behind it is large enough.",
    STATBARN,
    says="A ratio of 0, or one that has no end: one of the counts behind it is 0.",
)

_LEAST_COUNTS = 2  # columns: cases in both groups, or cases and units


def check_counts_of_ratios(case: Case) -> Iterator[Finding]:
    """The counts are there, in the row of each ratio. That they are large enough is checked as for every count."""
    for column in case.of(Statistic.RATIO):
        if len(case.counts) < _LEAST_COUNTS:
            yield NO_COUNTS.column(
                case.name, column.name, f"{len(case.counts)} columns of counts stand beside it."
            )
            continue
        for row, number in numbers_of(column):
            if number.value == 0:
                yield ENDLESS.cell(case.name, row, column.name, "A ratio of 0 tells that a count is 0.")
            elif sum(c.numbers[row] is not None for c in case.counts) < _LEAST_COUNTS:
                reason = "The counts behind this ratio are not shown."
                yield NO_COUNTS.cell(case.name, row, column.name, reason)
        for row, cell in enumerate(column.cells):
            if cell.strip().casefold() in ("inf", "infinity", "∞"):
                yield ENDLESS.cell(case.name, row, column.name, "A ratio without end: a count is 0.")


CHECKS = (check_counts_of_ratios,)
