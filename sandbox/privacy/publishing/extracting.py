"""Rows for a job or a room: the agreed columns of a snapshot as plain Parquet files, in a folder in memory.

    <extracts>/<target>/<table>.parquet    the columns that were asked for, in their declared types; or
    <extracts>/<target>/<table>.csv        the same as text: each text in quotes, what is missing empty without them
    <extracts>/<target>/schema.json        columns, types, numbers of rows

- The rows are those of the private view: those that the policy publishes, without units that objections withhold.
  Values are as they were published: not clamped to any bound; a cell that does not fit its type is empty.
- The unit's column stands in every table, and holds a keyed pseudonym that differs from target to target: rows of one
  unit can be joined, and not named. The view does not hold the name, so no agreement can open it.
- A folder is complete under its name, or not there at all.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import io
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import duckdb

from sandbox.domain.errors import BadInput, Conflict, OperatorError, SandboxError, TooLarge
from sandbox.domain.job import RowFiles
from sandbox.domain.policy import Column, ColumnType, DatasetPolicy
from sandbox.privacy.answering.bounded import UNIT
from sandbox.privacy.at_rest.files import Door
from sandbox.privacy.engines.duck import publishing_connection, quoted, quoted_name
from sandbox.privacy.engines.holding import EngineLimits
from sandbox.privacy.publishing.views import View
from sandbox.privacy.stored import steps_per_one

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

FORMAT = "sandbox-extract-v1"
PSEUDONYM_DIGITS = 20
_TARGET = re.compile(r"[a-z0-9-]{1,40}")
_SCHEME = "extract"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractReport:
    """What an extract holds. Its numbers come from rows: for the program that hands it to a container.

    Attributes:
        rows: by table.
        size_bytes: of all its files.
    """

    target: str
    rows: Mapping[str, int]
    size_bytes: int


class BoundedFiles:
    """New files that together stay below a bound.

    Args:
        max_bytes: of all of them.
        create: opens a new file for writing; handed in by tests of full disks.
    """

    def __init__(
        self, max_bytes: int, create: Callable[[Path], BinaryIO] = lambda path: path.open("xb")
    ) -> None:
        self._max, self._create = max_bytes, create
        self.written = 0
        self.trouble: SandboxError | None = None

    def opened(self, path: Path) -> io.RawIOBase:
        return path.open("rb", buffering=0)

    def create(self, path: Path) -> BinaryIO:
        return cast(BinaryIO, _Counted(self, self._create(path)))

    def size(self, path: Path) -> int:
        return path.stat().st_size

    def count(self, size: int) -> None:
        self.written += size
        if self.written > self._max:
            self.trouble = TooLarge(
                f"The rows are more than {self._max:,} bytes.",
                fix="Apply for fewer columns, or ask the operator for a larger bound.",
            )
            raise self.trouble

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Say what went wrong with a file; DuckDB's own error hides it, and may quote a row."""
        try:
            yield
        except (OSError, duckdb.Error, TooLarge) as error:
            if self.trouble is None and isinstance(error, OSError) and error.errno in _FULL:
                self.full()
            raise self.trouble or OperatorError(
                "The rows could not be written.", fix="Look at the folder of extracts: rights, and room."
            ) from None

    def full(self) -> None:
        self.trouble = OperatorError(
            "The folder of extracts is full.",
            fix="Wait until a job ends, or give SANDBOX_EXTRACTS a larger place.",
        )


class _Counted(io.RawIOBase):
    def __init__(self, files: BoundedFiles, file: BinaryIO) -> None:
        self._files, self._file = files, file

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        content = bytes(data)
        self._files.count(len(content))
        try:
            self._file.write(content)
        except OSError as error:
            if error.errno in _FULL:
                self._files.full()
            raise
        return len(content)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        if self.closed:
            return
        try:
            self._file.close()
        except OSError as error:
            if error.errno in _FULL:
                self._files.full()
            raise
        finally:
            super().close()


def check_target(target: str) -> None:
    """Raise unless it can name an extract, and so no path.

    Raises:
        BadInput: it cannot.
    """
    if not _TARGET.fullmatch(target):
        raise BadInput(
            "This names no extract.", where="target", fix="Use at most 40 of a-z, 0-9 and the hyphen."
        )


def extract(
    view: View,
    tables: Mapping[str, Sequence[str]],
    *,
    out: Path,
    target: str,
    salt: bytes,
    max_bytes: int,
    limits: EngineLimits,
    form: RowFiles = RowFiles.PARQUET,
    files: BoundedFiles | None = None,
) -> ExtractReport:
    """Write the extract.

    Args:
        view: of the snapshot, with all its tables.
        tables: the columns of each table; the unit's column is there as a pseudonym, asked for or not.
        out: the folder of extracts.
        target: the new folder's name.
        salt: the secret that pseudonyms come from.
        form: how the rows lie in it.

    Raises:
        BadInput: a table or column that the snapshot has not, a bad name, or a table that stays in its warehouse.
        Conflict: there is an extract of this name.
        TooLarge: more than ``max_bytes``; nothing is left behind.
        OperatorError: the folder is full, or cannot be written; nothing is left behind.
    """
    check_target(target)
    wanted = {name: _checked(view, name, columns) for name, columns in tables.items()}
    if not wanted:
        raise BadInput("No table is asked for.", where="tables", fix="Name one with its columns.")
    key = hmac.new(salt, f"extract {target}".encode(), hashlib.sha256).hexdigest()
    bounded = files or BoundedFiles(max_bytes)
    rows: dict[str, int] = {}
    with _folder(out, target) as work, bounded.telling():
        for name, (one, columns) in wanted.items():
            with publishing_connection(limits, spill=None, files=one.files) as connection:
                cells = _rows(one, columns, key)
                rows[name] = _copy(
                    connection,
                    bounded,
                    cells,
                    work / f"{name}.{form}",
                    _how(view.policy, name, columns, form),
                )
        _write(
            work,
            bounded,
            view.policy,
            snapshot=view.snapshot,
            tables=tables,
            rows=rows,
            sample=False,
            form=form,
        )
    return ExtractReport(target=target, rows=rows, size_bytes=bounded.written)


def write_sample(
    policy: DatasetPolicy,
    rows: Mapping[str, Sequence[Mapping[str, Any]]],
    tables: Mapping[str, Sequence[str]],
    *,
    out: Path,
    target: str,
    max_bytes: int,
    form: RowFiles = RowFiles.PARQUET,
) -> ExtractReport:
    """Made-up rows in the shape of an extract, so that code can be tried on them. Raises as ``extract``.

    Args:
        rows: cells by column, of each table; the unit's are pseudonyms already.
    """
    import pyarrow as pa

    check_target(target)
    bounded = BoundedFiles(max_bytes)
    with _folder(out, target) as work, bounded.telling():
        for name, columns in tables.items():
            fields = [(column, _arrow(policy, name, column)) for column in _columns(policy, name, columns)]
            table = pa.Table.from_pylist(list(rows[name]), schema=pa.schema(fields))
            with publishing_connection(EngineLimits(), spill=None) as connection:
                connection.register("made_up", table)
                how = _how(policy, name, columns, form)
                _copy(connection, bounded, "FROM made_up", work / f"{name}.{form}", how)
        counted = {name: len(rows[name]) for name in tables}
        _write(work, bounded, policy, snapshot="", tables=tables, rows=counted, sample=True, form=form)
    return ExtractReport(target=target, rows=counted, size_bytes=bounded.written)


def places(column: Column) -> int:
    """Digits behind the point of a decimal's cells."""
    return len(str(steps_per_one(column))) - 1


def _checked(view: View, name: str, columns: Sequence[str]) -> tuple[View, Sequence[str]]:
    one = view.of({name})
    if one is None:
        has = sorted(view.tables) or [view.table_name]
        raise BadInput(f"The snapshot has no table {name}.", where="tables", fix=f"It has {', '.join(has)}.")
    if one.held is not None:
        raise BadInput(
            "Rows of a table that stays in its warehouse are not handed out.",
            where="tables",
            fix="Use mode query, or publish the table from a file.",
        )
    for column in columns:
        if column not in one.table.columns:
            raise BadInput(
                f"{name} has no column {column}.",
                where="tables",
                fix=f"It has {', '.join(one.table.columns)}.",
            )
    return one, columns


def _columns(policy: DatasetPolicy, table: str, columns: Sequence[str]) -> list[str]:
    """Those of an extract: the unit's, then the ones that were asked for, in the order that they were."""
    return list(dict.fromkeys([policy.unit.column if policy.unit else "", *columns]))


def _rows(view: View, columns: Sequence[str], key: str) -> str:
    source = view.files.source(view.parquet)
    cells = [
        _pseudonym(key) if name == view.unit_column else _cell(name, view.table.columns[name])
        for name in _columns(view.policy, view.table_name, columns)
    ]
    names = _columns(view.policy, view.table_name, columns)
    shown = ", ".join(f"{cell} AS {quoted_name(name)}" for cell, name in zip(cells, names, strict=True))
    return f"SELECT {shown} FROM read_parquet({quoted(source)})"  # noqa: S608 - names of the policy


def _copy(
    connection: duckdb.DuckDBPyConnection, files: BoundedFiles, rows: str, place: Path, how: str
) -> int:
    """Write the rows of a query into a file that is counted; returns how many they are."""
    connection.register_filesystem(Door(_SCHEME, files))
    address = quoted(f"{_SCHEME}://{place.absolute()}")
    found = connection.execute(f"COPY ({rows}) TO {address} ({how}, USE_TMP_FILE false)").fetchall()
    return int(found[0][0])


def _how(policy: DatasetPolicy, table: str, columns: Sequence[str], form: RowFiles) -> str:
    """DuckDB's options for a form. In CSV a text is told from what is missing by its quotes."""
    if form is RowFiles.PARQUET:
        return "FORMAT parquet, COMPRESSION zstd"
    texts = [
        quoted_name(column)
        for column in _columns(policy, table, columns)
        if column == (policy.unit.column if policy.unit else "")
        or policy.tables[table].columns[column].type is ColumnType.TEXT
    ]
    return "FORMAT csv, HEADER true" + (f", FORCE_QUOTE ({', '.join(texts)})" if texts else "")


def _pseudonym(key: str) -> str:
    return f"left(sha256({quoted(key)} || ':' || CAST({UNIT} AS VARCHAR)), {PSEUDONYM_DIGITS})"


def _cell(name: str, column: Column) -> str:
    cell = quoted_name(name)
    if column.type is not ColumnType.DECIMAL:
        return cell
    return f"CAST(CAST({cell} AS DECIMAL(19, 0)) * {column.resolution} AS DECIMAL(19, {places(column)}))"


def _arrow(policy: DatasetPolicy, table: str, name: str) -> Any:
    import pyarrow as pa

    column = policy.tables[table].columns[name]
    if policy.unit is not None and name == policy.unit.column:
        return pa.string()
    match column.type:
        case ColumnType.INTEGER:
            return pa.int64()
        case ColumnType.DECIMAL:
            return pa.decimal128(19, places(column))
        case ColumnType.TEXT:
            return pa.string()
        case ColumnType.BOOLEAN:
            return pa.bool_()
        case ColumnType.DATE:
            return pa.date32()


@contextmanager
def _folder(out: Path, target: str) -> Iterator[Path]:
    """A folder to be filled, which then has the target's name; gone when anything goes wrong."""
    final, work = out / target, out / f"{target}.part"
    if final.exists():
        raise Conflict(f"There is an extract {target} already.", fix="Remove it first.")
    shutil.rmtree(work, ignore_errors=True)
    try:
        work.mkdir(mode=0o700)
        yield work
        for path in work.iterdir():
            path.chmod(0o444)
        work.chmod(0o755)  # for the container's user; the folder above is closed to everybody else here
        os.rename(work, final)
    except FileNotFoundError:
        raise OperatorError("There is no folder for extracts.", fix="Start the system again.") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _write(
    work: Path,
    files: BoundedFiles,
    policy: DatasetPolicy,
    *,
    snapshot: str,
    tables: Mapping[str, Sequence[str]],
    rows: Mapping[str, int],
    sample: bool,
    form: RowFiles,
) -> None:
    """Write ``schema.json``."""
    unit = policy.unit.column if policy.unit else ""
    document = {
        "format": FORMAT,
        "dataset": policy.name,
        "snapshot": snapshot,
        "sample": sample,
        "unit": {"column": unit, "noun": policy.unit.noun if policy.unit else ""},
        "tables": {
            name: {
                "file": f"{name}.{form}",
                "rows": rows[name],
                "columns": [
                    _described(column, policy.tables[name].columns[column], pseudonym=column == unit)
                    for column in _columns(policy, name, columns)
                ],
            }
            for name, columns in tables.items()
        },
    }
    with files.create(work / "schema.json") as file:
        file.write(json.dumps(document, ensure_ascii=False, indent=1).encode())


def _described(name: str, column: Column, *, pseudonym: bool) -> dict[str, Any]:
    if pseudonym:
        return {"name": name, "type": "text", "pseudonym": True}
    return {
        "name": name,
        "type": str(column.type),
        **({"places": places(column)} if column.type is ColumnType.DECIMAL else {}),
        **({"measured_in": column.measured_in} if column.measured_in else {}),
        **({"description": column.description} if column.description else {}),
    }
