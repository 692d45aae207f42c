"""diffprivlib's tools. They protect one row; each unit is cut to 10 rows with pandas, and epsilon is divided by 10."""

from __future__ import annotations

import time

import diffprivlib
import numpy as np
import pandas as pd
from diffprivlib import BudgetAccountant, tools
from told import EPSILON, KEYS, ROWS_KEPT, asked, tell

PER_ROW = EPSILON / ROWS_KEPT  # group privacy: a unit's 10 rows together cost 1


def main() -> None:
    given = asked()
    begun = time.perf_counter()
    frame = pd.read_parquet(given.raw)
    load_s = time.perf_counter() - begun
    free = BudgetAccountant()

    def kept() -> pd.DataFrame:
        shuffled = frame.sample(frac=1)
        return shuffled[shuffled.groupby("unit").cumcount() < ROWS_KEPT]

    def by_key(of, rows: pd.DataFrame):
        groups = dict(iter(rows.groupby("key")))
        return {key: of(groups.get(key, rows.iloc[:0])) for key in KEYS}

    def count(rows: pd.DataFrame, epsilon: float) -> float:
        # diffprivlib takes the length of what it is given as public, and cuts its noise at it. So it is given a flag
        # for every row that there could be; with the group's own rows alone, half of its answers would be exact.
        flags = np.zeros(2 * given.rows, dtype=bool)
        flags[: len(rows)] = True
        return tools.count_nonzero(flags, epsilon=epsilon, accountant=free)

    def total(cells: pd.Series, upper: float, epsilon: float) -> float:
        return tools.sum(cells.to_numpy(), epsilon=epsilon, bounds=(0, upper), accountant=free)

    third = PER_ROW / 3
    tell(
        "diffprivlib",
        diffprivlib.__version__,
        given,
        {
            "Q1": lambda: {"": [count(kept(), PER_ROW)]},
            "Q2": lambda: by_key(lambda rows: [count(rows, PER_ROW)], kept()),
            "Q3": lambda: by_key(
                lambda rows: [
                    total(rows["value"], 1000, third),
                    total(rows["amount"], 500, third),
                    count(rows, third),
                ],
                kept(),
            ),
            "Q5": lambda: by_key(
                lambda rows: [count(rows, PER_ROW)], kept().drop_duplicates(["unit", "key"])
            ),
        },
        note=f"cut to {ROWS_KEPT} rows of each unit with pandas; ε / {ROWS_KEPT} per row; pure ε",
        load_s=load_s,
    )


if __name__ == "__main__":
    main()
