"""PyDP, Google's building blocks: each unit is cut to 10 rows with pandas, and the 10 are the sensitivity."""

from __future__ import annotations

import importlib.metadata
import time

import pandas as pd
from pydp.algorithms.laplacian import BoundedSum, Count
from pydp.algorithms.numerical_mechanisms import LaplaceMechanism
from pydp.algorithms.partition_selection import create_truncated_geometric_partition_strategy
from told import DELTA, EPSILON, KEYS, ROWS_KEPT, asked, tell


def main() -> None:
    given = asked()
    begun = time.perf_counter()
    frame = pd.read_parquet(given.raw)
    load_s = time.perf_counter() - begun

    def kept() -> pd.DataFrame:
        shuffled = frame.sample(frac=1)
        return shuffled[shuffled.groupby("unit").cumcount() < ROWS_KEPT]

    def count(rows: pd.DataFrame, epsilon: float, each: int = ROWS_KEPT) -> float:
        # All of a unit's rows may share a cell or not: together they move the cells by 10 in L1, however they lie.
        counter = Count(epsilon=epsilon, l0_sensitivity=1, linf_sensitivity=each)
        return counter.quick_result([1] * len(rows))

    def total(cells: pd.Series, upper: float, epsilon: float) -> float:
        summer = BoundedSum(
            epsilon=epsilon,
            l0_sensitivity=1,
            linf_sensitivity=ROWS_KEPT,
            lower_bound=0,
            upper_bound=upper,
            dtype="float",
        )
        return summer.quick_result([float(x) for x in cells.fillna(0)])

    def by_key(of, rows: pd.DataFrame):
        groups = dict(iter(rows.groupby("key")))
        return {key: of(groups.get(key, rows.iloc[:0])) for key in KEYS}

    def by_free_key():
        rows = kept()
        half = EPSILON / 2
        shown = create_truncated_geometric_partition_strategy(half, DELTA, ROWS_KEPT)
        noise = LaplaceMechanism(epsilon=half, sensitivity=ROWS_KEPT)
        return {
            str(key): [noise.add_noise(len(group))]
            for key, group in rows.groupby("free_key")
            if shown.should_keep(group["unit"].nunique())
        }

    third = EPSILON / 3
    tell(
        "PyDP",
        importlib.metadata.version("python-dp"),
        given,
        {
            "Q1": lambda: {"": [count(kept(), EPSILON)]},
            "Q2": lambda: by_key(lambda rows: [count(rows, EPSILON)], kept()),
            "Q3": lambda: by_key(
                lambda rows: [
                    total(rows["value"], 1000, third),
                    total(rows["amount"], 500, third),
                    count(rows, third),
                ],
                kept(),
            ),
            "Q4": by_free_key,
            "Q5": lambda: by_key(
                lambda rows: [count(rows, EPSILON)], kept().drop_duplicates(["unit", "key"])
            ),
        },
        note=f"cut to {ROWS_KEPT} rows of each unit with pandas, all of them in the sensitivity; Laplace, pure ε; keys "
        "without a list by its truncated geometric selection, for half of ε",
        load_s=load_s,
    )


if __name__ == "__main__":
    main()
