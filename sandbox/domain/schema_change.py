"""What a new version changed, in words: the public part of two policies, held against each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from sandbox.domain.policy import Column, DatasetPolicy, Scalar, Table

T = TypeVar("T")
MOST = 20  # changes that are told one by one

_COLUMN_KEYS = (
    "type",
    "lower",
    "upper",
    "earliest",
    "latest",
    "resolution",
    "measured_in",
    "max_rows_per_unit",
)


def schema_changes(before: DatasetPolicy, after: DatasetPolicy) -> tuple[str, ...]:
    """Sentences about class, unit, tables, columns, bounds and listed values; none when they are the same."""
    told = tuple(_changes(before, after))
    if len(told) <= MOST:
        return told
    return (*told[:MOST], f"and {len(told) - MOST} more changes.")


def _changes(before: DatasetPolicy, after: DatasetPolicy) -> Iterator[str]:
    if before.open_class is not after.open_class:
        yield f"It was {before.open_class}, and is {after.open_class} now."
    if before.unit != after.unit:
        was, now = (p.unit.noun if p.unit else "nobody" for p in (before, after))
        yield (
            f"The unit of privacy changed from {was} to {now}."
            if was != now
            else "The unit's column changed."
        )
    yield from _coming_and_going("Table", before.tables, after.tables)
    for name, table in after.tables.items():
        if name in before.tables:
            yield from _table_changes(name, before.tables[name], table)
    yield from _coming_and_going("Lookup", before.lookups, after.lookups)
    for name, lookup in after.lookups.items():
        if name in before.lookups and before.lookups[name] != lookup:
            yield f"Lookup {name} changed."


def _table_changes(name: str, before: Table, after: Table) -> Iterator[str]:
    for key in ("max_rows", "max_rows_per_unit"):
        was, now = getattr(before, key), getattr(after, key)
        if was != now:
            yield f"Table {name}: {key} from {was} to {now}."
    yield from _coming_and_going(f"Column {name}.", before.columns, after.columns)
    for column, now in after.columns.items():
        if column in before.columns:
            yield from _column_changes(f"{name}.{column}", before.columns[column], now)


def _column_changes(name: str, before: Column, after: Column) -> Iterator[str]:
    for key in _COLUMN_KEYS:
        was, now = getattr(before, key), getattr(after, key)
        if was != now:
            yield f"Column {name}: {key} from {_shown(was)} to {_shown(now)}."
    if before.categories != after.categories:
        new, gone = _only(after.categories, before.categories), _only(before.categories, after.categories)
        parts = [f"{len(new)} new"] * bool(new) + [f"{len(gone)} gone"] * bool(gone)
        yield f"Column {name}: listed values: {', '.join(parts) or 'another order'}."


def _coming_and_going(what: str, before: Mapping[str, T], after: Mapping[str, T]) -> Iterator[str]:
    space = "" if what.endswith(".") else " "
    yield from (f"{what}{space}{name} is new." for name in after if name not in before)
    yield from (f"{what}{space}{name} is gone." for name in before if name not in after)


def _only(these: tuple[Scalar, ...], those: tuple[Scalar, ...]) -> list[Scalar]:
    known = set(those)
    return [value for value in these if value not in known]


def _shown(value: object) -> str:
    return "none" if value in (None, "") else str(value)
