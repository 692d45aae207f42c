"""What a locked notebook costs: ``python -m benchmarks.rooms``. Minutes; docs/benchmarks-rooms.md is written anew.

Times of one table were taken in turns on the same machine, so that their ratios hold where it was busy.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.report import machine
from benchmarks.rooms.house import Notebook, a_house, memory_mib
from sandbox.domain.site_policy import NotebookLimits
from sandbox.isolation import runtimes
from sandbox.isolation.container import ContainerSettings
from sandbox.isolation.containers import Containers
from sandbox.isolation.lockdown import own_seccomp
from sandbox.isolation.profile import profile
from sandbox.settings import CHECKOUT
from tests.e2e.rooms import grant, images

HERE = Path(__file__).parent
KEPT = CHECKOUT / ".sandbox" / "bench" / "rooms.json"
PAGE = CHECKOUT / "docs" / "benchmarks-rooms.md"
JOBS = {
    "imports": "import of pandas and scikit-learn",
    "pandas": "pandas: group, join, sort, write 2 million rows",
    "sklearn": "scikit-learn: a forest and a cross-validated regression, 20,000 rows",
    "files": "2,000 small files: write, list, read, remove",
}
GOALS = {"start_s": 3.0, "idle_mib": 150.0, "together_mib": 8 * 1024}


def told(text: str) -> None:
    print(f"benchmarks: {text}", file=sys.stderr, flush=True)


def kinds(containers: Containers) -> list[str]:
    """The runtimes that start our containers here."""
    info = containers.client.info()
    gvisor = not runtimes.why_not_gvisor(containers.client, info, image=images().gate)
    return [runtimes.PLAIN, *([runtimes.GVISOR] if gvisor else [])]


def starts(named: list[str], repeat: int) -> dict[str, list[dict[str, float]]]:
    """From the request to a kernel's first result, over the public address; and the bare server beside it."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ("bare", *named)}
    containers = Containers.of_this_host()
    with a_house(1) as house, house.person("alice") as person:
        notebook, container = Notebook(person, 1), f"test-{house.settings.hub_port}-notebook-alice-grant-1"
        for turn in range(repeat + 1):
            told(f"start, turn {turn} of {repeat}")
            row = {"bare": {"result_s": bare()}}
            for name in named:
                (house.settings.home / "runtime").write_text(name)
                began = time.monotonic()
                notebook.start()
                notebook.wait_ready()
                ready = time.monotonic()
                notebook.first_result()
                done = time.monotonic()
                time.sleep(2)  # what a start leaves to be done is done
                held = memory_mib(containers, container)
                row[name] = {"ready_s": ready - began, "result_s": done - began, "idle_mib": held}
                notebook.stop()
            if turn:  # the first one warms the machine's caches
                for name, told_of in row.items():
                    found[name].append(told_of)
    containers.client.close()
    return found


def bare() -> float:
    began = time.monotonic()
    inside(ContainerSettings(()), (HERE / "bare.py").read_text())
    return time.monotonic() - began


def together(count: int) -> dict[str, float]:
    """So many notebooks at once, each with a kernel."""
    containers = Containers.of_this_host()
    with a_house(count) as house, house.person("alice") as person:
        notebooks = [Notebook(person, number) for number in range(1, count + 1)]
        began = time.monotonic()
        for notebook in notebooks:
            notebook.start()
        for notebook in notebooks:
            notebook.wait_ready()
            notebook.first_result()
        took = time.monotonic() - began
        names = [
            f"test-{house.settings.hub_port}-{kind}-alice-grant-{number}"
            for number in range(1, count + 1)
            for kind in ("notebook", "carrier")
        ]
        held = sum(memory_mib(containers, name) for name in names)
        house.grants()
        began = time.monotonic()
        while house.leftovers():
            time.sleep(0.2)
        ended = time.monotonic() - began
    containers.client.close()
    return {"count": count, "together_s": took, "together_mib": held, "revoked_s": ended}


def jobs(named: list[str], repeat: int) -> dict[str, dict[str, float]]:
    """Seconds of each job under each runtime: medians of turns."""
    code, found = (HERE / "jobs.py").read_text(), {name: [] for name in named}
    for turn in range(repeat):
        for name in named:
            told(f"jobs under {name}, turn {turn + 1} of {repeat}")
            limits = NotebookLimits(memory_mib=2048)
            settings = profile(grant(), limits=limits, images=images(), seccomp=own_seccomp(), runtime=name)
            found[name].append(json.loads(inside(settings, code)))
    return {
        name: {job: statistics.median(run[job] for run in runs) for job in JOBS}
        for name, runs in found.items()
    }


def inside(settings: ContainerSettings, code: str) -> str:
    """What a program prints in a notebook's container: with the settings given, or plain."""
    if not settings.rows:
        command = [
            "docker",
            "run",
            "--rm",
            "--network=none",
            "--user=0",
            "--entrypoint=python",
            images().notebook,
        ]
        done = subprocess.run([*command, "-c", code], capture_output=True, text=True, check=True, timeout=300)
        return done.stdout
    containers, name = Containers.of_this_host(), "sandbox-bench-job"
    containers.start(settings, name=name, command=["sleep", "900"])
    try:
        command = ["docker", "exec", "--interactive", name, "python", "-"]
        done = subprocess.run(command, input=code, capture_output=True, text=True, check=True, timeout=900)
    finally:
        containers.remove(name)
        containers.client.close()
    return done.stdout


def page(results: dict[str, Any]) -> str:
    waiting = ", ".join(f"{results[f'{part}_busy']:.1f}" for part in ("starts", "together", "jobs"))
    lines = [
        "# What a locked notebook costs",
        "",
        "Made by `make bench-rooms`; numbers of your machine will differ.",
        "",
        f"- Machine: {machine()}. Processes that waited for each core before each part:"
        f" {waiting}. More than 0.5 is a"
        " busy machine: ratios hold, times are too long.",
        "- *bare* is JupyterLab alone in a plain container of the same image, without hub, gate or limits. It and the"
        " others were timed in turns.",
        "- *start* is from the request at the public address to the value of `1 + 1`, by hub, launcher, gate and proxy;"
        " medians, the images and the machine's caches warm.",
        "- Memory is what the container holds 2 s after that result, without page cache.",
        "",
        "## One notebook",
        "",
        "| | server ready | first result | times bare | memory, idle with a kernel |",
        "|---|---|---|---|---|",
    ]
    middle = {
        name: {key: statistics.median(row[key] for row in rows) for key in rows[0]}
        for name, rows in results["starts"].items()
    }
    bare_s = middle["bare"]["result_s"]
    lines.append(f"| bare | | {bare_s:.1f} s | 1 × | |")
    for name in (n for n in middle if n != "bare"):
        row = middle[name]
        lines.append(
            f"| {name} | {row['ready_s']:.1f} s | {row['result_s']:.1f} s | {row['result_s'] / bare_s:.1f} × |"
            f" {row['idle_mib']:.0f} MiB |"
        )
    plain, many = middle[runtimes.PLAIN], results["together"]
    lines += [
        "",
        f"- Goal ≤ {GOALS['start_s']:.0f} s to the first result: {_kept(plain['result_s'] <= GOALS['start_s'])}"
        f" ({runtimes.PLAIN}).",
        f"- Goal ≤ {GOALS['idle_mib']:.0f} MiB for an idle one: {_kept(plain['idle_mib'] <= GOALS['idle_mib'])}"
        f" ({runtimes.PLAIN}).",
        "",
        "## Many at once",
        "",
        f"{many['count']:.0f} notebooks, each with a kernel, all asked for at once: ready with a result after"
        f" {many['together_s']:.0f} s; they and their carriers hold {many['together_mib'] / 1024:.1f} GiB.",
        f"Goal: within 8 GiB: {_kept(many['together_mib'] <= GOALS['together_mib'])}.",
        f"With all grants gone from the files, nothing was left after {many['revoked_s']:.0f} s: the launcher looks"
        " every 5 s. (A revocation through the portal does not wait for that look.)",
        "",
        "## gVisor's slowdown",
        "",
        f"gVisor on {results['platform'] or 'no platform: it was not there'}. Medians, in seconds.",
        "",
        f"| job | {' | '.join(results['jobs'])} | ratio |",
        f"|---|{'---|' * len(results['jobs'])}---|",
    ]
    for job, title in JOBS.items():
        seconds = [results["jobs"][name][job] for name in results["jobs"]]
        cells = " | ".join(f"{s:.2f}" for s in seconds)
        lines.append(f"| {title} | {cells} | {seconds[-1] / seconds[0]:.1f} × |")
    return "\n".join(lines) + "\n"


def _kept(yes: bool) -> str:
    return "kept" if yes else "**missed**"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rooms", description=__doc__)
    parser.add_argument("--repeat", type=int, default=7, help="turns that are counted")
    parser.add_argument("--many", type=int, default=20, help="notebooks at once")
    parser.add_argument(
        "--part", choices=("starts", "together", "jobs"), help="default: all; the rest as it was kept"
    )
    given = parser.parse_args()
    containers = Containers.of_this_host()
    named, info = kinds(containers), containers.client.info()
    containers.client.close()
    results: dict[str, Any] = json.loads(KEPT.read_text()) if given.part and KEPT.exists() else {}
    results["platform"] = runtimes.platform(info) if runtimes.GVISOR in named else ""
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    parts: dict[str, Callable[[], Any]] = {
        "starts": lambda: starts(named, given.repeat),
        "together": lambda: together(given.many),
        "jobs": lambda: jobs(named, given.repeat),
    }
    for name, part in parts.items():
        if given.part in (None, name):
            told(name)
            results[f"{name}_busy"] = os.getloadavg()[0] / (os.cpu_count() or 1)
            results[name] = part()
            KEPT.write_text(json.dumps(results))
    if lacking := [name for name in parts if name not in results]:
        told(f"no page yet: {', '.join(lacking)} not measured")
        return
    PAGE.write_text(page(results), encoding="utf-8")
    print(page(results))


if __name__ == "__main__":
    main()
