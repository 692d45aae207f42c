"""How long each page takes with 10,000 datasets, 100,000 releases and a log of a million entries.

    python -m benchmarks.pages [--small]        minutes; docs/benchmarks-pages.md is written anew

Server time: the request through the application in this process, without a network. A page asked for the first time and
the same page after it are told apart; the goal is for the median of the later ones.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.pages.crowd import Size, copied, crowd, furnish
from benchmarks.report import machine
from sandbox.settings import CHECKOUT
from tests.portal.example_world import World, found_world, open_world
from tests.postgres import binaries, server

PAGE = CHECKOUT / "docs" / "benchmarks-pages.md"
LARGE, SMALL = Size(10_000, 100_000, 1_000_000), Size(200, 2_000, 20_000)
REPEATS = 20
GOAL_MS, GOAL_BYTES = 100, 200_000
# Who asks for what. The last request waits for its reviewers.
PAGES: tuple[tuple[str, str], ...] = (
    ("", "/"),
    ("", "/datasets"),
    ("", "/datasets?q=loan"),
    ("", "/datasets?domain=healthcare&page=20"),
    ("", "/datasets/loans"),
    ("", "/datasets/made_up_7"),
    ("", "/demands"),
    ("", "/projects"),
    ("", "/results"),
    ("", "/transparency"),
    ("", "/breaches"),
    ("", "/object"),
    ("", "/object?dataset=loans"),
    ("ana", "/grants"),
    ("ana", "/datasets/loans/application"),
    ("ana", "/datasets/loans/apply"),
    ("ana", "/applications/1"),
    ("ana", "/ask/1"),
    ("ana", "/notebooks/grant-1"),
    ("ana", "/releases"),
    ("ana", "/releases?page=200"),
    ("ana", "/releases/1"),
    ("ana", "/jobs"),
    ("ana", "/imports"),
    ("ana", "/notices"),
    ("ana", "/account"),
    ("ana", "/log/mine"),
    ("olga", "/owner"),
    ("olga", "/owner?page=900"),
    ("olga", "/publish"),
    ("olga", "/decisions"),
    ("olga", "/objections"),
    ("olga", "/policies"),
    ("rita", "/review"),
    ("rita", "/releases/{last}"),
    ("august", "/log"),
    ("august", "/log?before=900000"),
    ("august", "/log?action=vote"),
    ("august", "/log?actor=ana"),
    ("august", "/log?since=2024-03-01&until=2024-03-02"),
    ("alma", "/people"),
    ("alma", "/people/ana"),
    ("alma", "/planted"),
    ("alma", "/objections"),
    ("alma", "/health"),
)


def told(text: str) -> None:
    print(f"benchmarks: {text}", file=sys.stderr, flush=True)


def measured(world: World, last: int) -> dict[str, tuple[float, float, int]]:
    """Page -> first and median time in ms, size in bytes."""
    found = {}
    for name, path in PAGES:
        browser, taken, size = world.browser(name), [], 0
        address = path.format(last=last)
        for _ in range(REPEATS + 1):
            start = time.perf_counter()
            answer = browser.get(address)
            taken.append(1_000 * (time.perf_counter() - start))
            size = len(answer.content)
            if answer.status_code != 200:
                raise RuntimeError(f"{name or 'a visitor'} got {answer.status_code} for {address}")
        found[f"{path} ({name or 'visitor'})"] = (taken[0], statistics.median(taken[1:]), size)
        told(
            f"{address:32} {name:8} first {taken[0]:8.1f} ms, then {statistics.median(taken[1:]):8.1f} ms, {size} bytes"
        )
    return found


@contextmanager
def large(size: Size) -> Iterator[tuple[World, int]]:
    """The large installation on SQLite, and the number of its last request."""
    with tempfile.TemporaryDirectory(prefix="pages-") as folder:
        home = Path(folder) / "world"
        home.mkdir()
        found_world(home)
        world = open_world(home)
        try:
            furnish(world)
            start = time.perf_counter()
            crowd(world.sandbox.store.database.engine, world, size)
            told(f"filled in {time.perf_counter() - start:.0f} s")
            yield world, 1_000 + size.releases - 1
        finally:
            world.close()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true", help="a fiftieth of it, and no page is written")
    options = parser.parse_args(arguments)
    size = SMALL if options.small else LARGE
    results = {}
    with large(size) as (world, last):
        results["SQLite"] = measured(world, last)
        programs = binaries()
        if programs is None:
            told("no PostgreSQL on this machine: not measured")
        else:
            with server(programs) as url:
                results["PostgreSQL"] = _on_postgresql(world, url.format("postgres"), last)
    if not options.small:
        PAGE.write_text(written(results, size))
    late = [name for found in results.values() for name, (_, ms, _) in found.items() if ms > GOAL_MS]
    big = [name for found in results.values() for name, (*_, n) in found.items() if n > GOAL_BYTES]
    told(f"over {GOAL_MS} ms: {late or 'none'}; over {GOAL_BYTES} bytes: {big or 'none'}")
    return 0


def _on_postgresql(world: World, url: str, last: int) -> dict[str, tuple[float, float, int]]:
    home = world.home.with_name("on-postgresql")  # the anchor stays behind: the empty database is meant
    shutil.copytree(world.home, home, ignore=shutil.ignore_patterns("anchor", "state.db*"))
    other = open_world(home, database=url)
    try:
        start = time.perf_counter()
        copied(world.sandbox.store.database.engine, other.sandbox.store.database.engine)
        told(f"copied to PostgreSQL in {time.perf_counter() - start:.0f} s")
        return measured(other, last)
    finally:
        other.close()


def written(results: dict[str, dict[str, tuple[float, float, int]]], size: Size) -> str:
    """The page of the documentation."""
    lines = [
        "# Benchmarks of the pages",
        "",
        "Made by `make bench-pages`; numbers of your machine will differ.",
        "",
        f"- Machine: {machine()}.",
        f"- Installation: {size.datasets:,} datasets, {size.releases:,} releases, {size.entries:,} entries of the log.",
        f"- Server time: the request through the application, without a network; median of {REPEATS} after the first."
        f" Goal: {GOAL_MS} ms, {GOAL_BYTES // 1000} kB.",
        "",
        "| page | " + " | ".join(f"{name}, ms (first)" for name in results) + " | kB |",
        "|---|" + "---:|" * (len(results) + 1),
    ]
    for page in next(iter(results.values())):
        cells = [f"{results[name][page][1]:.0f} ({results[name][page][0]:.0f})" for name in results]
        lines.append(
            f"| `{page.replace('|', '')}` | {' | '.join(cells)} | {results['SQLite'][page][2] / 1000:.0f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
