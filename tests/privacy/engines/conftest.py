"""Three engines: DuckDB in this process, a PostgreSQL server and a local Spark of the tests' own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sandbox.privacy.engines.holding import EngineLimits, Holder, Rows
from sandbox.privacy.engines.postgres import Postgres
from sandbox.privacy.engines.spark import Spark
from sandbox.privacy.publishing.in_place import prepare
from sandbox.privacy.publishing.publish import PublishReport
from sandbox.privacy.publishing.views import View, find
from tests.postgres import binaries, server
from tests.privacy.engines.world import NAMES, POLICY, Raw, raw_rows
from tests.privacy.made_up import SALT

ENGINES = ("duckdb", "postgresql", "spark")
HERE = Path(__file__).parent
TIMEOUT_S = 900  # a Spark's first steps take long on a busy machine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@dataclass(frozen=True)
class PostgresWorld:
    """A database with an owner who is not mighty, and an asker who may only connect."""

    address: str  # with {} for the role

    @property
    def warehouse(self) -> Postgres:
        return Postgres(owner=self.address.format("olga"), asker=self.address.format("asker"))

    def run(self, sql: str, *, role: str = "olga") -> list[tuple[Any, ...]]:
        with psycopg.connect(self.address.format(role), autocommit=True) as connection:
            found = connection.execute(sql.encode())
            return found.fetchall() if found.description else []

    def load(self, name: str, rows: Sequence[Raw], columns: Sequence[str]) -> str:
        """A raw table of texts."""
        with psycopg.connect(self.address.format("olga"), autocommit=True) as connection:
            typed = ", ".join(f'"{column}" text' for column in columns)
            connection.execute(f"CREATE TABLE {name} ({typed})".encode())
            with connection.cursor() as cursor, cursor.copy(f"COPY {name} FROM STDIN".encode()) as copy:
                for row in rows:
                    copy.write_row([row[c] for c in columns])
        return name

    def traces(self) -> list[str]:
        """Schemas of views."""
        return [
            n
            for (n,) in self.run("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'sandbox%' ORDER BY 1")
        ]

    def drop(self, snapshot: str) -> None:
        self.run(f"DROP SCHEMA sandbox_{snapshot[:40]} CASCADE")


@dataclass(frozen=True)
class SparkWorld:
    session: Any
    folder: Path

    @property
    def warehouse(self) -> Spark:
        return Spark(session=self.session, folder=str(self.folder / "views"))

    def load(self, name: str, rows: Sequence[Raw], columns: Sequence[str]) -> str:
        """A raw table of texts."""
        texts = {c: pa.array([row[c] for row in rows], pa.string()) for c in columns}
        pq.write_table(pa.table(texts), self.folder / f"{name}.parquet")
        self.session.sql(f"CREATE TABLE {name} USING parquet LOCATION '{self.folder / f'{name}.parquet'}'")
        return name

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.session.sql(sql).collect()]

    def traces(self) -> list[str]:
        """Folders of views, and what may be left of making them."""
        folder = self.folder / "views"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []

    def drop(self, snapshot: str) -> None:
        shutil.rmtree(self.folder / "views" / snapshot)


House = PostgresWorld | SparkWorld


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresWorld]:
    programs = binaries()
    if programs is None:
        pytest.skip(
            "NOT TESTED ON POSTGRESQL: no initdb found; install Debian's package postgresql to run it"
        )
    with server(programs) as url:
        with psycopg.connect(url.format("postgres"), autocommit=True) as connection:
            connection.execute("CREATE ROLE olga LOGIN")
            connection.execute("CREATE ROLE asker LOGIN")
            connection.execute("CREATE DATABASE hospital OWNER olga TEMPLATE template0")
        yield PostgresWorld(url.format("hospital").replace("tests@", "{}@"))


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkWorld]:
    if shutil.which("java") is None:
        pytest.skip(
            "NOT TESTED ON SPARK: no java found; install Debian's package openjdk-17-jre-headless to run it"
        )
    folder = tmp_path_factory.mktemp("spark")
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.memory", "1g")
        .config("spark.driver.extraJavaOptions", f"-Djava.io.tmpdir={folder} -XX:TieredStopAtLevel=1")
        .config("spark.local.dir", str(folder / "local"))
        .config("spark.log.level", "OFF")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.warehouse.dir", str(folder / "tables"))
        .config("spark.sql.catalogImplementation", "in-memory")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    try:
        yield SparkWorld(session, folder)
    finally:
        session.stop()


@dataclass(frozen=True)
class KeptOpen:
    """A view that is opened once for many questions: to open one takes Spark longer than to ask."""

    rows: Rows

    @contextmanager
    def opened(self, limits: EngineLimits) -> Iterator[Rows]:
        yield self.rows

    def fetch(self, sql: str, limits: EngineLimits) -> list[tuple[Any, ...]]:
        raise NotImplementedError


@dataclass(frozen=True)
class Engines:
    """The same private view on each engine, made by each database from the same raw table; and one without rows.

    DuckDB's is a copy of Spark's.
    """

    full: dict[str, View]
    empty: dict[str, View]
    holders: dict[str, Holder]  # of the full view
    reports: dict[str, PublishReport]  # of the full view


@pytest.fixture(scope="session")
def engines(
    postgres: PostgresWorld, spark: SparkWorld, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engines]:
    limits = EngineLimits(memory_mib=256, threads=1, timeout_s=3600)
    folder = tmp_path_factory.mktemp("engines")
    holders: dict[str, Holder] = {}
    reports: dict[str, PublishReport] = {}
    with ExitStack() as stack:

        def views_of(name: str, rows: list[Raw]) -> dict[str, View]:
            views: dict[str, View] = {}
            for kind, house in (("postgresql", postgres), ("spark", spark)):
                source = house.load(name, rows, NAMES)
                out = folder / name / kind / POLICY.name
                report = prepare(house.warehouse, source, POLICY, "visits", out, salt=SALT)
                view = find(
                    out.parent, dataset=POLICY.name, snapshot=report.snapshot, warehouse=house.warehouse
                )
                assert view.held is not None
                if rows:
                    holders[kind], reports[kind] = view.held, report
                views[kind] = replace(view, held=KeptOpen(stack.enter_context(view.held.opened(limits))))
            copy = folder / f"{name}.parquet"
            with duckdb.connect() as connection:
                parts = spark.folder / "views" / views["spark"].snapshot
                connection.execute(f"COPY (FROM read_parquet('{parts}/*.parquet')) TO '{copy}'")
            return {"duckdb": replace(views["spark"], held=None, parquet=copy), **views}

        yield Engines(
            full=views_of("visits", raw_rows()),
            empty=views_of("no_visits", []),
            holders=holders,
            reports=reports,
        )


@pytest.fixture(params=ENGINES[1:])
def house(request: pytest.FixtureRequest) -> House:
    """Each database that keeps its tables."""
    world: House = request.getfixturevalue({"postgresql": "postgres"}.get(request.param, request.param))
    return world
