"""Correlations, components and tests: enough units and freedom, and nothing that is exact."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.disclosure.columns import Kind, normal
from sandbox.disclosure.kinds.case import Case, numbers_of
from sandbox.disclosure.kinds.regression import FEW_UNITS, LITTLE_FREEDOM
from sandbox.disclosure.mark import Rule
from sandbox.disclosure.sources import STATBARN
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.outputs import Statistic

SIZE_MISSING = Rule(
    "sample_size_missing",
    Verdict.FAIL,
    "Say n (and df, for a test) in outputs.yaml or in a column.",
    STATBARN,
    says="A correlation, component or test without the number of units behind it.",
)
PERFECT = Rule(
    "perfect_correlation",
    Verdict.FAIL,
    "Leave it out: one variable is the other, so that one value gives the other away.",
    STATBARN,
    says="A correlation of 1 or −1 between two variables.",
)


def check_sizes(case: Case) -> Iterator[Finding]:
    """n of the whole or of each row; df where it is told."""
    if case.units is None and case.whole_n is None:
        yield SIZE_MISSING.file(case.name, f"Nothing says how many {case.noun}s are behind it.")
    n = case.whole_n
    if n is not None and n < case.threshold:
        yield FEW_UNITS.file(case.name, f"It is of {n} {case.noun}s.")
    df = case.whole_df
    # A column of degrees of freedom may be those of the hypothesis; what is declared are the residual ones.
    told = case.declared is not None and case.declared.df is not None
    if told and df is not None and df < case.terms.residual_df and any(True for _ in case.of(Statistic.TEST)):
        yield LITTLE_FREEDOM.file(case.name, f"{df} residual degrees of freedom are left.")


def check_perfect(case: Case) -> Iterator[Finding]:
    """Exact correlations off the diagonal."""
    first = next((c for c in case.columns if c.kind is Kind.KEY), None)
    for column in case.columns:
        if column.kind is Kind.KEY or column is case.units:
            continue
        role = case.roles.get(column.name)
        if role is not None and role.statistic is not Statistic.CORRELATION:
            continue
        for row, number in numbers_of(column):
            diagonal = first is not None and normal(first.cells[row]) == normal(column.name)
            if abs(number.value) == 1 and not diagonal:
                yield PERFECT.cell(case.name, row, column.name, "The correlation is exact.")


CHECKS = (check_sizes, check_perfect)
