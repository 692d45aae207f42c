"""Survival curves: units at risk and events at each step, in every column; no step that is one unit's end."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from sandbox.disclosure.kinds.case import Case, numbers_of
from sandbox.disclosure.mark import Rule
from sandbox.disclosure.sources import HANDBOOK_SURVIVAL
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.outputs import Statistic

NO_AT_RISK = Rule(
    "at_risk_missing",
    Verdict.FAIL,
    "Add the numbers at risk and of events at each step.",
    HANDBOOK_SURVIVAL,
    says="A survival curve without the numbers at risk.",
)
FEW_AT_RISK = Rule(
    "few_at_risk",
    Verdict.FAIL,
    "End the curve where enough are still at risk.",
    HANDBOOK_SURVIVAL,
    says="A step with fewer units at risk than the threshold.",
    limits=("threshold",),
)
STEP_OF_FEW = Rule(
    "survival_step_of_few",
    Verdict.FAIL,
    "Draw the curve in wider steps, such as by quarter or year.",
    HANDBOOK_SURVIVAL,
    says="The drop of the curve at a step, times those at risk, is fewer units than the threshold.",
    limits=("threshold",),
)


def check_at_risk(case: Case) -> Iterator[Finding]:
    """Numbers at risk are there and large enough. Events and censorings are counts, and checked as such."""
    curve = any(True for _ in case.of(Statistic.SURVIVAL))
    columns = list(case.of(Statistic.AT_RISK)) or ([case.units] if curve and case.units is not None else [])
    if not columns and curve:
        yield NO_AT_RISK.file(case.name, "No column says how many are at risk at each step.")
    for column in columns:
        for row, number in numbers_of(column):
            if 0 <= number.value < case.threshold:
                yield FEW_AT_RISK.cell(case.name, row, column.name, f"{number.value} are at risk here.")


def check_steps(case: Case) -> Iterator[Finding]:
    """What the drops of the curve say about how many ended: at risk · (1 − S(t)/S(t−1))."""
    at_risk = next(iter(case.of(Statistic.AT_RISK)), case.units)
    for curve in case.of(Statistic.SURVIVAL) if at_risk is not None else ():
        before = Decimal(1)
        for row, number in numbers_of(curve):
            value, risk = number.value, at_risk.numbers[row] if at_risk is not None else None
            if not 0 <= value <= 1 or value > before:
                before = Decimal(1)  # another curve begins
            if risk is not None and before > 0 and value < before:
                ended = risk.value * (1 - value / before)
                # Half a unit is what rounding to the digits shown can make.
                if Decimal("0.5") <= ended < case.threshold - Decimal("0.5"):
                    reason = f"The curve falls here by about {ended:.0f} {case.noun}s."
                    yield STEP_OF_FEW.cell(case.name, row, curve.name, reason)
            before = value


CHECKS = (check_at_risk, check_steps)
