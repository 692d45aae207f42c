"""Open tables: what is written of a raw file, and which rows come back."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow.parquet as parquet
import pytest

from sandbox.domain.errors import BadInput, TooLarge
from sandbox.domain.open_rows import rows_wanted
from sandbox.domain.policy import Column, ColumnType, Table
from sandbox.privacy.engines.holding import EngineLimits
from sandbox.privacy.publishing.open_files import OpenTable, read_open_rows, write_open_table

TABLE = Table(
    max_rows=100,
    columns={
        "place": Column(type=ColumnType.TEXT),
        "score": Column(type=ColumnType.INTEGER),
        "price": Column(type=ColumnType.DECIMAL, resolution="0.01"),
        "weekend": Column(type=ColumnType.BOOLEAN),
        "day": Column(type=ColumnType.DATE),
    },
)
RAW = """\
Owner_SSN,Score,place,price,weekend,day
111-22-3333,90,"Joe's ""bar"", downtown",1.005,yes,2013-01-31
111-22-3334,,Ülker 面,-2,0,2013-02-30
111-22-3335,x,=1+1,,,
"""


def written(folder: Path, raw: str = RAW, table: Table = TABLE) -> tuple[OpenTable, Path, Path]:
    (folder / "raw.csv").write_text(raw)
    csv, columns = folder / "open.csv", folder / "open.parquet"
    return write_open_table(folder / "raw.csv", table, csv=csv, parquet=columns), csv, columns


def test_only_the_declared_columns_leave_in_their_order_and_types(tmp_path: Path) -> None:
    made, csv, columns = written(tmp_path)
    assert csv.read_text() == (
        "place,score,price,weekend,day\n"
        '"Joe\'s ""bar"", downtown",90,1.01,true,2013-01-31\n'
        "Ülker 面,,-2.00,false,\n"
        "=1+1,,,,\n"
    )
    assert (made.rows, dict(made.emptied)) == (3, {"score": 1, "day": 1})
    types = {field.name: str(field.type) for field in parquet.read_schema(columns)}
    assert types == {
        "place": "string",
        "score": "int64",
        "price": "decimal128(19, 2)",
        "weekend": "bool",
        "day": "date32[day]",
    }
    for file in (csv, columns):
        assert b"111-22" not in file.read_bytes()
    assert "111-22" in (tmp_path / "raw.csv").read_text()  # the control: it was there


def test_the_same_rows_are_the_same_bytes_and_parquet_as_good_as_csv(tmp_path: Path) -> None:
    _, csv, columns = written(tmp_path)
    again = tmp_path / "again"
    again.mkdir()
    write_open_table(columns, TABLE, csv=again / "a.csv", parquet=again / "a.parquet")
    assert (again / "a.csv").read_bytes() == csv.read_bytes()
    assert (again / "a.parquet").read_bytes() == columns.read_bytes()


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ("place,score\na,1\n", "has no column"),
        ("place,score,price,weekend,day\n" + "a,1,1,1,\n" * 101, "at most 100"),
        ("", "has no header"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(tmp_path: Path, raw: str, problem: str) -> None:
    with pytest.raises(BadInput, match=problem):
        written(tmp_path, raw)


@pytest.mark.parametrize(
    ("filters", "places"),
    [
        ([], ['Joe\'s "bar", downtown', "Ülker 面", "=1+1"]),
        (["place:contains:JOE'S"], ['Joe\'s "bar", downtown']),
        (["place:contains:%"], []),
        (["place:eq:=1+1"], ["=1+1"]),
        (["place:ne:=1+1", "score:empty:true"], ["Ülker 面"]),
        (["price:ge:1.01"], ['Joe\'s "bar", downtown']),
        (["weekend:eq:false"], ["Ülker 面"]),
        (["day:le:2013-01-31"], ['Joe\'s "bar", downtown']),
        (["place:eq:' OR '1'='1"], []),
        (["place:eq:x'); COPY private_view TO '/tmp/x'; --"], []),
    ],
)
def test_rows_come_back_by_what_they_are_filtered_by(
    tmp_path: Path, filters: list[str], places: list[str]
) -> None:
    _, _, columns = written(tmp_path)
    found = read_open_rows(columns, rows_wanted(TABLE, columns="place", filters=filters))
    assert [row[0] for row in found.rows] == places
    assert found.total == len(places)


def test_pages_follow_the_file_and_cells_are_as_json_has_them(tmp_path: Path) -> None:
    _, _, columns = written(tmp_path)
    second = read_open_rows(columns, rows_wanted(TABLE, offset=1, limit=1))
    assert second.rows == (("Ülker 面", None, -2.0, False, None),)
    assert second.total == 3
    beyond = read_open_rows(columns, rows_wanted(TABLE, offset=10**9))
    assert (beyond.rows, beyond.total) == ((), 3)


def test_a_decimal_that_no_float_holds_comes_as_text(tmp_path: Path) -> None:
    raw = "place,score,price,weekend,day\na,1,99999999999999.99,,\nb,1,0.1,,\n"
    _, _, columns = written(tmp_path, raw)
    found = read_open_rows(columns, rows_wanted(TABLE, columns="price"))
    assert found.rows == (("99999999999999.99",), (0.1,))


def test_reading_ends_when_its_time_is_up(tmp_path: Path) -> None:
    table = Table(max_rows=10**7, columns={"place": Column(type=ColumnType.TEXT)})
    columns = tmp_path / "long.parquet"
    duckdb.execute(
        f"COPY (SELECT 'x' || range AS place FROM range(2_000_000)) TO '{columns}' (FORMAT parquet)"
    )
    wanted = rows_wanted(table, filters=["place:contains:X"] * 9 + ["place:contains:y"])  # a second of work
    with pytest.raises(TooLarge, match="too long"):
        read_open_rows(columns, wanted, limits=EngineLimits(threads=1, timeout_s=0.05))
    assert read_open_rows(columns, rows_wanted(table, limit=1)).total == 2_000_000  # the control
