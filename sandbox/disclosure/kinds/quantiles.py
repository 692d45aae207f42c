"""Percentiles, medians and box plots: units on both sides of each, and no end that is somebody's own value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from sandbox.disclosure.columns import normal
from sandbox.disclosure.kinds.case import Case, numbers_of, recomputed
from sandbox.disclosure.kinds.magnitude import COUNTS_MISSING
from sandbox.disclosure.mark import Rule
from sandbox.disclosure.sources import HANDBOOK_POSITION
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.outputs import OutputKind, Statistic

TAIL = Rule(
    "quantile_tail",
    Verdict.FAIL,
    "Give a quantile nearer to the median, or merge groups.",
    HANDBOOK_POSITION,
    says="Fewer units than the threshold lie below or above a quantile.",
    limits=("threshold",),
)
WHICH = Rule(
    "quantile_unknown",
    Verdict.REVIEW,
    "Declare its share, such as 'quantile 0.25'.",
    HANDBOOK_POSITION,
    says="A quantile of which nobody said which one it is.",
)
BOX_ENDS = Rule(
    "box_ends",
    Verdict.FAIL,
    "End the whiskers at the 5th and 95th percentile, and leave outliers out.",
    HANDBOOK_POSITION,
    says="Whiskers or outliers: each is the value of one unit.",
)

_ENDS = re.compile(r"(^|_)(whisker|whiskers|whislo|whishi|outlier|outliers|flier|fliers|extreme)($|_)")


def check_tails(case: Case) -> Iterator[Finding]:
    """Units on each side: n·share and n·(1 − share)."""
    for column in case.of(Statistic.QUANTILE):
        if recomputed(case, column):
            continue  # its sides were counted on the raw rows
        share = case.roles[column.name].share
        if share is None:
            yield WHICH.column(case.name, column.name, "It is not known which quantile this is.")
            share = Decimal("0.5")
        if not case.says_units:
            yield COUNTS_MISSING.column(
                case.name, column.name, f"Nothing says how many {case.noun}s are behind these."
            )
            continue
        for row, _ in numbers_of(column):
            n = case.units_at(row)
            side = None if n is None else n * min(share, 1 - share)
            if side is None or side < case.threshold:
                told = "an unknown number" if side is None else f"{side:.1f}"
                reason = (
                    f"On one side of this quantile are {told} of {case.noun}s; {case.threshold} have to be."
                )
                yield TAIL.cell(case.name, row, column.name, reason)


def check_ends(case: Case) -> Iterator[Finding]:
    """Whiskers and outliers, by a column's or a row's name."""
    for column in case.columns:
        if _ENDS.search(normal(column.name)):
            yield BOX_ENDS.column(case.name, column.name, "Whiskers and outliers are single units' values.")
    first = case.columns[0] if case.columns else None
    if first is None or case.declared is None or case.declared.kind is not OutputKind.QUANTILE:
        return
    for row, cell in enumerate(first.cells):
        if _ENDS.search(normal(cell)) or normal(cell) in ("min", "max", "minimum", "maximum"):
            yield BOX_ENDS.row(case.name, row, f"'{cell.strip()}' is a single unit's value.")


CHECKS = (check_tails, check_ends)
