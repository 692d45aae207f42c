"""Sums and means: enough units behind each, none of whom can be worked out from it.

Dominance is judged twice. Where the platform computed the table again, on each unit's own part. From the file alone,
where mean, standard deviation and count stand side by side: for values that are not negative, the largest part of a
total is at least Σx²/(Σx)².
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from sandbox.disclosure.columns import Column, Kind, normal
from sandbox.disclosure.kinds.case import Case, numbers_of, recomputed
from sandbox.disclosure.mark import Rule
from sandbox.disclosure.sources import DOMINANCE_RULES, HANDBOOK_MAGNITUDE
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.outputs import Statistic

COUNTS_MISSING = Rule(
    "counts_missing",
    Verdict.FAIL,
    "Add a column with the number of distinct units behind each row, and name it as units.",
    HANDBOOK_MAGNITUDE,
    says="Sums, means, quantiles or spreads without the number of units behind them.",
)
TOO_FEW = Rule(
    "too_few_behind",
    Verdict.FAIL,
    "Merge with a neighbouring group, or suppress all numbers of the row.",
    HANDBOOK_MAGNITUDE,
    says="A number with fewer units behind it than the threshold, by the file's own count.",
    limits=("threshold",),
)
IMPLIED_DOMINANCE = Rule(
    "implied_dominance",
    Verdict.FAIL,
    "Merge the group with another, or leave its numbers out: one unit holds most of them.",
    DOMINANCE_RULES,
    says="Mean, standard deviation and count of a row together prove that one unit holds more than its share.",
    limits=("checks.largest_percent",),
)
MAY_DOMINATE = Rule(
    "possible_dominance",
    Verdict.REVIEW,
    "Give the question (sql), so that each unit's part is looked at.",
    DOMINANCE_RULES,
    says="Mean, standard deviation and count of a row leave room for one unit that holds more than its share.",
    limits=("checks.largest_percent",),
)
NO_SPREAD = Rule(
    "all_equal",
    Verdict.FAIL,
    "Merge the group with another: its mean is everybody's own value.",
    HANDBOOK_MAGNITUDE,
    says="A spread of 0, or ends that are equal: every unit of the group has the same value.",
)
NEGATIVE = Rule(
    "negative_magnitude",
    Verdict.REVIEW,
    "Say in the context what a value below zero means.",
    HANDBOOK_MAGNITUDE,
    says="Sums or means below zero: dominance is judged on absolute values, and a person looks as well.",
    standing=True,
)
SPREAD_ALONE = Rule(
    "spread_without_mean",
    Verdict.FAIL,
    "Add the mean of the same values, or give the question (sql).",
    DOMINANCE_RULES,
    says="A standard deviation or variance without the mean beside it: whether one unit makes it cannot be judged.",
)
WHOLE_NUMBERS = Rule(
    "small_whole_numbers",
    Verdict.REVIEW,
    "Show means with their decimals; if these are counts, declare them as counts.",
    HANDBOOK_MAGNITUDE,
    says="A column said to be means or sums holds nothing but whole numbers, some below the threshold.",
    limits=("threshold",),
)


def check_counts_behind(case: Case) -> Iterator[Finding]:
    """Each number of this kind has the count of units behind it, and that count is large enough."""
    measures = list(case.of(Statistic.SUM, Statistic.MEAN, Statistic.SPREAD, Statistic.CONCENTRATION))
    for column in measures:
        if case.evidence is not None and recomputed(case, column):
            continue
        if not case.says_units:
            yield COUNTS_MISSING.column(
                case.name, column.name, f"Nothing says how many {case.noun}s are behind these."
            )
            continue
        spread = case.roles[column.name].statistic is Statistic.SPREAD
        least = case.threshold + spread  # one degree of freedom is spent on the mean
        for row, _ in numbers_of(column):
            units = case.units_at(row)
            if units is None:
                reason = f"The count of {case.noun}s behind this number is not shown."
                yield TOO_FEW.cell(case.name, row, column.name, reason)
            elif units < least:
                reason = f"{units} {case.noun}s are behind this number; {least} have to be."
                yield TOO_FEW.cell(case.name, row, column.name, reason)


def check_implied_dominance(case: Case) -> Iterator[Finding]:
    """What mean, deviation and count prove about the largest unit."""
    for spread, mean in _paired(case):
        if mean is None and not recomputed(case, spread):
            yield SPREAD_ALONE.column(case.name, spread.name, "No mean of the same values stands beside it.")
        squared = not _is_deviation(spread)
        for row, deviation in numbers_of(spread):
            n, average = case.units_at(row), mean.numbers[row] if mean is not None else None
            sd = deviation.value.sqrt() if squared and deviation.value > 0 else deviation.value
            if deviation.value == 0:
                reason = "The spread is 0: everybody in the group has the same value."
                yield NO_SPREAD.cell(case.name, row, spread.name, reason)
            elif average is not None and n is not None and n > 1 and average.value > 0:
                share = largest_share_at_least(n=n, mean=average.value, sd=sd)
                if share * 100 > case.terms.largest_percent:
                    reason = f"By these numbers one {case.noun} holds at least {share:.0%} of the total."
                    yield IMPLIED_DOMINANCE.cell(case.name, row, spread.name, reason)
                elif share.sqrt() * 100 > case.terms.largest_percent and not recomputed(case, spread):
                    reason = (
                        f"By these numbers one {case.noun} may hold up to {share.sqrt():.0%} of the total."
                    )
                    yield MAY_DOMINATE.cell(case.name, row, spread.name, reason)


def largest_share_at_least(*, n: Decimal, mean: Decimal, sd: Decimal) -> Decimal:
    """The least that the largest of n values above 0 holds of their sum.

    Σx² ≤ max·Σx, so max/Σx ≥ Σx²/(Σx)² (and at most its root) with Σx = n·mean and Σx² = (n−1)·sd² + n·mean².

    >>> largest_share_at_least(n=Decimal(100), mean=Decimal(1), sd=Decimal(10))
    Decimal('1')
    """
    squares = (n - 1) * sd * sd + n * mean * mean
    return min(squares / (n * mean) ** 2, Decimal(1))


def check_signs(case: Case) -> Iterator[Finding]:
    """Magnitudes below zero."""
    for column in case.of(Statistic.SUM, Statistic.MEAN):
        if any(number.value < 0 for _, number in numbers_of(column)):
            yield NEGATIVE.column(case.name, column.name, "Some numbers are below zero.")


def check_whole_numbers(case: Case) -> Iterator[Finding]:
    """Counts under another name, as far as a file shows them."""
    for column in case.of(Statistic.SUM, Statistic.MEAN):
        known = [number for _, number in numbers_of(column)]
        small = any(0 < number.value < case.threshold for number in known)
        small = small and column.kind is Kind.NUMBER and all(number.whole for number in known)
        if small and not recomputed(case, column):
            reason = "All numbers are whole and some are small: they could be counts."
            yield WHOLE_NUMBERS.column(case.name, column.name, reason)


_SPREADS = frozenset({"sd", "std", "stdev", "stddev", "dev", "var", "variance"})


def _is_deviation(column: Column) -> bool:
    return not {"var", "variance"} & set(normal(column.name).split("_"))


def _paired(case: Case) -> Iterator[tuple[Column, Column | None]]:
    """Each standard deviation or variance with the mean of the same thing: by its name, else the only one."""
    means = list(case.of(Statistic.MEAN))
    for spread in case.of(Statistic.SPREAD):
        words = set(normal(spread.name).split("_"))
        if not words & _SPREADS:
            continue  # skewness: no bound follows from it
        of = words - _SPREADS
        same = [m for m in means if set(normal(m.name).split("_")) - {"mean", "avg", "average"} == of]
        chosen = same or (means if len(means) == 1 else [])
        yield spread, chosen[0] if chosen else None


CHECKS = (check_counts_behind, check_implied_dominance, check_signs, check_whole_numbers)
