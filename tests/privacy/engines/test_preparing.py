"""The private view of a table that stays where it is: the same cells, units and ranks on both databases, and the cells
that publishing a file gives. No raw cell makes a statement fail."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sandbox.domain.errors import BadInput, NotFound, Tampered
from sandbox.domain.policy import Column, ColumnType, DatasetPolicy
from sandbox.privacy.engines.holding import EngineLimits
from sandbox.privacy.publishing.in_place import prepare
from sandbox.privacy.publishing.publish import PublishReport, publish
from sandbox.privacy.publishing.views import find
from tests.privacy.engines.conftest import ENGINES, Engines, House, PostgresWorld, SparkWorld
from tests.privacy.engines.world import NAMES, POLICY, Raw, raw_rows
from tests.privacy.made_up import LIMITS, SALT, with_table, write_csv

PATIENCE = EngineLimits(memory_mib=256, threads=1, timeout_s=600)
KINDS = {
    "tag": Column(type=ColumnType.INTEGER),
    "whole": Column(type=ColumnType.INTEGER),
    "cents": Column(type=ColumnType.DECIMAL, resolution="0.01"),
    "millionths": Column(type=ColumnType.DECIMAL, resolution="0.000001"),
    "ones": Column(type=ColumnType.DECIMAL, resolution="1"),
    "yes": Column(type=ColumnType.BOOLEAN),
    "day": Column(type=ColumnType.DATE),
    "words": Column(type=ColumnType.TEXT),
    "listed": Column(type=ColumnType.TEXT, categories=("a", "A", "1", "it's", "\\n", "${env:HOME}", "ä")),
}
FUZZ: DatasetPolicy = with_table(
    POLICY,
    columns={"patient_id": Column(type=ColumnType.TEXT), **KINDS},
    max_rows=5000,
    max_rows_per_unit=5000,
)


def some_text(lot: random.Random) -> str:
    """Now a numeral, now a day, now neither, often nearly."""
    digits = "".join(lot.choice("0123456789") for _ in range(lot.choice((1, 2, 9, 18, 19, 25, 26))))
    behind = "".join(lot.choice("0123456789") for _ in range(lot.choice((0, 1, 2, 3, 7, 12, 13, 40, 41))))
    numeral = lot.choice(("", "-", "+")) + lot.choice((digits, "", "0")) + lot.choice((f".{behind}", "", "."))
    numeral += lot.choice(("", "", "", f"e{lot.randint(-30, 30)}", "E+5", "e99", "e-99", "e100", "e"))
    year = lot.choice(("2013", "0001", "0000", "9999", "1582", "1900", "2000", "10000", "44", "-044"))
    day = f"{year}-{lot.randint(0, 13)}-{lot.choice((0, 1, 5, 10, 14, 28, 29, 30, 31, 32)):02d}"
    day += lot.choice(
        ("", "", "", " 23:59:59", "T05:00:00Z", " 05:00+02", " BC", " 00:00:00 BC", "T", " noon", " 5\n")
    )
    word = lot.choice(
        [
            "true",
            "TRUE",
            "t",
            "F",
            "No",
            "y",
            "yes ",
            "NA",
            "<na>",
            "None",
            "nAn",
            "inf",
            "-Infinity",
            "0x10",
            "1_000",
            "1,5",
            "١٢",
            "it's",
            "\\n",
            "\\'",
            "${env:HOME}",
            "a",
            "A",
            "ä",
            "a\u0308",
            "İ",
            "\u212a",
            "ſ",
            "%s",
            "x" * 300,
            "$$",
            "😀",
            "\ufeff1",
        ]
    )
    around = lot.choice(("", "", "", " ", "\t", "\n", "\u00a0", "\u3000", "\u2007", "\u200b", "\r"))
    text = lot.choice((numeral, numeral, day, word))
    return lot.choice((text, text, text + around, around + text))


def fuzz_rows(how_many: int) -> list[Raw]:
    lot = random.Random(11)
    others = [name for name in KINDS if name != "tag"]
    return [
        {
            "patient_id": "p",
            "tag": str(place),
            **{name: lot.choice((some_text(lot), some_text(lot), None)) for name in others},
        }
        for place in range(how_many)
    ]


def table_of(house: House, report: PublishReport, names: Sequence[str], order: str) -> list[tuple[Any, ...]]:
    return house.warehouse.holder(report.snapshot).fetch(
        f"SELECT {', '.join(names)} FROM private_view ORDER BY {order}", PATIENCE
    )


def test_both_databases_make_the_same_view_with_the_same_ranks(engines: Engines) -> None:
    names = ", ".join(["_unit", "_rank", *NAMES[1:]])
    found = [
        engines.holders[kind].fetch(f"SELECT {names} FROM private_view ORDER BY _unit, _rank", PATIENCE)
        for kind in ENGINES[1:]
    ]
    assert found[0] == found[1]
    assert len(found[0]) > 150
    one, other = engines.reports["postgresql"], engines.reports["spark"]
    assert replace(one, snapshot="") == replace(other, snapshot="")
    assert one.dropped_rows > 0 < one.rows_without_unit
    assert {name for name, count in one.emptied.items() if count} > {"ward", "age", "big", "born"}


def test_cells_are_those_that_publishing_a_file_gives(house: House, tmp_path: Path) -> None:
    """Some hundred texts in columns of each type, every one of them nasty."""
    rows = fuzz_rows(700)
    raw = write_csv(tmp_path / "raw.csv", rows, list(FUZZ.tables["visits"].columns))
    by_file = publish(raw, FUZZ, "visits", tmp_path / "views", salt=SALT, limits=LIMITS)
    names = list(KINDS)
    parquet = tmp_path / "views" / by_file.snapshot / "view.parquet"
    with duckdb.connect() as connection:
        wanted = connection.execute(f"SELECT {', '.join(names)} FROM '{parquet}' ORDER BY tag").fetchall()
    source = house.load("fuzz", rows, list(FUZZ.tables["visits"].columns))
    by_table = prepare(house.warehouse, source, FUZZ, "visits", tmp_path / "there", salt=SALT)
    found = table_of(house, by_table, names, "tag")
    differences = {
        (name, row[name], cell, other)
        for cells, expected, row in zip(found, wanted, rows, strict=True)
        for name, cell, other in zip(names, cells, expected, strict=True)
        if cell != other
    }
    assert differences == set()
    assert by_table.emptied == by_file.emptied
    for place, name in enumerate(names):
        filled = sum(cells[place] is not None for cells in found)
        assert filled > 10, f"the control: some of {name} fit"
        assert name == "tag" or by_table.emptied[name] > 20 or name == "words", f"and some of {name} do not"


TYPED = {
    "postgresql": (
        "CREATE TABLE typed_visits AS SELECT * FROM (VALUES "
        "(1, 'p', 'NaN'::numeric, 'Infinity'::float8, '0044-03-15 BC'::date, true, 'a'::char(3)),"
        "(2, 'p', 12.0::numeric, 1e17::float8, 'infinity'::date, false, 'A'),"
        "(3, 'q', 1e30::numeric, 'NaN'::float8, '10000-01-01'::date, NULL, '1'),"
        "(4, 'q', -7::numeric, -0.125::float8, '2013-01-05'::date, true, 'it''s'))"
        " AS v(tag, patient_id, whole, cents, day, yes, listed)"
    ),
    "spark": (
        "CREATE TABLE typed_visits USING parquet AS SELECT * FROM VALUES "
        "(1, 'p', double('NaN'), double('Infinity'), make_date(-43, 3, 15), true, 'a'),"
        "(2, 'p', 12.0D, 1e17D, make_date(0, 1, 1), false, 'A'),"
        "(3, 'q', 1e30D, double('NaN'), make_date(10000, 1, 1), NULL, '1'),"
        "(4, 'q', -7D, -0.125D, make_date(2013, 1, 5), true, 'it\\'s')"
        " AS v(tag, patient_id, whole, cents, day, yes, listed)"
    ),
}


def test_columns_of_other_types_are_read_as_what_they_say(house: House, tmp_path: Path) -> None:
    """NaN, infinities, days before the year 1 and after 9999: empty, and nothing fails."""
    house.run(TYPED[house.warehouse.kind])
    names = ("tag", "whole", "cents", "day", "yes", "listed")
    columns = {"patient_id": Column(type=ColumnType.TEXT), **{name: KINDS[name] for name in names}}
    policy = with_table(POLICY, columns=columns)
    report = prepare(house.warehouse, "typed_visits", policy, "visits", tmp_path, salt=SALT)
    found = {cells[0]: cells[1:] for cells in table_of(house, report, names, "tag")}
    assert found[1] == (None, None, None, True, "a")
    assert found[2] == (12, None, None, False, "A")
    assert found[3] == (None, None, None, None, "1")
    assert found[4][:2] == (-7, -13)
    assert str(found[4][2]) == "2013-01-05"
    assert found[4][3:] == (True, "it's")


def test_texts_that_are_no_unicode_are_empty(spark: SparkWorld, tmp_path: Path) -> None:
    """Told apart by Spark, and the same once shown: one person's key would take the place of another's."""
    spark.run(
        "CREATE TABLE broken USING parquet AS SELECT * FROM VALUES (1, 'p', X'C3A4'), (2, 'p', X'FF'), (3, 'q', X'FE') AS v(tag, patient_id, words)"
    )
    columns = {"patient_id": Column(type=ColumnType.TEXT), "tag": KINDS["tag"], "words": KINDS["words"]}
    report = prepare(
        spark.warehouse, "broken", with_table(POLICY, columns=columns), "visits", tmp_path, salt=SALT
    )
    assert table_of(spark, report, ["tag", "words"], "tag") == [(1, "ä"), (2, None), (3, None)]
    plain = spark.run("SELECT CAST(words AS STRING), count(*) FROM broken GROUP BY 1")
    assert sorted(text for text, _ in plain) == ["ä", "\ufffd", "\ufffd"], (
        "the control: two keys that look the same"
    )


def test_the_same_table_and_salt_give_the_same_snapshot_and_another_salt_another(
    house: House, tmp_path: Path
) -> None:
    rows = raw_rows()[:60]
    source = house.load("again", rows, NAMES)
    shuffled = house.load("shuffled", random.Random(1).sample(rows, len(rows)), NAMES)
    one, two, three = (
        prepare(house.warehouse, name, POLICY, "visits", tmp_path, salt=salt)
        for name, salt in ((source, SALT), (shuffled, SALT), (source, SALT[::-1]))
    )
    assert one == two, "the order of a table's rows is no part of it"
    assert three.snapshot != one.snapshot
    assert table_of(house, one, ["age"], "_unit, _rank") != table_of(house, three, ["age"], "_unit, _rank")


def test_taking_a_unit_away_changes_no_other_units_rows_and_ranks(house: House, tmp_path: Path) -> None:
    """What the sensitivity rests on. Rows that are the same in all cells, in two units, included."""
    cells = dict.fromkeys(NAMES)
    rows = [
        {**cells, "patient_id": unit, "age": str(n % 3), "cost": str(n)}
        for n in range(30)
        for unit in ("a", "b", "c")
    ]
    kept = []
    for which, gone in (("all", ""), ("fewer", "b")):
        source = house.load(f"neighbours_{which}", [row for row in rows if row["patient_id"] != gone], NAMES)
        report = prepare(house.warehouse, source, POLICY, "visits", tmp_path, salt=SALT)
        found = table_of(house, report, ["_unit", "_rank", "age", "cost"], "_unit, _rank")
        kept.append(
            {unit: [row[1:] for row in found if row[0] == unit] for unit in {row[0] for row in found}}
        )
    everybody, fewer = ([tuple(rows) for rows in units.values()] for units in kept)
    assert len(everybody) == 3
    assert len(set(everybody)) == 3, "the control: the same rows in another unit have another order"
    assert set(fewer) < set(everybody)
    assert all(len(unit) == POLICY.tables["visits"].max_rows_per_unit for unit in everybody)


def short(rows: list[Raw]) -> DatasetPolicy:
    return with_table(POLICY, max_rows=len(rows) - 1)


def test_what_does_not_fit_is_refused_and_leaves_nothing(house: House, tmp_path: Path) -> None:
    rows = raw_rows()[:20]
    source = house.load("refused", rows, NAMES)
    lacking = house.load("lacking", rows, NAMES[:-1])
    before = house.traces()
    for name, policy, said in (
        (source, short(rows), "has 20 rows"),
        (lacking, POLICY, f"no column '{NAMES[-1]}'"),
        ("nowhere", POLICY, "no table"),
        ('x"; DROP TABLE refused; --', POLICY, "."),
    ):
        with pytest.raises(BadInput, match=said):
            prepare(house.warehouse, name, policy, "visits", tmp_path, salt=SALT)
    assert list(tmp_path.iterdir()) == []
    assert house.traces() == before
    prepare(house.warehouse, source, POLICY, "visits", tmp_path, salt=SALT)
    assert len(house.traces()) == len(before) + 1, "the control: a view leaves just one trace"


def test_two_columns_of_one_name_are_refused(postgres: PostgresWorld, tmp_path: Path) -> None:
    postgres.run('CREATE TABLE twice AS SELECT 1 AS patient_id, 2 AS age, 3 AS "Age"')
    columns = {"patient_id": Column(type=ColumnType.TEXT), "age": POLICY.tables["visits"].columns["age"]}
    with pytest.raises(BadInput, match="two columns 'age'"):
        prepare(
            postgres.warehouse, "twice", with_table(POLICY, columns=columns), "visits", tmp_path, salt=SALT
        )


def test_an_error_of_the_database_quotes_no_row(postgres: PostgresWorld, tmp_path: Path) -> None:
    """A source that is a view of the owner's, and fails over a cell: the kind is told, the cell is not."""
    postgres.run("CREATE TABLE canary AS SELECT 'CANARY7f3a' AS patient_id, 'x' AS tag")
    postgres.run("CREATE VIEW failing AS SELECT patient_id, CAST(patient_id AS int) AS tag FROM canary")
    columns = {"patient_id": Column(type=ColumnType.TEXT), "tag": KINDS["tag"]}
    with pytest.raises(BadInput) as caught:
        prepare(
            postgres.warehouse, "failing", with_table(POLICY, columns=columns), "visits", tmp_path, salt=SALT
        )
    assert "CANARY" not in str(caught.value) + str(caught.value.__cause__)
    assert "InvalidTextRepresentation" in str(caught.value)


def change_postgres(world: PostgresWorld, snapshot: str) -> None:
    world.run(f"UPDATE sandbox_{snapshot[:40]}.private_view SET age = 41 WHERE ctid = '(0,1)'")


def change_spark(world: SparkWorld, snapshot: str) -> None:
    place = f"{world.folder}/views/{snapshot}"
    frame = world.session.read.parquet(place)
    rest = frame.exceptAll(frame.limit(1)).collect()
    world.session.createDataFrame(rest, frame.schema).write.mode("overwrite").parquet(place)


CHANGE: dict[str, Callable[..., None]] = {"postgresql": change_postgres, "spark": change_spark}


def test_rows_that_were_changed_are_not_answered_about(house: House, tmp_path: Path) -> None:
    source = house.load("changed", raw_rows()[:30], NAMES)
    report = prepare(house.warehouse, source, POLICY, "visits", tmp_path / POLICY.name, salt=SALT)
    where = {"dataset": POLICY.name, "snapshot": report.snapshot}
    assert find(tmp_path, **where, warehouse=house.warehouse).held is not None
    with pytest.raises(NotFound):
        find(tmp_path, **where)
    CHANGE[house.warehouse.kind](house, report.snapshot)
    with pytest.raises(Tampered):
        find(tmp_path, **where, warehouse=house.warehouse)
    house.drop(report.snapshot)
    with pytest.raises(NotFound):
        find(tmp_path, **where, warehouse=house.warehouse)
