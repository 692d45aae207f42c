"""Rows for jobs and rooms: just the agreed columns, as they were published, in a folder that is whole or not there."""

from __future__ import annotations

import csv
import errno
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, cast

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sandbox.domain.errors import BadInput, Conflict, OperatorError, SandboxError, TooLarge
from sandbox.domain.job import RowFiles
from sandbox.domain.policy import Column, ColumnType, DatasetPolicy, Table
from sandbox.privacy.base.made_up import made_up_rows
from sandbox.privacy.engine import LocalEngine
from sandbox.privacy.publishing import views
from sandbox.privacy.publishing.extracting import BoundedFiles, ExtractReport, extract, write_sample
from tests.privacy.made_up import LIMITS, NAMES, SALT, hospital, many_visits, row, write_csv

ALL = [name for name in NAMES if name != "patient_id"]
VISITS = {"visits": ["age", "cost"]}


class Rows:
    """An engine with keys, extracts, and the hospital."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out = folder, folder / "extracts"
        (folder / "raw").mkdir()
        self.out.mkdir(mode=0o700)
        self.engine = LocalEngine(
            folder / "views", folder / "raw", limits=LIMITS, keys=folder / "keys", extracts=self.out
        )

    def publish(
        self,
        rows: Sequence[dict[str, Any]],
        policy: DatasetPolicy | None = None,
        withheld: Sequence[str] = (),
    ) -> str:
        policy = policy or hospital()
        write_csv(self.folder / "raw" / "visits.csv", rows, list(policy.tables["visits"].columns))
        for place, name in enumerate(withheld):
            (self.folder / "raw" / f"w{place}").write_text(name)
        return self.engine.publish(
            policy=policy,
            table="visits",
            file="visits.csv",
            withheld=[f"w{place}" for place in range(len(withheld))],
        ).snapshot

    def make(self, snapshot: str, tables: Mapping[str, Sequence[str]] = VISITS, **more: Any) -> ExtractReport:
        named = {"dataset": "hospital", "target": "job-1", "max_bytes": 10**7, **more}
        return self.engine.extract(snapshot=snapshot, tables=tables, **named)

    def table(self, name: str = "visits", target: str = "job-1") -> pa.Table:
        return pq.read_table(self.out / target / f"{name}.parquet")


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    return Rows(tmp_path)


def test_the_columns_that_were_asked_for_and_no_other(rows: Rows) -> None:
    report = rows.make(rows.publish(many_visits()))
    assert rows.table().column_names == ["patient_id", "age", "cost"], "the unit's first"
    assert report.rows == {"visits": 150}
    files = sorted(path.name for path in (rows.out / "job-1").iterdir())
    assert files == ["schema.json", "visits.parquet"]
    assert report.size_bytes == sum(p.stat().st_size for p in (rows.out / "job-1").iterdir())


def test_cells_have_their_declared_types_and_raw_values(rows: Rows) -> None:
    raw = row(
        "p1",
        sex="female",
        ward=2,
        smoker="yes",
        age="250",
        cost="612.345",
        weight="80.04",
        admitted="2013-5-1",
    )
    bad = row(
        "p2",
        sex="unknown",
        ward="x",
        smoker="?",
        age="old",
        cost="",
        weight="",
        admitted="2013-02-30",
        city="Kyiv",
    )
    snapshot = rows.publish([raw, bad])
    rows.make(snapshot, {"visits": ALL})
    table = rows.table()
    assert {f.name: str(f.type) for f in table.schema} == {
        "patient_id": "string",
        "sex": "string",
        "ward": "int64",
        "smoker": "bool",
        "age": "int64",
        "cost": "decimal128(19, 2)",
        "weight": "decimal128(19, 1)",
        "admitted": "date32[day]",
        "city": "string",
    }
    found = {r["city"]: r for r in table.drop_columns(["patient_id"]).to_pylist()}
    assert found[None] == {
        "sex": "female",
        "ward": 2,
        "smoker": True,
        "age": 250,  # beyond the bound: not clamped
        "cost": Decimal("612.35"),
        "weight": Decimal("80.0"),
        "admitted": date(2013, 5, 1),
        "city": None,
    }
    assert set(found["Kyiv"].values()) == {None, "Kyiv"}, "what does not fit is empty"


def test_the_schema_says_what_is_there(rows: Rows) -> None:
    rows.make(rows.publish(many_visits()))
    said = json.loads((rows.out / "job-1" / "schema.json").read_bytes())
    assert (said["dataset"], said["sample"]) == ("hospital", False)
    assert said["unit"] == {"column": "patient_id", "noun": "patient"}
    assert said["tables"]["visits"]["rows"] == 150
    assert said["tables"]["visits"]["columns"] == [
        {"name": "patient_id", "type": "text", "pseudonym": True},
        {"name": "age", "type": "integer", "measured_in": "years"},
        {"name": "cost", "type": "decimal", "places": 2, "measured_in": "DM"},
    ]


def test_a_unit_has_one_pseudonym_in_an_extract_and_another_in_the_next(rows: Rows) -> None:
    snapshot = rows.publish(many_visits())
    rows.make(snapshot)
    rows.make(snapshot, target="job-2")
    first, second = (rows.table(target=t)["patient_id"].to_pylist() for t in ("job-1", "job-2"))
    assert len(set(first)) == len(set(second)) == 60
    assert not set(first) & set(second)
    assert {len(name) for name in first} == {20}


def test_asking_for_the_units_column_gives_pseudonyms_as_well(rows: Rows) -> None:
    rows.make(rows.publish(many_visits()), {"visits": ["patient_id", "age"]})
    names = set(rows.table()["patient_id"].to_pylist())
    assert len(names) == 60
    assert not names & {f"p{n}" for n in range(60)}
    assert b"p17" not in (rows.out / "job-1" / "visits.parquet").read_bytes()


def two_tables() -> DatasetPolicy:
    policy = hospital()
    patients = Table(
        columns={
            "patient_id": Column(type=ColumnType.TEXT),
            "born": Column(type=ColumnType.INTEGER, lower=1900, upper=2020),
        },
        max_rows=1000,
    )
    return replace(policy, tables={**policy.tables, "patients": patients})


def test_rows_of_one_unit_are_joined_between_tables(rows: Rows) -> None:
    policy = two_tables()
    write_csv(rows.folder / "raw" / "v.csv", many_visits())
    born = [{"patient_id": f"p{n}", "born": 1950 + n} for n in range(60)]
    write_csv(rows.folder / "raw" / "p.csv", born, ["patient_id", "born"])
    files = {"visits": "v.csv", "patients": "p.csv"}
    snapshot = rows.engine.publish_tables(policy=policy, files=files).snapshot
    rows.make(snapshot, {"visits": ["sex"], "patients": ["born"]})
    joined = rows.table().join(rows.table("patients"), "patient_id").to_pylist()
    assert len(joined) == 150
    assert all(r["sex"] == ("female", "male")[r["born"] % 2] for r in joined)
    rows.make(snapshot, {"patients": ["born"]}, target="one")
    assert sorted(p.name for p in (rows.out / "one").iterdir()) == ["patients.parquet", "schema.json"]


def test_a_withheld_unit_is_in_no_extract(rows: Rows) -> None:
    marked = [*many_visits(), row("P-99", city="nowhere else")]
    rows.make(rows.publish(marked), {"visits": ["city"]})
    assert "nowhere else" in rows.table()["city"].to_pylist(), "the control: it was there"
    rows.make(rows.publish(marked, withheld=["p-99"]), {"visits": ["city"]}, target="job-2")
    assert "nowhere else" not in rows.table(target="job-2")["city"].to_pylist()
    assert rows.table(target="job-2").num_rows == 150


def test_it_is_readable_for_the_container_and_closed_to_others_here(rows: Rows) -> None:
    rows.make(rows.publish(many_visits()))
    assert rows.out.stat().st_mode & 0o777 == 0o700
    assert (rows.out / "job-1").stat().st_mode & 0o777 == 0o755
    assert {p.stat().st_mode & 0o777 for p in (rows.out / "job-1").iterdir()} == {0o444}


@pytest.mark.parametrize(
    "target", ["..", ".", "a/b", "../x", "", "A", "x" * 41, "a.part", "a\n", "/tmp/x", "job_1"]
)
def test_attack_a_target_is_no_path(rows: Rows, target: str) -> None:
    snapshot = rows.publish(many_visits())
    before = sorted(rows.folder.rglob("*"))
    with pytest.raises(BadInput, match="names no extract"):
        rows.make(snapshot, target=target)
    assert sorted(rows.folder.rglob("*")) == before
    rows.make(snapshot, target="a-1")  # the control


@pytest.mark.parametrize(
    "tables",
    [
        {},
        {"visits": ["nothing"]},
        {"visits": ['age" FROM x --']},
        {"visits": ["_unit"]},
        {"visits": ["_rank"]},
        {"patients": ["age"]},
        {"../visits": ["age"]},
        {"visits": ["age"], "patients": []},
    ],
)
def test_attack_only_what_the_policy_declares_can_be_asked_for(
    rows: Rows, tables: dict[str, list[str]]
) -> None:
    with pytest.raises(BadInput):
        rows.make(rows.publish(many_visits()), tables)
    assert list(rows.out.iterdir()) == []


def test_more_than_the_bound_leaves_nothing_behind(rows: Rows) -> None:
    snapshot = rows.publish(many_visits(2_000))
    with pytest.raises(TooLarge, match="more than 2,000 bytes"):
        rows.make(snapshot, {"visits": ALL}, max_bytes=2_000)
    assert list(rows.out.iterdir()) == []
    rows.make(snapshot, {"visits": ALL})  # the control: it is the bound


def test_an_extract_is_never_made_twice_under_one_name(rows: Rows) -> None:
    snapshot = rows.publish(many_visits())
    rows.make(snapshot)
    with pytest.raises(Conflict, match="job-1 already"):
        rows.make(snapshot)
    (rows.out / "job-2.part").mkdir()  # of an engine that was killed
    (rows.out / "job-2.part" / "old.parquet").write_bytes(b"x")
    rows.make(snapshot, target="job-2")
    assert not (rows.out / "job-2.part").exists()
    assert not (rows.out / "job-2" / "old.parquet").exists()


class FullDisk:
    """A file on a disk that is full after so many bytes, and fails like one."""

    def __init__(self, path: Path, left: int) -> None:
        self._file, self._left = path.open("xb"), left

    def write(self, data: bytes) -> int:
        self._left -= len(data)
        if self._left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._file.write(data)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()


@pytest.mark.parametrize("left", [0, 100, 1_000])
def test_a_full_folder_is_an_operators_error_and_leaves_nothing_behind(rows: Rows, left: int) -> None:
    snapshot = rows.publish(many_visits())
    view = views.find(
        rows.folder / "views",
        dataset="hospital",
        snapshot=snapshot,
        files=rows.engine._closed.files("hospital"),
    )
    files = BoundedFiles(10**7, create=lambda path: cast(BinaryIO, FullDisk(path, left)))
    with pytest.raises(OperatorError, match="full"):
        extract(
            view,
            {"visits": ALL},
            out=rows.out,
            target="job-1",
            salt=SALT,
            max_bytes=10**7,
            limits=LIMITS,
            files=files,
        )
    assert list(rows.out.iterdir()) == []


def test_an_engine_without_a_folder_hands_out_nothing(tmp_path: Path) -> None:
    engine = LocalEngine(tmp_path / "views", limits=LIMITS)
    with pytest.raises(SandboxError, match="hands out no rows"):
        engine.extract(dataset="hospital", snapshot="0" * 64, tables=VISITS, target="x", max_bytes=1)


def test_made_up_rows_have_the_shape_of_the_extract(rows: Rows) -> None:
    policy = two_tables()
    made = made_up_rows(policy, 40)
    tables = {"visits": ALL, "patients": ["born"]}
    write_sample(policy, made, tables, out=rows.out, target="sample", max_bytes=10**7)
    rows.make(rows.publish(many_visits()), {"visits": ALL})
    assert rows.table(target="sample").schema.equals(rows.table().schema)
    said, real = (
        json.loads((rows.out / t / "schema.json").read_bytes())["tables"]["visits"]
        for t in ("sample", "job-1")
    )
    assert said["columns"] == real["columns"]
    joined = rows.table(target="sample").join(
        rows.table("patients", "sample"), "patient_id", join_type="inner"
    )
    assert joined.num_rows == 40
    sexes = set(rows.table(target="sample")["sex"].to_pylist())
    assert sexes == {"female", "male"}
    assert made_up_rows(policy, 40) == made, "everybody gets the same ones"


# as text, for code that reads no Parquet

CELLS: dict[str, str | None] = {
    "p1": "a,b",
    "p2": 'a"b',
    "p3": '"',
    "p4": "x\ny",
    "p5": "x\r\ny",
    "p6": "NA",
    "p7": "",
    "p8": None,
    "p9": " 007 ",
    "p10": 'x\n"p1","female"\n',
    "p11": "',\"\n",
}


def texts() -> list[dict[str, Any]]:
    """Made-up rows whose texts look like the file that they lie in."""
    first = made_up_rows(hospital(), 1)["visits"][0]
    return [{**first, "patient_id": p, "city": city, "age": None} for p, city in CELLS.items()]


def test_as_csv_the_same_cells_come_out_and_what_is_missing_is_no_empty_text(rows: Rows) -> None:
    made, tables = {"visits": texts()}, {"visits": ALL}
    for form in RowFiles:
        write_sample(hospital(), made, tables, out=rows.out, target=str(form), max_bytes=10**6, form=form)
    text = (rows.out / "csv" / "visits.csv").read_bytes().decode()
    assert re.search(r'\n"p7",[^\n]*,""\n"p8",[^\n]*,\n"p9",', text), "the empty text is quoted"
    read = duckdb.sql(
        f"FROM read_csv('{rows.out}/csv/visits.csv', all_varchar = true, header = true, quote = '\"', escape = '\"')"
    ).fetchall()
    same = duckdb.sql(
        f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM read_parquet('{rows.out}/parquet/visits.parquet')"
    ).fetchall()
    assert [cell for row in read for cell in row if cell] == [cell for row in same for cell in row if cell]
    said = json.loads((rows.out / "csv" / "schema.json").read_bytes())["tables"]["visits"]
    assert (said["file"], said["rows"]) == ("visits.csv", len(CELLS))


def test_raw_rows_as_csv_are_those_of_the_parquet_file(rows: Rows) -> None:
    snapshot = rows.publish(many_visits())
    rows.make(snapshot, {"visits": ALL})
    report = rows.make(snapshot, {"visits": ALL}, target="job-2", form=RowFiles.CSV)
    folder = rows.out / "job-2"
    assert sorted(path.name for path in folder.iterdir()) == ["schema.json", "visits.csv"]
    assert report.size_bytes == sum(p.stat().st_size for p in folder.iterdir())
    with (folder / "visits.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    assert [r["age"] for r in read] == [
        "" if age is None else str(age) for age in rows.table()["age"].to_pylist()
    ]
    assert [r["cost"] for r in read] == [
        "" if c is None else str(c) for c in rows.table()["cost"].to_pylist()
    ]
    assert [r["admitted"] for r in read] == [day.isoformat() for day in rows.table()["admitted"].to_pylist()]
    assert not {r["patient_id"] for r in read} & set(rows.table()["patient_id"].to_pylist()), (
        "other pseudonyms"
    )


def test_more_than_the_bound_leaves_nothing_behind_as_csv_either(rows: Rows) -> None:
    snapshot = rows.publish(many_visits())
    with pytest.raises(TooLarge, match="more than 1,000 bytes"):
        rows.make(snapshot, {"visits": ALL}, max_bytes=1000, form=RowFiles.CSV)
    assert list(rows.out.iterdir()) == []
