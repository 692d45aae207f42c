"""One database, its connections and its transactions.

- A writing transaction holds the log's head from its start, so writers queue up: whatever one reads, it may
  decide by. (PostgreSQL: the head's row is locked. SQLite: ``BEGIN IMMEDIATE``.)
- A transaction inside a transaction is the same transaction: a journey can join several calls of the store into
  one that happens wholly or not at all. So can a page join its reads into one moment.
- What has to follow a commit (the log's anchor) is handed to ``after_commit``.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, Engine, create_engine, event, make_url, select
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sandbox.domain.errors import BadInput, Conflict, OperatorError
from sandbox.store.schema import audit_head

V = TypeVar("V")
AT_ONCE = 500  # values in one list of a statement: SQLite takes a thousand
BUSY_TIMEOUT_MS = 30_000  # how long a writer waits for another process's transaction


@dataclass(slots=True)
class _Open:
    connection: Connection
    after_commit: dict[str, Callable[[], None]] = field(default_factory=dict)


class Database:
    """A SQLite file (the default) or a PostgreSQL database.

    Args:
        url: an SQLAlchemy URL: ``sqlite:///…/state.db`` or ``postgresql://…`` (psycopg 3).

    Raises:
        OperatorError: the URL names another kind of database, or one in memory.
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self._open: ContextVar[_Open | None] = ContextVar("open_transaction", default=None)
        self._moment: ContextVar[Connection | None] = ContextVar("one_moment", default=None)
        # SQLite lets writers of one process poll for its lock; a queue in memory is fair and quicker.
        self._writer = threading.Lock()

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @property
    def in_transaction(self) -> bool:
        """True inside ``transaction()``."""
        return self._open.get() is not None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A writing transaction: committed at the end, rolled back by any exception.

        Raises:
            OperatorError: the database is full, locked for too long, or cannot be reached.
        """
        joined = self._open.get()
        if joined is not None:
            yield joined.connection
            return
        with ExitStack() as stack:
            if self.is_sqlite:
                stack.enter_context(self._writer)
            stack.enter_context(_plain_errors())
            connection = stack.enter_context(self.engine.connect())
            opened = _Open(connection)
            token = self._open.set(opened)
            try:
                with connection.begin():
                    if not self.is_sqlite:
                        connection.execute(select(audit_head.c.id).with_for_update())
                    yield connection
            finally:
                self._open.reset(token)
        for follow in opened.after_commit.values():
            follow()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A snapshot: everything read inside is of one moment. Inside a transaction, that transaction."""
        opened = self._open.get()
        joined = opened.connection if opened is not None else self._moment.get()
        if joined is not None:
            yield joined
            return
        with _plain_errors(), self.engine.connect() as plain:
            options: dict[str, Any] = (
                {"sandbox_read": True}
                if self.is_sqlite
                else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            )
            connection = plain.execution_options(**options)
            with connection.begin():
                yield connection

    @contextmanager
    def one_moment(self) -> Iterator[None]:
        """All that is read inside is of one moment, over one connection. A transaction inside is one of its own."""
        with self.reading() as connection:
            token = self._moment.set(connection)
            try:
                yield
            finally:
                self._moment.reset(token)

    def after_commit(self, what: str, follow: Callable[[], None]) -> None:
        """Run once the open transaction has been committed; never when it is rolled back.

        Args:
            what: names it; the last one of a name is run, the earlier ones are not.
        """
        opened = self._open.get()
        if opened is not None:
            opened.after_commit[what] = follow

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def number_of(made: CursorResult[Any]) -> int:
    """The number that an INSERT gave its row."""
    key = made.inserted_primary_key
    assert key is not None  # noqa: S101 - only an INSERT of many rows has none
    return int(key[0])


def parts(values: Sequence[V]) -> Iterator[list[V]]:
    """Values in lists that a statement takes.

    >>> [len(part) for part in parts(range(1100))]
    [500, 500, 100]
    """
    for start in range(0, len(values), AT_ONCE):
        yield list(values[start : start + AT_ONCE])


def stamp(moment: datetime) -> str:
    """A time as it is stored: UTC, microseconds, of one length."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        engine = create_engine(
            parsed.set(drivername="postgresql+psycopg"), pool_size=8, max_overflow=24, pool_pre_ping=True
        )
        event.listen(engine, "connect", _prepare_postgresql)
        return engine
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        raise OperatorError(
            "The database has to be a SQLite file or PostgreSQL.",
            fix="Use sqlite:///path/to/state.db or postgresql://user@host/name.",
        )
    _create_private(parsed.database or "")
    engine = create_engine(
        parsed, pool_size=8, max_overflow=24, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _create_private(file: str) -> None:
    """SQLite would make its file readable by all; its journal takes over the rights."""
    if file.startswith("file:"):
        return
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as failure:
        raise OperatorError(
            f"The database's file cannot be opened: {failure.strerror}.",
            fix="Check its folder and its rights.",
        ) from failure


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # BEGIN is ours to send, see _begin_sqlite
    cursor = connection.cursor()
    _write_ahead(cursor)  # readers and a writer do not wait for each other
    cursor.execute("PRAGMA synchronous = FULL")  # a reserved charge survives a power cut
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA trusted_schema = OFF")  # a tampered file cannot run functions through its schema
    cursor.close()


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    # A plan that is kept knows no values: for an action that is nowhere in the log it walks all of the log.
    connection.execute("SET plan_cache_mode = force_custom_plan")
    connection.commit()


def _write_ahead(cursor: Any) -> None:
    """Switch to the write-ahead log. SQLite does not wait when others open a new file at the same time."""
    until = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as busy:
            if busy.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    # A deferred BEGIN that reads and then writes can fail or decide by an old state; writers lock at once.
    read = connection.get_execution_options().get("sandbox_read", False)
    connection.exec_driver_sql("BEGIN" if read else "BEGIN IMMEDIATE")


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Turn the database's own failures into the operator's error; the address and statement stay out of it."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as failure:
        raise OperatorError(f"The database failed: {_reason(failure)}.", fix=_fix(failure)) from failure
    except IntegrityError as failure:
        raise Conflict(
            "This does not fit what is stored.",
            fix="Somebody may have changed it meanwhile: look at it again.",
        ) from failure
    except (
        DataError,
        OverflowError,
    ) as failure:  # SQLite's driver says the latter of a number that is too large
        raise BadInput(
            "A text or a number cannot be stored.",
            fix="Leave out control characters, and shorten what is very long.",
        ) from failure
    except DBAPIError as failure:
        if failure.connection_invalidated:
            raise OperatorError("The database closed the connection.", fix="Start it again.") from failure
        raise


def _reason(failure: Exception) -> str:
    text = str(getattr(failure, "orig", failure)).strip()
    known = (
        "disk is full",
        "No space left",
        "locked",
        "disk I/O error",
        "readonly",
        "unable to open",
        "malformed",
    )
    for words in known:
        if words in text:
            return words
    return type(failure).__name__


def _fix(failure: Exception) -> str:
    text = str(getattr(failure, "orig", failure))
    if "full" in text or "No space" in text:
        return "Free some space on its disk."
    if "locked" in text:
        return "Another process has held it for too long: find and stop that process."
    return "Check that the database runs and that its files can be written."
