"""A made-up table like those that people have: many units with a few rows, a few with hundreds.

The same number of rows and the same seed give the same table.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sandbox.domain.policy import (
    BudgetTerms,
    Column,
    ColumnType,
    DatasetPolicy,
    OpenClass,
    Table,
    Unit,
)

ROWS_PER_UNIT = 10.2  # on average: 98 000 units in a million rows
MOST_ROWS = 900  # of one unit
KEYS = tuple(f"k{n:02d}" for n in range(16))  # listed in the policy
FREE_KEYS = 500  # not listed
VALUE_LOWER, VALUE_UPPER = 0, 1000
AMOUNT_LOWER, AMOUNT_UPPER = 0, 500
_SKEW = 1.35  # sigma of the lognormal number of rows of a unit


def make(path: Path, *, rows: int, seed: int = 20) -> Path:
    """Write the raw table as Parquet, in random order of its rows; an existing one is kept."""
    if path.exists():
        return path
    lot = np.random.default_rng(seed)
    sizes = _sizes(lot, rows)
    unit = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
    # A unit prefers one key and one level of values: what makes groups plans and centring worth something.
    favourite = np.minimum(lot.geometric(0.18, len(sizes)) - 1, len(KEYS) - 1)
    elsewhere = np.minimum(lot.geometric(0.18, rows) - 1, len(KEYS) - 1)
    key = np.where(lot.random(rows) < 0.6, favourite[unit], elsewhere)
    free = np.minimum((lot.pareto(0.9, rows) * 8).astype(np.int64), FREE_KEYS - 1)
    level = lot.normal(420, 120, len(sizes))
    value = np.clip(level[unit] + lot.normal(0, 90, rows), VALUE_LOWER, VALUE_UPPER).astype(np.int64)
    cents = np.clip(lot.lognormal(9.3, 0.8, rows), 0, 100 * AMOUNT_UPPER).astype(np.int64)
    order = lot.permutation(rows)
    table = pa.table(
        {
            "unit": unit[order],
            "key": pa.DictionaryArray.from_arrays(pa.array(key[order].astype(np.int32)), pa.array(KEYS)).cast(
                pa.string()
            ),
            "free_key": free[order],
            "value": value[order],
            "amount": cents[order] / 100.0,
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".part")
    pq.write_table(table, half, compression="zstd")
    half.rename(path)
    return path


def _sizes(lot: np.random.Generator, rows: int) -> np.ndarray:
    """How many rows each unit has; together just ``rows``."""
    units = max(1, round(rows / ROWS_PER_UNIT))
    raw = lot.lognormal(np.log(ROWS_PER_UNIT) - _SKEW**2 / 2, _SKEW, units)
    sizes = np.clip(np.rint(raw), 1, MOST_ROWS).astype(np.int64)
    while (missing := rows - int(sizes.sum())) != 0:
        some = lot.choice(units, size=min(abs(missing), units), replace=False)
        sizes[some] = np.clip(sizes[some] + (1 if missing > 0 else -1), 1, MOST_ROWS)
    return sizes


def policy(rows: int) -> DatasetPolicy:
    """What the owner of the table declares."""
    return DatasetPolicy(
        name="bench",
        title="Benchmark",
        open_class=OpenClass.CONDITIONAL,
        provider="made up",
        source="made up",
        licence="CC0",
        owner="nobody",
        unit=Unit(column="unit", noun="unit"),
        budget=BudgetTerms(epsilon="8", unlisted_delta="5e-7", per_question_percent=100),
        tables={
            "events": Table(
                max_rows=2 * rows,
                max_rows_per_unit=MOST_ROWS,
                columns={
                    "unit": Column(type=ColumnType.INTEGER),
                    "key": Column(type=ColumnType.TEXT, categories=KEYS),
                    "free_key": Column(type=ColumnType.INTEGER, unlisted_keys=True),
                    "value": Column(type=ColumnType.INTEGER, lower=VALUE_LOWER, upper=VALUE_UPPER),
                    "amount": Column(
                        type=ColumnType.DECIMAL, resolution="0.01", lower=AMOUNT_LOWER, upper=AMOUNT_UPPER
                    ),
                },
            )
        },
    )
