"""This project's own figures, each taken beside the same question of plain DuckDB. Prints one line of JSON.

python -m benchmarks.ours --rows 1000000 --home .sandbox/bench           times and errors
python -m benchmarks.ours … --memory Q3 --plan groups                    peak memory of one question, alone
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.peers.told import DELTA, EPSILON, ROWS_KEPT
from benchmarks.table import MOST_ROWS, make, policy
from benchmarks.workload import WORKLOAD, Asked
from sandbox.domain.errors import QuestionRefused
from sandbox.domain.privacy_loss import Loss, loss_for_epsilon
from sandbox.privacy import PrivateData
from sandbox.privacy.answering import contributions, run
from sandbox.privacy.answering.assemble import assemble
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.engines.duck import EngineLimits
from sandbox.privacy.planning import profile
from sandbox.privacy.planning.bounding import Bounding, groups_plan, rows_plan
from sandbox.privacy.planning.measurements import Plan
from sandbox.privacy.planning.plan import plan
from sandbox.privacy.planning.profile import Profile, profile_document, profile_from_document
from sandbox.privacy.publishing import cells, profiling, publish, views

ASKING = EngineLimits(memory_mib=1600, threads=2, timeout_s=600)
PUBLISHING = EngineLimits(memory_mib=6144, threads=2, timeout_s=3600)
GROUPS_KEPT, LARGE = 4, 10**22  # LARGE: nano-rho that leave no noise
DRAWS = 40
# When one of these changes, the table is published anew.
PUBLISHED_BY = (publish, cells, contributions, profile, profiling)
PRICE = loss_for_epsilon(EPSILON, delta=DELTA)


@dataclass(frozen=True, slots=True)
class Published:
    """The raw file, its private view, its contribution profile, and how long publishing took when it was done."""

    raw: Path
    view: views.View
    profile: Profile | None
    seconds: float


def published(home: Path, rows: int) -> Published:
    """The table as an owner publishes it; kept from run to run."""
    raw = make(home / f"raw-{rows}.parquet", rows=rows)
    code = b"".join(Path(module.__file__).read_bytes() for module in PUBLISHED_BY)
    folder = home / f"private-{rows}-{hashlib.sha256(code).hexdigest()[:8]}"
    note = folder / "published.json"
    if not note.exists():
        begun = time.perf_counter()
        data = PrivateData.publish(raw, policy(rows), folder=folder, limits=PUBLISHING)
        done = {
            "snapshot": data.snapshot,
            "seconds": time.perf_counter() - begun,
            "profile": profile_document(data.profile) if data.profile else None,
        }
        note.write_text(json.dumps(done), encoding="utf-8")
    known = json.loads(note.read_text(encoding="utf-8"))
    view = views.find(folder / "views", dataset="bench", snapshot=known["snapshot"])
    profile = profile_from_document(known["profile"]) if known["profile"] else None
    return Published(raw, view, profile, known["seconds"])


def bounding(asked: Asked, kind: str) -> Bounding:
    if kind == "rows":
        return rows_plan(rows_per_unit=ROWS_KEPT, cells=asked.cells)
    return groups_plan(
        rows_per_unit=MOST_ROWS,  # what is cut in each group needs no cut before
        cells=asked.cells,
        groups_per_unit=GROUPS_KEPT,
        rows_per_group=ROWS_KEPT,
    )


def planned(asked: Asked, table: Published, kind: str) -> Plan:
    question = parse(asked.private, table.view.policy)
    if kind == "chosen":
        return plan(question, table.view.policy, target=PRICE, profile=table.profile)
    return plan(question, table.view.policy, target=PRICE, bounding=bounding(asked, kind))


def answered(asked: Asked, table: Published, kind: str) -> Any:
    """The engine's whole way from text to answer."""
    return answer_of(planned(asked, table, kind), table)


def answer_of(ready: Plan, table: Published) -> Any:
    """A plan's answer."""
    noisy = run.measure(ready, table.view, ASKING)
    return assemble(
        ready, noisy.vectors, cells=noisy.cells, dataset="bench", snapshot=table.view.snapshot
    ).document()


def by_key(asked: Asked, document: Mapping[str, Any]) -> dict[str, list[float | None]]:
    return {
        (str(row[asked.key]) if asked.keyed else ""): [row[name]["value"] for name in asked.values]
        for row in document["rows"]
    }


def real(asked: Asked, raw: Path) -> dict[str, list[float]]:
    """The answer of plain DuckDB."""
    with duckdb.connect() as connection:
        rows = connection.execute(asked.plain.format(raw=raw)).fetchall()
    return {
        (str(row[0]) if asked.keyed else ""): [float(v) for v in (row[1:] if asked.keyed else row)]
        for row in rows
    }


def rmse(asked: Asked, answers: list[dict[str, list[Any]]], truth: Mapping[str, list[Any]]) -> list[float]:
    """Root of the mean square error of each value, over all cells and answers. None where nothing was told."""
    found = []
    for place in range(len(asked.values)):
        errors = [
            ((answer[key][place] if key in answer else 0) - values[place]) ** 2
            for answer in answers
            for key, values in truth.items()
            if (key in answer and answer[key][place] is not None) or (key not in answer and not asked.listed)
        ]
        found.append(math.sqrt(statistics.fmean(errors)) if errors else math.nan)
    return found


def errors(asked: Asked, table: Published, kind: str, truth: Mapping[str, list[float]]) -> dict[str, Any]:
    """RMSE against the bounded truth and against the real answer, and the bounds in words."""
    ready = planned(asked, table, kind)
    exact = run.count_exactly(ready, table.view, ASKING) if asked.listed else {}
    certain = plan(ready.question, table.view.policy, target=Loss(LARGE), bounding=ready.bounding)

    def told(with_plan: Plan) -> dict[str, list[Any]]:
        if not asked.listed:  # which keys are shown is drawn too
            return by_key(asked, answer_of(with_plan, table))
        noisy = {m.target.name: run.noise.draw(exact[m.target.name], m.noise) for m in with_plan.measurements}
        document = assemble(with_plan, noisy, dataset="bench", snapshot="").document()
        return by_key(asked, document)

    answers = [told(ready) for _ in range(DRAWS)]
    return {
        "bounded": rmse(asked, answers, told(certain)),
        "real": rmse(asked, answers, truth),
        "text": ready.text,
    }


def pairs(asked: Asked, table: Published, repeat: int) -> dict[str, list[float]]:
    """Seconds of each, taken in turns so that whatever else the machine does falls on all alike."""
    plain = duckdb.connect(config={"threads": ASKING.threads, "memory_limit": f"{ASKING.memory_mib}MiB"})
    ways: dict[str, Callable[[], object]] = {
        "plain": lambda: plain.execute(asked.plain.format(raw=table.raw)).fetchall(),
        "rows": lambda: answered(asked, table, "rows"),
    }
    if asked.groups:
        ways["groups"] = lambda: answered(asked, table, "groups")
    if table.profile is not None:
        ways["chosen"] = lambda: answered(asked, table, "chosen")
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeat + 1):
        for name, way in ways.items():
            begun = time.perf_counter()
            way()
            if turn:  # the first fills the caches of all
                taken[name].append(time.perf_counter() - begun)
    plain.close()
    return taken


def small_things() -> dict[str, float]:
    """Seconds to parse, plan and price; and to send a stored answer again."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        raw = make(home / "small.parquet", rows=20_000)
        data = PrivateData.publish(raw, policy(20_000), folder=home / "private", limits=ASKING)
        planning, cached = [], []
        for n in range(60):
            # a price not seen before: nothing about its noise is remembered
            begun = time.perf_counter()
            data.estimate(WORKLOAD[2].private, epsilon=0.1 + n / 1000)
            planning.append(time.perf_counter() - begun)
        data.ask(WORKLOAD[2].private, epsilon=0.1)
        for _ in range(60):
            begun = time.perf_counter()
            data.ask(WORKLOAD[2].private, epsilon=0.1)
            cached.append(time.perf_counter() - begun)
    return {"plan_s": statistics.median(planning), "cached_s": statistics.median(cached)}


def refusal(asked: Asked, view: views.View) -> str:
    """Why a question cannot be asked; empty when it can."""
    try:
        parse(asked.private, view.policy)
    except QuestionRefused:
        return "not in the grammar yet"
    return ""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--memory", default="")
    parser.add_argument("--plan", default="rows")
    given = parser.parse_args()
    table = published(given.home, given.rows)
    if given.memory:
        asked = next(a for a in WORKLOAD if a.name == given.memory)
        answered(asked, table, given.plan)
        print(json.dumps({"peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
        return
    told: dict[str, Any] = {"publish_s": table.seconds, "view_mb": table.view.parquet.stat().st_size / 1e6}
    told["raw_mb"] = table.raw.stat().st_size / 1e6
    told |= small_things()
    told["questions"] = {}
    for asked in WORKLOAD:
        if why := refusal(asked, table.view):
            told["questions"][asked.name] = {"refused": why}
            continue
        truth = real(asked, table.raw)
        seconds = pairs(asked, table, given.repeat)
        told["questions"][asked.name] = {
            "seconds": seconds,
            "errors": {kind: errors(asked, table, kind, truth) for kind in seconds if kind != "plain"},
            "truth": truth,
        }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
