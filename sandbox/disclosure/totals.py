"""What can be worked out from the numbers that are shown: a suppressed cell from a total, a group from its share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

from sandbox.disclosure.cells import Number
from sandbox.disclosure.columns import TOTALS, Column, Kind, is_total, normal
from sandbox.disclosure.mark import Rule
from sandbox.disclosure.sources import HANDBOOK, SECONDARY
from sandbox.disclosure.table import MAX_FINDINGS
from sandbox.domain.findings import Finding, Verdict

MAX_KEYS = 8  # more is no table of groups, and no reader's either

IMPLIED = Rule(
    "implied_count",
    Verdict.FAIL,
    "Suppress a second cell of the same total, leave the total out, or round all counts to 5.",
    SECONDARY,
    says="A total minus the cells that are shown is a count below the threshold.",
    limits=("threshold",),
)
# Differences of rounded counts are not exact, and that they are rounded is a guess: a person judges.
IMPLIED_IF_EXACT = replace(
    IMPLIED, verdict=Verdict.REVIEW, says="The same, where all counts seem to be rounded."
)
GROUP = Rule(
    "group_disclosure",
    Verdict.REVIEW,
    "Merge groups, or say in the context why that is no secret.",
    HANDBOOK,
    says="Nearly all of a row or column in one cell: belonging to the group tells the cell.",
    limits=("checks.group_percent",),
)

MANY_KEYS = Rule(
    "many_keys",
    Verdict.REVIEW,
    "Leave columns out; a table for readers groups by few.",
    HANDBOOK,
    says="More than 8 columns to group by: rows of single units look so.",
)


def check_totals(name: str, columns: Sequence[Column], *, threshold: int) -> list[Finding]:
    """Totals minus what is shown: the rest may be a small count that was meant to be hidden."""
    counts = [c for c in columns if c.kind is Kind.COUNT]
    keys = [c for c in columns if c.kind is Kind.KEY]
    found = [f for c in counts for f in _down(name, c, keys, threshold)]
    return [*found, *_across(name, counts, threshold)][:MAX_FINDINGS]


def _down(name: str, count: Column, keys: Sequence[Column], threshold: int) -> Iterator[Finding]:
    """Total rows: for each key, the rows that differ only in it."""
    rule = IMPLIED_IF_EXACT if _rounded([count]) else IMPLIED
    for key in keys if len(keys) <= MAX_KEYS else ():
        if not any(map(is_total, key.cells)):
            continue
        for rows in _groups(key, keys):
            totals = [r for r in rows if is_total(key.cells[r])]
            if len(totals) == 1:
                shown = [count.numbers[r] for r in rows if r != totals[0]]
                yield from _implied(name, count, totals[0], shown, threshold, rule)


def _across(name: str, counts: Sequence[Column], threshold: int) -> Iterator[Finding]:
    """A total column: the other counts of its row are the parts."""
    total = [c for c in counts if normal(c.name) in TOTALS or normal(c.name).startswith("total")]
    parts = [c for c in counts if c not in total]
    if len(total) != 1 or len(parts) < 2:
        return
    rule = IMPLIED_IF_EXACT if _rounded(counts) else IMPLIED
    for row in range(len(total[0].cells)):
        yield from _implied(name, total[0], row, [c.numbers[row] for c in parts], threshold, rule)


def _implied(
    name: str, count: Column, row: int, shown: Sequence[Number | None], threshold: int, rule: Rule
) -> Iterator[Finding]:
    total = count.numbers[row]
    known = [number.value for number in shown if number is not None]
    if total is None or not known:
        return
    rest = total.value - sum(known)
    if 0 < rest < threshold:
        reason = f"The total minus the cells shown leaves {rest}, below the threshold of {threshold}."
        yield rule.cell(name, row, count.name, reason)


def _groups(key: Column, keys: Sequence[Column]) -> list[list[int]]:
    """Rows that are equal in all keys but this one."""
    others = [k for k in keys if k is not key]
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row in range(len(key.cells)):
        groups[tuple(k.cells[row] for k in others)].append(row)
    return list(groups.values())


def _rounded(counts: Sequence[Column]) -> bool:
    """True when every count is a multiple of 5 or 6, or the midpoint of sixes."""
    values = [n.value for c in counts for n in c.numbers if n is not None and n.value]
    steps = ((5, 0), (6, 0), (6, 3))
    return len(values) > 1 and any(all(v % base == rest for v in values) for base, rest in steps)


def check_shares(name: str, columns: Sequence[Column], *, group_percent: int = 90) -> list[Finding]:
    """Cells that hold (nearly) a whole group, so that belonging to the group tells the cell.

    Only tables over several keys, or with parts beside their total, have groups in this sense.

    Args:
        group_percent: the most of a group that one cell may hold. Source: the handbook's group disclosure.
    """
    counts = [c for c in columns if c.kind is Kind.COUNT]
    keys = [c for c in columns if c.kind is Kind.KEY]
    found: list[Finding] = []
    if len(keys) > MAX_KEYS:
        reason = f"{len(keys)} columns would be grouping columns; rows of single units look like this."
        found.append(MANY_KEYS.file(name, reason))
    elif len(keys) > 1:
        for count in counts:
            for key in keys:
                for rows in _groups(key, keys):
                    found += _dominant(
                        name, [(r, count) for r in rows if not is_total(key.cells[r])], group_percent
                    )
    parts = [c for c in counts if normal(c.name) not in TOTALS]
    if 1 < len(parts) < len(counts):
        for row in range(len(parts[0].cells)):
            found += _dominant(name, [(row, c) for c in parts], group_percent)
    return found[:MAX_FINDINGS]


def _dominant(name: str, cells: Sequence[tuple[int, Column]], group_percent: int) -> Iterator[Finding]:
    known = [(row, c.name, number.value) for row, c in cells if (number := c.numbers[row]) is not None]
    whole = sum((value for *_, value in known), Decimal(0))
    for row, column, value in known if len(known) > 1 and whole > 0 else ():
        if value * 100 > whole * group_percent:
            share = "All" if value == whole else f"More than {group_percent} %"
            reason = f"{share} of the group is in this cell: belonging to the group tells the cell."
            yield GROUP.cell(name, row, column, reason)
