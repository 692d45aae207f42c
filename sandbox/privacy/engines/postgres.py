"""PostgreSQL: tables stay in it; each private view is a table in a schema of its own.

- The owner's connection makes views. The asker's only asks: its role needs CONNECT on the database and nothing else;
  what it may read is granted view by view. Where none is given, the owner's asks, in a read-only transaction too.
- Everything that the meaning of a statement hangs on is set by us in each transaction: how quotes and backslashes are
  read, where names are looked up, how dates are written. The server's and the role's own settings do not matter.
- Statements go by the extended protocol: one at a time, whatever stands in them.

Memory is bounded softly: ``work_mem`` holds for each step of a statement, and what goes beyond is written to the
server's disk. ``temp_file_limit`` of the asker's role bounds that (``docs/how-to/warehouses.md``).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import ibis
import psycopg

from sandbox.domain.errors import BadInput
from sandbox.domain.policy import ColumnType
from sandbox.privacy.engines.holding import VIEW, EngineLimits, Expression, Rows

_TYPES = {
    ColumnType.INTEGER: "bigint",
    ColumnType.DECIMAL: "bigint",
    ColumnType.TEXT: 'text COLLATE "C"',  # no collation may hold two texts for one
    ColumnType.BOOLEAN: "boolean",
    ColumnType.DATE: "date",
}


class PostgresWords:
    """How PostgreSQL says it. CASE keeps a cast from seeing what it cannot read: there is no TRY_CAST."""

    text = "text"
    binary = ' COLLATE "C"'

    def type(self, type_: ColumnType) -> str:
        return _TYPES[type_]

    def name(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def literal(self, text: str) -> str:
        return (
            "'" + text.replace("'", "''") + "'"
        )  # standard_conforming_strings is on: a backslash is a backslash

    def as_text(self, cell: str) -> str:
        return f'(CAST({cell} AS text) COLLATE "C")'

    def lower(self, text: str) -> str:
        return f'lower({text} COLLATE "C")'  # a Turkish database has another small I

    def trim(self, text: str, characters: str) -> str:
        return f"btrim({text}, {self.literal(characters)})"

    def before(self, text: str, mark: str) -> str:
        return f"split_part({text}, '{mark}', 1)"

    def matches(self, text: str, pattern: str) -> str:
        return f"{text} ~ {self.literal(f'^({pattern})$')}"

    def decimal(self, numeral: str) -> str:
        return f"round(CAST({numeral} AS numeric), 12)"

    def day(self, text: str) -> str:
        year, month, day = (f"CAST(split_part({text}, '-', {place}) AS int)" for place in (1, 2, 3))
        leap = f"{year} % 4 = 0 AND ({year} % 100 <> 0 OR {year} % 400 = 0)"
        last = (
            f"CASE WHEN {month} = 2 THEN CASE WHEN {leap} THEN 29 ELSE 28 END "
            f"WHEN {month} IN (4, 6, 9, 11) THEN 30 ELSE 31 END"
        )
        exists = f"{year} >= 1 AND {month} BETWEEN 1 AND 12 AND {day} >= 1 AND {day} <= {last}"
        return f"CASE WHEN {exists} THEN make_date({year}, {month}, {day}) END"

    def sha256(self, text: str) -> str:
        return f"encode(sha256(convert_to({text}, 'UTF8')), 'hex')"

    def hex15(self, digits: str) -> str:
        return f"CAST(CAST('x0' || {digits} AS bit(64)) AS bigint)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """A database.

    Args:
        owner: a connection string of a role that may read the raw table, make temporary tables, and make schemas.
        asker: one of a role that may connect and nothing else. Empty: the owner's.
    """

    owner: str = field(repr=False)  # both may hold a password
    asker: str = field(default="", repr=False)

    @property
    def kind(self) -> str:
        return "postgresql"

    @property
    def words(self) -> PostgresWords:
        return PostgresWords()

    @contextmanager
    def preparing(self, limits: EngineLimits) -> Iterator[PostgresBench]:
        role = self._asking_role(limits)
        with _connection(self.owner, limits) as connection, connection.transaction():
            _pin(connection, limits, path="pg_catalog, pg_temp, public")  # our working tables first
            connection.execute(
                "SET LOCAL row_security = off"
            )  # a table that shows us only some rows is an error
            yield PostgresBench(connection, role)

    def holder(self, snapshot: str) -> PostgresView:
        return PostgresView(conninfo=self.asker or self.owner, schema=_schema(snapshot))

    def _asking_role(self, limits: EngineLimits) -> str:
        """The asker's role, to be granted each view; empty when it is the owner's own.

        Raises:
            BadInput: it could do anything.
        """
        if not self.asker:
            return ""
        with _connection(self.asker, limits) as connection:
            ((role, mighty),) = connection.execute(
                "SELECT rolname, rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication"
                " FROM pg_catalog.pg_roles WHERE rolname = current_user"
            ).fetchall()
        if mighty:
            raise BadInput(
                f"The asker's role {role} may do more than ask.",
                where="asker",
                fix="Give a role that may only connect: CREATE ROLE … LOGIN.",
            )
        return str(role)


@dataclass(frozen=True, slots=True)
class PostgresBench:
    """The owner's transaction: a view is there as a whole or not at all."""

    connection: psycopg.Connection[Any]
    role: str

    def columns(self, source: str) -> list[str]:
        quoted = PostgresWords().literal(self.table(source))
        found = self.fetch(
            f"SELECT attname FROM pg_attribute WHERE attrelid = to_regclass({quoted}) "  # noqa: S608 - quoted
            "AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        )
        if not found:
            raise BadInput(
                f"There is no table {source}.",
                where="table",
                fix="Write schema.table, as it is spelled there.",
            )
        return [str(name) for (name,) in found]

    def table(self, source: str) -> str:
        return ".".join(map(PostgresWords().name, source.split(".")))

    def make(self, name: str, select: str) -> None:
        self._run(f"CREATE TEMP TABLE {name} ON COMMIT DROP AS {select}")
        self._run(f"ANALYZE {name}")

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql.encode(), prepare=True).fetchall()

    def keep(self, snapshot: str, select: str, columns: dict[str, str]) -> None:
        schema, name = _schema(snapshot), PostgresWords().name
        self._run("SELECT pg_advisory_xact_lock(hashtext('sandbox views'))")  # two that make the same view
        if self.fetch(f"SELECT 1 WHERE to_regnamespace('{schema}') IS NULL"):
            self._run(f"CREATE SCHEMA {schema}")
            typed = ", ".join(f"{name(column)} {type_}" for column, type_ in columns.items())
            self._run(f"CREATE TABLE {schema}.{VIEW} ({typed})")
            self._run(f"INSERT INTO {schema}.{VIEW} {select}")
            self._run(f"CREATE INDEX ON {schema}.{VIEW} (_rank)")
            self._run(f"ANALYZE {schema}.{VIEW}")
        if self.role:
            self._run(f"GRANT USAGE ON SCHEMA {schema} TO {name(self.role)}")
            self._run(f"GRANT SELECT ON {schema}.{VIEW} TO {name(self.role)}")

    def _run(self, sql: str) -> None:
        self.connection.execute(sql.encode(), prepare=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresView:
    """One private view."""

    conninfo: str = field(repr=False)
    schema: str

    @contextmanager
    def opened(self, limits: EngineLimits) -> Iterator[Rows]:
        with self._asking(limits) as fetch:
            yield lambda expression: fetch(sql_of(expression))

    def fetch(self, sql: str, limits: EngineLimits) -> list[tuple[Any, ...]]:
        with self._asking(limits) as fetch:
            found: list[tuple[Any, ...]] = fetch(sql)
            return found

    @contextmanager
    def _asking(self, limits: EngineLimits) -> Iterator[Any]:
        until = time.monotonic() + limits.timeout_s
        with _connection(self.conninfo, limits) as connection, connection.transaction(force_rollback=True):
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            # Named last, temporary tables cannot stand in for the view; not named, they would come first.
            _pin(connection, limits, path=f"pg_catalog, {self.schema}, pg_temp")

            def fetch(sql: str) -> list[tuple[Any, ...]]:
                _time_left(connection, until)
                return connection.execute(sql.encode(), prepare=True).fetchall()

            yield fetch


def sql_of(expression: Expression) -> str:
    """An expression in PostgreSQL's SQL."""
    return str(ibis.to_sql(expression, dialect="postgres"))


def _schema(snapshot: str) -> str:
    return f"sandbox_{snapshot[:40]}"  # names are cut after 63 bytes; 160 bits of it are enough


@contextmanager
def _connection(conninfo: str, limits: EngineLimits) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(
        conninfo,
        autocommit=True,
        client_encoding="utf8",
        connect_timeout=max(2, int(min(10, limits.timeout_s))),
    ) as connection:
        yield connection


def _pin(connection: psycopg.Connection[Any], limits: EngineLimits, *, path: str) -> None:
    """Set what statements are read by, until the transaction ends. Values are ours: constants, numbers, hex digits."""
    for setting, value in {
        "search_path": path,
        "standard_conforming_strings": "on",  # off, a backslash in a question's literal would end it early
        "datestyle": "'ISO, YMD'",
        "timezone": "'UTC'",
        "intervalstyle": "postgres",
        "extra_float_digits": "1",
        "bytea_output": "hex",
        "xmlbinary": "base64",
        "statement_timeout": str(_milliseconds(limits.timeout_s)),
        "lock_timeout": str(_milliseconds(min(10.0, limits.timeout_s))),
        "idle_in_transaction_session_timeout": str(_milliseconds(limits.timeout_s)),
        "work_mem": f"'{max(4, limits.memory_mib // 8)}MB'",  # a statement of ours has a handful of such steps
        "hash_mem_multiplier": "1",
        "max_parallel_workers_per_gather": str(limits.threads - 1),
        "jit": "off",  # compiling takes longer than most questions
    }.items():
        connection.execute(f"SET LOCAL {setting} = {value}".encode())


def _time_left(connection: psycopg.Connection[Any], until: float) -> None:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time of a question is up")
    connection.execute(f"SET LOCAL statement_timeout = {_milliseconds(left)}".encode())


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))  # 0 would be no limit
