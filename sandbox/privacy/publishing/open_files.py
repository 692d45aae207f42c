"""A raw file becomes the two files of an open table, CSV and Parquet; and pages of the second one's rows.

Open to everybody is what the policy names: its columns, in its order, with cells of its types. Other columns of the
file stay where they are. A cell that does not fit becomes empty, and is counted for the owner.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from sandbox.domain.errors import BadInput, TooLarge
from sandbox.domain.open_rows import Comparison, Filter, RowsWanted
from sandbox.domain.policy import Column, ColumnType, Table
from sandbox.privacy.engines.duck import connection_to, publishing_connection, quoted, quoted_name
from sandbox.privacy.engines.holding import VIEW, EngineLimits
from sandbox.privacy.publishing.cells import is_missing, reading, storing
from sandbox.privacy.publishing.publish import PUBLISH_LIMITS, open_raw
from sandbox.privacy.stored import steps_per_one

READ_LIMITS = EngineLimits(memory_mib=512, threads=1, timeout_s=10)

_OPERATORS = {
    Comparison.EQUAL: "=",
    Comparison.UNEQUAL: "<>",
    Comparison.BELOW: "<",
    Comparison.AT_MOST: "<=",
    Comparison.ABOVE: ">",
    Comparison.AT_LEAST: ">=",
}

Cell = int | float | str | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTable:
    """What became of a raw file."""

    rows: int
    emptied: Mapping[
        str, int
    ]  # filled cells that did not fit their declaration, by column; those above 0 only


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRows:
    """A page of rows."""

    rows: tuple[tuple[Cell, ...], ...]
    total: int  # rows that the filters let through


def write_open_table(raw: Path, table: Table, *, csv: Path, parquet: Path) -> OpenTable:
    """Write both files.

    Args:
        raw: a CSV file with a header (``.csv``, ``.csv.gz``) or a Parquet file.

    Raises:
        BadInput: a file that cannot be read, lacks a declared column, or is longer than ``max_rows``.
    """
    limits = EngineLimits(
        threads=1, timeout_s=PUBLISH_LIMITS.timeout_s
    )  # one thread: the same bytes every time
    with publishing_connection(limits, spill=csv.parent / "spill") as connection:
        own = open_raw(connection, raw, list(table.columns))
        texts = {name: f"CAST({quoted_name(column)} AS VARCHAR)" for name, column in own.items()}
        read = ", ".join(
            f"{reading(texts[name], column)} AS {quoted_name(name)}, "
            f"NOT {is_missing(texts[name])} AS {quoted_name(f'filled {place}')}"
            for place, (name, column) in enumerate(table.columns.items())
        )
        connection.execute(f"CREATE TEMP TABLE read AS SELECT {read} FROM raw")  # noqa: S608 - names of the policy
        lost = ", ".join(
            f"count(*) FILTER (WHERE {quoted_name(f'filled {place}')} AND {_shown(name, column)} IS NULL)"
            for place, (name, column) in enumerate(table.columns.items())
        )
        (counted,) = connection.execute(f"SELECT count(*), {lost} FROM read").fetchall()  # noqa: S608 - as above
        rows, *emptied = map(int, counted)
        if rows > table.max_rows:
            raise BadInput(
                f"{raw.name} has {rows} rows; the policy says at most {table.max_rows}.",
                where="max_rows",
                fix="Raise max_rows, or publish fewer rows.",
            )
        shown = ", ".join(
            f"{_shown(name, column)} AS {quoted_name(name)}" for name, column in table.columns.items()
        )
        for file, form in ((csv, "csv, HEADER true"), (parquet, "parquet, COMPRESSION zstd")):
            connection.execute(f"COPY (SELECT {shown} FROM read) TO {quoted(str(file))} (FORMAT {form})")  # noqa: S608 - as above
    return OpenTable(
        rows=rows, emptied={name: n for name, n in zip(table.columns, emptied, strict=True) if n}
    )


def read_open_rows(parquet: Path, wanted: RowsWanted, *, limits: EngineLimits = READ_LIMITS) -> OpenRows:
    """A page of rows, in the file's order.

    Raises:
        TooLarge: it took too long.
    """
    conditions, values = [], []
    for filter_ in wanted.filters:
        condition, found = _condition(filter_)
        conditions.append(condition)
        values += found
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    names = ", ".join(quoted_name(name) for name in wanted.columns)
    # The names are the policy's, checked when it was published; what was asked for is handed over as values.
    page = f"SELECT {names} FROM {VIEW} {where} LIMIT {wanted.limit} OFFSET {wanted.offset}"  # noqa: S608
    try:
        with connection_to(parquet, limits) as connection:
            rows = connection.execute(page, values).fetchall()
            ((total,),) = connection.execute(f"SELECT count(*) FROM {VIEW} {where}", values).fetchall()  # noqa: S608
    except duckdb.InterruptException:
        raise TooLarge(
            "These rows take too long to find.", fix="Use fewer filters, or download the whole table."
        ) from None
    return OpenRows(rows=tuple(tuple(map(_cell, row)) for row in rows), total=int(total))


def _condition(filter_: Filter) -> tuple[str, list[Any]]:
    name = quoted_name(filter_.column)
    match filter_.comparison:
        case Comparison.EMPTY:
            return f"({name} IS NULL) = ?", [filter_.value]
        case Comparison.CONTAINS:
            return f"contains(lower({name}), lower(?))", [filter_.value]
        case comparison:
            return f"{name} {_OPERATORS[comparison]} ?", [filter_.value]


def _shown(name: str, column: Column) -> str:
    """SQL for a cell as it is published: what is stored, and decimals with their places."""
    stored = storing(quoted_name(name), column)
    if column.type is not ColumnType.DECIMAL:
        return stored
    places = len(str(steps_per_one(column))) - 1
    return f"CAST(CAST({stored} AS DECIMAL(19, 0)) * {column.resolution} AS DECIMAL(19, {places}))"


def _cell(value: Any) -> Cell:
    """As JSON has it. A decimal with more digits than a floating-point number holds is text."""
    if isinstance(value, Decimal):
        near = float(value)
        return near if Decimal(repr(near)) == value else str(value)
    return value.isoformat() if isinstance(value, date) else value
