"""The file beside what the platform computed itself, cell by cell.

Findings made here rest on private rows: they are marked ``from_rows`` and name no recomputed number, so that even a
reviewer learns only whether a cell holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sandbox.disclosure.cells import Number, is_suppressed, plain, read_number
from sandbox.disclosure.columns import Column, is_total, normal
from sandbox.disclosure.contributors import broken_rule, check_contributors
from sandbox.disclosure.mark import Rule
from sandbox.disclosure.sides import check_sides
from sandbox.disclosure.sources import HANDBOOK, RECOMPUTED
from sandbox.disclosure.table import MAX_FINDINGS
from sandbox.domain.check_terms import CheckTerms
from sandbox.domain.evidence import Contributors, Evidence, EvidenceRow, Exact, MeasureKind, is_count
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.policy import Scalar

NOT_REPRODUCED = Rule(
    "not_reproduced",
    Verdict.FAIL,
    "Write exactly what the question gives, or give the question that made these numbers.",
    RECOMPUTED,
    from_rows=True,
    says="A number, group or column that the platform, computing the question again, does not find.",
)
SMALL_CELL = Rule(
    "small_cell",
    Verdict.FAIL,
    "Merge with a neighbouring group, or suppress it and another cell of its row or column.",
    HANDBOOK,
    from_rows=True,
    says="A cell with fewer distinct units behind it than the threshold, by recomputation.",
    limits=("threshold",),
)
EMPTY_CELL = Rule(
    "zero_cell",
    Verdict.REVIEW,
    "Say in the context why that is no secret (impossible by definition), or merge groups.",
    HANDBOOK,
    from_rows=True,
    says="A cell with nobody in it, by recomputation.",
)
NOT_RECOMPUTED = Rule(
    "not_recomputed",
    Verdict.REVIEW,
    "Ask for the total with a question of its own.",
    RECOMPUTED,
    from_rows=True,
    says="A total that does not follow from the recomputed cells.",
)
ROUNDING = Rule(
    "rounding",
    Verdict.PASS,
    "",
    RECOMPUTED,
    from_rows=True,
    says="Counts rounded in one way throughout: recognised.",
    standing=True,
)
REPRODUCED = Rule(
    "reproduced",
    Verdict.PASS,
    "",
    RECOMPUTED,
    from_rows=True,
    says="How many numbers hold when computed again.",
    standing=True,
)

_SPREADS = (MeasureKind.STDDEV, MeasureKind.VARIANCE)
# What binary fractions lose: of one number, nearly nothing; of a spread, as much as its values are larger than it.
_LOST = {MeasureKind.STDDEV: Decimal("1e-9"), MeasureKind.VARIANCE: Decimal("1e-9")}
_LOST_OF_ONE = Decimal("1e-15")

_Fits = Callable[[int, int], bool]  # (number shown, exact number) -> it is that number, rounded


@dataclass(frozen=True, slots=True)
class _Shown:
    """One number of the file beside the recomputed one."""

    row: int
    number: Number
    exact: Exact


def check_reproduced(
    name: str,
    columns: Sequence[Column],
    *,
    threshold: int,
    evidence: Evidence,
    noun: str,
    terms: CheckTerms,
) -> list[Finding]:
    """Compare a file with the recomputed table, and hold each cell shown against the threshold in units and against
    the limits of what one unit may hold of it."""
    by_name = {normal(c.name): c for c in columns}
    missing = [k for k in evidence.keys if normal(k) not in by_name]
    if missing:
        reason = f"The question groups by {', '.join(missing)}; the file has no such column."
        return [NOT_REPRODUCED.file(name, reason)]
    measures = sorted({m for r in evidence.rows for m in r.values if normal(m) in by_name})
    if not measures:
        return [NOT_REPRODUCED.file(name, "The file has none of the question's numbers.")]
    rows, findings = _align(
        name, [by_name[normal(k)] for k in evidence.keys], evidence, length=len(columns[0].cells), terms=terms
    )
    agreed = 0
    for measure in measures:
        column = by_name[normal(measure)]
        kind = evidence.kinds.get(measure, MeasureKind.COUNT_ROWS)
        shown, troubles = _shown(name, column, rows, measure, kind, threshold, noun)
        findings += troubles
        wrong, rounding = _different(shown, kind)
        findings += [
            NOT_REPRODUCED.cell(
                name, cell.row, column.name, "Computed again on the raw rows, this number is another."
            )
            for cell in wrong
        ][:MAX_FINDINGS]
        agreed += len(shown) - len(wrong)
        if rounding:
            findings.append(ROUNDING.column(name, column.name, f"The counts are {rounding}."))
        behind = [(cell.row, row) for cell in shown if (row := rows[cell.row]) is not None]
        findings += check_contributors(
            name,
            column.name,
            behind,
            measure=measure,
            kind=kind,
            threshold=threshold,
            terms=terms,
            noun=noun,
        )
        findings += check_sides(
            name, column.name, behind, measure=measure, kind=kind, threshold=threshold, noun=noun
        )
    # Said also when a cell failed: how much of the file does hold helps the person who judges.
    if agreed:
        findings.append(REPRODUCED.file(name, f"{agreed} numbers hold when computed again."))
    return findings


def _align(
    name: str, keys: Sequence[Column], evidence: Evidence, *, length: int, terms: CheckTerms
) -> tuple[list[EvidenceRow | None], list[Finding]]:
    """For each row of the file, its row of the evidence; None (and a finding) where there is none."""
    index = {tuple(key_text(k) for k in row.key): row for row in evidence.rows}
    whole = [any(isinstance(r.key[i], int) for r in evidence.rows) for i in range(len(keys))]
    rows: list[EvidenceRow | None] = []
    findings: list[Finding] = []
    seen: dict[tuple[str, ...], int] = {}
    for at in range(length):
        key = tuple(_cell_key(c.cells[at], whole[i]) for i, c in enumerate(keys))
        found = index.get(key)
        if found is None and any(is_total(c.cells[at]) for c in keys):
            found = _total([c.cells[at] for c in keys], key, evidence, terms)
        if found is None:
            findings.append(NOT_REPRODUCED.row(name, at, "The question gives no such group."))
        elif key in seen:
            findings.append(NOT_REPRODUCED.row(name, at, f"The same group stands in row {seen[key] + 1}."))
        seen.setdefault(key, at)
        rows.append(found)
    return rows, findings[:MAX_FINDINGS]


def key_text(value: Scalar | None) -> str:
    """A key as it is compared: booleans in lower case, an empty key as no text."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _cell_key(cell: str, whole: bool) -> str:
    text = cell.strip()
    if text.lower() in ("true", "false"):
        return text.lower()
    number = read_number(text) if whole else None
    return str(int(number.value)) if number and number.whole else text


def _total(
    cells: Sequence[str], key: Sequence[str], evidence: Evidence, terms: CheckTerms
) -> EvidenceRow | None:
    """A total row, where it can be known: row counts and sums add up; unit counts, means, spreads and quantiles do
    not. Of its contributors a bound is known; where that is not enough, nothing is said of them."""
    parts = [
        r
        for r in evidence.rows
        if all(is_total(c) or key_text(v) == k for c, k, v in zip(cells, key, r.key, strict=True))
    ]
    if not parts:
        return None
    values: dict[str, Exact] = {}
    for measure in parts[0].values:
        additive = evidence.kinds.get(measure, MeasureKind.COUNT_ROWS) in (
            MeasureKind.COUNT_ROWS,
            MeasureKind.COUNT_FILLED,
            MeasureKind.SUM,
        )
        exact = [r.values[measure] for r in parts]
        if additive and all(v is not None for v in exact):
            values[measure] = str(sum((Decimal(str(v)) for v in exact), Decimal(0)))
    # One unit may be in several parts, so the largest part is all that is certain.
    return EvidenceRow(
        key=tuple(key),
        values=values,
        units=max(r.units for r in parts),
        rows=sum(r.rows for r in parts),
        contributors={
            name: together
            for name in values
            if (together := _together(parts, name)) is not None and broken_rule(together, terms) is None
        },
    )


def _together(parts: Sequence[EvidenceRow], name: str) -> Contributors | None:
    """What a unit can hold of a total at most: the largest part of every cell, as if all were the same unit's."""
    known = [r.contributors[name] for r in parts if name in r.contributors]
    if len(known) < len(parts):
        return None
    return Contributors(
        largest=sum(c.largest for c in known),
        second=sum(c.second for c in known),
        total=sum(c.total for c in known),
        givers=max(c.givers for c in known),
        equal=False,
    )


def _shown(
    name: str,
    column: Column,
    rows: Sequence[EvidenceRow | None],
    measure: str,
    kind: MeasureKind,
    threshold: int,
    noun: str,
) -> tuple[list[_Shown], list[Finding]]:
    """The numbers that are shown, and those that may not be."""
    shown: list[_Shown] = []
    findings: list[Finding] = []
    least = threshold + (kind in _SPREADS)  # one degree of freedom is spent on the mean
    for at, (row, cell) in enumerate(zip(rows, column.cells, strict=True)):
        number = read_number(cell)
        if row is None or (number is None and is_suppressed(cell)):
            continue
        if number is None:
            findings.append(NOT_REPRODUCED.cell(name, at, column.name, f"'{plain(cell)}' is no number."))
            continue
        told = is_count(kind) and 0 <= number.value < threshold  # the file's own number was flagged already
        if 0 < row.units < least and not told:
            reason = f"Fewer than {least} different {noun}s are behind this cell."
            findings.append(SMALL_CELL.cell(name, at, column.name, reason))
        elif row.units == 0 and (is_count(kind) or kind is MeasureKind.SUM) and not told:
            reason = f"No {noun} is in this cell: that says something about everybody in the group."
            findings.append(EMPTY_CELL.cell(name, at, column.name, reason))
        if measure in row.values:
            shown.append(_Shown(at, number, row.values[measure]))
        else:
            reason = "This total does not follow from the recomputed cells; a person must judge."
            findings.append(NOT_RECOMPUTED.cell(name, at, column.name, reason))
    return shown, findings[:MAX_FINDINGS]


def _different(shown: Sequence[_Shown], kind: MeasureKind) -> tuple[list[_Shown], str]:
    """The numbers that are not the recomputed ones, and the rounding that was recognised.

    Counts: exactly equal, or the whole column rounded in one way. All others: equal up to the digits shown.
    """
    if not is_count(kind):
        return [s for s in shown if not agrees(s.number, s.exact, lost=_LOST.get(kind, _LOST_OF_ONE))], ""
    wrong = [s for s in shown if s.exact is None or s.number.value != Decimal(str(s.exact))]
    if not wrong:
        return [], ""
    for words, fits in _ROUNDINGS:
        if all(
            s.exact is not None and fits(int(s.number.value), int(Decimal(str(s.exact)))) and s.number.whole
            for s in shown
        ):
            return [], words
    return wrong, ""


def _nearest(base: int) -> tuple[str, _Fits]:
    def fits(shown: int, exact: int) -> bool:
        return shown % base == 0 and 2 * abs(shown - exact) <= base

    return f"rounded to {base}", fits


def _midpoint_six(shown: int, exact: int) -> bool:
    # Source: OpenSAFELY documentation, "midpoint 6" rounding: ceil(x / 6) * 6 - 3, and 0 stays 0.
    return shown == (-(-exact // 6) * 6 - 3 if exact else 0)


_ROUNDINGS: tuple[tuple[str, _Fits], ...] = (
    _nearest(5),
    _nearest(10),
    _nearest(6),
    ("rounded to midpoints of 6", _midpoint_six),
)


def agrees(number: Number, exact: Exact, *, lost: Decimal = _LOST_OF_ONE) -> bool:
    """True when the number is the exact one, rounded to the digits that the file shows.

    The recomputed decimal text is itself cut at its last digit; binary fractions print up to 17 digits, of
    which 15 are meant.

    Args:
        lost: the part of a number that its own arithmetic may have lost.
    """
    if exact is None or number.percent:
        return False
    wanted = Decimal(str(exact))
    exponent = wanted.as_tuple().exponent
    given = Decimal(1).scaleb(-number.decimals) / 2
    own = Decimal(1).scaleb(exponent) if isinstance(exponent, int) and exponent < 0 else Decimal(0)
    return abs(number.value - wanted) <= given * (number.decimals > 0) + own + abs(wanted) * lost
