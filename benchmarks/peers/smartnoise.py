"""SmartNoise SQL over pandas: at most 10 groups of each unit, Gaussian or Laplace noise as it chooses."""

from __future__ import annotations

import copy
import importlib.metadata
import time

import pandas as pd
from snsql import Privacy, from_df
from told import DELTA, EPSILON, ROWS_KEPT, asked, tell


def main() -> None:
    given = asked()
    begun = time.perf_counter()
    frame = pd.read_parquet(given.raw)
    load_s = time.perf_counter() - begun
    metadata = {
        "": {
            "main": {
                "events": {
                    "max_ids": ROWS_KEPT,
                    "sample_max_ids": True,
                    "censor_dims": False,
                    "clamp_counts": False,
                    "rows": given.rows,
                    "unit": {"type": "int", "private_id": True},
                    "key": {"type": "string"},
                    "free_key": {"type": "int", "lower": 0, "upper": 499},
                    "value": {"type": "int", "lower": 0, "upper": 1000},
                    "amount": {"type": "float", "lower": 0.0, "upper": 500.0},
                }
            }
        }
    }

    # Keys without a list: rare ones are censored, which is what spends delta.
    censoring = copy.deepcopy(metadata)
    censoring[""]["main"]["events"]["censor_dims"] = True

    def ask(sql: str, metadata=metadata):
        def once():
            # Each noisy column costs the whole epsilon: it is divided so that the question costs 1 in all.
            whole = from_df(frame, metadata=metadata, privacy=Privacy(epsilon=1.0, delta=DELTA))
            cost, _ = whole.get_privacy_cost(sql)
            share = EPSILON / max(1.0, cost)
            reader = from_df(frame, metadata=metadata, privacy=Privacy(epsilon=share, delta=DELTA))
            header, *rows = reader.execute(sql)
            keyed = header[0] in ("key", "free_key")
            return {(str(row[0]) if keyed else ""): list(row[1:] if keyed else row) for row in rows}

        return once

    tell(
        "SmartNoise SQL",
        importlib.metadata.version("smartnoise-sql"),
        given,
        {
            "Q1": ask("SELECT COUNT(*) AS n FROM main.events"),
            "Q2": ask("SELECT key, COUNT(*) AS n FROM main.events GROUP BY key"),
            "Q3": ask(
                "SELECT key, SUM(value) AS s, SUM(amount) AS t, COUNT(amount) AS n FROM main.events GROUP BY key"
            ),
            "Q4": ask("SELECT free_key, COUNT(*) AS n FROM main.events GROUP BY free_key", censoring),
            "Q5": ask("SELECT key, COUNT(DISTINCT unit) AS u FROM main.events GROUP BY key"),
        },
        note=f"{ROWS_KEPT} rows or groups of each unit (max_ids); ε is divided over the noisy columns",
        load_s=load_s,
    )


if __name__ == "__main__":
    main()
