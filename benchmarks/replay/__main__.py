"""Replay the recorded workloads: ``python -m benchmarks.replay``. Minutes; ``python -m benchmarks --part page`` writes
the page from it."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.replay import ours, summed, table
from benchmarks.replay.facts import Raw
from benchmarks.workloads import credit, health
from benchmarks.workloads.told import Wanted, questions
from sandbox.domain.question import from_and_where, measure_text

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".sandbox" / "bench"
KEPT = HOME / "replay.json"
DATASETS = {"health": health, "credit": credit}
BASES = (0, 40)  # percent of the budget for a base release, of which the better one is taken
MOST_PERCENT = 5  # of the budget for one question, in all ways
BOUNDS = (10, 20)  # rows of each unit: the usual bound, and others of which the best is taken


class Bar:
    """How far it is, on one line; and a limit of time."""

    def __init__(self, title: str, whole: int, *, until: float) -> None:
        self.title, self.whole, self.done, self.until = title, whole, 0, until

    def __call__(self, what: str) -> None:
        if time.monotonic() > self.until:
            raise TimeoutError("the replay took too long")
        filled = 30 * self.done // max(1, self.whole)
        line = f"\r{self.title} [{'#' * filled}{'.' * (30 - filled)}] {self.done}/{self.whole} {what:<32}"
        print(line, end="", file=sys.stderr, flush=True)
        self.done += 1


def replay(name: str, *, until: float) -> dict[str, Any]:
    """One dataset in all ways."""
    made = DATASETS[name]
    file = made.make(HOME / f"raw-{name}.parquet")
    raw, asked = Raw(file, made.policy()), questions(name)
    bar = Bar(name, len(asked) * (len(BASES) + len(BOUNDS) + 1), until=until)
    own = {}
    for base in BASES:
        begun = time.perf_counter()
        asking, data = ours.replayed(
            raw, file, asked, HOME / f"replay-{name}", bar, base_percent=base, most_percent=MOST_PERCENT
        )
        own[str(base)] = {
            "asked": [asdict(one) for one in asking],
            "cap_nano": data.budget.cap.nano,
            "spent_nano": data.budget.spent.nano,
            "seconds": time.perf_counter() - begun,
        }
    ways = []
    for bound, foresight in [(BOUNDS[0], False), *((bound, True) for bound in BOUNDS)]:
        bought = summed.priced(raw, asked, bound, bar, foresight=foresight)
        for advanced in (False, True):
            good, count = summed.answered(bought, advanced=advanced, most_percent=MOST_PERCENT)
            way = {"rows": bound, "foresight": foresight, "advanced": advanced}
            ways.append({**way, "good": good, "bought": count})
    print(file=sys.stderr)
    return {"questions": len(asked), "repeats": repeats(raw, asked), "summed": ways, "ours": own}


def repeats(raw: Raw, asked: Sequence[Wanted]) -> int:
    """How many ask for the same cells and aggregates as one before, whatever its words, names and order."""
    seen, again = set(), 0
    for wanted in asked:
        question = raw.read(wanted.sql).question
        same = (from_and_where(question), frozenset(measure_text(m) for m in question.measures))
        again += same in seen
        seen.add(same)
    return again


def replay_all(*, minutes: float, only: str | None = None) -> dict[str, Any]:
    """All datasets, or one; what is found is kept."""
    until = time.monotonic() + 60 * minutes
    kept: dict[str, Any] = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    HOME.mkdir(parents=True, exist_ok=True)
    for name in DATASETS:
        if only in (None, name):
            found = replay(name, until=until)
            kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
            kept[name] = found
            KEPT.write_text(json.dumps(kept), encoding="utf-8")
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replay", description=__doc__)
    parser.add_argument("--minutes", type=float, default=40, help="give up after so long")
    parser.add_argument("--only", choices=sorted(DATASETS))
    given = parser.parse_args()
    print("\n".join(table.lines(replay_all(minutes=given.minutes, only=given.only))))


if __name__ == "__main__":
    main()
