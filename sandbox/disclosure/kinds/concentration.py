"""Gini and Herfindahl-Hirschman: an index of concentration says how much the largest holds."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from sandbox.disclosure.columns import normal
from sandbox.disclosure.kinds.case import Case, numbers_of
from sandbox.disclosure.mark import Rule
from sandbox.disclosure.sources import DOMINANCE_RULES
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.outputs import Statistic

INDEX_DOMINANCE = Rule(
    "index_tells_dominance",
    Verdict.FAIL,
    "Merge groups: the index proves that one unit holds most.",
    DOMINANCE_RULES,
    says="An index that can only be so high when one unit holds more than its share of the total.",
    limits=("checks.largest_percent",),
)
INDEX_MAY_BE = Rule(
    "index_may_be_dominance",
    Verdict.REVIEW,
    "Give the question (sql), so that each unit's part is looked at.",
    DOMINANCE_RULES,
    says="An index so high that one unit may hold more than its share.",
    limits=("checks.largest_percent",),
)


def check_index(case: Case) -> Iterator[Finding]:
    """HHI = Σs² lies between max s and (max s)²; a Gini of n units is at most 1 − 1/n, then one holds all."""
    limit = Decimal(case.terms.largest_percent) / 100
    for column in case.of(Statistic.CONCENTRATION):
        gini = "gini" in normal(column.name)
        for row, number in numbers_of(column):
            value = number.value / 10_000 if number.value > 1 and not gini else number.value
            if gini:
                n = case.units_at(row)
                # The rest equal, one with share s: G = s − 1/n.
                told, may = (
                    (n is not None and value >= 1 - 1 / n - Decimal("0.01")),
                    value > limit + Decimal("0.3"),
                )
            else:
                told, may = value > limit, value > limit * limit and value.sqrt() > limit
            if told:
                yield INDEX_DOMINANCE.cell(
                    case.name, row, column.name, f"{number.value} proves that one {case.noun} holds most."
                )
            elif may:
                yield INDEX_MAY_BE.cell(
                    case.name, row, column.name, f"{number.value} may mean that one {case.noun} holds most."
                )


CHECKS = (check_index,)
