"""Coefficient tables: a model with freedom left, no level that is a few units, no number for each row of the data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

from sandbox.disclosure.columns import Column, Kind, normal
from sandbox.disclosure.kinds.case import Case, numbers_of
from sandbox.disclosure.mark import Rule
from sandbox.disclosure.sources import HANDBOOK_REGRESSION, STATBARN
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.outputs import Statistic

NO_FREEDOM_SAID = Rule(
    "model_size_missing",
    Verdict.FAIL,
    "Say n and df in outputs.yaml, or in rows named n and df_resid.",
    HANDBOOK_REGRESSION,
    says="A model without the number of units or the residual degrees of freedom.",
)
FEW_UNITS = Rule(
    "model_of_few",
    Verdict.FAIL,
    "Fit the model to a larger group.",
    HANDBOOK_REGRESSION,
    says="A model or test of fewer units than the threshold.",
    limits=("threshold",),
)
LITTLE_FREEDOM = Rule(
    "residual_freedom",
    Verdict.FAIL,
    "Take terms out of the model, or fit it to a larger group.",
    HANDBOOK_REGRESSION,
    says="Fewer residual degrees of freedom than asked for: the model is nearly its data.",
    limits=("checks.residual_df",),
)
MANY_PARAMETERS = Rule(
    "many_parameters",
    Verdict.FAIL,
    "Take terms out of the model.",
    STATBARN,
    says="More parameters for the units than asked for.",
    limits=("checks.parameters_percent",),
)
SATURATED = Rule(
    "saturated_model",
    Verdict.FAIL,
    "Take terms out: a saturated model's coefficients are the cells of a table.",
    HANDBOOK_REGRESSION,
    says="A model that explains all: R² of 1, standard errors of 0 or not there, no freedom left.",
)
LEVEL = Rule(
    "level_of_few",
    Verdict.FAIL,
    "Merge the level with another; its coefficient is the value of a few.",
    HANDBOOK_REGRESSION,
    says="A dummy or interaction level with fewer units than the threshold.",
    limits=("threshold",),
)
LEVEL_UNKNOWN = Rule(
    "level_without_count",
    Verdict.FAIL,
    "Add a column with the number of units of each level.",
    HANDBOOK_REGRESSION,
    says="A dummy or interaction level of which nobody says how many units are in it.",
)
WIDE_ERROR = Rule(
    "level_of_one_by_its_error",
    Verdict.REVIEW,
    "Give the number of units of this level, or merge it with another.",
    STATBARN,
    says="A level whose standard error is many times that of the other levels: so few units are in it.",
)
EACH_ROW = Rule(
    "number_for_each_row",
    Verdict.FAIL,
    "Leave residuals and fitted values out; show their histogram with counts.",
    HANDBOOK_REGRESSION,
    says="Residuals, fitted values or other numbers that stand for single rows of the data.",
)

_LEVEL = re.compile(r"(\[T?\.?[^\]]+\]|C\(|:|\bx\b.+=|==)")
_WIDE = 5  # times the median error of the levels: n behind it is about 25 times smaller


def check_freedom(case: Case) -> Iterator[Finding]:
    """n, df and parameters."""
    n, df = case.whole_n, case.whole_df
    if n is None or df is None:
        missing = " and ".join(w for w, v in (("n", n), ("df", df)) if v is None)
        yield NO_FREEDOM_SAID.file(case.name, f"Nothing says {missing} of the model.")
    if n is not None and n < case.threshold:
        yield FEW_UNITS.file(case.name, f"The model is of {n} {case.noun}s.")
    if df is not None and df < case.terms.residual_df:
        reason = f"{df} residual degrees of freedom are left; {case.terms.residual_df} have to be."
        yield (SATURATED if df <= 0 else LITTLE_FREEDOM).file(case.name, reason)
    parameters = sum(1 for c in case.of(Statistic.COEFFICIENT) for _ in list(numbers_of(c)))
    if n is not None and df is not None and n > df >= 0:
        parameters = max(parameters, int(n - df))  # what was absorbed is not in the table, and counts
    if n and parameters * 100 > case.terms.parameters_percent * n:
        yield MANY_PARAMETERS.file(case.name, f"The model has {parameters} parameters for {n} {case.noun}s.")


def check_saturation(case: Case) -> Iterator[Finding]:
    """R² of 1, errors of 0."""
    fit = case.figure("r2", "r_squared", "rsquared", "r-squared")
    if fit is not None and fit >= 1:
        yield SATURATED.file(case.name, "R² is 1.")
    for column in case.of(Statistic.ERROR):
        if not any(w in normal(column.name) for w in ("se", "std", "err")):
            continue
        coefficients = [c for c in case.of(Statistic.COEFFICIENT) if c.kind is not Kind.KEY]
        zeros = [row for row, number in numbers_of(column) if number.value == 0]
        told = [row for row in zeros if any(c.numbers[row] is not None for c in coefficients)]
        if told and len(told) == len(list(numbers_of(column))):
            yield SATURATED.column(case.name, column.name, "All standard errors are 0.")


def check_levels(case: Case) -> Iterator[Finding]:
    """Every dummy and interaction has the count of its units, and it is large enough."""
    terms = _terms(case)
    levels = [row for row, term in terms.items() if _LEVEL.search(term)]
    for row in levels:
        if case.units is None:
            yield LEVEL_UNKNOWN.row(
                case.name, row, f"Nothing says how many {case.noun}s are in {terms[row]}."
            )
            continue
        number = case.units.numbers[row]
        if number is None or number.value < case.threshold:
            few = "An unknown number of" if number is None else f"{number.value}"
            yield LEVEL.row(case.name, row, f"{few} {case.noun}s are in {terms[row]}.")
    yield from _wide_errors(case, levels)


def _wide_errors(case: Case, levels: list[int]) -> Iterator[Finding]:
    for column in case.of(Statistic.ERROR):
        if any(
            w in normal(column.name).split("_") for w in ("ci", "low", "lower", "high", "upper", "025", "975")
        ):
            continue
        errors = {row: n.value for row in levels if (n := column.numbers[row]) is not None and n.value > 0}
        usual = _median(list(errors.values()))
        for row, error in errors.items() if usual else ():
            if len(errors) > 2 and error > _WIDE * usual:
                reason = f"Its error is {error / usual:.0f} times that of the other levels: few are in it."
                yield WIDE_ERROR.cell(case.name, row, column.name, reason)


def check_no_row_series(case: Case) -> Iterator[Finding]:
    """Nothing that has a number for each row of the data."""
    for column in case.of(Statistic.EACH_ROW):
        yield EACH_ROW.column(case.name, column.name, "It holds a number for each row of the data.")
    n = case.whole_n
    if n is not None and case.rows >= n and case.rows > 1 and case.declared is not None:
        yield EACH_ROW.file(case.name, f"The file has {case.rows} rows for {n} {case.noun}s.")


def _terms(case: Case) -> Mapping[int, str]:
    """The name of the coefficient in each row."""
    first: Column | None = next((c for c in case.columns if c.kind is Kind.KEY), None)
    coefficients = list(case.of(Statistic.COEFFICIENT, Statistic.RATIO))
    if first is None:
        return {}
    return {
        row: cell.strip()
        for row, cell in enumerate(first.cells)
        if any(c.numbers[row] is not None for c in coefficients)
    }


def _median(values: list[Decimal]) -> Decimal:
    return sorted(values)[len(values) // 2] if values else Decimal(0)


CHECKS = (check_freedom, check_saturation, check_levels, check_no_row_series)
