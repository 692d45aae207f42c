"""What is true of a group of raw rows, worked out with pandas. The checks share none of this."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

THRESHOLD = 10


def small_groups(rows: pd.DataFrame, by: Sequence[str], unit: str, *, all_cells: bool = True) -> str:
    """Why a table of counts by some columns is unsafe; empty when it is safe.

    Args:
        all_cells: cells without anybody are in the table too, as zeros.
    """
    units = rows.groupby(list(by), observed=not all_cells, dropna=True)[unit].nunique()
    if ((units > 0) & (units < THRESHOLD)).any():
        return f"{int(((units > 0) & (units < THRESHOLD)).sum())} cells with fewer than {THRESHOLD} units"
    if (units == 0).any():
        return "a cell without anybody: all others of the group are known not to be in it"
    counts = rows.groupby(list(by), observed=True).size()
    if len(by) > 1:
        for level in by:
            others = [b for b in by if b != level]
            shares = counts / counts.groupby(level=others).transform("sum")
            if (shares > 0.9).any():
                return "more than 90 % of a group in one cell"
    return ""


def dominated(rows: pd.DataFrame, by: Sequence[str], unit: str, value: str) -> str:
    """Why sums or means of a column by some columns are unsafe, apart from small groups."""
    for _, group in rows.dropna(subset=[value]).groupby(list(by), observed=True):
        parts = group[value].abs().groupby(group[unit]).sum().sort_values(ascending=False)
        total = parts.sum()
        if group[value].nunique() == 1:
            return "all values of a cell are the same"
        if (parts > 0).sum() < THRESHOLD:
            return "fewer than 10 units have anything in a cell"
        if parts.iloc[0] > total / 2 or parts.iloc[:2].sum() > total * 0.67:
            return "one or two units hold most of a cell"
        if total - parts.iloc[:2].sum() < parts.iloc[0] / 10:
            return "the second largest could work the largest out"
    return ""


def groups(
    rows: pd.DataFrame, by: Sequence[str], how: Callable[[pd.DataFrame], dict[str, object]]
) -> pd.DataFrame:
    """One row for each group that has rows, with what ``how`` makes of it."""
    made = []
    for key, group in rows.groupby(list(by), observed=True):
        made.append(dict(zip(by, key if isinstance(key, tuple) else (key,), strict=True)) | how(group))
    return pd.DataFrame(made)
