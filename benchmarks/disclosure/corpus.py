"""The corpus: outputs of every kind, each with the truth about it and why.

What is natural (tables by every pair of columns) is labelled by ``truth`` from the raw rows. What is planted (a forged
cell, a level of one person) is labelled by how it was made. Nothing random: the same data give the same corpus.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import pandas as pd

from benchmarks.disclosure.truth import THRESHOLD, dominated, groups, small_groups
from sandbox.domain.outputs import Declared, OutputKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One output.

    Attributes:
        family: what it is an example of.
        safe: the truth.
        why: what makes it unsafe; empty when it is safe.
        files: (name, content); the first is the one that is judged, the others lie beside it.
        acro: how ACRO is asked for the same, as ``acro_peer`` reads it; None where it has no call for it.
    """

    family: str
    dataset: str
    safe: bool
    why: str
    files: tuple[tuple[str, bytes], ...]
    declared: Mapping[str, Declared] = field(default_factory=dict)
    sql: str = ""
    acro: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A raw table."""

    dataset: str
    table: str
    unit: str
    rows: pd.DataFrame
    keys: tuple[str, ...]


def corpus(loans: Source, health: Source) -> tuple[Output, ...]:
    """All outputs, in a fixed order."""
    from benchmarks.disclosure.corpus_models import models_and_words

    return (
        *frequencies(loans),
        *frequencies(health),
        *magnitudes(loans, "credit_amount"),
        *magnitudes(loans, "duration_months"),
        *magnitudes(health, "medical_cost"),
        *magnitudes(health, "inpatient_cost"),
        *positions(loans, "credit_amount"),
        *positions(health, "income"),
        *extremes(loans),
        *spreads(loans, "credit_amount"),
        *spreads(health, "inpatient_cost"),
        *shares(loans),
        *given_away(loans),
        *histograms(loans),
        *models_and_words(loans, health),
    )


def csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode()


def frequencies(of: Source) -> Iterator[Output]:
    """Counts by one and by two columns; with small cells suppressed; rounded; forged."""
    by_each = [(key,) for key in of.keys] + list(combinations(of.keys[:7], 2))
    for by in by_each:
        listed = ", ".join(by)
        sql = f"SELECT {listed}, COUNT(*) AS n FROM {of.table} GROUP BY {listed}"  # noqa: S608 - own names
        counts = of.rows.groupby(list(by), observed=False).size().rename("n").reset_index()
        why = small_groups(of.rows, by, of.unit)
        declared = Declared(kind=OutputKind.FREQUENCY, dims=by, units="n", sql=sql)
        acro = {"call": "crosstab", "by": by} if len(by) == 2 else {"call": "count", "by": by}

        def output(
            family: str,
            frame: pd.DataFrame,
            why: str,
            *,
            ask: str = sql,
            peer: Any = acro,
            said: Declared = declared,
        ) -> Output:
            return Output(
                family=family,
                dataset=of.dataset,
                safe=not why,
                why=why,
                files=(("t.csv", csv(frame)),),
                declared={"t.csv": said},
                sql=ask,
                acro=peer,
            )

        yield output("counts", counts, why)
        if "cells with fewer" in why:
            units = of.rows.groupby(list(by), observed=False)[of.unit].nunique().reset_index(drop=True)
            hidden = counts.astype({"n": object})
            hidden.loc[units < THRESHOLD, "n"] = ""
            share = counts.n / counts.n.sum()
            if len(by) == 1 and (units >= THRESHOLD).sum() > 1 and share.max() < 0.9:
                yield output("small cells suppressed", hidden, "", peer=None)
                total = pd.concat([hidden, pd.DataFrame([{by[0]: "Total", "n": int(counts.n.sum())}])])
                rest = int(counts.n[units < THRESHOLD].sum())
                if rest < THRESHOLD:
                    yield output("suppressed, with the total", total, "the total gives it away", peer=None)
        elif not why:
            rounded = counts.assign(n=(counts.n / 5).round().astype(int) * 5)
            yield output("rounded to 5", rounded, "", peer=None)
            forged = counts.copy()
            forged.loc[0, "n"] += 1
            yield output("forged", forged, "a number that the data do not give", peer=None)


def magnitudes(of: Source, value: str) -> Iterator[Output]:
    """Sums and means with their counts."""
    by_each = [(key,) for key in of.keys] + list(combinations(of.keys[:4], 2))
    for by in by_each:
        listed = ", ".join(by)
        sql = f"SELECT {listed}, COUNT(*) AS n, AVG({value}) AS mean_value FROM {of.table} GROUP BY {listed}"  # noqa: S608
        filled = of.rows
        frame = groups(
            filled,
            by,
            lambda g: {"n": len(g), "mean_value": f"{g[value].mean():.6f}" if g[value].notna().any() else ""},
        )
        why = small_groups(of.rows, by, of.unit, all_cells=False) or dominated(of.rows, by, of.unit, value)
        yield Output(
            family="means",
            dataset=of.dataset,
            safe=not why,
            why=why,
            files=(("t.csv", csv(frame)),),
            declared={
                "t.csv": Declared(
                    kind=OutputKind.MAGNITUDE, dims=by, units="n", statistics={"mean_value": "mean"}
                )
            },
            sql=sql,
            acro={"call": "mean", "by": by, "value": value},
        )
    bare = groups(of.rows, of.keys[:1], lambda g: {"mean_value": f"{g[value].mean():.2f}"})
    yield Output(
        family="means without counts",
        dataset=of.dataset,
        safe=False,
        why="nothing says how many are behind",
        files=(("t.csv", csv(bare)),),
        declared={
            "t.csv": Declared(kind=OutputKind.MAGNITUDE, dims=of.keys[:1], statistics={"mean_value": "mean"})
        },
    )


def positions(of: Source, value: str) -> Iterator[Output]:
    """Medians and outer percentiles."""
    for key in of.keys:
        for share in (0.5, 0.25, 0.9, 0.99):
            frame = groups(
                of.rows.dropna(subset=[value]),
                (key,),
                lambda g, share=share: {"n": g[of.unit].nunique(), "q": f"{g[value].quantile(share):.2f}"},
            )
            short = frame.n.min() * min(share, 1 - share) < THRESHOLD - 1e-9
            yield Output(
                family="quantiles",
                dataset=of.dataset,
                safe=not short,
                why="too few units on one side of a quantile" if short else "",
                files=(("t.csv", csv(frame)),),
                declared={
                    "t.csv": Declared(
                        kind=OutputKind.QUANTILE,
                        dims=(key,),
                        units="n",
                        statistics={"q": f"quantile {share}"},
                    )
                },
                acro={"call": "quantile", "by": (key,), "value": value, "share": share}
                if share == 0.5
                else None,
            )


def extremes(of: Source) -> Iterator[Output]:
    """Each is somebody's own value; also under an innocent name."""
    for key in of.keys[:8]:
        for how, name in (("max", "max_amount"), ("min", "lowest"), ("max", "peak")):
            frame = groups(
                of.rows, (key,), lambda g, how=how, name=name: {"n": len(g), name: g.credit_amount.agg(how)}
            )
            yield Output(
                family="extremes",
                dataset=of.dataset,
                safe=False,
                why="a unit's own value",
                files=(("t.csv", csv(frame)),),
                declared={
                    "t.csv": Declared(
                        kind=OutputKind.EXTREME, dims=(key,), units="n", statistics={name: "extreme"}
                    )
                },
                acro={"call": how, "by": (key,), "value": "credit_amount"},
            )


def spreads(of: Source, value: str) -> Iterator[Output]:
    """Mean, deviation and count: of natural groups, and of ones that one unit dominates."""
    one_each = of.rows.dropna(subset=[value]).drop_duplicates(of.unit)
    for key in of.keys:
        for planted in (False, True):
            rows = one_each
            if planted:
                first = rows.groupby(key, observed=True).head(1).index
                rows = rows.assign(
                    **{value: rows[value].where(~rows.index.isin(first), rows[value].sum() * 1.5)}
                )
            frame = groups(
                rows,
                (key,),
                lambda g: {
                    "n": len(g),
                    "mean_value": f"{g[value].mean():.4f}",
                    "sd_value": f"{g[value].std():.4f}",
                },
            )
            why = (
                "fewer than 11 units"
                if frame.n.min() < THRESHOLD + 1
                else dominated(rows, (key,), of.unit, value)
            )
            yield Output(
                family="deviations",
                dataset=of.dataset,
                safe=not why,
                why=why,
                files=(("t.csv", csv(frame)),),
                declared={
                    "t.csv": Declared(
                        kind=OutputKind.SPREAD,
                        dims=(key,),
                        units="n",
                        statistics={"mean_value": "mean", "sd_value": "sd"},
                    )
                },
                acro=None if planted else {"call": "std", "by": (key,), "value": value},
            )


def shares(of: Source) -> Iterator[Output]:
    """Percentages with and without their base."""
    bad = of.rows.assign(bad=of.rows.risk.astype(str).str.contains("bad"))
    for key in of.keys:
        frame = groups(bad, (key,), lambda g: {"n": len(g), "pct_bad": f"{100 * g.bad.mean():.1f}"})
        counts = bad.groupby([key, "bad"], observed=True).size()
        small = (counts < THRESHOLD).any() or frame.n.min() < THRESHOLD
        said = Declared(kind=OutputKind.FREQUENCY, dims=(key,), units="n", statistics={"pct_bad": "share"})
        yield Output(
            family="percentages",
            dataset=of.dataset,
            safe=not small,
            why="a percentage times its base is a few" if small else "",
            files=(("t.csv", csv(frame)),),
            declared={"t.csv": said},
        )
        if key in of.keys[:4]:
            yield Output(
                family="percentages without base",
                dataset=of.dataset,
                safe=False,
                why="of what is not said",
                files=(("t.csv", csv(frame[[key, "pct_bad"]])),),
                declared={"t.csv": said},
            )


def given_away(of: Source) -> Iterator[Output]:
    """Two files that are safe, each by itself."""
    for a, b in combinations(of.keys[:6], 2):
        counts = of.rows.groupby([a, b], observed=True).size().rename("n").reset_index()
        small = (counts.n > 0) & (counts.n < THRESHOLD)
        totals = of.rows.groupby([a], observed=True).size().rename("n").reset_index()
        rests = counts[small].groupby(a, observed=True).n.sum()
        shown = counts.astype({"n": object})
        shown.loc[small, "n"] = ""
        told = bool(((rests > 0) & (rests < THRESHOLD)).any())
        if told and totals.n.min() >= THRESHOLD:
            yield Output(
                family="two files",
                dataset=of.dataset,
                safe=False,
                why="another file's total gives the cell away",
                files=(("t.csv", csv(shown)), ("totals.csv", csv(totals))),
                declared={
                    "t.csv": Declared(kind=OutputKind.FREQUENCY, dims=(a, b)),
                    "totals.csv": Declared(kind=OutputKind.FREQUENCY, dims=(a,)),
                },
            )
    for key in of.keys[:4]:
        all_of = of.rows.groupby([key], observed=True).size().rename("n").reset_index()
        without = of.rows.iloc[1:].groupby([key], observed=True).size().rename("n").reset_index()
        if all_of.n.min() > THRESHOLD:
            yield Output(
                family="two files",
                dataset=of.dataset,
                safe=False,
                why="the tables differ by one person",
                files=(("t.csv", csv(all_of)), ("without.csv", csv(without))),
                declared={
                    n: Declared(kind=OutputKind.FREQUENCY, dims=(key,)) for n in ("t.csv", "without.csv")
                },
            )


def histograms(of: Source) -> Iterator[Output]:
    """Counts in bins; narrow ones have thin tails."""
    for value, width in (
        ("age", 5),
        ("age", 10),
        ("age", 20),
        ("credit_amount", 1000),
        ("credit_amount", 4000),
        ("duration_months", 6),
        ("duration_months", 30),
    ):
        start = (of.rows[value] // width * width).rename("bin")
        label = start.astype(int).astype(str) + " to " + (start + width).astype(int).astype(str)
        counts = label.value_counts().rename_axis("bin").rename("n").reset_index()
        small = counts.n.min() < THRESHOLD
        yield Output(
            family="histograms",
            dataset=of.dataset,
            safe=not small,
            why="a bin of a few" if small else "",
            files=(("t.csv", csv(counts)),),
            declared={"t.csv": Declared(kind=OutputKind.HISTOGRAM, dims=("bin",))},
            acro={"call": "histogram", "value": value, "bins": int(start.nunique())},
        )
