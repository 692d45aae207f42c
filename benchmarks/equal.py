"""Noise at equal bounds: a table in which every unit has at most 10 rows already, so that no bound takes anything away.

- One question for the whole of ε = 1: ours under ``pure``, Laplace noise, beside each peer's best.
- One of a hundred questions that share (ε = 1, δ = 1e-6): ours under ``zcdp``; peers that sum ε have 0.01 for each.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.peers.told import DELTA, ROWS_KEPT
from benchmarks.table import make, policy
from benchmarks.workload import WORKLOAD, Asked
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.privacy_loss import Accounting, Guarantee, Loss
from sandbox.privacy import PrivateData
from sandbox.privacy.answering import run
from sandbox.privacy.answering.assemble import assemble
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.engines.duck import EngineLimits
from sandbox.privacy.mechanisms import noise
from sandbox.privacy.planning.bounding import rows_plan
from sandbox.privacy.planning.plan import plan
from sandbox.privacy.publishing import views

ROWS = 20_000
SHARING = 100
ASKED = ("Q1", "Q2", "Q5")
DRAWS = 1000
ENOUGH = 200  # values by which a peer's noise is told
CUT = ("diffprivlib",)  # it cuts counts at 0, so that noise wider than a count looks smaller than it is
LIMITS = EngineLimits(memory_mib=1600, threads=2, timeout_s=120)


def raw(home: Path) -> Path:
    """The table's first 10 rows of each unit."""
    path = home / f"raw-{ROWS}-of-{ROWS_KEPT}.parquet"
    if not path.exists():
        whole = make(home / f"raw-{ROWS}.parquet", rows=ROWS)
        first = f"SELECT * FROM '{whole}' QUALIFY row_number() OVER (PARTITION BY unit) <= {ROWS_KEPT}"  # noqa: S608
        duckdb.execute(f"COPY ({first}) TO '{path}' (FORMAT parquet)")
    return path


def bounded_policy(accounting: Accounting) -> DatasetPolicy:
    made = policy(ROWS)
    assert made.budget is not None  # noqa: S101
    (table,) = made.tables.values()
    return replace(
        made,
        budget=replace(made.budget, accounting=accounting, profile_percent=0),
        tables={"events": replace(table, max_rows_per_unit=ROWS_KEPT)},
    )


def ours(home: Path, truths: Mapping[str, Mapping[str, list[float]]]) -> dict[str, dict[str, float]]:
    """RMSE of each question: alone under pure accounting, and as one of a hundred under zCDP."""
    found: dict[str, dict[str, float]] = {}
    for accounting, sharing in ((Accounting.PURE, 1), (Accounting.ZCDP, SHARING)):
        made = bounded_policy(accounting)
        folder = home / f"equal-{accounting}"
        data = PrivateData.publish(raw(home), made, folder=folder, limits=LIMITS)
        view = views.find(folder / "views", dataset="bench", snapshot=data.snapshot)
        whole = Guarantee(DELTA, accounting).loss(1.0)
        for asked in chosen():
            bounding = rows_plan(rows_per_unit=ROWS_KEPT, cells=asked.cells)
            target = Loss(whole.nano // sharing)
            ready = plan(parse(asked.private, made), made, target=target, bounding=bounding)
            exact = run.count_exactly(ready, view, LIMITS)
            answers = []
            for _ in range(DRAWS):
                noisy = {m.target.name: noise.draw(exact[m.target.name], m.noise) for m in ready.measurements}
                document = assemble(ready, noisy, dataset="bench", snapshot="").document()
                answers.append(
                    {
                        str(row[asked.key]) if asked.keyed else "": [row[v]["value"] for v in asked.values]
                        for row in document["rows"]
                    }
                )
            found.setdefault(asked.name, {})[str(sharing)] = rmse(answers, truths[asked.name])
    return found


def chosen() -> Iterator[Asked]:
    return (asked for asked in WORKLOAD if asked.name in ASKED)


def truth(asked: Asked, path: Path) -> dict[str, list[float]]:
    rows = duckdb.execute(asked.plain.format(raw=path)).fetchall()
    return {
        (str(row[0]) if asked.keyed else ""): [float(v) for v in (row[1:] if asked.keyed else row)]
        for row in rows
    }


def rmse(answers: list[dict[str, list[Any]]], real: Mapping[str, list[float]]) -> float:
    """Of the first value, over cells and answers."""
    errors = [(a[key][0] - values[0]) ** 2 for a in answers for key, values in real.items() if key in a]
    return math.sqrt(math.fsum(errors) / len(errors)) if errors else math.nan


def lines(told: Mapping[str, Any]) -> Iterator[str]:
    """The section of the page."""
    for sharing, title, goal in (
        (
            "1",
            "One question for the whole of ε = 1, ours under `pure`",
            "ours / best, goal ≤ 1.0 within noise",
        ),
        (
            str(SHARING),
            f"One of {SHARING} questions that share (ε = 1, δ = 1e-6), ours under `zcdp`",
            "ours / best that sums ε, goal ≤ 1/3",
        ),
    ):
        yield f"{title}. RMSE from the exact answer: noise alone, as every unit has at most {ROWS_KEPT} rows."
        yield ""
        peers = list(told["peers"])
        yield "| question | ours | " + " | ".join(peers) + f" | {goal} |"
        yield "|---" * (len(peers) + 3) + "|"
        for asked in chosen():
            own = told["ours"][asked.name][sharing]
            errors = {p: told["peers"][p].get(sharing, {}).get(asked.name) for p in peers}
            summing = [
                (e["rmse"], e["values"])
                for p, e in errors.items()
                if e
                and e["values"] >= ENOUGH
                and (sharing == "1" or p not in (*CUT, "OpenDP Polars context"))
            ]
            ratio = "nobody to compare"
            if summing:
                best, values = min(summing)
                # The error of an RMSE of Laplace noise, whose kurtosis is 6.
                ratio = f"{own / best:.2f} ± {own / best * math.sqrt(5 / (4 * values)):.2f}"
            shown = " | ".join(_shown(e) for e in errors.values())
            yield f"| {asked.name} {asked.title} | {own:,.3g} | {shown} | {ratio} |"
        yield ""
    yield (
        f"Ours answers {DRAWS} times; fewer than {ENOUGH} values of a peer stand in brackets, and in no ratio. "
        "OpenDP's context takes ρ, so that it shares a budget as ours does: it is left out of the second ratio, and so "
        "is diffprivlib, which cuts counts at 0. ± is one standard error of the best peer's figure, which is the least "
        "of several and so a little too small. — means that it gave no answer."
    )


def _shown(error: Mapping[str, float] | None) -> str:
    if not error:
        return "—"
    text = f"{error['rmse']:,.3g}" if error["rmse"] < 1000 else f"{error['rmse']:,.0f}"
    return text if error["values"] >= ENOUGH else f"({text})"


def told(home: Path) -> dict[str, Any]:
    path = raw(home)
    truths = {asked.name: truth(asked, path) for asked in chosen()}
    return {"ours": ours(home, truths), "truth": truths, "peers": {}}


if __name__ == "__main__":
    print(json.dumps(told(Path(".sandbox/bench"))["ours"]))
