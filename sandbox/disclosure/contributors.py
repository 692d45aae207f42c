"""Whether one unit can be worked out of a sum, mean or spread: dominance, by recomputation on each unit's own part.

All of it is computed from private rows, so every finding is marked, and none says a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sandbox.disclosure.mark import Rule
from sandbox.disclosure.sources import DOMINANCE_RULES, HANDBOOK_MAGNITUDE, RECOMPUTED
from sandbox.disclosure.table import MAX_FINDINGS
from sandbox.domain.check_terms import CheckTerms
from sandbox.domain.evidence import Contributors, EvidenceRow, MeasureKind
from sandbox.domain.findings import Finding, Verdict

DOMINANCE = Rule(
    "dominance",
    Verdict.FAIL,
    "Merge the group with another, or suppress its numbers and those of one other group.",
    DOMINANCE_RULES,
    from_rows=True,
    says="One unit, or the two largest, hold more of a sum, mean or spread than their share; or all but them hold so "
    "little that the second could work the largest out.",
    limits=(
        "checks.largest_percent",
        "checks.two_largest_percent",
        "checks.nk_percent",
        "checks.p_percent",
    ),
)
FEW_GIVERS = Rule(
    "few_contributors",
    Verdict.FAIL,
    "Merge the group with another: nearly everybody's part is 0.",
    HANDBOOK_MAGNITUDE,
    from_rows=True,
    says="Fewer units than the threshold have anything in a sum or mean.",
    limits=("threshold",),
)
ALL_EQUAL = Rule(
    "all_equal",
    Verdict.FAIL,
    "Merge the group with another: its mean is everybody's own value.",
    HANDBOOK_MAGNITUDE,
    from_rows=True,
    says="Every value behind a mean or sum is the same.",
)
DOMINANCE_UNKNOWN = Rule(
    "dominance",
    Verdict.REVIEW,
    "Say in the context why no one contributor dominates.",
    RECOMPUTED,
    from_rows=True,
    says="A total whose parts by unit are not known: a person judges whether one dominates.",
)

_WORDS = {MeasureKind.SUM: "sum", MeasureKind.AVG: "mean"}
_JUDGED = (MeasureKind.SUM, MeasureKind.AVG, MeasureKind.STDDEV, MeasureKind.VARIANCE)


def check_contributors(
    name: str,
    column: str,
    cells: Sequence[tuple[int, EvidenceRow]],
    *,
    measure: str,
    kind: MeasureKind,
    threshold: int,
    terms: CheckTerms,
    noun: str,
) -> list[Finding]:
    """Judge one column of sums, means or spreads.

    Args:
        cells: (row of the file, what was computed for it) of each number that is shown.
    """
    if kind not in _JUDGED:
        return []
    word = _WORDS.get(kind, "spread")
    if any(measure not in row.contributors for _, row in cells if row.units):
        reason = f"A {word} can be mostly one large {noun}; that is not known of every row."
        return [DOMINANCE_UNKNOWN.column(name, column, reason)]
    found = [
        finding
        for at, row in cells
        if row.units
        for finding in _of_cell(
            name,
            column,
            at,
            row.contributors[measure],
            word=word,
            threshold=threshold,
            terms=terms,
            noun=noun,
        )
    ]
    return found[:MAX_FINDINGS]


def _of_cell(
    name: str,
    column: str,
    row: int,
    parts: Contributors,
    *,
    word: str,
    threshold: int,
    terms: CheckTerms,
    noun: str,
) -> Iterator[Finding]:
    if parts.equal:
        reason = f"All values behind this {word} are the same: it is everybody's own value."
        yield ALL_EQUAL.cell(name, row, column, reason)
    elif 0 < parts.givers < threshold:
        reason = f"Fewer than {threshold} {noun}s have anything in this {word}."
        yield FEW_GIVERS.cell(name, row, column, reason)
    elif (broken := broken_rule(parts, terms)) is not None:
        yield DOMINANCE.cell(name, row, column, f"In this {word}, {broken}.")


def broken_rule(parts: Contributors, terms: CheckTerms) -> str | None:
    """The first rule of dominance that a cell breaks, in words; None when it keeps them all.

    Source: Hundepool et al. 2012, 4.2.2, on absolute values.

    >>> from sandbox.domain.check_terms import CheckTerms
    >>> broken_rule(Contributors(largest=60, second=5, total=100, givers=20, equal=False), CheckTerms())
    'the largest unit holds more than 50 %'
    """
    two = parts.largest + parts.second
    if parts.largest * 100 > terms.largest_percent * parts.total:
        return f"the largest unit holds more than {terms.largest_percent} %"
    if two * 100 > terms.two_largest_percent * parts.total:
        return f"the two largest units hold more than {terms.two_largest_percent} %"
    if two * 100 > terms.nk_percent * parts.total:
        return f"the two largest units hold more than {terms.nk_percent} %"
    if (parts.total - two) * 100 < terms.p_percent * parts.largest:
        return f"the rest is less than {terms.p_percent} % of the largest unit's part"
    return None
