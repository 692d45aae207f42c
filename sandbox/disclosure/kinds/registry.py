"""Which checks are whose, and what is left to people for each kind of output.

Checks that go by what a column's numbers are run on every table: a declaration adds to them and takes none away. Those
that need to know what the whole is run where it is declared, and as well where the columns show it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sandbox.disclosure.columns import Kind
from sandbox.disclosure.kinds import (
    association,
    concentration,
    counts,
    extremes,
    magnitude,
    models,
    quantiles,
    ratios,
    regression,
    shares,
    survival,
)
from sandbox.disclosure.kinds.case import Case
from sandbox.disclosure.mark import Rule
from sandbox.disclosure.sources import DECLARED, HANDBOOK_OUTPUTS
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.outputs import OutputKind, Statistic

Check = Callable[[Case], Iterator[Finding]]

UNDECLARED = Rule(
    "undeclared",
    Verdict.REVIEW,
    "Say what it is in outputs.yaml, or give the question (sql) that made it.",
    DECLARED,
    says="A file of which nobody said what it is.",
    limits=("checks.undeclared",),
    standing=True,
)
REFUSED_UNDECLARED = Rule(
    "undeclared",
    Verdict.FAIL,
    "Say what it is in outputs.yaml, or give the question (sql) that made it.",
    DECLARED,
    says="The same, where the agreement refuses such files.",
    limits=("checks.undeclared",),
    standing=True,
)
UNKNOWN_KIND = Rule(
    "unknown_kind",
    Verdict.FAIL,
    "Declare one of the kinds that are known, or leave the file out.",
    DECLARED,
    says="A file that is declared to be of no known kind: what is not understood does not pass.",
)
FOR_A_PERSON = Rule(
    "for_a_person",
    Verdict.REVIEW,
    "Say in the context what a reviewer needs to know of it.",
    HANDBOOK_OUTPUTS,
    says="What no program can judge of this kind of output.",
    standing=True,
)


@dataclass(frozen=True, slots=True)
class KindChecks:
    """What is done with a kind.

    Attributes:
        checks: run where the file is of this kind, beside those for every table.
        person: what a person looks at in every output of the kind; empty where the checks are enough.
    """

    checks: tuple[Check, ...] = ()
    person: str = ""


EVERY_TABLE: tuple[Check, ...] = (
    *magnitude.CHECKS,
    *shares.CHECKS,
    *quantiles.CHECKS,
    *extremes.CHECKS,
    *survival.CHECKS,
    *ratios.CHECKS,
    *concentration.CHECKS,
    *counts.CHECKS,
    regression.check_saturation,
    regression.check_no_row_series,
)

KINDS: dict[OutputKind, KindChecks] = {
    OutputKind.FREQUENCY: KindChecks(),
    OutputKind.MAGNITUDE: KindChecks(),
    OutputKind.QUANTILE: KindChecks(),
    OutputKind.EXTREME: KindChecks(person="Whether the bounds that values were coded to are justified."),
    OutputKind.SPREAD: KindChecks(),
    OutputKind.REGRESSION: KindChecks(
        (regression.check_freedom, regression.check_levels),
        person="Whether the same model was fitted to groups that differ by a few.",
    ),
    OutputKind.RATIO: KindChecks(),
    OutputKind.SURVIVAL: KindChecks(person="Whether marks of censoring show single ends."),
    OutputKind.HISTOGRAM: KindChecks(),
    OutputKind.PLOT: KindChecks(person="Whether anything in the picture stands for a single unit."),
    OutputKind.ASSOCIATION: KindChecks(
        association.CHECKS, person="Whether loadings rest on enough units for so many variables."
    ),
    OutputKind.CONCENTRATION: KindChecks(),
    OutputKind.MODEL: KindChecks(models.CHECKS, person="Whether the model remembers whom it was trained on."),
    OutputKind.TEXT: KindChecks(person="Whether any sentence tells of a single unit."),
    OutputKind.UNKNOWN: KindChecks(person="What it is, and whether it may leave."),
}

# Kinds whose rows are groups of units that add up.
OF_GROUPS = frozenset(
    {
        OutputKind.FREQUENCY,
        OutputKind.MAGNITUDE,
        OutputKind.HISTOGRAM,
        OutputKind.RATIO,
        OutputKind.SPREAD,
        OutputKind.QUANTILE,
        OutputKind.UNKNOWN,
    }
)
# Kinds that are counts: a table of them without any is not understood.
OF_COUNTS = frozenset({OutputKind.FREQUENCY, OutputKind.HISTOGRAM, OutputKind.UNKNOWN})


def recognised(case: Case) -> frozenset[OutputKind]:
    """The kinds that the columns themselves show."""
    found = set()
    has = {s for s in Statistic if any(True for _ in case.of(s))}
    if Statistic.COEFFICIENT in has and has & {Statistic.ERROR, Statistic.TEST}:
        found.add(OutputKind.REGRESSION)
    elif Statistic.CORRELATION in has or (Statistic.TEST in has and Statistic.COEFFICIENT not in has):
        found.add(OutputKind.ASSOCIATION)
    if Statistic.SURVIVAL in has:
        found.add(OutputKind.SURVIVAL)
    if Statistic.RATIO in has:
        found.add(OutputKind.RATIO)
    return frozenset(found)


def kinds_of(case: Case) -> frozenset[OutputKind]:
    """The kinds that a table is judged as: what it is said to be, and what it shows."""
    declared = {case.declared.kind} if case.declared is not None else set()
    return frozenset(declared | recognised(case)) or frozenset({OutputKind.UNKNOWN})


def of_groups(case: Case) -> bool:
    """Whether its rows are groups of units: by its kinds, or by plain counts beside keys, whatever it is said to be."""
    kinds = kinds_of(case)
    if kinds & OF_GROUPS or kinds <= {OutputKind.PLOT, OutputKind.TEXT}:
        return True
    keys = any(c.kind is Kind.KEY for c in case.columns)
    counts = [c for c in case.of(Statistic.COUNT) if c.kind is Kind.COUNT and c is not case.units]
    return keys and bool(counts)


def of_counts(case: Case) -> bool:
    """Whether counts are expected: a table said to be a picture or a text is a table still."""
    kinds = kinds_of(case)
    return bool(kinds & OF_COUNTS) or kinds <= {OutputKind.PLOT, OutputKind.TEXT}


def check_kinds(case: Case) -> list[Finding]:
    """All findings of a table beyond its small cells."""
    kinds = kinds_of(case)
    findings = [f for check in EVERY_TABLE for f in check(case)]
    for kind in sorted(kinds):
        for check in KINDS[kind].checks:
            findings += check(case)
        if KINDS[kind].person and not (kind is OutputKind.UNKNOWN and case.declared is None):
            findings.append(FOR_A_PERSON.file(case.name, KINDS[kind].person))
    if case.declared is not None and case.declared.kind is OutputKind.UNKNOWN:
        findings.append(UNKNOWN_KIND.file(case.name, "It is declared to be of no known kind."))
    return findings
