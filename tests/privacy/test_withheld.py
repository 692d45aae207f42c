"""A unit that an objection withholds: gone from every view however it is spelled, and nobody learns it was there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from starlette.testclient import TestClient

from sandbox.domain.errors import BadInput, OperatorError
from sandbox.domain.policy import Column, ColumnType, DatasetPolicy, Table
from sandbox.domain.policy_document import policy_to_document
from sandbox.privacy.engine import LocalEngine
from sandbox.privacy.publishing import views
from sandbox.privacy.publishing.publish import PublishReport
from sandbox.privacy.service import application
from sandbox.privacy.wire import report_of
from tests.privacy.made_up import LIMITS, hospital, with_table, write_csv

PATIENTS = ("anna", "Bert", "7", "Zoë")
COLUMNS = {"patient_id": Column(type=ColumnType.TEXT), "tag": Column(type=ColumnType.INTEGER)}


@pytest.fixture
def policy() -> DatasetPolicy:
    return with_table(hospital(max_rows_per_unit=5), columns=COLUMNS)


@pytest.fixture
def engine(tmp_path: Path, policy: DatasetPolicy) -> LocalEngine:
    raw = tmp_path / "raw"
    raw.mkdir()
    rows = [{"patient_id": name, "tag": 10 * n + k} for n, name in enumerate(PATIENTS) for k in range(2)]
    write_csv(raw / "visits.csv", rows, list(COLUMNS))
    return LocalEngine(tmp_path / "views", raw, limits=LIMITS)


def named(tmp_path: Path, *units: str) -> tuple[str, ...]:
    """A file for each, as the platform leaves them in the raw store."""
    names = tuple(f"hospital-unit-{n:02}.txt" for n in range(len(units)))
    for name, unit in zip(names, units, strict=True):
        (tmp_path / "raw" / name).write_text(unit)
    return names


def publish(engine: LocalEngine, policy: DatasetPolicy, withheld: Sequence[str] = ()) -> PublishReport:
    return engine.publish(policy=policy, table="visits", file="visits.csv", withheld=withheld)


def tags(tmp_path: Path, report: PublishReport) -> list[int]:
    view = views.find(tmp_path / "views", dataset="hospital", snapshot=report.snapshot)
    with duckdb.connect() as connection:
        return [n for (n,) in connection.execute(f"SELECT tag FROM '{view.parquet}' ORDER BY tag").fetchall()]


@pytest.mark.parametrize(
    ("unit", "gone"),
    [
        ("anna", [0, 1]),
        (" ANNA\n", [0, 1]),  # case and blanks are no way around it
        ("bert", [10, 11]),
        ("7", [20, 21]),
        ("007", [20, 21]),
        ("7.0", [20, 21]),
        ("Zoe\u0308", [30, 31]),  # composed in another way
        ("nobody", []),
        ("ann", []),
        ("' OR 1=1 --", []),
        ("%", []),
    ],
)
def test_its_rows_are_left_out_however_it_is_spelled(
    tmp_path: Path, engine: LocalEngine, policy: DatasetPolicy, unit: str, gone: list[int]
) -> None:
    everybody = tags(tmp_path, publish(engine, policy))
    assert everybody == [0, 1, 10, 11, 20, 21, 30, 31]  # the control: they were there
    report = publish(engine, policy, named(tmp_path, unit))
    assert tags(tmp_path, report) == [n for n in everybody if n not in gone]
    assert (report.rows, report.units) == (8 - len(gone), 4 - len(gone) // 2)
    assert report.rows_without_unit == 0
    assert f"withhold their units: {len(gone)} " in report.warnings[-1]


def test_several_are_left_out_together(tmp_path: Path, engine: LocalEngine, policy: DatasetPolicy) -> None:
    report = publish(engine, policy, named(tmp_path, "anna", "Zoë", "anna"))
    assert tags(tmp_path, report) == [10, 11, 20, 21]


def test_the_others_rows_are_the_same_ones_as_before(
    tmp_path: Path, engine: LocalEngine, policy: DatasetPolicy
) -> None:
    """Bounds choose the same rows of everybody else: versions differ by one unit and by nothing else."""
    tight = with_table(replace(policy), max_rows_per_unit=1)
    before = tags(tmp_path, publish(engine, tight))
    after = tags(tmp_path, publish(engine, tight, named(tmp_path, "Bert")))
    assert after == [n for n in before if n not in (10, 11)]


def test_the_versions_name_changes_whether_the_unit_was_there_or_not(
    tmp_path: Path, engine: LocalEngine, policy: DatasetPolicy
) -> None:
    """Everybody sees a version's name: were it the same, it would say that nobody of that name is in the data."""
    first = publish(engine, policy).snapshot
    names = named(tmp_path, "nobody", "anna", "anna")
    seen = [first, *(publish(engine, policy, names[:n]).snapshot for n in (1, 2, 3))]
    assert len(set(seen)) == 4  # also for the one that names the same unit once more
    assert publish(engine, policy, reversed_(names)).snapshot == seen[-1]  # and the same again is the same


def reversed_(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(reversed(names))


@pytest.mark.parametrize("content", [None, b"", b"  \n", b"\xff\xfe", b"x" * 5000])
def test_without_knowing_whom_nothing_is_published(
    tmp_path: Path, engine: LocalEngine, policy: DatasetPolicy, content: bytes | None
) -> None:
    """A lost or spoiled file must not bring somebody back."""
    if content is not None:
        (tmp_path / "raw" / "spoiled.txt").write_bytes(content)
    with pytest.raises(OperatorError) as caught:
        publish(engine, policy, ["spoiled.txt"])
    assert "spoiled.txt" in str(caught.value)
    assert not list((tmp_path / "views").glob("hospital/*/manifest.json"))


def test_a_name_that_leads_out_of_the_raw_store_is_refused(
    tmp_path: Path, engine: LocalEngine, policy: DatasetPolicy
) -> None:
    (tmp_path / "outside.txt").write_text("anna")
    with pytest.raises(BadInput):
        publish(engine, policy, ["../outside.txt"])


def test_of_several_tables_it_is_left_out_of_all(
    tmp_path: Path, engine: LocalEngine, policy: DatasetPolicy
) -> None:
    one = policy.tables["visits"]
    two = replace(
        policy,
        tables={
            "visits": one,
            "bills": Table(max_rows=one.max_rows, max_rows_per_unit=5, columns=dict(one.columns)),
        },
    )
    rows = [{"patient_id": "anna", "tag": 100}, {"patient_id": "Bert", "tag": 110}]
    write_csv(tmp_path / "raw" / "bills.csv", rows, list(COLUMNS))
    files = {"visits": "visits.csv", "bills": "bills.csv"}
    report = engine.publish_tables(policy=two, files=files, withheld=named(tmp_path, "anna"))
    assert (report.rows, report.units) == (6 + 1, 3)
    whole = engine.publish_tables(policy=two, files=files)
    assert (whole.rows, whole.units) == (8 + 2, 4)  # the control
    assert whole.snapshot != report.snapshot


def test_it_reaches_the_engines_process_and_a_wrong_shape_does_not(
    tmp_path: Path, engine: LocalEngine, policy: DatasetPolicy
) -> None:
    door = TestClient(application(engine))
    body: dict[str, Any] = {
        "policy": policy_to_document(policy),
        "table": "visits",
        "file": "visits.csv",
        "withheld": list(named(tmp_path, "anna")),
    }
    report = report_of(door.post("/publish", json=body).json())
    assert tags(tmp_path, report) == [10, 11, 20, 21, 30, 31]
    for wrong in ("anna", [1], [None], {"a": 1}):
        assert door.post("/publish", json={**body, "withheld": wrong}).status_code == 422


def test_a_table_that_stays_in_its_warehouse_is_not_published_with_somebody_in_it(
    tmp_path: Path, policy: DatasetPolicy
) -> None:
    engine = LocalEngine(tmp_path / "views", tmp_path / "raw", limits=LIMITS, warehouse=object())  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="warehouse"):
        publish(engine, policy, ["x.txt"])
