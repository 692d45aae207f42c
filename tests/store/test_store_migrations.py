"""The database has the tables of the schema, whoever made it and however often one starts."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import CheckConstraint, inspect, text

from sandbox.domain.errors import BadInput, OperatorError
from sandbox.store.database import Database
from sandbox.store.migrations import upgrade
from sandbox.store.schema import metadata
from tests.store.world import did, open_store


@pytest.fixture
def database(new_url: str) -> Iterator[Database]:
    opened = Database(new_url)
    yield opened
    opened.close()


def differences(database: Database) -> list[object]:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))


def test_the_migrations_make_exactly_the_schema(database: Database) -> None:
    upgrade(database.engine)
    assert differences(database) == []
    with database.engine.begin() as connection:  # the control: a difference is seen
        connection.execute(text("ALTER TABLE people ADD COLUMN shoe_size INTEGER"))
    assert differences(database) != []


def test_they_make_the_checks_too(database: Database) -> None:
    """Alembic does not compare CHECK constraints; so their names are compared here."""
    upgrade(database.engine)
    inspector = inspect(database.engine)
    for table in metadata.sorted_tables:
        wanted = {c.name for c in table.constraints if isinstance(c, CheckConstraint)}
        assert {c["name"] for c in inspector.get_check_constraints(table.name)} == wanted


def test_starting_again_changes_nothing(database: Database) -> None:
    assert upgrade(database.engine) == upgrade(database.engine)


def test_a_new_database_can_be_opened_by_several_at_once(new_url: str, home: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        stores = list(pool.map(lambda _: open_store(new_url, home), range(6)))
    for store in stores:
        store.log.record(did())
    assert stores[0].log.verify() == 6
    for store in stores:
        store.close()


def test_a_database_of_a_newer_version_is_left_alone(database: Database) -> None:
    upgrade(database.engine)
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(OperatorError, match="9999"):
        upgrade(database.engine)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://localhost/x"])
def test_only_a_file_or_postgresql_will_do(url: str) -> None:
    with pytest.raises(OperatorError, match="SQLite file or PostgreSQL"):
        Database(url)


def test_a_database_that_cannot_be_reached_is_the_operators_error_without_its_password() -> None:
    database = Database("postgresql://user:geheim@127.0.0.1:1/x?connect_timeout=1")
    with pytest.raises(OperatorError) as failed, database.reading():
        pass
    assert "geheim" not in str(failed.value)


def test_what_postgresql_cannot_store_is_the_callers_mistake(url: str, home: Path) -> None:
    store = open_store(url, home)
    if store.database.is_sqlite:
        store.log.record(did(word="\x00"))
    else:
        with pytest.raises(BadInput):
            store.log.record(did("nul", "x\x00"))
    store.close()


def test_the_database_file_is_for_its_owner_only(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'state.db'}", tmp_path)
    for file in tmp_path.glob("state.db*"):
        assert file.stat().st_mode & 0o077 == 0
    store.close()
    with pytest.raises(OperatorError, match="cannot be opened"):
        Database(f"sqlite:///{tmp_path / 'no' / 'folder' / 'state.db'}")
