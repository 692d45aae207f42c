"""Which file types are tables, and who reads them."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.disclosure.json_table import read_json_table
from sandbox.disclosure.parquet_table import read_parquet_table
from sandbox.disclosure.table import Table, read_table
from sandbox.domain.findings import Finding

READERS: dict[str, Callable[[str, bytes], tuple[Table | None, list[Finding]]]] = {
    "csv": read_table,
    "json": read_json_table,
    "parquet": read_parquet_table,
}
