"""A made-up hospital for the tests of this room: policies, tables and views small enough to reckon by hand."""

from __future__ import annotations

import csv
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sandbox.domain.answer import document_of
from sandbox.domain.policy import (
    BudgetTerms,
    Column,
    ColumnType,
    DatasetPolicy,
    Lookup,
    LookupColumn,
    OpenClass,
    Table,
    Unit,
)
from sandbox.domain.privacy_loss import Loss
from sandbox.privacy.engine import LocalEngine
from sandbox.privacy.engines.duck import EngineLimits
from sandbox.privacy.publishing import views
from sandbox.privacy.publishing.publish import PublishReport, publish

LIMITS = EngineLimits(memory_mib=256, threads=1, timeout_s=30)
SALT = b"a salt of the tests, 32 bytes lo"
PRICE = Loss(20_000_000)

COLUMNS = {
    "patient_id": Column(type=ColumnType.TEXT),
    "sex": Column(type=ColumnType.TEXT, categories=("female", "male")),
    "ward": Column(type=ColumnType.INTEGER, categories=(1, 2, 3), max_rows_per_unit=2),
    "smoker": Column(type=ColumnType.BOOLEAN),
    "age": Column(type=ColumnType.INTEGER, lower=0, upper=100, measured_in="years"),
    "cost": Column(type=ColumnType.DECIMAL, resolution="0.01", lower=-10, upper=500, measured_in="DM"),
    "weight": Column(type=ColumnType.DECIMAL, resolution="0.1"),
    "admitted": Column(type=ColumnType.DATE),
    "city": Column(type=ColumnType.TEXT),
}
NAMES = tuple(COLUMNS)
LOOKUPS = {
    "wards": Lookup(
        key="ward",
        columns=(
            LookupColumn(name="ward", type=ColumnType.INTEGER),
            LookupColumn(name="kind", type=ColumnType.TEXT),
            LookupColumn(name="beds", type=ColumnType.INTEGER, measured_in="beds"),
        ),
        rows=((1, "surgery", 20), (3, "surgery", 35), (2, "children", 8)),
    ),
    "cities": Lookup(
        key="city",
        columns=(
            LookupColumn(name="city", type=ColumnType.TEXT),
            LookupColumn(name="country", type=ColumnType.TEXT),
            LookupColumn(name="rate", type=ColumnType.DECIMAL, resolution="0.01"),
            LookupColumn(name="since", type=ColumnType.DATE),
            LookupColumn(name="big", type=ColumnType.BOOLEAN),
        ),
        rows=(
            ("Kyiv", "Ukraine", "1.25", "2013-01-01", True),
            ("Łódź", "Poland", "-0.5", "2014-02-03", False),
            ("O'Hara", "Nowhere", "0", "2013-05-05", False),
        ),
    ),
    "countries": Lookup(
        key="name",
        columns=(
            LookupColumn(name="name", type=ColumnType.TEXT),
            LookupColumn(name="eu", type=ColumnType.BOOLEAN),
        ),
        rows=(("Poland", True), ("Ukraine", False)),
    ),
}


def hospital(*, max_rows_per_unit: int = 4, max_rows: int = 100_000, **columns: Column) -> DatasetPolicy:
    """A conditional dataset with one table ``visits``; ``columns`` replace or add to the usual ones."""
    return DatasetPolicy(
        name="hospital",
        title="Hospital visits",
        open_class=OpenClass.CONDITIONAL,
        provider="Nobody",
        source="made up",
        licence="CC0",
        owner="olga",
        unit=Unit(column="patient_id", noun="patient"),
        budget=BudgetTerms(epsilon="8"),
        tables={
            "visits": Table(
                columns={**COLUMNS, **columns}, max_rows=max_rows, max_rows_per_unit=max_rows_per_unit
            )
        },
        lookups=LOOKUPS,
    )


def with_table(policy: DatasetPolicy, **changes: Any) -> DatasetPolicy:
    """The policy with another ``visits`` table."""
    return replace(policy, tables={"visits": replace(policy.tables["visits"], **changes)})


def row(patient: str | None, **cells: Any) -> dict[str, Any]:
    """One visit; cells that are not given are empty."""
    return {"patient_id": patient, **cells}


def write_csv(path: Path, rows: Iterable[dict[str, Any]], names: Sequence[str] = NAMES) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(names), extrasaction="raise")
        writer.writeheader()
        writer.writerows({k: "" if v is None else v for k, v in r.items()} for r in rows)
    return path


def published(
    folder: Path,
    rows: Iterable[dict[str, Any]],
    policy: DatasetPolicy | None = None,
    *,
    salt: bytes | None = None,
) -> tuple[PublishReport, views.View]:
    """Publish rows; the report and the view."""
    policy = policy or hospital()
    folder.mkdir(parents=True, exist_ok=True)
    names = list(dict.fromkeys([*NAMES, *policy.tables["visits"].columns]))
    raw = write_csv(folder / f"raw-{secrets.token_hex(4)}.csv", rows, names)
    report = publish(raw, policy, "visits", folder / "views" / policy.name, salt=salt or SALT, limits=LIMITS)
    view = views.find(folder / "views", dataset=policy.name, snapshot=report.snapshot)
    return report, view


def many_visits(patients: int = 60) -> list[dict[str, Any]]:
    """A few hundred visits, the same each time."""
    rows = []
    for n in range(patients):
        for visit in range(1 + n % 4):
            k = 7 * n + 3 * visit
            rows.append(
                row(
                    f"p{n}",
                    sex=("female", "male")[n % 2],
                    ward=1 + k % 3,
                    smoker=("true", "false", "")[k % 3],
                    age=str(20 + k % 60) if k % 11 else "",
                    cost=f"{(k * 1.37) % 480:.2f}" if k % 7 else "",
                    weight=f"{50 + k % 40}.5",
                    admitted=f"2013-{1 + k % 12:02d}-{1 + k % 28:02d}",
                    city=("Kyiv", "Łódź", "Köln")[k % 3],
                )
            )
    return rows


class Asked:
    """An engine with one published table."""

    def __init__(self, folder: Path, rows: list[dict[str, Any]], policy: DatasetPolicy | None = None) -> None:
        policy = policy or hospital()
        self.folder = folder
        (folder / "raw").mkdir(parents=True)
        write_csv(folder / "raw" / "visits.csv", rows, list(policy.tables["visits"].columns))
        self.engine = LocalEngine(folder / "views", folder / "raw", limits=LIMITS)
        self.report = self.engine.publish(policy=policy, table="visits", file="visits.csv")
        self.where = {"dataset": policy.name, "snapshot": self.report.snapshot}

    @property
    def parquet(self) -> Path:
        return self.folder / "views" / self.where["dataset"] / self.where["snapshot"] / "view.parquet"

    def ask(self, sql: str, nano: int = PRICE.nano) -> dict[str, Any]:
        return document_of(self.engine.answer(**self.where, sql=sql, nano=nano))
