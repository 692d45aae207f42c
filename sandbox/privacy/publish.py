"""Raw table → private view: once, by the owner, before anybody asks.

- Cells are cast to the declared types (``cells``); what does not fit becomes empty, and is counted for the owner.
- A unit's name becomes a whole number in random order. The name itself is not kept.
- Each row gets a random rank within its unit, from a secret salt and the row's own place: what rank a row has
  depends on no other unit. Rows with a rank of ``max_rows_per_unit`` or more are left out.
- Values are *not* clamped here: bounds are the plan's business.
- The view is complete under its name or not there at all.

Nothing in a ``PublishReport`` is private enough to keep from the owner, or public enough for anybody else.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb

from sandbox.domain.errors import BadInput
from sandbox.domain.policy import Column, DatasetPolicy, Table
from sandbox.privacy import views
from sandbox.privacy.bounded import RANK, UNIT
from sandbox.privacy.cells import cell_expression, is_missing, unit_expression
from sandbox.privacy.duck import EngineLimits, publishing_connection, quoted
from sandbox.privacy.stored import NUMERIC, bounds_in_steps, stored_key

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishReport:
    """What became of a raw file. For the owner's eyes.

    Attributes:
        snapshot: the view's public name, 64 hex digits.
        rows: rows kept.
        units: distinct units among them.
        dropped_rows: rows left out because their unit had more than ``max_rows_per_unit``.
        rows_without_unit: rows left out because they name no unit.
        emptied: filled cells that did not fit their declared type or list, by column.
        warnings: sentences about what the owner may want to change in the policy.
    """

    snapshot: str
    rows: int
    units: int
    dropped_rows: int
    rows_without_unit: int
    emptied: dict[str, int]
    warnings: tuple[str, ...]


def publish(
    raw: Path,
    policy: DatasetPolicy,
    table: str,
    out: Path,
    *,
    salt: bytes,
    limits: EngineLimits | None = None,
) -> PublishReport:
    """Make the private view of one table.

    Args:
        raw: a CSV file with a header (``.csv``, ``.csv.gz``) or a Parquet file.
        out: the dataset's folder of views; the new one is named by its snapshot.
        salt: at least 16 secret random bytes. The same salt, file and policy give the same snapshot.

    Raises:
        BadInput: a file that cannot be read, lacks a declared column, or is longer than ``max_rows``.
    """
    declared = policy.table(table)
    if policy.unit is None or declared is None:
        raise BadInput(
            f"{policy.name} declares no private table {table!r}.",
            where="table",
            fix=f"Its tables: {', '.join(sorted(policy.tables)) or 'none'}; it also has to name a unit.",
        )
    if len(salt) < 16:
        raise BadInput("The salt is too short to be secret.", where="salt", fix="Use 32 random bytes.")
    _check_names(policy.name, table, declared)
    out.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".publishing-", dir=out))
    try:
        with publishing_connection(limits or EngineLimits(timeout_s=3600), spill=work / "spill") as connection:
            report = _View(connection, raw, declared, policy.unit.column, salt).write(work / "view.parquet")
        shutil.rmtree(work / "spill", ignore_errors=True)
        key = hmac.new(salt, b"snapshot", hashlib.sha256).digest()
        snapshot = views.keep(work, policy=policy, table_name=table, key=key, into=out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return PublishReport(snapshot=snapshot, **report)


class _View:
    """The steps of one publishing, on one connection."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, raw: Path, table: Table, unit: str, salt: bytes
    ) -> None:
        self._connection, self._table, self._unit = connection, table, unit
        self._raw = raw
        self._salt = hmac.new(salt, b"rows", hashlib.sha256).hexdigest()
        self._columns = {name: column for name, column in table.columns.items() if name != unit}

    def write(self, target: Path) -> dict[str, Any]:
        self._open_raw()
        total = self._count_raw()
        emptied = self._load_typed()
        without_unit = self._number("SELECT count(*) FROM typed WHERE _name IS NULL")
        self._rank()
        rows, units = self._row("SELECT count(*), count(DISTINCT _name) FROM ranked WHERE _rank < $1")
        self._copy(target)
        dropped = total - without_unit - rows
        return {
            "rows": rows,
            "units": units,
            "dropped_rows": dropped,
            "rows_without_unit": without_unit,
            "emptied": emptied,
            "warnings": tuple(self._warnings(total, rows, dropped, without_unit, emptied)),
        }
