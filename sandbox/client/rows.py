"""The rows that code works on, read in the same way wherever it runs.

In a job's container, and in a room, they lie in ``/data``. In a notebook that asks questions there are none: there the
same call gives the synthetic sample, so that code is written once.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from sandbox.client.errors import BadInput

FOLDER = Path("/data")


def tables(folder: Path = FOLDER) -> list[str]:
    """The names of the tables that lie here; none where rows are the sample's."""
    return sorted(file.stem for file in folder.glob("*.parquet")) if folder.is_dir() else []


def data(table: str | None, *, sample: Callable[[], pd.DataFrame], folder: Path = FOLDER) -> pd.DataFrame:
    """A table's rows.

    Args:
        table: the only one when not named.
        sample: gives synthetic rows, where no rows lie here.

    Raises:
        BadInput: no such table, or several and none was named.
    """
    found = tables(folder)
    if not found:
        return sample()
    name = table or (found[0] if len(found) == 1 else "")
    if name not in found:
        raise BadInput(
            f"There is no table {table!r} here." if table else "There are several tables here.",
            fix=f"Choose from {', '.join(found)}.",
        )
    return pd.read_parquet(folder / f"{name}.parquet")
