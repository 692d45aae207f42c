"""Several tables of one request side by side: what one hides, another may tell.

Tables of counts with the same or fewer columns to group by are subtracted from each other. What earlier releases and
other people's requests tell is solved elsewhere; this is what a single request tells by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import permutations

from sandbox.disclosure.columns import Column, Kind, columns_of, is_total, normal
from sandbox.disclosure.mark import Rule
from sandbox.disclosure.sources import SECONDARY
from sandbox.disclosure.table import MAX_FINDINGS, Table
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.policy import Scalar

IMPLIED_ACROSS = Rule(
    "implied_across_files",
    Verdict.FAIL,
    "Suppress a second cell, leave the total out, or round the counts of both files.",
    SECONDARY,
    says="A count that one file suppresses follows from a total in another file.",
    limits=("threshold",),
)
DIFFERS_LITTLE = Rule(
    "differs_by_few",
    Verdict.FAIL,
    "Send one of the tables, or round the counts of both.",
    SECONDARY,
    says="Two tables of the same groups whose counts differ by fewer units than the threshold.",
    limits=("threshold",),
)


def check_together(
    tables: Mapping[str, Table], *, threshold: int, keys: Mapping[str, Sequence[Scalar]]
) -> list[Finding]:
    """Findings that no file shows by itself.

    Args:
        tables: the tables of a request by file name, as read.
    """
    counted = {name: _counted(table, keys) for name, table in tables.items()}
    found: list[Finding] = []
    for one, other in permutations(counted, 2):
        found += _implied(one, counted[one], other, counted[other], threshold)
        if one < other:
            found += _differing(one, counted[one], other, counted[other], threshold)
    return found[:MAX_FINDINGS]


_Counted = tuple[tuple[Column, ...], tuple[Column, ...]]  # keys, counts


def _counted(table: Table, keys: Mapping[str, Sequence[Scalar]]) -> _Counted:
    columns = columns_of(table, keys=keys)
    return (
        tuple(c for c in columns if c.kind is Kind.KEY),
        tuple(c for c in columns if c.kind is Kind.COUNT),
    )


def _key(keys: Sequence[Column], names: Sequence[str], row: int) -> tuple[str, ...]:
    by_name = {normal(c.name): c for c in keys}
    return tuple(by_name[name].cells[row].strip().casefold() for name in names)


def _shared_counts(one: Sequence[Column], other: Sequence[Column]) -> Iterator[tuple[Column, Column]]:
    """Counts of the same name; the only ones of their tables, whatever their names."""
    by_name = {normal(c.name): c for c in other}
    if len(one) == len(other) == 1:
        yield one[0], other[0]
        return
    for column in one:
        if normal(column.name) in by_name:
            yield column, by_name[normal(column.name)]


def _implied(fine: str, a: _Counted, coarse: str, b: _Counted, threshold: int) -> Iterator[Finding]:
    """A finer table with cells suppressed, and a coarser one that tells their sum."""
    names = [normal(c.name) for c in b[0]]
    if not set(names) < {normal(c.name) for c in a[0]}:
        return
    for counts, totals in _shared_counts(a[1], b[1]):
        sums: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
        hidden: dict[tuple[str, ...], int] = defaultdict(int)
        for row in range(len(counts.cells)):
            if any(is_total(c.cells[row]) for c in a[0]):
                continue
            key, number = _key(a[0], names, row), counts.numbers[row]
            if number is None:
                hidden[key] += 1
            else:
                sums[key] += number.value
        for row, total in enumerate(totals.numbers):
            key = _key(b[0], names, row)
            if total is None or key not in sums:
                continue
            rest = total.value - sums[key]
            if 0 < rest < threshold and (hidden[key] or total.value != sums[key]):
                reason = f"This count minus the cells that {fine} shows leaves {rest}."
                yield IMPLIED_ACROSS.cell(coarse, row, totals.name, reason)


def _differing(one: str, a: _Counted, other: str, b: _Counted, threshold: int) -> Iterator[Finding]:
    """The same groups, counted in two populations that differ by a few."""
    names = sorted(normal(c.name) for c in a[0])
    if names != sorted(normal(c.name) for c in b[0]):
        return
    for first, second in _shared_counts(a[1], b[1]):
        theirs = {_key(b[0], names, row): n.value for row, n in enumerate(second.numbers) if n is not None}
        for row, number in enumerate(first.numbers):
            there = theirs.get(_key(a[0], names, row))
            if number is not None and there is not None and 0 < abs(number.value - there) < threshold:
                reason = f"The same group has {abs(number.value - there)} more or fewer in {other}."
                yield DIFFERS_LITTLE.cell(one, row, first.name, reason)
