"""What the scripts of all peers share: what they are asked, and how they tell. Standard library only."""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable

EPSILON, DELTA = float(os.environ.get("BENCH_EPSILON", "1")), 1e-6
ROWS_KEPT = 10  # of each unit: the bound that peers are usually given
KEYS = tuple(f"k{n:02d}" for n in range(16))

Cells = dict[str, list[float]]  # by key, "" without keys: the values of the answer


def asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--raw", required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--rho", type=float, required=True, help="what epsilon and delta allow under zCDP")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", default="", help="names of questions, with commas")
    return parser.parse_args()


def tell(
    name: str,
    version: str,
    given: argparse.Namespace,
    questions: dict[str, Callable[[], Cells]],
    *,
    note: str,
    load_s: float = 0.0,
) -> None:
    """Run each question some times; print one line of JSON. A question that fails is told, not hidden."""
    answers = {}
    for question, ask in questions.items():
        if given.only and question not in given.only.split(","):
            continue
        seconds, cells, failed = [], [], ""
        for _ in range(given.repeat):
            begun = time.perf_counter()
            try:
                found = ask()
            except Exception as error:
                failed = f"{type(error).__name__}: {error}"[:200]
                break
            seconds.append(time.perf_counter() - begun)
            cells.append({key: [float(v) for v in values] for key, values in found.items()})
        answers[question] = {"seconds": seconds, "cells": cells, "failed": failed}
        print(question, seconds, failed, file=sys.stderr, flush=True)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = {"peer": name, "version": version, "note": note, "load_s": load_s, "peak_mib": peak_mib}
    print(json.dumps({**told, "answers": answers}))
