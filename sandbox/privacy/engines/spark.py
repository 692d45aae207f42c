"""Spark: tables stay in its catalog; each private view is a folder of Parquet files.

- A session is handed in, and with it cluster, memory and rights. We only make sessions beside it (``newSession``): with
  settings and temporary views of their own, so that nothing of ours is seen there and nothing there changes ours.
- Settings that the meaning of a statement hangs on are set for each of them. ANSI mode is off: an overflow or a text
  that is no number gives NULL there, where ANSI mode would fail for some rows and not for others. (Neither happens to a
  plan: its sums fit in 64 bits, and its casts are of what they can hold.)
- Spark fills ``${env:NAME}`` into the text of a statement, also inside quotes. That is off as well: such a text may
  stand in a question.

Needs Spark 4 and a classic session, not Spark Connect. Spark has no read-only mode and no roles: what the driver may
read and write is for the cluster to limit (``docs/how-to/warehouses.md``).
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ibis

from sandbox.domain.errors import BadInput
from sandbox.domain.policy import ColumnType
from sandbox.privacy.engines.holding import VIEW, EngineLimits, Expression, Rows

Session = Any  # pyspark is not imported here: whoever has a session has it

_PINNED = {
    "spark.sql.ansi.enabled": "false",
    "spark.sql.ansi.doubleQuotedIdentifiers": "false",
    "spark.sql.variable.substitute": "false",
    "spark.sql.parser.escapedStringLiterals": "false",  # literals are written with \\ and \' for \ and '
    "spark.sql.groupByOrdinal": "true",
    "spark.sql.caseSensitive": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",  # the other value fails where the two calendars differ
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.decimalOperations.allowPrecisionLoss": "true",
    "spark.sql.execution.arrow.pyspark.enabled": "false",
}
_TYPES = {
    ColumnType.INTEGER: "BIGINT",
    ColumnType.DECIMAL: "BIGINT",
    ColumnType.TEXT: "STRING",
    ColumnType.BOOLEAN: "BOOLEAN",
    ColumnType.DATE: "DATE",
}


class SparkWords:
    """How Spark says it, with ANSI mode off: a cast that cannot be done is NULL."""

    text = "STRING"
    binary = ""

    def type(self, type_: ColumnType) -> str:
        return _TYPES[type_]

    def name(self, name: str) -> str:
        return "`" + name.replace("`", "``") + "`"

    def literal(self, text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def as_text(self, cell: str) -> str:
        # Bytes that are no UTF-8 would be told apart in here and look the same outside: two keys for one.
        return f"try_validate_utf8(CAST({cell} AS STRING))"

    def lower(self, text: str) -> str:
        return f"lower({text})"

    def trim(self, text: str, characters: str) -> str:
        return f"trim(BOTH {self.literal(characters)} FROM {text})"

    def before(self, text: str, mark: str) -> str:
        return f"substring_index({text}, '{mark}', 1)"

    def matches(self, text: str, pattern: str) -> str:
        # Not $: to Java a line break at the end is after the end.
        return f"{text} RLIKE {self.literal(f'^({pattern})' + chr(92) + 'z')}"

    def decimal(self, numeral: str) -> str:
        return f"CAST({numeral} AS DECIMAL(38, 12))"

    def day(self, text: str) -> str:
        day = f"CAST({text} AS DATE)"
        return f"CASE WHEN {day} >= DATE '0001-01-01' THEN {day} END"  # Spark has a year 0

    def sha256(self, text: str) -> str:
        return f"sha2({text}, 256)"

    def hex15(self, digits: str) -> str:
        return f"CAST(conv({digits}, 16, 10) AS BIGINT)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spark:
    """A Spark session and a folder for private views.

    Args:
        folder: any place that Spark writes to. Whoever can read it can read private rows.
    """

    session: Session
    folder: str

    @property
    def kind(self) -> str:
        return "spark"

    @property
    def words(self) -> SparkWords:
        return SparkWords()

    @contextmanager
    def preparing(self, limits: EngineLimits) -> Iterator[SparkBench]:
        with _session(self.session, limits) as (session, fetch):
            work = f"{self.folder}/.preparing-{secrets.token_hex(8)}"
            try:
                yield SparkBench(session, fetch, self.folder, work)
            finally:
                path, files = _place(session, work)
                files.delete(path, True)

    def holder(self, snapshot: str) -> SparkView:
        return SparkView(session=self.session, place=f"{self.folder}/{snapshot}")


@dataclass(frozen=True, slots=True)
class SparkBench:
    """The owner's session. Working tables are files, so that the raw table is read once, whatever happens to it."""

    session: Session
    run: Any
    folder: str
    work: str

    def columns(self, source: str) -> list[str]:
        if not self.session.catalog.tableExists(self.table(source)):
            raise BadInput(
                f"There is no table {source}.",
                where="table",
                fix="Name one of the catalog. A temporary view is known to its own session alone.",
            )
        return [str(name) for name in self.session.table(self.table(source)).columns]

    def table(self, source: str) -> str:
        return ".".join(map(SparkWords().name, source.split(".")))

    def make(self, name: str, select: str) -> None:
        place = f"{self.work}/{name}"
        self.session.sql(select).write.parquet(place)
        self.session.read.parquet(place).createTempView(name)

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self.run(sql)
        return found

    def keep(self, snapshot: str, select: str, columns: dict[str, str]) -> None:
        place = f"{self.folder}/{snapshot}"
        _, files = _place(self.session, place)
        complete, _ = _place(self.session, f"{place}/_SUCCESS")  # written last
        if not files.exists(complete):
            names = ", ".join(
                f"CAST({SparkWords().name(c)} AS {type_}) AS {SparkWords().name(c)}"
                for c, type_ in columns.items()
            )
            self.session.sql(f"SELECT {names} FROM ({select})").write.mode("overwrite").parquet(place)  # noqa: S608 - names of the policy


@dataclass(frozen=True, slots=True, kw_only=True)
class SparkView:
    """One private view."""

    session: Session
    place: str

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
        with _session(self.session, limits) as (session, fetch):
            session.read.parquet(self.place).createTempView(VIEW)
            yield fetch


def sql_of(expression: Expression) -> str:
    """An expression in Spark's SQL."""
    return str(ibis.to_sql(expression, dialect="pyspark"))


@contextmanager
def _session(parent: Session, limits: EngineLimits) -> Iterator[tuple[Session, Any]]:
    """A session beside the parent's, pinned, and what runs a statement in it until the time is up."""
    session = parent.newSession()
    for setting, value in _PINNED.items():
        session.conf.set(setting, value)
    session.conf.set("spark.sql.runSQLOnFiles", "false")  # a table's name must not open a file
    context, group = session.sparkContext, f"sandbox-{secrets.token_hex(8)}"
    until, over = time.monotonic() + limits.timeout_s, threading.Event()

    def watch() -> None:
        left = limits.timeout_s
        while not over.wait(left):
            context.cancelJobGroup(group)
            left = 0.2  # a statement is several jobs: one may begin just after its group was cancelled

    def fetch(sql: str) -> list[tuple[Any, ...]]:
        if time.monotonic() >= until:
            raise TimeoutError("the time of a question is up")
        return [tuple(row) for row in session.sql(sql).collect()]

    context.setJobGroup(group, "a question of the sandbox", interruptOnCancel=True)
    threading.Thread(target=watch, daemon=True).start()
    try:
        yield session, fetch
    finally:
        over.set()
        context.setLocalProperty("spark.jobGroup.id", None)
        context.setLocalProperty("spark.job.description", None)
        context.setLocalProperty("spark.job.interruptOnCancel", None)


def _place(session: Session, name: str) -> tuple[Any, Any]:
    """A path of the cluster's own file system, and that file system."""
    path = session._jvm.org.apache.hadoop.fs.Path(name)
    return path, path.getFileSystem(session._jsparkSession.sessionState().newHadoopConf())
