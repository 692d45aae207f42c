"""Raw table → private view: once, by the owner, before anybody asks.

- Cells are cast to the declared types (``cells``); what does not fit becomes empty, and is counted for the owner.
- A unit's name becomes a whole number in random order. The name itself is not kept.
- Each row gets a random rank within its unit, from a secret salt, the unit's name and the row's own cells: what rank
  a row has depends on no other unit, nor on the order of the file. Rows with a rank of
  ``max_rows_per_unit`` or more are left out.
- Values are *not* clamped here: bounds are the plan's business.
- Rows of units that objections withhold are left out before anything else is done with them.
- The view is complete under its name or not there at all.

Nothing in a ``PublishReport`` is private enough to keep from the owner, or public enough for anybody else.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import ibis

from sandbox.domain.errors import BadInput, TooLarge
from sandbox.domain.policy import Column, DatasetPolicy, Table
from sandbox.privacy.answering.bounded import RANK, UNIT, view_of
from sandbox.privacy.answering.contributions import ORDER, added_up, kept_keys
from sandbox.privacy.at_rest.files import AS_THEY_ARE, Files
from sandbox.privacy.engines.duck import publishing_connection, quoted, quoted_name
from sandbox.privacy.engines.holding import VIEW, EngineLimits
from sandbox.privacy.publishing import views
from sandbox.privacy.publishing.cells import is_missing, reading, storing, unit_expression
from sandbox.privacy.publishing.csv_file import csv_reader
from sandbox.privacy.publishing.withheld import NOBODY, Withheld, leave_out
from sandbox.privacy.stored import NUMERIC, bounds_in_steps

PUBLISH_LIMITS = EngineLimits(timeout_s=3600)


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
    withheld: Withheld = NOBODY,
    files: Files = AS_THEY_ARE,
) -> PublishReport:
    """Make the private view of one table.

    Args:
        raw: a CSV file with a header (``.csv``, ``.csv.gz``) or a Parquet file.
        out: the dataset's folder of views; the new one is named by its snapshot.
        salt: at least 16 secret random bytes. The same salt, file and policy give the same snapshot.
        files: how raw files are opened, and views are made.

    Raises:
        BadInput: a file that cannot be read, lacks a declared column, or is longer than ``max_rows``.
    """
    declared, unit = declared_table(policy, table, salt)
    out.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".publishing-", dir=out))
    try:
        with _bench(limits, work, files) as connection:
            read = _read(connection, raw, declared, unit=unit, withheld=withheld, files=files)
            _number_units(connection, salt, of=("typed",))
            _rank_rows(connection, salt)
            report = _write_view(
                connection,
                declared,
                read,
                unit=unit,
                target=work / "view.parquet",
                most_units=declared.max_rows,
                files=files,
            )
        shutil.rmtree(work / "spill", ignore_errors=True)
        key = hmac.new(salt, b"snapshot", hashlib.sha256).digest()
        snapshot = views.keep(
            work,
            policy=policy,
            table_name=table,
            key=key,
            into=out,
            withheld=withheld.mark(salt),
            files=files,
        )
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return replace(report, snapshot=snapshot, warnings=(*report.warnings, *withheld.said(read.left_out)))


def publish_tables(
    raws: Mapping[str, Path],
    policy: DatasetPolicy,
    out: Path,
    *,
    salt: bytes,
    limits: EngineLimits | None = None,
    withheld: Withheld = NOBODY,
    files: Files = AS_THEY_ARE,
) -> PublishReport:
    """Make the private views of all tables of a dataset: one snapshot, in which a unit has one number everywhere.

    Args:
        raws: a file for each table of the policy.

    Returns:
        All tables together; columns and warnings are told with their table.

    Raises:
        BadInput: as ``publish``; or a table without a file.
    """
    declared = {name: declared_table(policy, name, salt)[0] for name in sorted(raws)}
    if policy.unit is None or set(declared) != set(policy.tables):
        raise BadInput(
            f"{policy.name} has the tables {', '.join(policy.tables)}; files came for {', '.join(raws) or 'none'}.",
            where="files",
            fix="Give one file for each table.",
        )
    unit, most_units = policy.unit.column, sum(table.max_rows for table in declared.values())
    out.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".publishing-", dir=out))
    reports: dict[str, PublishReport] = {}
    try:
        with _bench(limits, work, files) as connection:
            read = {}
            for place, (name, table) in enumerate(declared.items()):
                read[name] = _read(connection, raws[name], table, unit=unit, withheld=withheld, files=files)
                connection.execute(f"ALTER TABLE typed RENAME TO typed_{place}")
            _number_units(connection, salt, of=[f"typed_{place}" for place in range(len(declared))])
            for place, (name, table) in enumerate(declared.items()):
                connection.execute(f"ALTER TABLE typed_{place} RENAME TO typed")
                _rank_rows(connection, salt, of=name)
                (work / name).mkdir()
                reports[name] = _write_view(
                    connection,
                    table,
                    read[name],
                    unit=unit,
                    target=work / name / "view.parquet",
                    most_units=most_units,
                    files=files,
                )
                connection.execute("DROP TABLE ranked")
            units = _whole(connection, "SELECT count(*) FROM units")
        shutil.rmtree(work / "spill", ignore_errors=True)
        key = hmac.new(salt, b"snapshot", hashlib.sha256).digest()
        snapshot = views.keep_tables(
            work,
            policy=policy,
            tables=list(declared),
            key=key,
            into=out,
            withheld=withheld.mark(salt),
            files=files,
        )
    finally:
        shutil.rmtree(work, ignore_errors=True)
    report = _together(reports, snapshot=snapshot, units=units)
    said = withheld.said(sum(table.left_out for table in read.values()))
    return replace(report, warnings=(*report.warnings, *said))


@contextmanager
def _bench(limits: EngineLimits | None, work: Path, files: Files) -> Iterator[duckdb.DuckDBPyConnection]:
    """Where a view is made. Rows that do not fit into memory go to the disk only where files lie there as they are."""
    spill = work / "spill" if files is AS_THEY_ARE else None
    try:
        with publishing_connection(limits or PUBLISH_LIMITS, spill=spill, files=files) as connection:
            yield connection
    except duckdb.OutOfMemoryException:
        raise TooLarge(
            "The files do not fit into the memory that publishing has.",
            fix="Raise answers.engine_memory_mib in site.yaml, restart, and publish again.",
        ) from None


def _together(reports: Mapping[str, PublishReport], *, snapshot: str, units: int) -> PublishReport:
    return PublishReport(
        snapshot=snapshot,
        rows=sum(report.rows for report in reports.values()),
        units=units,
        dropped_rows=sum(report.dropped_rows for report in reports.values()),
        rows_without_unit=sum(report.rows_without_unit for report in reports.values()),
        emptied={
            f"{table}.{name}": n for table, report in reports.items() for name, n in report.emptied.items()
        },
        warnings=tuple(f"{table}: {text}" for table, report in reports.items() for text in report.warnings),
    )


def declared_table(policy: DatasetPolicy, table: str, salt: bytes) -> tuple[Table, str]:
    """The table as the policy declares it, and the unit's column.

    Raises:
        BadInput: nothing that can be published.
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
    return declared, policy.unit.column


@dataclass(frozen=True, slots=True)
class _Read:
    """A raw file that is ``typed`` now."""

    total: int  # without those that are left out
    emptied: dict[str, int]
    left_out: int  # rows of units that objections withhold


def _read(
    connection: duckdb.DuckDBPyConnection,
    raw: Path,
    table: Table,
    *,
    unit: str,
    withheld: Withheld,
    files: Files,
) -> _Read:
    columns = {name: column for name, column in table.columns.items() if name != unit}
    found = open_raw(connection, raw, [unit, *columns], files)
    total = _whole(connection, "SELECT count(*) FROM raw")
    if total > table.max_rows:
        raise BadInput(
            f"{raw.name} has {total} rows; the policy says at most {table.max_rows}.",
            where="max_rows",
            fix="Raise max_rows, or publish fewer rows.",
        )
    emptied = _type_cells(connection, columns, found, unit=unit)
    left_out = leave_out(connection, withheld)
    return _Read(total - left_out, emptied, left_out)


def _write_view(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    read: _Read,
    *,
    unit: str,
    target: Path,
    most_units: int,
    files: Files,
) -> PublishReport:
    """Write what is ``ranked``."""
    columns = {name: column for name, column in table.columns.items() if name != unit}
    kept = f"FROM ranked WHERE {RANK} < {table.max_rows_per_unit}"
    # By rank first: a question that keeps each unit's first rows skips the rest of the file without reading it.
    # The two columns are only compared, so that narrow types cannot overflow; the policy alone decides them.
    narrow = [
        f"CAST({UNIT} AS {_whole_type(most_units)}) AS {UNIT}",
        f"CAST({RANK} AS {_whole_type(table.max_rows_per_unit)}) AS {RANK}",
    ]
    names = ", ".join([*narrow, *(quoted_name(name) for name in columns)])
    connection.execute(
        f"COPY (SELECT {names} {kept} ORDER BY ranked.{RANK}, ranked.{UNIT}) TO {quoted(files.target(target))}"
        " (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)"
    )
    _write_contributions(connection, table, unit=unit, view=target, most_units=most_units, files=files)
    rows, units = (
        _whole(connection, f"SELECT count(*) {kept}"),
        _whole(connection, f"SELECT count(*) FROM ranked WHERE {RANK} = 0"),  # noqa: S608 - constants
    )
    with_unit = _whole(connection, "SELECT count(*) FROM ranked")
    report = PublishReport(
        snapshot="",
        rows=rows,
        units=units,
        dropped_rows=with_unit - rows,
        rows_without_unit=read.total - with_unit,
        emptied=read.emptied,
        warnings=(),
    )
    said = warnings_about(lambda sql: _whole(connection, sql), quoted_name, table, columns, report)
    return replace(report, warnings=tuple(said))


def _write_contributions(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    *,
    unit: str,
    view: Path,
    most_units: int,
    files: Files,
) -> None:
    """Beside the view: what each unit gives to each value of each key."""
    connection.execute(f"CREATE VIEW {VIEW} AS FROM read_parquet({quoted(files.source(view))})")
    private = view_of(table, unit_column=unit)
    for key in kept_keys(table):
        added = ibis.to_sql(added_up(key, table, private, unit_column=unit), dialect="duckdb")
        order = _whole_type(table.max_rows_per_unit)
        narrow = f"CAST({UNIT} AS {_whole_type(most_units)}) AS {UNIT}, CAST({ORDER} AS {order}) AS {ORDER}"
        connection.execute(
            f"COPY (SELECT * REPLACE ({narrow}) FROM ({added}) ORDER BY {ORDER}, {UNIT})"  # noqa: S608 - names of the policy
            f" TO {quoted(files.target(view.with_name(f'by-{key}.parquet')))}"
            " (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)"
        )
    connection.execute(f"DROP VIEW {VIEW}")


def open_raw(
    connection: duckdb.DuckDBPyConnection, raw: Path, wanted: list[str], files: Files = AS_THEY_ARE
) -> dict[str, str]:
    """Name the file ``raw``; return the file's own name for each wanted column."""
    reader = raw_reader(raw, files)
    with told_without_rows(raw, files):
        found = _own_names(connection, raw, reader, wanted)
        needed = ", ".join(quoted_name(own) for own in sorted(set(found.values())))
        connection.execute(f"CREATE TEMP TABLE raw AS SELECT {needed} FROM {reader}")  # noqa: S608 - quoted names
    return found


def raw_reader(raw: Path, files: Files = AS_THEY_ARE) -> str:
    """The SQL table function that reads a raw file.

    Raises:
        BadInput: there is none, or it is of another kind.
    """
    if not raw.is_file():
        raise BadInput(f"There is no file {raw.name}.", where=raw.name, fix="Check the name and the folder.")
    if raw.name.endswith((".csv", ".csv.gz")):
        return csv_reader(raw, files)
    if raw.suffix == ".parquet":
        return f"read_parquet({quoted(files.source(raw))})"
    raise BadInput(
        f"{raw.name} is neither CSV nor Parquet.", where=raw.name, fix="Use .csv, .csv.gz, .parquet."
    )


@contextmanager
def told_without_rows(raw: Path, files: Files = AS_THEY_ARE) -> Iterator[None]:
    """What DuckDB says of a file that it cannot read, by its place alone.

    Raises:
        BadInput: it cannot be read.
    """
    try:
        yield
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        files.check()
        # DuckDB's own text quotes the line: it would carry a person's row into a log.
        line = re.search(r"Line: ([0-9]+)", str(error))
        place = f"{raw.name}:{line.group(1)}" if line else raw.name
        raise BadInput(
            f"{raw.name} cannot be read.", where=place, fix="Mend the file at that place."
        ) from None


def _own_names(
    connection: duckdb.DuckDBPyConnection, raw: Path, reader: str, wanted: list[str]
) -> dict[str, str]:
    """The file's own name for each wanted column; upper and lower case are the same."""
    existing = [str(row[0]) for row in connection.execute(f"DESCRIBE FROM {reader}").fetchall()]
    by_lower = {name.lower(): name for name in existing}
    for name in wanted:
        if name not in by_lower:
            raise BadInput(
                f"{raw.name} has no column {name!r}.", where=name, fix=f"Its columns: {', '.join(existing)}."
            )
    return {name: by_lower[name] for name in wanted}


def _type_cells(
    connection: duckdb.DuckDBPyConnection, columns: dict[str, Column], found: dict[str, str], *, unit: str
) -> dict[str, int]:
    """Make ``typed`` from ``raw``; return how many filled cells of each column became empty."""
    texts = {name: f"CAST({quoted_name(own)} AS VARCHAR)" for name, own in found.items()}
    missing = {name: f"_missing_{place}" for place, name in enumerate(columns)}
    read = [f"{reading(texts[name], column)} AS {quoted_name(name)}" for name, column in columns.items()]
    read += [f"{is_missing(texts[name])} AS {flag}" for name, flag in missing.items()]
    connection.execute(
        f"CREATE TEMP TABLE read AS SELECT {', '.join([f'{unit_expression(texts[unit])} AS _name', *read])} FROM raw"  # noqa: S608 - names of the policy
    )
    connection.execute("DROP TABLE raw")
    stored = [
        f"{storing(quoted_name(name), column)} AS {quoted_name(name)}" for name, column in columns.items()
    ]
    connection.execute(
        f"CREATE TEMP TABLE typed AS SELECT {', '.join(['_name', *stored, *missing.values()])} FROM read"  # noqa: S608 - as above
    )
    connection.execute("DROP TABLE read")
    if not columns:
        return {}
    lost = [
        f"count(*) FILTER (WHERE NOT {flag} AND {quoted_name(name)} IS NULL)"
        for name, flag in missing.items()
    ]
    counts = connection.execute(f"SELECT {', '.join(lost)} FROM typed").fetchall()[0]  # noqa: S608 - as above
    for flag in missing.values():
        connection.execute(f"ALTER TABLE typed DROP COLUMN {flag}")
    return {name: int(count) for name, count in zip(columns, counts, strict=True)}


def _number_units(connection: duckdb.DuckDBPyConnection, salt: bytes, *, of: Sequence[str]) -> None:
    """Make ``units``: the names of all of these tables as whole numbers, in random order."""
    named = " UNION ".join(f"SELECT _name FROM {name} WHERE _name IS NOT NULL" for name in of)  # noqa: S608 - constants
    connection.execute(
        f"CREATE TEMP TABLE units AS SELECT _name, row_number() OVER (ORDER BY sha256($unit || _name)) - 1 AS {UNIT}"  # noqa: S608 - constants
        f" FROM (SELECT DISTINCT _name FROM ({named}))",
        {"unit": hmac.new(salt, b"units", hashlib.sha256).hexdigest()},
    )


def _rank_rows(connection: duckdb.DuckDBPyConnection, salt: bytes, *, of: str = "") -> None:
    """Make ``ranked`` from ``typed`` and ``units``: rows in random order within a unit.

    A row's lot is a salted hash of its unit's name, its own cells, and a number among its unit's rows that are just
    like it. The hash is a random function: to whoever does not know the salt, the order of a unit's rows is a fair
    shuffle. It follows from this unit's rows alone: not from where they stand in the file, which others' rows change,
    so that versions of a table, too, differ by what one unit is in them and by nothing else.

    Args:
        of: the table, where there are several: each has lots of its own.
    """
    row = hmac.new(salt, f"rows {of}".strip().encode(), hashlib.sha256).hexdigest()
    cells = [str(cell[0]) for cell in connection.execute("DESCRIBE typed").fetchall() if cell[0] != "_name"]
    # Each part with its length before it: no two rows that differ have the same text.
    texts = [f"CAST({name} AS VARCHAR)" for name in ("_name", *map(quoted_name, cells))]
    whole = " || ".join(f"coalesce(length({text}) || ':' || {text}, '-')" for text in texts)
    connection.execute(
        f"CREATE TEMP TABLE drawn AS SELECT *, sha256($row || {whole}) AS _content FROM typed JOIN units USING (_name)",  # noqa: S608 - names of the policy
        {"row": row},
    )
    connection.execute("DROP TABLE typed")
    connection.execute(
        "CREATE TEMP TABLE ranked AS SELECT * EXCLUDE (_name, _content, _copy),"  # noqa: S608 - constants
        f" row_number() OVER (PARTITION BY {UNIT} ORDER BY sha256(_content || ':' || _copy)) - 1 AS {RANK} FROM"
        f" (SELECT *, row_number() OVER (PARTITION BY {UNIT}, _content) AS _copy FROM drawn)"
    )
    connection.execute("DROP TABLE drawn")


def warnings_about(
    whole: Callable[[str], int],
    quoted: Callable[[str], str],
    table: Table,
    columns: dict[str, Column],
    report: PublishReport,
) -> Iterator[str]:
    """What an owner may want to know before the view is opened. Exact counts: not for anybody else.

    Args:
        whole: runs a statement on the table ``ranked`` whose answer is one whole number, on whichever engine.
        quoted: a column's name as SQL there.
    """
    if report.rows == 0:
        yield "No row was published."
        return
    if report.dropped_rows:
        yield (
            f"{report.dropped_rows:,} rows lie beyond max_rows_per_unit ({table.max_rows_per_unit}) and are left out: "
            "answers are about the rest. A higher bound keeps them and adds noise."
        )
    if report.rows_without_unit:
        yield f"{report.rows_without_unit:,} rows name no unit and are left out."
    for name, count in report.emptied.items():
        if count:
            yield f"{count:,} cells of {name} do not fit its declaration and are empty now."
    beyond_bounds = []
    for name, column in columns.items():
        cell = quoted(name)
        if column.summable and column.type in NUMERIC:
            lower, upper = bounds_in_steps(column)
            outside = whole(
                f"SELECT count(*) FROM ranked WHERE {cell} < {lower} OR {cell} > {upper}",  # noqa: S608 - as above
            )
            if outside:
                beyond_bounds.append(f"{outside:,} of {name} ({column.lower} to {column.upper})")
        if column.max_rows_per_unit is not None:
            most = column.max_rows_per_unit
            beyond = whole(
                f"SELECT coalesce(sum(n - {most}), 0) FROM (SELECT count(*) AS n FROM ranked "  # noqa: S608 - as above
                f"WHERE {cell} IS NOT NULL GROUP BY {UNIT}, {cell} HAVING count(*) > {most}) AS beyond",
            )
            if beyond:
                yield f"{beyond:,} rows lie beyond max_rows_per_unit of {name} ({most}) and are cut where it is a key."
    if beyond_bounds:
        yield f"Cells outside their bounds count as the nearer one in SUM and AVG: {', '.join(beyond_bounds)}."


def _whole_type(most: int) -> str:
    """The narrowest type for whole numbers from 0 to below ``most``."""
    return "SMALLINT" if most <= 2**15 else "INTEGER" if most <= 2**31 else "BIGINT"


def _whole(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    return int(connection.execute(sql).fetchall()[0][0])
