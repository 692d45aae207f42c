"""Flat tables as Parquet: read column by column, written again without metadata."""

from __future__ import annotations

import io
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sandbox.disclosure.cells import read_number
from sandbox.disclosure.file_type import wrong_type
from sandbox.disclosure.table import MAX_COLUMNS, MAX_ROWS, Table, checked_table
from sandbox.domain.findings import Finding

_FIX = "Write plain columns with pandas' to_parquet(index=False), or as csv."
# A page of these cannot grow beyond memory: Snappy at most 21 times. Others can by thousands.
_CODECS = frozenset({"UNCOMPRESSED", "SNAPPY"})


def read_parquet_table(name: str, data: bytes) -> tuple[Table | None, list[Finding]]:
    """Read a flat table; every cell as text, empty for a missing one.

    Args:
        data: bytes that passed ``check_file_type``.
    """
    try:
        file = pq.ParquetFile(io.BytesIO(data))
        wrong = _wrong(file)
        if wrong:
            return None, [wrong_type(name, wrong, _FIX)]
        content = file.read()
        columns = [[_cell(value) for value in column.to_pylist()] for column in content.columns]
    except (pa.ArrowException, OSError, ValueError, OverflowError, TypeError) as broken:
        kind = type(broken).__name__
        return None, [wrong_type(name, f"The content is no Parquet that can be read ({kind}).", _FIX)]
    rows = [list(row) for row in zip(*columns, strict=True)]
    return checked_table(name, list(enumerate([list(content.schema.names), *rows], start=1)))


def _wrong(file: Any) -> str:
    metadata, schema = file.metadata, file.schema_arrow
    if metadata.num_rows > MAX_ROWS or metadata.num_columns > MAX_COLUMNS:
        return f"It has {metadata.num_rows:,} rows and {metadata.num_columns} columns; that is no table for readers."
    if any(pa.types.is_nested(f.type) or pa.types.is_binary(f.type) for f in schema):
        return "A column holds lists, objects or bytes."
    for group in range(metadata.num_row_groups):
        for column in range(metadata.num_columns):
            codec = metadata.row_group(group).column(column).compression
            if codec not in _CODECS:
                return f"It is compressed with {codec}; only Snappy or nothing is read here."
    return ""


def write_parquet_table(table: Table) -> bytes:
    """A rebuilt table: whole numbers, fractions or text by column, no metadata, nothing compressed."""
    columns = [_column([row[i] for row in table.rows]) for i in range(len(table.columns))]
    content = pa.Table.from_arrays(columns, names=list(table.columns)).replace_schema_metadata(None)
    out = io.BytesIO()
    pq.write_table(content, out, compression="NONE", store_schema=False, write_statistics=False)
    return out.getvalue()


def _column(cells: list[str]) -> Any:
    numbers = [read_number(cell) for cell in cells]
    said = [(c, n) for c, n in zip(cells, numbers, strict=True) if c]
    if said and all(
        (n is not None and not n.percent and str(c).lstrip("-")[:1] != "0") or c in ("0",) or _small(c)
        for c, n in said
    ):
        if all(n is not None and n.whole for _, n in said):
            return pa.array([int(n.value) if n is not None else None for n in numbers], pa.int64())
        return pa.array([float(n.value) if n is not None else None for n in numbers], pa.float64())
    return pa.array([c or None for c in cells], pa.string())


def _small(cell: str) -> bool:
    """A number such as 0.5; a code such as 007 is text."""
    return cell.lstrip("-").startswith("0.") and read_number(cell) is not None


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | Decimal | int | str):
        return str(value)
    if isinstance(value, float):
        return repr(value)
    raise TypeError(type(value).__name__)
