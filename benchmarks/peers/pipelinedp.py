"""PipelineDP on its local backend: at most 10 rows of each unit in all, Laplace noise, pure ε for listed keys.

Private partition selection cannot be had with ``max_contributions`` (0.3.1 stops with a TypeError): by unlisted keys it
counts at most one row in each of 10 keys.
"""

from __future__ import annotations

import importlib.metadata
import time

import pandas as pd
import pipeline_dp as pipe
from told import DELTA, EPSILON, KEYS, ROWS_KEPT, asked, tell

METRICS = pipe.Metrics


def main() -> None:
    given = asked()
    begun = time.perf_counter()
    frame = pd.read_parquet(given.raw)
    rows = list(frame.itertuples(index=False, name=None))  # unit, key, free_key, value, amount
    load_s = time.perf_counter() - begun

    def run(*aggregates, key=1, public=KEYS):
        """Cells by key; each aggregate is (metrics, place of the value, parameters, weight)."""
        accountant = pipe.NaiveBudgetAccountant(total_epsilon=EPSILON, total_delta=DELTA)
        engine = pipe.DPEngine(accountant, pipe.LocalBackend())
        found = []
        for metrics, value, parameters, weight in aggregates:
            extractors = pipe.DataExtractors(
                privacy_id_extractor=lambda row: row[0],
                partition_extractor=lambda row: "" if key is None else row[key],
                value_extractor=lambda row, value=value: row[value] if value else 0,
            )
            noise = {"noise_kind": pipe.NoiseKind.LAPLACE, "budget_weight": weight}
            params = pipe.AggregateParams(metrics=metrics, **noise, **parameters)
            keys = None if public is None else list(public)
            found.append(engine.aggregate(rows, params, extractors, public_partitions=keys))
        accountant.compute_budgets()
        cells: dict[str, list[float]] = {}
        for results in found:
            for name, numbers in results:
                cells.setdefault(str(name), []).extend(_in_order(numbers))
        return cells

    rows_in_all = {"max_contributions": ROWS_KEPT}
    one_of_each = {"max_partitions_contributed": ROWS_KEPT, "max_contributions_per_partition": 1}
    count = ([METRICS.COUNT], None, rows_in_all, 1)
    tell(
        "PipelineDP",
        importlib.metadata.version("pipeline-dp"),
        given,
        {
            "Q1": lambda: run(count, key=None, public=("",)),
            "Q2": lambda: run(count),
            "Q3": lambda: run(
                ([METRICS.SUM], 3, {**rows_in_all, "min_value": 0, "max_value": 1000}, 1),
                ([METRICS.SUM, METRICS.COUNT], 4, {**rows_in_all, "min_value": 0, "max_value": 500}, 2),
            ),
            "Q4": lambda: run(([METRICS.COUNT], None, one_of_each, 1), key=2, public=None),
            "Q5": lambda: run(([METRICS.PRIVACY_ID_COUNT], None, one_of_each, 1)),
        },
        note=f"local backend; {ROWS_KEPT} rows of each unit (max_contributions), Laplace; by unlisted keys one row in "
        f"each of {ROWS_KEPT} keys",
        load_s=load_s,
    )


def _in_order(numbers) -> list[float]:
    found = numbers._asdict()  # a named tuple, whose ``count`` is also a method of tuples
    return [found[name] for name in ("sum", "count", "privacy_id_count") if name in found]


if __name__ == "__main__":
    main()
