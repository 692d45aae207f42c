"""Both databases: a SQLite file, and a PostgreSQL server of the tests' own on a unix socket."""

from __future__ import annotations

import itertools
import shutil
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
from tests.postgres import binaries, server
from tests.store.world import Clock, furnish, open_store

BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.e2e)]
_NUMBER = itertools.count()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a server, without a database's name. Stopped and removed at the end."""
    programs = binaries()
    if programs is None:
        pytest.skip(
            "NOT TESTED ON POSTGRESQL: no initdb found; install Debian's package postgresql to run it"
        )
    with server(programs) as address:
        _create(address, "tests")
        engine = create_engine(_psycopg(address.format("tests")))
        upgrade(engine)
        engine.dispose()
        yield address


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
