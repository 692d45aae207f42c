"""Where engines differ and one would not look. Each difference is shown on the engines themselves (the control: were they
to agree one day, the test would say so), and beside it stands how a step of ours is written so that all agree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import ibis
import psycopg
import pytest

from sandbox.domain.key_forms import Bins, DatePart, Extracted
from sandbox.domain.policy import Column, ColumnType, Table
from sandbox.domain.question import Key
from sandbox.privacy.answering.bounded import clamped
from sandbox.privacy.answering.rowwise import key_expression
from sandbox.privacy.engines.holding import Words
from sandbox.privacy.engines.postgres import PostgresWords
from sandbox.privacy.engines.spark import _PINNED, SparkWords
from sandbox.privacy.publishing.portable_cells import SPACES, storing
from tests.privacy.engines.conftest import ENGINES, PostgresWorld, SparkWorld

DIALECTS = {"duckdb": "duckdb", "postgresql": "postgres", "spark": "pyspark"}
WORDS: dict[str, Words] = {"postgresql": PostgresWords(), "spark": SparkWords()}


@dataclass(frozen=True)
class Bare:
    """Each engine as it is, for statements written by hand; Spark with our settings and without."""

    postgres: PostgresWorld
    spark: SparkWorld
    pinned: Any

    def say(self, engine: str, sql: str) -> Any:
        """The one cell of an answer, or the kind of error."""
        try:
            match engine:
                case "duckdb":
                    with duckdb.connect() as connection:
                        ((cell,),) = connection.execute(sql).fetchall()
                case "postgresql":
                    ((cell,),) = self.postgres.run(sql)
                case "spark":
                    ((cell,),) = (tuple(row) for row in self.pinned.sql(sql).collect())
                case _:
                    ((cell,),) = self.spark.run(sql)
        except (duckdb.Error, psycopg.Error):
            return "error"
        except Exception as error:
            if "pyspark" not in type(error).__module__:
                raise
            return "error"
        return float(cell) if isinstance(cell, Decimal) else cell

    def naive(self, sql: str, **other: str) -> dict[str, Any]:
        """What each engine makes of the same words."""
        return {engine: self.say(engine, other.get(engine, sql)) for engine in ENGINES}

    def ours(self, expression: Any) -> dict[str, Any]:
        """What each makes of an expression of ours, over no table."""
        return {e: self.say(e, str(ibis.to_sql(expression, dialect=DIALECTS[e]))) for e in ENGINES}


@pytest.fixture(scope="module")
def bare(postgres: PostgresWorld, spark: SparkWorld) -> Bare:
    pinned = spark.session.newSession()
    for setting, value in _PINNED.items():
        pinned.conf.set(setting, value)
    return Bare(postgres, spark, pinned)


def all_say(found: dict[str, Any], value: Any) -> bool:
    return set(found) == set(ENGINES) and all(cell == value for cell in found.values())


def number(value: int | None) -> Any:
    return ibis.literal(value, "int64")


def test_dividing_whole_numbers(bare: Bare) -> None:
    """PostgreSQL cuts towards zero, the others divide as floating-point numbers. Ours is the floor on all."""
    assert bare.naive("SELECT -7 / 2") == {"duckdb": -3.5, "postgresql": -3, "spark": -3.5}
    assert all_say(bare.ours(number(-7) // number(2)), -4)


def test_dividing_by_nothing(bare: Bare) -> None:
    """An error in one, and NULL in others: no divisor of ours can be 0 (a count cut from below, or the plan's own)."""
    found = bare.naive("SELECT 1 / 0")
    assert found["postgresql"] == "error"
    assert found["spark"] is None
    assert bare.say("spark, ANSI", "SELECT 1 / 0") == "error"
    assert all_say(bare.ours(number(7) // ibis.greatest(number(0), number(2))), 3)


def test_the_sign_of_a_remainder(bare: Bare) -> None:
    """Below zero it is the dividend's in all three, so that x - x % w is no bin. Ours takes it of what is 0 or more."""
    assert all_say(bare.naive("SELECT -7 - (-7) % 5"), -5)  # should be -10
    table = Table(columns={"x": Column(type=ColumnType.INTEGER, lower=-30, upper=30)}, max_rows=9)
    for x, start in ((-7, -10), (-5, -5), (-1, -5), (4, 0), (-99, -30), (99, 30)):
        key = key_expression(Key(column="x", alias="k", form=Bins(5)), table, {"x": number(x)})
        assert all_say(bare.ours(key), start)


def test_casting_to_a_whole_number(bare: Bare) -> None:
    """Rounds, to even or away from zero, or cuts. Ours are floors of halves added."""
    assert bare.naive("SELECT CAST(12.7 AS INTEGER)") == {"duckdb": 13, "postgresql": 13, "spark": 12}
    half = bare.naive(
        "SELECT CAST(CAST(2.5 AS DOUBLE) AS INTEGER)", postgresql="SELECT CAST(CAST(2.5 AS float8) AS int)"
    )
    assert half == {"duckdb": 2, "postgresql": 2, "spark": 2}
    assert bare.naive("SELECT CAST(2.5 AS INTEGER)") == {"duckdb": 3, "postgresql": 3, "spark": 2}
    cents = Column(type=ColumnType.DECIMAL, resolution="0.01")
    for text, steps in (("0.125", 13), ("-0.125", -13), ("0.124999999999", 12), ("0.005", 1), ("-0.005", -1)):
        for engine, words in WORDS.items():
            assert (
                bare.say(engine, f"SELECT {storing(words, words.decimal(words.literal(text)), cents)}")
                == steps
            )


def test_spark_drops_decimal_places_and_the_sign_is_a_floating_point_number(bare: Bare) -> None:
    """A product of wide decimals keeps six places; sign() is a double. Both would move a cell by a step."""
    wide = "CAST('0.49999999' AS DECIMAL(38, 12)) * CAST(1 AS DECIMAL(7, 0))"
    assert bare.say("spark", f"SELECT floor({wide} + 0.5)") == 1
    assert bare.say("postgresql", f"SELECT floor({wide} + 0.5)") == 0
    big = "CAST('9007199254740993' AS DECIMAL(20, 0))"
    assert bare.say("spark", f"SELECT CAST(sign({big}) * {big} AS BIGINT)") == 9007199254740992
    ones, words = Column(type=ColumnType.DECIMAL, resolution="1"), WORDS["spark"]
    assert (
        bare.say("spark", f"SELECT {storing(words, words.decimal(words.literal('0.49999999')), ones)}") == 0
    )
    assert (
        bare.say("spark", f"SELECT {storing(words, words.decimal(words.literal('9007199254740993')), ones)}")
        == 9007199254740993
    )


def test_the_least_and_the_greatest_of_nothing(bare: Bare) -> None:
    """They pass over NULL, so that an empty cell would count as its bound. Ours stays empty."""
    assert all_say(bare.naive("SELECT greatest(NULL, 0)"), 0)
    assert all_say(bare.ours(clamped(number(None), 0, 9)), None)
    assert all_say(bare.ours(clamped(number(-4), 0, 9)), 0)


def test_where_empty_cells_are_sorted(bare: Bare) -> None:
    """First in Spark, last elsewhere. Nothing of ours is ordered by a column that can be empty: ranks never are."""
    sql = "SELECT min(n) FROM (SELECT x, row_number() OVER (ORDER BY x) AS n FROM (SELECT 1 AS x UNION ALL SELECT CAST(NULL AS INT)) AS a) AS b WHERE x IS NULL"
    assert bare.naive(sql) == {"duckdb": 2, "postgresql": 2, "spark": 1}


def test_sums_that_leave_64_bits(bare: Bare) -> None:
    """Wider in two, around the corner in Spark, an error in its ANSI mode. A plan is refused where a sum could."""
    sql = "SELECT sum(x) FROM (SELECT 9223372036854775807 AS x UNION ALL SELECT 1) AS a"
    wide = float(2**63)
    found = bare.naive(sql)
    assert (float(found["duckdb"]), found["postgresql"], found["spark"]) == (wide, wide, -(2**63))
    assert bare.say("spark, ANSI", sql) == "error"


def test_conditions_as_numbers(bare: Bare) -> None:
    """PostgreSQL casts no condition to a wide number. Ours chooses between 1 and 0."""
    met = ibis.literal(3) > 0
    naive = bare.ours(met.cast("int64"))
    assert naive == {"duckdb": 1, "postgresql": "error", "spark": 1}
    assert all_say(bare.ours(met.ifelse(1, 0)), 1)


def test_counting_rows_on_a_condition(bare: Bare) -> None:
    """A count of no rows is 0, but what Ibis makes of it for Spark is a sum, and empty: an error, for some tables only."""
    bare.postgres.run("CREATE TABLE nothing (x BIGINT)")
    bare.spark.run("CREATE TABLE nothing USING parquet AS SELECT CAST(1 AS BIGINT) AS x LIMIT 0")
    rows = ibis.table({"x": "int64"}, name="nothing")
    for counted, said in (
        (rows.count(where=rows["x"] > 1), None),
        (ibis.cases((rows["x"] > 1, 1), else_=None).count(), 0),
    ):
        sql = {e: str(ibis.to_sql(rows.aggregate(n=counted), dialect=d)) for e, d in DIALECTS.items()}
        assert bare.say("postgresql", sql["postgresql"]) == 0
        assert bare.say("spark", sql["spark"]) == said
        with duckdb.connect() as connection:
            connection.execute("CREATE TABLE nothing (x BIGINT)")
            assert connection.execute(sql["duckdb"]).fetchall() == [(0,)]


def test_the_day_of_the_week(bare: Bare) -> None:
    """The same word counts from another day, or from 1. Ours is 0 for Sunday."""
    sunday = "DATE '2013-01-06'"
    found = bare.naive(f"SELECT dayofweek({sunday})", postgresql=f"SELECT extract(isodow FROM {sunday})")
    assert found == {"duckdb": 0, "postgresql": 7, "spark": 1}
    table = Table(columns={"d": Column(type=ColumnType.DATE)}, max_rows=9)
    key = Key(column="d", alias="k", form=Extracted(DatePart.DOW))
    for day, index in (
        (date(2013, 1, 6), 0),
        (date(2013, 1, 7), 1),
        (date(1, 1, 1), 1),
        (date(9999, 12, 31), 5),
    ):
        assert day.isoweekday() % 7 == index
        assert all_say(bare.ours(key_expression(key, table, {"d": ibis.literal(day)})), index)


def test_spaces_at_the_ends(bare: Bare) -> None:
    """DuckDB's trim takes off spaces of all scripts, the others' only the plain one. The portable one names them all."""
    for code in [*range(0x250), *range(0x1680, 0x1681), *range(0x2000, 0x2070), 0x3000, 0xFEFF]:
        if code in (0, 0x27, 0x5C):  # not in PostgreSQL; what ends or bends a literal
            continue
        with duckdb.connect() as connection:
            ((gone,),) = connection.execute("SELECT trim(?) = 'x'", [f"x{chr(code)}"]).fetchall()
        assert gone is (chr(code) in SPACES), hex(code)
    naive = bare.naive("SELECT length(trim('x\u00a0'))")
    assert naive == {"duckdb": 1, "postgresql": 2, "spark": 2}
    for engine, words in WORDS.items():
        assert (
            bare.say(engine, f"SELECT length({words.trim(words.literal(SPACES + 'x' + SPACES), SPACES)})")
            == 1
        )


def test_the_end_of_a_text(bare: Bare) -> None:
    """To Java a line break is after the end; to the others it is in the way."""
    found = {
        "postgresql": bare.say("postgresql", "SELECT '12\n' ~ '^[0-9]+$'"),
        "spark": bare.say("spark", "SELECT '12\n' RLIKE '^[0-9]+$'"),
    }
    assert found == {"postgresql": False, "spark": True}
    for engine, words in WORDS.items():
        assert bare.say(engine, f"SELECT {words.matches(words.literal(f'12{chr(10)}'), '[0-9]+')}") is False
        assert bare.say(engine, f"SELECT {words.matches(words.literal('12'), '[0-9]+')}") is True


def test_days_that_are_none(bare: Bare) -> None:
    """An error in PostgreSQL and in Spark's ANSI mode, NULL or a year 0 in Spark. The portable one is NULL on all."""
    assert bare.say("postgresql", "SELECT CAST('2013-02-29' AS DATE)") == "error"
    assert bare.say("spark, ANSI", "SELECT CAST('2013-02-29' AS DATE)") == "error"
    assert bare.say("spark", "SELECT CAST('0000-01-01' AS DATE) IS NULL") is False
    days = {
        "2013-2-5": date(2013, 2, 5),
        "0001-01-01": date(1, 1, 1),
        "9999-12-31": date(9999, 12, 31),
        "2000-02-29": date(2000, 2, 29),
    }
    days |= dict.fromkeys(
        ("2013-02-29", "1900-02-29", "0000-01-01", "2013-00-10", "2013-13-01", "2013-04-31", "2013-04-0")
    )  # type: ignore[arg-type]
    for engine, words in WORDS.items():
        for text, day in days.items():
            assert bare.say(engine, f"SELECT {words.day(words.literal(text))}") == day, (engine, text)


def test_texts_that_a_collation_holds_for_one(postgres: PostgresWorld, bare: Bare) -> None:
    """PostgreSQL and Spark have collations in which 'a' is 'A'. A raw column with one is compared by its bytes all the same."""
    lax, small = "('a' COLLATE lax)", "('a' COLLATE UTF8_LCASE)"
    postgres.run(
        "CREATE COLLATION IF NOT EXISTS lax (provider = icu, locale = 'und-u-ks-level1', deterministic = false)"
    )
    assert bare.say("postgresql", "SELECT 'a' COLLATE lax = 'Ä'") is True
    assert bare.say("postgresql", f"SELECT {WORDS['postgresql'].as_text(lax)} = 'Ä'") is False
    assert bare.say("spark", "SELECT 'a' COLLATE UTF8_LCASE = 'A'") is True
    assert bare.say("spark", f"SELECT {WORDS['spark'].as_text(small)} = 'A'") is False
    assert all_say(bare.naive("SELECT 'ä' = 'a\u0308'"), False)


def test_numbers_as_texts(bare: Bare) -> None:
    """Engines write floating-point numbers each in their way; all of it is read as the same number."""
    found = bare.naive(
        "SELECT CAST(CAST(1e17 AS DOUBLE) AS VARCHAR)",
        postgresql="SELECT CAST(CAST(1e17 AS float8) AS text)",
        spark="SELECT CAST(CAST(1e17 AS DOUBLE) AS STRING)",
    )
    assert len(set(found.values())) > 1
    for text in found.values():
        for engine, words in WORDS.items():
            assert bare.say(engine, f"SELECT {words.decimal(words.literal(text))}") == 1e17
