"""Both databases: a SQLite file, and a PostgreSQL server of the tests' own on a unix socket."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from sandbox.domain.access import Grant
from sandbox.domain.privacy_loss import Loss
from sandbox.store import Store
from sandbox.store.database import Database
from sandbox.store.migrations import upgrade
from sandbox.store.schema import metadata
from tests.store.world import Clock, furnish, open_store

BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.e2e)]
_NUMBER = itertools.count()


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a server, without a database's name. Stopped and removed at the end."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip(
            "NOT TESTED ON POSTGRESQL: no initdb found; install Debian's package postgresql to run it"
        )
    # PostgreSQL refuses to run as root; its own user has to reach the folder, and a socket's path is short.
    base = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    as_other: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(base, "postgres", "postgres")
        as_other = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]

    def run(*command: str) -> None:
        subprocess.run([*as_other, *command], check=True, stdout=subprocess.DEVNULL, cwd=base)

    data = str(base / "data")
    # Durability is not what these tests kill: the server itself is never killed.
    options = f"-k {base} -c listen_addresses='' -c fsync=off -c max_connections=200"
    try:
        run(
            str(binaries / "initdb"),
            "-D",
            data,
            "-U",
            "tests",
            "-A",
            "trust",
            "--no-sync",
            "-E",
            "UTF8",
            "--no-locale",
        )
        run(str(binaries / "pg_ctl"), "-D", data, "-l", str(base / "log"), "-o", options, "-w", "start")
        try:
            server = f"postgresql://tests@/{{}}?host={base}"
            _create(server, "tests")
            engine = create_engine(_psycopg(server.format("tests")))
            upgrade(engine)
            engine.dispose()
            yield server
        finally:
            run(str(binaries / "pg_ctl"), "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _psycopg(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://")


def _create(server: str, name: str) -> None:
    engine = create_engine(_psycopg(server.format("postgres")), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
    engine.dispose()


@pytest.fixture(scope="session")
def sqlite_with_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables; each test's database is a copy."""
    path = tmp_path_factory.mktemp("template") / "state.db"
    database = Database(f"sqlite:///{path}")
    upgrade(database.engine)
    database.close()
    return path


@pytest.fixture(params=BOTH)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind, with tables and nothing in them."""
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("sqlite_with_tables"), tmp_path / "state.db")
        return f"sqlite:///{tmp_path / 'state.db'}"
    server: str = request.getfixturevalue("postgresql")
    url = server.format("tests")
    engine = create_engine(_psycopg(url))
    with engine.begin() as connection:  # quicker than a new database for each test
        names = ", ".join(f'"{table.name}"' for table in metadata.sorted_tables)
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
    engine.dispose()
    return url


@pytest.fixture(params=BOTH)
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind without tables, to be spoiled at will."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new.db'}"
    server: str = request.getfixturevalue("postgresql")
    name = f"test_{next(_NUMBER)}"
    _create(server, name)
    return server.format(name)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def store(url: str, home: Path, clock: Clock) -> Iterator[Store]:
    opened = open_store(url, home, now=clock)
    yield opened
    opened.close()


@pytest.fixture
def grant(store: Store) -> Grant:
    """Ana's grant, in a store furnished with a budget for ten questions, six of them for one project."""
    return furnish(store, cap=Loss(10_000), project_cap=Loss(6_000))
