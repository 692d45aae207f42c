"""Percentages and rates: with their base they are counts, and without it nobody can judge them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal

from sandbox.disclosure.columns import Column, normal
from sandbox.disclosure.kinds.case import Case, numbers_of
from sandbox.disclosure.mark import Rule
from sandbox.disclosure.sources import HANDBOOK
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.outputs import Statistic

NO_BASE = Rule(
    "share_without_base",
    Verdict.FAIL,
    "Add the count that each percentage is of.",
    HANDBOOK,
    says="Percentages or rates without the count that they are of.",
)
IMPLIED_COUNT = Rule(
    "share_implies_count",
    Verdict.FAIL,
    "Round the percentages more, merge groups, or suppress the row.",
    HANDBOOK,
    says="A percentage times its base is a count of a few, or of all but a few.",
    limits=("threshold",),
)


def check_shares_of_a_base(case: Case) -> Iterator[Finding]:
    """Each share has a base, and gives no small count away together with it."""
    for column in case.of(Statistic.SHARE):
        if case.units is None and not _beside_its_count(case):
            if case.evidence is None:
                yield NO_BASE.column(case.name, column.name, "Nothing says what these are shares of.")
            continue
        for row, number in numbers_of(column):
            base = case.units_at(row)
            whole = Decimal(100) if number.percent or _in_percent(column) else Decimal(1)
            if base is None or not 0 <= number.value <= whole:
                continue
            implied = (number.value * base / whole).to_integral_value(ROUND_HALF_EVEN)
            rest = base - implied
            if 0 < implied < case.threshold or 0 < rest < case.threshold:
                few = implied if 0 < implied < case.threshold else rest
                reason = f"Of its base of {base}, this share tells of {few} {case.noun}s."
                yield IMPLIED_COUNT.cell(case.name, row, column.name, reason)


def _beside_its_count(case: Case) -> bool:
    """A table of counts with the share of each beside it: the shares are of the column's sum."""
    return bool(case.counts)


def _in_percent(column: Column) -> bool:
    values = [number.value for _, number in numbers_of(column)]
    named = any(w in normal(column.name).split("_") for w in ("pct", "percent", "percentage"))
    return named or any(value > 1 for value in values)


CHECKS = (check_shares_of_a_base,)
