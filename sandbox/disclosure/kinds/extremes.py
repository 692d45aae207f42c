"""Minima, maxima and ranges: each is somebody's own value."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.disclosure.columns import EXTREME, Kind, normal
from sandbox.disclosure.kinds.case import Case
from sandbox.disclosure.mark import Rule
from sandbox.disclosure.sources import HANDBOOK_EXTREMES
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.outputs import Statistic

DECLARED_EXTREME = Rule(
    "extreme",
    Verdict.FAIL,
    "Give a quantile with enough units beyond it, or leave the column out.",
    HANDBOOK_EXTREMES,
    says="A column or row of smallest or largest values, by its declaration or its name.",
)
CODED = Rule(
    "coded_extreme",
    Verdict.REVIEW,
    "Say in the context which bounds the values were coded to, and how many units lie beyond each.",
    HANDBOOK_EXTREMES,
    says="An end of values that are said to be top- and bottom-coded: a person sees whether the bounds are justified.",
)

_LABELS = frozenset({"min", "max", "minimum", "maximum", "range", "smallest", "largest", "highest", "lowest"})


def check_extremes(case: Case) -> Iterator[Finding]:
    """Columns and rows of extremes. Those that a column's name tells are found for every table already."""
    for column in case.of(Statistic.EXTREME):
        if not EXTREME.search(normal(column.name)):
            reason = "A group's smallest or largest value is the value of one unit."
            yield DECLARED_EXTREME.column(case.name, column.name, reason)
    for column in case.of(Statistic.CODED):
        yield CODED.column(case.name, column.name, "The values are said to be coded; nothing shows it.")
    for column in case.columns:
        for row, cell in enumerate(column.cells) if column.kind is Kind.KEY else ():
            if normal(cell) in _LABELS and any(
                c.numbers[row] is not None for c in case.columns if c is not column
            ):
                yield DECLARED_EXTREME.row(
                    case.name, row, f"The row '{cell.strip()}' holds the values of single units."
                )


CHECKS = (check_extremes,)
