"""OpenDP's own Polars context: zCDP, user-level bounding by ``truncate_per_group``."""

from __future__ import annotations

import importlib.metadata

import opendp.prelude as dp
import polars as pl
from told import DELTA, EPSILON, KEYS, ROWS_KEPT, asked, tell

dp.enable_features("contrib")

NAME = "OpenDP Polars context"


def context(path: str, rows: int, rho: float, delta: float = 0.0) -> dp.Context:
    return dp.Context.compositor(
        data=pl.scan_parquet(path),
        privacy_unit=dp.unit_of(contributions=1, identifier=pl.col("unit")),
        privacy_loss=dp.loss_of(rho=rho, delta=delta) if delta else dp.loss_of(rho=rho),
        split_evenly_over=1,
        margins=[dp.polars.Margin(by=(), max_length=2 * rows)],
    )


def main() -> None:
    given = asked()
    keys = pl.LazyFrame({"key": list(KEYS)})

    def run(build):
        query = context(given.raw, given.rows, given.rho).query().truncate_per_group(ROWS_KEPT)
        return build(query).release().collect()

    def grouped(*what):
        return lambda: {
            row["key"]: [row[f"v{n}"] for n in range(len(what))]
            for row in run(lambda q: q.group_by("key").agg(*what).with_keys(keys)).iter_rows(named=True)
        }

    def by_free_key():
        """Half of delta for the threshold; the rho of what is left is a little less."""
        whole = context(given.raw, given.rows, 0.97 * given.rho, DELTA / 2).query()
        counted = (
            whole.truncate_per_group(ROWS_KEPT).group_by("free_key").agg(dp.len(signed=True).alias("v0"))
        )
        found = counted.release().collect()
        return {str(row["free_key"]): [row["v0"]] for row in found.iter_rows(named=True)}

    value, amount = (
        pl.col("value").fill_null(0).dp.sum((0, 1000)).alias("v0"),
        pl.col("amount").fill_nan(0.0).fill_null(0.0).dp.sum((0.0, 500.0)).alias("v1"),
    )
    tell(
        NAME,
        importlib.metadata.version("opendp"),
        given,
        {
            "Q1": lambda: {"": [run(lambda q: q.select(dp.len(signed=True).alias("v0"))).item()]},
            "Q2": grouped(dp.len(signed=True).alias("v0")),
            "Q3": grouped(value, amount, dp.len(signed=True).alias("v2")),
            "Q4": by_free_key,
            "Q5": grouped(pl.col("unit").dp.n_unique(signed=True).alias("v0")),
        },
        note=f"ρ of (ε = {EPSILON}, δ = 1e-6); {ROWS_KEPT} rows of each unit",
    )


if __name__ == "__main__":
    main()
