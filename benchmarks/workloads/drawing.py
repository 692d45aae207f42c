"""What both made-up datasets share: how many rows a unit has, and how a table is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

Numbers = np.ndarray[Any, np.dtype[Any]]


def sizes(lot: np.random.Generator, *, rows: int, per_unit: float, skew: float, most: int) -> Numbers:
    """How many rows each unit has: lognormal, about ``rows`` in all, at most ``most`` each.

    Args:
        skew: sigma of the lognormal.
    """
    units = round(rows / per_unit)
    drawn = lot.lognormal(np.log(per_unit) - skew**2 / 2, skew, units)
    return np.clip(np.rint(drawn), 1, most).astype(np.int64)


def one_of(lot: np.random.Generator, names: tuple[str, ...], odds: Numbers, at: Numbers) -> Numbers:
    """A name's place for each row: row ``i`` has the odds of line ``at[i]``."""
    below = np.cumsum(odds / odds.sum(axis=1, keepdims=True), axis=1)
    return np.minimum((lot.random(len(at))[:, None] > below[at]).sum(axis=1), len(names) - 1)


def texts(places: Numbers, names: tuple[str, ...]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int32)), pa.array(names)).cast(
        pa.string()
    )


def days(offsets: Numbers, first: str) -> pa.Array:
    return pa.array(np.datetime64(first, "D") + offsets.astype("timedelta64[D]"))


def written(path: Path, columns: dict[str, Any], lot: np.random.Generator) -> Path:
    """The table as Parquet, its rows in random order."""
    table = pa.table(columns)
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".part")
    pq.write_table(table.take(lot.permutation(table.num_rows)), half, compression="zstd")
    half.rename(path)
    return path
