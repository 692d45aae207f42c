"""Whether enough units stand on both sides of a quantile, by recomputation.

All of it is computed from private rows, so every finding is marked, and none says a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sandbox.disclosure.mark import Rule
from sandbox.disclosure.sources import HANDBOOK_POSITION
from sandbox.disclosure.table import MAX_FINDINGS
from sandbox.domain.evidence import EvidenceRow, MeasureKind
from sandbox.domain.findings import Finding, Verdict

TAIL = Rule(
    "quantile_tail",
    Verdict.FAIL,
    "Give a quantile nearer to the median, or merge groups.",
    HANDBOOK_POSITION,
    from_rows=True,
    says="Fewer distinct units than the threshold have values below or above a quantile.",
    limits=("threshold",),
)
ALL_EQUAL = Rule(
    "all_equal",
    Verdict.FAIL,
    "Merge the group with another: its quantiles are everybody's own value.",
    HANDBOOK_POSITION,
    from_rows=True,
    says="Every value behind a quantile is the same.",
)


def check_sides(
    name: str,
    column: str,
    cells: Sequence[tuple[int, EvidenceRow]],
    *,
    measure: str,
    kind: MeasureKind,
    threshold: int,
    noun: str,
) -> list[Finding]:
    """Judge one column of quantiles.

    Args:
        cells: (row of the file, what was computed for it) of each number that is shown.
    """
    if kind is not MeasureKind.QUANTILE:
        return []
    found = [
        finding
        for at, row in cells
        for finding in _of_cell(name, column, at, row, measure=measure, threshold=threshold, noun=noun)
    ]
    return found[:MAX_FINDINGS]


def _of_cell(
    name: str, column: str, at: int, row: EvidenceRow, *, measure: str, threshold: int, noun: str
) -> Iterator[Finding]:
    beside = row.sides.get(measure)
    if beside is None:
        return  # a total, which is for a person, or a number of a cell without values, which is not reproduced
    if beside.equal:
        yield ALL_EQUAL.cell(
            name, at, column, "All values behind this quantile are the same: it is everybody's own value."
        )
    elif min(beside.below, beside.above) < threshold:
        reason = f"On one side of this quantile are fewer than {threshold} different {noun}s."
        yield TAIL.cell(name, at, column, reason)
