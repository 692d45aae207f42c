"""Small cells in a table of counts.

With evidence (the platform's own recomputation) the verdict of each cell rests on distinct units, and the file's
numbers are compared with the recomputed ones. Without, it rests on the counts in the file, which nobody has to
believe: a person must judge. What is not understood never passes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sandbox.disclosure.cells import is_suppressed, suppressed_below
from sandbox.disclosure.columns import EXTREME, Column, Kind, columns_of, normal
from sandbox.disclosure.mark import Rule
from sandbox.disclosure.reproduce import check_reproduced
from sandbox.disclosure.sources import HANDBOOK, HANDBOOK_EXTREMES, HANDBOOK_MAGNITUDE, RECOMPUTED
from sandbox.disclosure.table import MAX_FINDINGS, Table
from sandbox.disclosure.totals import check_shares, check_totals
from sandbox.domain.check_terms import CheckTerms
from sandbox.domain.evidence import Evidence, is_count
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.policy import Scalar

SMALL_COUNT = Rule(
    "small_count",
    Verdict.FAIL,
    "Merge with a neighbouring group, or suppress it and another cell of its row or column.",
    HANDBOOK,
    says="A count below the threshold, as the file itself shows it.",
    limits=("threshold",),
)
LOOSE_BOUND = Rule(
    "small_count",
    Verdict.FAIL,
    "Write the threshold itself, or leave it empty.",
    HANDBOOK,
    says="A suppressed count that says more than 'below the threshold'.",
    limits=("threshold",),
)
ZERO_CELL = Rule(
    "zero_cell",
    Verdict.REVIEW,
    "Say in the context why that is no secret (impossible by definition), or merge groups.",
    HANDBOOK,
    says="A count of 0: nobody of the group is in this cell.",
)
NEGATIVE = Rule(
    "negative_count",
    Verdict.REVIEW,
    "Say in the context where it comes from.",
    HANDBOOK,
    says="A count below zero.",
)
UNREADABLE = Rule(
    "unreadable",
    Verdict.REVIEW,
    "Write numbers as plain digits, and leave suppressed cells empty.",
    HANDBOOK,
    says="Numbers and words in one column, so that nothing of it was checked.",
)
GUESSED_KEY = Rule(
    "taken_as_key",
    Verdict.REVIEW,
    "Give the question (sql) that made the table.",
    HANDBOOK,
    says="A column of whole numbers taken for a key by its name alone.",
)
NO_COUNT_BESIDE = Rule(
    "no_count_beside",
    Verdict.REVIEW,
    "Add a column with the count of units of each row, or give the question (sql).",
    HANDBOOK_MAGNITUDE,
    says="Numbers without the count of units behind them.",
)
NO_COUNT = Rule(
    "no_count",
    Verdict.REVIEW,
    "Add a count column named n, or give the question (sql) that made the table.",
    HANDBOOK,
    says="A table in which no column was recognised as a count.",
)
NOT_RECOMPUTED = Rule(
    "not_recomputed",
    Verdict.REVIEW,
    "Submit it with the question (sql) that made it: then each cell is computed again and compared.",
    RECOMPUTED,
    says="A table without the question behind it: its numbers are as the file says.",
    standing=True,
)
NOT_IN_QUESTION = Rule(
    "not_in_question",
    Verdict.REVIEW,
    "Leave it out, or ask for it in the question.",
    RECOMPUTED,
    says="A column that the question does not have.",
)
SUPPRESSED_BESIDE = Rule(
    "suppressed_beside",
    Verdict.FAIL,
    "Suppress all numbers of the row.",
    HANDBOOK_MAGNITUDE,
    says="A number in a row whose count is suppressed.",
)
IDENTIFIER = Rule(
    "identifier", Verdict.FAIL, "Leave the column out.", HANDBOOK, says="A column that names single units."
)
EXTREME_VALUE = Rule(
    "extreme",
    Verdict.FAIL,
    "Give a 1 % or 99 % quantile, or leave the column out.",
    HANDBOOK_EXTREMES,
    says="A column of smallest or largest values, by its name.",
)


def check_frequency_table(
    name: str,
    table: Table,
    *,
    threshold: int,
    evidence: Evidence | None,
    keys: Mapping[str, Sequence[Scalar]] | None = None,
    unit_column: str = "",
    noun: str = "unit",
) -> list[Finding]:
    """Judge a table of counts, and of means and sums beside counts.

    Args:
        name: the file's name.
        threshold: the fewest distinct units behind any cell that leaves.
        evidence: the table computed again by the platform; None when no question was given.
        keys: the dataset's grouping columns with their public values; other whole numbers are taken for counts.
        unit_column: the column that names the privacy unit; it never leaves.
        noun: what a unit is, for the reasons.

    Returns:
        At most ``MAX_FINDINGS`` findings of each kind of check; those computed from raw rows are marked.
    """
    columns = columns_of(table, keys=keys or {})
    return check_counts(
        name, columns, threshold=threshold, evidence=evidence, unit_column=unit_column, noun=noun
    )


def check_counts(
    name: str,
    columns: Sequence[Column],
    *,
    threshold: int,
    evidence: Evidence | None,
    unit_column: str = "",
    noun: str = "unit",
    terms: CheckTerms | None = None,
    counts_expected: bool = True,
    groups: bool = True,
) -> list[Finding]:
    """The same for columns that were read already.

    Args:
        terms: the limits beside the threshold.
        counts_expected: a table without a column of counts is not understood.
        groups: its rows are groups of units that add up, so that totals and shares of groups mean something.
    """
    limits = terms or CheckTerms()
    findings = [*_identifiers(name, columns, unit_column), *_extremes(name, columns)]
    if evidence is None:
        findings += _counts_in_file(name, columns, threshold, counts_expected=counts_expected, zeros=groups)
    else:
        # First what the file says by itself: that may be shown to whoever wrote it.
        findings += _counts_of_question(name, columns, evidence, threshold)
        findings += check_reproduced(
            name, columns, threshold=threshold, evidence=evidence, noun=noun, terms=limits
        )
        findings += _beyond(name, columns, evidence, threshold)
    findings += _suppressed_beside(name, columns)
    if groups:
        findings += check_totals(name, columns, threshold=threshold)
        findings += check_shares(name, columns, group_percent=limits.group_percent)
    return findings


def _identifiers(name: str, columns: Sequence[Column], unit_column: str) -> list[Finding]:
    identifying = {normal(unit_column), "id", "uuid"} - {""}
    return [
        IDENTIFIER.column(name, c.name, "The column names single units.")
        for c in columns
        if normal(c.name) in identifying or normal(c.name).endswith("_id")
    ]


def _extremes(name: str, columns: Sequence[Column]) -> list[Finding]:
    return [
        EXTREME_VALUE.column(name, c.name, "A group's smallest or largest value is the value of one unit.")
        for c in columns
        if c.kind is not Kind.KEY and EXTREME.search(normal(c.name))
    ]


def _counts_in_file(
    name: str, columns: Sequence[Column], threshold: int, *, counts_expected: bool, zeros: bool
) -> list[Finding]:
    """What can be said from the file itself, when no question was given."""
    counts = [c for c in columns if c.kind is Kind.COUNT]
    findings = [
        f for c in counts for f in _small_cells(name, c, threshold) if zeros or f.check != ZERO_CELL.name
    ][:MAX_FINDINGS]
    for c in columns:
        if c.kind is Kind.MIXED:
            findings.append(
                UNREADABLE.column(name, c.name, "Some cells are numbers, some are words; none was checked.")
            )
        elif c.guessed:
            findings.append(
                GUESSED_KEY.column(name, c.name, "By its name it was taken for a key, and not checked.")
            )
        elif c.kind is Kind.NUMBER and not counts and counts_expected:
            findings.append(
                NO_COUNT_BESIDE.column(name, c.name, "Nothing says how many units are behind these numbers.")
            )
    if not counts and counts_expected:
        findings.append(
            NO_COUNT.file(name, "No column was recognised as a count: a person must look for small groups.")
        )
    findings.append(
        NOT_RECOMPUTED.file(
            name, "No question was given, so the numbers are as the file says; a person must judge."
        )
    )
    return findings


def _counts_of_question(
    name: str, columns: Sequence[Column], evidence: Evidence, threshold: int
) -> list[Finding]:
    counted = {normal(measure) for measure, kind in evidence.kinds.items() if is_count(kind)}
    return [f for c in columns if normal(c.name) in counted for f in _small_cells(name, c, threshold)][
        :MAX_FINDINGS
    ]


def _beyond(name: str, columns: Sequence[Column], evidence: Evidence, threshold: int) -> list[Finding]:
    """The columns that the evidence says nothing about: small counts fail, all else is for a person."""
    covered = {normal(k) for k in evidence.keys} | {normal(m) for r in evidence.rows for m in r.values}
    extra = [c for c in columns if normal(c.name) not in covered]
    findings = [f for c in extra if c.kind is Kind.COUNT for f in _small_cells(name, c, threshold)]
    return findings[:MAX_FINDINGS] + [
        NOT_IN_QUESTION.column(name, c.name, "The question has no such column: it was not computed again.")
        for c in extra
    ]


def _small_cells(name: str, column: Column, threshold: int) -> list[Finding]:
    findings = []
    for row, (cell, number) in enumerate(zip(column.cells, column.numbers, strict=True)):
        bound, shown = suppressed_below(cell), cell.strip()
        if number is not None and 0 < number.value < threshold:
            reason = f"{shown} is below the threshold of {threshold}."
            findings.append(SMALL_COUNT.cell(name, row, column.name, reason))
        elif bound is not None and bound < threshold:
            reason = f"'{shown}' says more than 'below {threshold}'."
            findings.append(LOOSE_BOUND.cell(name, row, column.name, reason))
        elif number is not None and number.value == 0:
            reason = "A zero says something about everybody in the group: none of them is in this cell."
            findings.append(ZERO_CELL.cell(name, row, column.name, reason))
        elif number is not None and number.value < 0:
            reason = "A count cannot be negative, unless it is a private answer with its noise."
            findings.append(NEGATIVE.cell(name, row, column.name, reason))
        elif number is None and not is_suppressed(cell):
            reason = f"'{shown}' stands among counts and could not be read."
            findings.append(UNREADABLE.cell(name, row, column.name, reason))
    return findings


def _suppressed_beside(name: str, columns: Sequence[Column]) -> list[Finding]:
    """Where a count is suppressed, another number of the row can give it away."""
    return [
        SUPPRESSED_BESIDE.cell(
            name, row, c.name, f"The count {count.name} of this row is suppressed, but this number is not."
        )
        for count in columns
        if count.kind is Kind.COUNT
        for row, cell in enumerate(count.cells)
        if is_suppressed(cell)
        for c in columns
        if c.kind is Kind.NUMBER and c.numbers[row] is not None
    ][:MAX_FINDINGS]
