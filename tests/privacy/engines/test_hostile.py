"""What must fail, fails closed: texts that would end a literal, settings that change what a statement says, roles that may
too much, statements that run for ever. Each with the control that shows it could be otherwise."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Any

import ibis
import psycopg
import pytest

from sandbox.domain.errors import BadInput, Unanswered
from sandbox.privacy.answering.run import count_exactly
from sandbox.privacy.engine import LocalEngine
from sandbox.privacy.engines import spark as spark_engine
from sandbox.privacy.engines.holding import VIEW, EngineLimits
from sandbox.privacy.engines.postgres import Postgres
from sandbox.privacy.publishing.in_place import prepare
from tests.privacy.engines.conftest import ENGINES, Engines, House, PostgresWorld, SparkWorld
from tests.privacy.engines.test_same_vectors import planned
from tests.privacy.engines.world import NAMES, POLICY, raw_rows
from tests.privacy.made_up import LIMITS, SALT

# Each is a literal of a question that would be all rows, or none, or an error, were it read as anything but itself.
TEXTS = (
    "' OR 1=1 --",
    "\\' OR 1=1 --",
    "\\",
    "\\\\",
    "\\n",
    "\\u004b\\u0079\\u0069\\u0076",
    "${env:HOME}",
    "${system:user.home}",
    "${hivevar:x}",
    "{{ x }}",
    "%(x)s",
    ":x ? $1",
    "$$x$$",
    "/* x */ -- y",
    "';DROP TABLE private_view;--",
    "\u2019 \u02bc \uff07",
    "😀 \u202e e\u0301",
    "\t\n",
)


def echo(text: str) -> Any:
    """An expression that says a text back."""
    view = ibis.table({"_unit": "int64"}, name=VIEW)
    view = view.mutate(same=ibis.literal(text))
    return view.aggregate(n=view.count(), same=view["same"].max())


@pytest.mark.parametrize("kind", ENGINES)
def test_a_text_is_nothing_but_itself(engines: Engines, kind: str) -> None:
    with engines.full[kind].opened(LIMITS) as rows:
        for text in TEXTS:
            ((count, said),) = rows(echo(text))
            assert said == text
            assert count > 100


def test_spark_would_fill_in_the_environment(spark: SparkWorld) -> None:
    """The control: a session that nobody has pinned does, between quotes too."""
    sql = spark_engine.sql_of(ibis.literal("${env:HOME}").name("x").as_table())
    assert spark.run(sql) == [(os.environ["HOME"],)]


def test_the_roles_own_settings_do_not_change_what_is_asked(
    postgres: PostgresWorld, engines: Engines
) -> None:
    """Backslashes as escapes, other paths, other ways to write days: set for the role, and set back by us."""
    view = engines.holders["postgresql"]
    literal = "SELECT 'a\\'"
    hostile = {
        "standard_conforming_strings": "off",
        "backslash_quote": "on",
        "search_path": "evil, public",
        "datestyle": "'German, DMY'",
        "timezone": "'Pacific/Apia'",
        "extra_float_digits": "-3",
    }
    postgres.run("CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO asker")
    postgres.run(f"CREATE TABLE evil.{VIEW} AS SELECT 1 AS _unit; GRANT SELECT ON evil.{VIEW} TO asker")
    postgres.run("CREATE FUNCTION evil.count(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT 42::bigint'")
    before = view.fetch(f"SELECT count(*) FROM {VIEW}", LIMITS)
    postgres.run(";".join(f"ALTER ROLE asker SET {k} = {v}" for k, v in hostile.items()), role="asker")
    try:
        assert view.fetch(literal, LIMITS) == [("a\\",)]
        assert view.fetch(f"SELECT count(*) FROM {VIEW}", LIMITS) == before
        assert view.fetch(
            "SELECT CAST(DATE '2013-02-01' AS text), CAST(0.1::float8 + 0.2 AS text)", LIMITS
        ) == [("2013-02-01", "0.30000000000000004")]
        assert postgres.run(f"SELECT count(*) FROM {VIEW}", role="asker") == [(1,)], (
            "the control: another table"
        )
        with pytest.raises(psycopg.errors.SyntaxError):
            postgres.run(literal, role="asker")  # the control: the quote is inside
    finally:
        postgres.run("ALTER ROLE asker RESET ALL", role="asker")


def test_the_asker_may_read_views_and_nothing_else(postgres: PostgresWorld, engines: Engines) -> None:
    view = engines.holders["postgresql"]
    assert view.fetch(f"SELECT count(*) > 0 FROM {VIEW}", LIMITS) == [(True,)]
    assert postgres.run("SELECT count(*) > 0 FROM public.visits") == [(True,)], "the control: it is there"
    schema = f"sandbox_{engines.reports['postgresql'].snapshot[:40]}"
    for sql, error in (
        ("SELECT count(*) FROM public.visits", psycopg.errors.InsufficientPrivilege),
        ("SELECT * FROM pg_catalog.pg_authid", psycopg.errors.InsufficientPrivilege),
        ("SELECT pg_read_file('/etc/passwd')", psycopg.errors.InsufficientPrivilege),
        ("COPY (SELECT 1) TO PROGRAM 'id'", psycopg.errors.InsufficientPrivilege),
        (f"DELETE FROM {VIEW}", psycopg.errors.ReadOnlySqlTransaction),
        ("CREATE TEMP TABLE x (y int)", psycopg.errors.ReadOnlySqlTransaction),
        (f"CREATE TABLE {schema}.x (y int)", psycopg.errors.ReadOnlySqlTransaction),
        ("SELECT 1; SELECT 2", psycopg.errors.SyntaxError),
    ):
        with pytest.raises(error):
            view.fetch(sql, LIMITS)


def test_without_an_asker_of_its_own_the_owner_only_reads(postgres: PostgresWorld, tmp_path: Path) -> None:
    warehouse = Postgres(owner=postgres.address.format("olga"))
    source = postgres.load("owners_own", raw_rows()[:10], NAMES)
    report = prepare(warehouse, source, POLICY, "visits", tmp_path, salt=SALT)
    for sql in (f"DELETE FROM {VIEW}", "DROP TABLE owners_own", "CREATE SCHEMA x"):
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            warehouse.holder(report.snapshot).fetch(sql, LIMITS)


def test_an_asker_who_may_do_anything_is_refused(postgres: PostgresWorld, tmp_path: Path) -> None:
    mighty = Postgres(owner=postgres.address.format("olga"), asker=postgres.address.format("tests"))
    with pytest.raises(BadInput, match="more than ask"):
        prepare(mighty, "visits", POLICY, "visits", tmp_path, salt=SALT)


def test_connection_strings_are_not_shown() -> None:
    secret = Postgres(owner="postgresql://olga:swordfish@h/d", asker="postgresql://asker:swordfish@h/d")
    assert "swordfish" not in repr(secret) + repr(secret.holder("0" * 64))


FOREVER = {
    "postgresql": "SELECT pg_sleep(60)",
    "spark": "SELECT sum(sqrt(a.id * b.id)) FROM range(3000000) AS a CROSS JOIN range(3000000) AS b",
}


@pytest.mark.parametrize("kind", ENGINES[1:])
def test_a_statement_that_takes_too_long_is_ended(engines: Engines, kind: str) -> None:
    started = time.monotonic()
    with pytest.raises(Exception, match=r"(?i)timeout|cancel|time of a question"):
        engines.holders[kind].fetch(FOREVER[kind], EngineLimits(timeout_s=1.0))
    assert time.monotonic() - started < 30
    assert engines.holders[kind].fetch(f"SELECT count(*) > 0 FROM {VIEW}", LIMITS) == [(True,)], (
        "and others go on"
    )


def test_time_is_for_all_statements_of_a_question_together(engines: Engines) -> None:
    with engines.holders["postgresql"].opened(EngineLimits(timeout_s=0.5)) as rows:
        rows(echo("x"))
        time.sleep(0.6)
        with pytest.raises((TimeoutError, psycopg.Error)):
            rows(echo("x"))


def test_spark_keeps_our_view_and_settings_from_the_session_it_was_given(
    spark: SparkWorld, engines: Engines
) -> None:
    before = spark.session.conf.get("spark.sql.ansi.enabled")
    assert engines.holders["spark"].fetch(f"SELECT count(*) > 0 FROM {VIEW}", LIMITS) == [(True,)]
    assert spark.session.conf.get("spark.sql.ansi.enabled") == before == "true"
    assert not spark.session.catalog.tableExists(VIEW)
    path = spark.folder / "visits.parquet"
    read = f"SELECT count(*) > 0 FROM parquet.`{path}`"
    assert spark.run(read) == [(True,)], "the control: a session that nobody has pinned reads files by name"
    with pytest.raises(Exception, match=r"(?i)not.found|unsupported"):
        engines.holders["spark"].fetch(read, LIMITS)


def test_what_fails_while_rows_are_touched_says_nothing(
    house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The view is gone in the middle: one constant error, and no cell in the log."""
    caplog.set_level(logging.DEBUG)
    canary = "CANARY7f3a"
    rows = [{**dict.fromkeys(NAMES, None), "patient_id": "p", "city": canary}]
    engine = LocalEngine(tmp_path, warehouse=house.warehouse, limits=LIMITS)
    report = engine.publish(policy=POLICY, table="visits", file=house.load("fragile", rows, NAMES))
    asked: dict[str, Any] = {"dataset": POLICY.name, "snapshot": report.snapshot, "nano": 10_000_000}
    sql = f"SELECT COUNT(*) AS n FROM visits WHERE city = '{canary}'"
    assert b"value" in engine.answer(**asked, sql=sql)
    house.drop(report.snapshot)
    caplog.clear()
    with pytest.raises(Unanswered) as caught:
        engine.answer(**asked, sql=sql)
    assert canary not in str(caught.value)
    own = [record.getMessage() for record in caplog.records if record.name.startswith("sandbox")]
    assert len(own) == 1
    assert canary not in own[0]


def test_the_smallest_question_after_all_this(engines: Engines) -> None:
    ready = planned("SELECT COUNT(*) AS n FROM visits")
    assert len({str(count_exactly(ready, view, LIMITS)) for view in engines.full.values()}) == 1
