"""Tumult Analytics on a local Spark: at most 10 rows of each unit, Laplace noise; keys without a list by get_groups."""

from __future__ import annotations

import importlib.metadata
import os
import sys
import time

os.environ.setdefault("PYSPARK_PYTHON", sys.executable)

from pyspark.sql import SparkSession
from tmlt.analytics import (
    AddRowsWithID,
    ApproxDPBudget,
    KeySet,
    MaxRowsPerID,
    PureDPBudget,
    QueryBuilder,
    Session,
)
from told import DELTA, EPSILON, KEYS, ROWS_KEPT, asked, tell


def main() -> None:
    given = asked()
    begun = time.perf_counter()
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.memory", "4g")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "2")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    frame = spark.read.parquet(given.raw)
    load_s = time.perf_counter() - begun
    keys = KeySet.from_dict({"key": list(KEYS)})

    def session(budget):
        return Session.from_dataframe(budget, "events", frame, protected_change=AddRowsWithID("unit"))

    def start():
        return QueryBuilder("events").enforce(MaxRowsPerID(ROWS_KEPT))

    def cells(*asks):
        """Each query of a question, for an even share of ε, side by side."""
        whole = session(PureDPBudget(EPSILON))
        found: dict[str, list[float]] = {}
        for query in asks:
            for row in whole.evaluate(query, PureDPBudget(EPSILON / len(asks))).collect():
                *key, value = row
                found.setdefault(str(key[0]) if key else "", []).append(value)
        return found

    def by_free_key():
        whole = session(ApproxDPBudget(EPSILON, DELTA))
        shown = whole.evaluate(
            start().select(["unit", "free_key"]).get_groups(["free_key"]), ApproxDPBudget(EPSILON / 2, DELTA)
        )
        query = start().groupby(KeySet.from_dataframe(shown)).count()
        counted = whole.evaluate(query, ApproxDPBudget(EPSILON / 2, 0))
        return {str(row[0]): [row[1]] for row in counted.collect()}

    tell(
        "Tumult Analytics",
        importlib.metadata.version("tmlt.analytics"),
        given,
        {
            "Q1": lambda: cells(start().count()),
            "Q2": lambda: cells(start().groupby(keys).count()),
            "Q3": lambda: cells(
                start().groupby(keys).sum("value", 0, 1000),
                start().groupby(keys).sum("amount", 0.0, 500.0),
                start().groupby(keys).count(),
            ),
            "Q4": by_free_key,
            "Q5": lambda: cells(start().groupby(keys).count_distinct(["unit"])),
        },
        note=f"Spark on 2 cores; {ROWS_KEPT} rows of each unit (MaxRowsPerID), pure ε; get_groups takes half of ε",
        load_s=load_s,
    )


if __name__ == "__main__":
    main()
