"""Very small tables of two columns, and what each measurement is on them, in plain Python."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import duckdb

from sandbox.domain.policy import Column, ColumnType, DatasetPolicy
from sandbox.privacy.planning.bounding import Bounding, BoundingPlan
from sandbox.privacy.planning.measurements import Target, What
from sandbox.privacy.publishing.views import View
from tests.privacy.made_up import hospital

X = Column(type=ColumnType.INTEGER, lower=-3, upper=5)
Y = Column(type=ColumnType.INTEGER, lower=0, upper=4)
POLICY = hospital(
    max_rows_per_unit=3,
    group=Column(type=ColumnType.INTEGER, categories=(0, 1, 2), max_rows_per_unit=2),
    x=X,
    y=Y,
    few=Column(type=ColumnType.INTEGER, categories=(1, 2)),
)


@dataclass(frozen=True)
class Row:
    """One row of a unit: its cell of the answer (None for an unlisted one), and two numbers."""

    group: int | None
    x: int | None = None
    y: int | None = None

    @property
    def few(self) -> int | None:
        return None if self.x is None else 1 + self.x % 2


Test = Callable[[Row], bool]


def everybody(row: Row) -> bool:
    return True


def reference(
    rows: Sequence[Row], target: Target, bounding: Bounding, cells: int, test: Test = everybody
) -> list[int]:
    """One unit's vector; ``rows`` are in the order of their rank, ``test`` is the target's own condition."""
    kept = [(rank, row) for rank, row in enumerate(rows) if rank < bounding.rows_per_unit]
    vector, firsts = [0] * cells, {}
    for group in range(cells):
        inside = [(rank, row) for rank, row in kept if row.group == group]
        if not inside:
            continue
        firsts[group] = inside[0][0]
        here = [row for _, row in inside if test(row)]
        numbers = [n for n in (_number(target, row) for row in here) if n is not None]
        vector[group] = min(1, len(here)) if target.what is What.UNITS else sum(numbers)
        if bounding.plan is BoundingPlan.GROUPS and target.what is not What.UNITS:
            scaled = target.what in (What.CENTRED, What.SQUARES, What.PRODUCTS)
            if scaled and len(numbers) > bounding.rows_per_group:
                part = Fraction(vector[group] * bounding.rows_per_group, len(numbers))
                vector[group] = math.floor(part + Fraction(1, 2))
            most = target.cut(bounding)
            vector[group] = min(max(vector[group], -most), most)
    if bounding.plan is BoundingPlan.GROUPS:
        stay = sorted(firsts, key=lambda group: firsts[group])[: bounding.groups_per_unit]
        vector = [value if group in stay else 0 for group, value in enumerate(vector)]
    return vector


def values_of(
    units: Iterable[Sequence[Row]], column: str, bounding: Bounding, cells: int, test: Test = everybody
) -> list[int]:
    """COUNT(DISTINCT column) by cell over all units, rows bounded."""
    found: list[set[object]] = [set() for _ in range(cells)]
    for rows in units:
        for row in rows[: bounding.rows_per_unit]:
            value = getattr(row, column)
            if row.group in range(cells) and value is not None and test(row):
                found[row.group].add(value)
    return [len(values) for values in found]


def _number(target: Target, row: Row) -> int | None:
    """What one row adds; None where it has nothing to add."""
    if target.what in (What.ROWS, What.UNITS):
        return 1
    value = _away(target, row)
    match target.what:
        case What.FILLED:
            return None if getattr(row, target.column) is None else 1
        case What.SQUARES:
            return None if value is None else value * value
        case What.PRODUCTS:
            other = _away(target.times, row) if target.times is not None else None
            return None if value is None or other is None else value * other
        case _:
            return value


def _away(target: Target, row: Row) -> int | None:
    cell = getattr(row, target.column)
    return None if cell is None else min(max(cell, target.lower), target.upper) - target.middle


def view_with(folder: Path, units: Iterable[Sequence[Row]], policy: DatasetPolicy = POLICY) -> View:
    """A view as publishing would write it, with the ranks in the given order."""
    path = folder / "view.parquet"
    rows = [
        (unit, rank, row.group, row.x, row.y, row.few)
        for unit, some in enumerate(units)
        for rank, row in enumerate(some)
    ]
    own = ("patient_id", "group", "x", "y", "few")
    others = ", ".join(f"NULL::VARCHAR AS {n}" for n in policy.tables["visits"].columns if n not in own)
    with duckdb.connect() as connection:
        connection.execute(
            'CREATE TABLE v (_unit BIGINT, _rank BIGINT, "group" BIGINT, x BIGINT, y BIGINT, few BIGINT)'
        )
        if rows:
            connection.executemany("INSERT INTO v VALUES (?, ?, ?, ?, ?, ?)", rows)
        connection.execute(f"COPY (SELECT *, {others} FROM v) TO '{path}' (FORMAT parquet)")
    return View(policy=policy, table_name="visits", snapshot="0" * 64, parquet=path)
