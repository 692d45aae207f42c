"""Rows of an open table, page by page: which columns, which rows, from where."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from sandbox.domain.errors import BadInput
from sandbox.domain.policy import LARGEST, Column, ColumnType, Table

MAX_OFFSET, MAX_LIMIT = 1_000_000_000, 1000
MAX_FILTERS, MAX_VALUE = 10, 200  # a value's characters

Value = int | Decimal | str | bool | date


class Comparison(StrEnum):
    EQUAL = "eq"
    UNEQUAL = "ne"
    BELOW = "lt"
    AT_MOST = "le"
    ABOVE = "gt"
    AT_LEAST = "ge"
    CONTAINS = "contains"  # of text, in any case
    EMPTY = "empty"  # its value is true or false


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A condition that rows have to meet."""

    column: str
    comparison: Comparison
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsWanted:
    """A page of a table's rows. ``rows_wanted`` makes it from texts."""

    columns: tuple[str, ...]
    filters: tuple[Filter, ...]
    offset: int
    limit: int


def rows_wanted(
    table: Table, *, columns: str = "", filters: Sequence[str] = (), offset: int = 0, limit: int = 100
) -> RowsWanted:
    """What somebody asks of an open table, checked.

    Args:
        columns: names with commas between; all columns when empty.
        filters: each ``COLUMN:COMPARISON:VALUE``.

    Raises:
        BadInput: names what is wrong, and what would be accepted.
    """
    names = tuple(name.strip() for name in columns.split(",")) if columns.strip() else tuple(table.columns)
    for place, name in enumerate(names):
        _check_column(table, name, where="columns")
        if name in names[:place]:
            raise BadInput(f"The column {name} is named twice.", where="columns", fix="Name it once.")
    if len(filters) > MAX_FILTERS:
        raise BadInput(
            f"There are {len(filters)} filters.", where="filter", fix=f"Use at most {MAX_FILTERS}."
        )
    if not 0 <= offset <= MAX_OFFSET:
        raise BadInput(f"{offset} is no place to begin at.", where="offset", fix=f"Use 0 to {MAX_OFFSET}.")
    if not 1 <= limit <= MAX_LIMIT:
        raise BadInput(f"{limit} is no size of a page.", where="limit", fix=f"Use 1 to {MAX_LIMIT}.")
    return RowsWanted(
        columns=names, filters=tuple(_filter(table, text) for text in filters), offset=offset, limit=limit
    )


def _filter(table: Table, text: str) -> Filter:
    name, _, rest = text.partition(":")
    word, _, written = rest.partition(":")
    _check_column(table, name, where="filter")
    try:
        comparison = Comparison(word)
    except ValueError:
        known = ", ".join(Comparison)
        raise BadInput(
            f"{word[:60]!r} is no comparison.",
            where="filter",
            fix=f"Write COLUMN:COMPARISON:VALUE, with one of: {known}.",
        ) from None
    column = table.columns[name]
    if comparison is Comparison.CONTAINS and column.type is not ColumnType.TEXT:
        raise BadInput(f"{name} is no text.", where="filter", fix="Use eq, ne, lt, le, gt or ge.")
    kind = Column(type=ColumnType.BOOLEAN) if comparison is Comparison.EMPTY else column
    return Filter(column=name, comparison=comparison, value=_value(written, kind, of=name))


def _check_column(table: Table, name: str, *, where: str) -> None:
    if name not in table.columns:
        known = ", ".join(table.columns)
        raise BadInput(f"There is no column {name[:80]!r}.", where=where, fix=f"The columns are: {known}.")


def _value(text: str, column: Column, *, of: str) -> Value:
    if len(text) > MAX_VALUE:
        raise BadInput(
            f"The value for {of} has {len(text)} characters.", where="filter", fix=f"Use at most {MAX_VALUE}."
        )
    value = _read(text, column.type)
    if value is None:
        shown = {
            ColumnType.INTEGER: "a whole number",
            ColumnType.DECIMAL: "a number, such as 1.5",
            ColumnType.BOOLEAN: "true or false",
            ColumnType.DATE: "a day, such as 2013-01-31",
            ColumnType.TEXT: "text without control characters",
        }[column.type]
        raise BadInput(f"{text[:60]!r} is no value for {of}.", where="filter", fix=f"Write {shown}.")
    return value


def _read(text: str, kind: ColumnType) -> Value | None:
    match kind:
        case ColumnType.INTEGER:
            whole = int(text) if re.fullmatch(r"[+-]?[0-9]{1,19}", text) else None
            return whole if whole is not None and abs(whole) <= LARGEST else None
        case ColumnType.DECIMAL:
            return Decimal(text) if re.fullmatch(r"[+-]?[0-9]{1,18}(\.[0-9]{1,6})?", text) else None
        case ColumnType.BOOLEAN:
            return {"true": True, "false": False}.get(text)
        case ColumnType.DATE:
            try:
                return date.fromisoformat(text) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else None
            except ValueError:
                return None
        case ColumnType.TEXT:
            return None if "\x00" in text else text
