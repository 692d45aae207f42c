"""DuckDB, shut in: the one place that opens it.

Each use has a connection of its own, in memory. For a question it may read one file and nothing else, cannot load
extensions, cannot write to disk, and its settings are locked before the query is run. Where files are sealed, no
connection writes anything else to the disk: what does not fit into memory while publishing is an error.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import duckdb
import ibis

from sandbox.privacy.at_rest.files import AS_THEY_ARE, Files
from sandbox.privacy.engines.holding import CONTRIBUTIONS, VIEW, EngineLimits

__all__ = ["EngineLimits", "connection_to", "publishing_connection", "quoted", "quoted_name", "rows_of"]


@contextmanager
def connection_to(
    view: Path,
    limits: EngineLimits,
    *,
    contributions: Path | None = None,
    beside: Mapping[str, Path] = MappingProxyType({}),
    files: Files = AS_THEY_ARE,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that can read this Parquet file, as ``private_view``, until the time is up.

    Args:
        contributions: likewise, what its units give to the values of a key, as ``private_contributions``.
        beside: other tables of the same snapshot, by what they are to be called.
        files: how they are opened.
    """
    paths = {VIEW: view, **beside} | ({} if contributions is None else {CONTRIBUTIONS: contributions})
    sources = {name: quoted(files.source(path)) for name, path in paths.items()}
    with _connection(limits, spill="") as connection:
        # Order matters: the paths are allowed, then all others are forbidden, then nothing can be changed any more.
        files.attach(connection)
        connection.execute(f"SET allowed_paths = [{', '.join(sources.values())}]")
        connection.execute("SET enable_external_access = false")
        for name, source in sources.items():
            connection.execute(f"CREATE VIEW {name} AS FROM read_parquet({source})")
        connection.execute("SET lock_configuration = true")
        yield connection


@contextmanager
def publishing_connection(
    limits: EngineLimits, *, spill: Path | None, files: Files = AS_THEY_ARE
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection for the owner's side: it reads raw files and writes views. No text of an asker comes near it.

    Args:
        spill: where rows go that do not fit into memory, as they are; None: nowhere.
        files: how it opens and makes files.
    """
    with _connection(limits, spill="" if spill is None else str(spill)) as connection:
        files.attach(connection)
        connection.execute("SET lock_configuration = true")
        yield connection


def rows_of(connection: duckdb.DuckDBPyConnection, expression: Any) -> list[tuple[Any, ...]]:
    """Run an Ibis expression over the view."""
    return connection.execute(str(ibis.to_sql(expression, dialect="duckdb"))).fetchall()


@contextmanager
def _connection(limits: EngineLimits, *, spill: str) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": f"{limits.memory_mib}MiB",
            "threads": limits.threads,
            "temp_directory": spill,
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "python_enable_replacements": "false",  # a table name must not find a Python variable
        },
    )
    clock = threading.Timer(limits.timeout_s, connection.interrupt)
    clock.daemon = True
    clock.start()
    try:
        yield connection
    finally:
        clock.cancel()
        connection.close()


def quoted(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def quoted_name(name: str) -> str:
    """A column's name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
