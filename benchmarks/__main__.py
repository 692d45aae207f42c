"""Run the benchmarks: ``python -m benchmarks [--rows 10000000]``. Minutes; docs/benchmarks.md is written anew.

Three parts, of which ``--part`` takes one: *speed* (times and errors at a number of rows), *equal* (noise at equal
bounds), *replay* (a project's questions from one budget); *page* writes the page from what is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import equal, report
from benchmarks.ours import PRICE
from benchmarks.replay.__main__ import KEPT as REPLAYED
from benchmarks.replay.__main__ import replay_all
from benchmarks.workload import WORKLOAD

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".sandbox" / "bench"
ENVIRONMENTS = ROOT / ".sandbox" / "bench-envs"
PEERS = {
    "opendp": ("OpenDP Polars context", "opendp_polars.py"),
    "smartnoise": ("SmartNoise SQL", "smartnoise.py"),
    "diffprivlib": ("diffprivlib", "diffprivlib_tools.py"),
    "pipelinedp": ("PipelineDP", "pipelinedp.py"),
    "pydp": ("PyDP", "pydp_tools.py"),
    "tumult": ("Tumult Analytics", "tumult.py"),
}
PATIENCE_S = 1500  # for one peer
TIMED = {"smartnoise": 2, "pipelinedp": 1, "tumult": 1}  # slow ones answer a question so many times at most
AT_EQUAL_BOUNDS = {"pipelinedp": 30, "opendp": 12, "smartnoise": 12, "tumult": 12}  # likewise
REPLAY_MINUTES = 40
EQUAL_REPEAT = 300  # of the others


def told_by(command: list[str], *, timeout_s: float, **settings: str) -> dict[str, Any]:
    """The line of JSON that a process prints, or why there is none."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            cwd=ROOT,
            env={**os.environ, **settings},
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"not done in {timeout_s:.0f} s"}
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        return {"failed": f"stopped with {done.returncode}: {last[:200]}"}
    told: dict[str, Any] = json.loads(lines[-1])
    return told


def ours(rows: int, repeat: int) -> dict[str, Any]:
    """Times and errors in one process, then the peak memory of each question in one of its own."""
    command = [sys.executable, "-m", "benchmarks.ours", "--rows", str(rows), "--home", str(HOME)]
    told = told_by([*command, "--repeat", str(repeat)], timeout_s=7200)
    if "failed" in told:
        raise SystemExit(f"benchmarks: {told['failed']}")
    for name, question in told["questions"].items():
        question["peak_mib"] = {
            plan: told_by([*command, "--memory", name, "--plan", plan], timeout_s=600).get("peak_mib")
            for plan in question.get("errors", {})
        }
    return told


def peer(
    name: str, script: str, raw: Path, rows: int, repeat: int, *more: str, **settings: str
) -> dict[str, Any]:
    python = ENVIRONMENTS / name / "bin" / "python"
    if not (ENVIRONMENTS / name / "installed").exists():
        why = ENVIRONMENTS / f"{name}.failed"
        return {
            "failed": "not installed: "
            + (why.read_text() if why.exists() else "run benchmarks/peers/setup.sh")
        }
    command = [
        str(python),
        str(ROOT / "benchmarks" / "peers" / script),
        "--raw",
        str(raw),
        "--rows",
        str(rows),
    ]
    return told_by([*command, "--repeat", str(repeat), *more], timeout_s=PATIENCE_S, **settings)


def speed(results: dict[str, Any], given: argparse.Namespace) -> None:
    """Times and errors at a number of rows."""
    busy = os.getloadavg()[1] / (os.cpu_count() or 1)  # before: what else the machine does
    result: dict[str, Any] = {"busy": busy, "peers_kept": given.without_peers, "peers": {}}
    result["ours"] = ours(given.rows, given.repeat)
    for name, (title, script) in PEERS.items():
        if given.without_peers:
            earlier = results.get(str(given.rows), {}).get("peers", {})
            result["peers"][title] = earlier.get(title, {"failed": "not asked in this run"})
        else:
            print(f"benchmarks: {title}", file=sys.stderr, flush=True)
            raw = HOME / f"raw-{given.rows}.parquet"
            more = ("--rho", str(PRICE.measure))
            result["peers"][title] = peer(
                name,
                script,
                raw,
                given.rows,
                min(given.peer_repeat, TIMED.get(name, given.peer_repeat)),
                *more,
            )
    results[str(given.rows)] = result


def at_equal_bounds(results: dict[str, Any]) -> None:
    """Noise alone, of one question and of one of a hundred."""
    path, found = equal.raw(HOME), equal.told(HOME)
    for name, (title, script) in sorted(PEERS.items(), key=lambda peer: peer[0] in AT_EQUAL_BOUNDS):
        found["peers"][title] = {}
        for sharing in (1, equal.SHARING):
            print(f"benchmarks: {title}, one of {sharing}", file=sys.stderr, flush=True)
            more = ("--rho", str(PRICE.measure / sharing), "--only", ",".join(equal.ASKED))
            answered = peer(
                name,
                script,
                path,
                equal.ROWS,
                AT_EQUAL_BOUNDS.get(name, EQUAL_REPEAT),
                *more,
                BENCH_EPSILON=str(1 / sharing),
            )
            found["peers"][title][str(sharing)] = {
                question: {
                    "rmse": equal.rmse(answer["cells"], found["truth"][question]),
                    "values": len(answer["cells"]) * len(found["truth"][question]),
                }
                for question, answer in answered.get("answers", {}).items()
                if answer["cells"]
            }
        results["equal"] = found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=7, help="times each question is timed")
    parser.add_argument("--peer-repeat", type=int, default=3)
    parser.add_argument("--without-peers", action="store_true", help="keep their earlier figures")
    parser.add_argument("--part", choices=("speed", "equal", "replay", "page"), help="default: all")
    given = parser.parse_args()
    kept = HOME / "results.json"
    HOME.mkdir(parents=True, exist_ok=True)
    results = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    parts: dict[str, Callable[[], None]] = {
        "speed": lambda: speed(results, given),
        "equal": lambda: at_equal_bounds(results),
        "replay": lambda: replay_all(minutes=REPLAY_MINUTES),
    }
    for name, part in parts.items():
        if given.part in (None, name):
            part()
            kept.write_text(json.dumps(results), encoding="utf-8")
    replayed = json.loads(REPLAYED.read_text(encoding="utf-8")) if REPLAYED.exists() else {}
    page = ROOT / "docs" / "benchmarks.md"
    text = report.written(results, WORKLOAD, replayed, before=page.read_text(encoding="utf-8"))
    page.write_text(text, encoding="utf-8")
    report.drawn(results, WORKLOAD, ROOT / "docs" / "images" / "benchmarks.png")
    print(text)


if __name__ == "__main__":
    main()
