"""Results → docs/benchmarks.md and its picture."""

from __future__ import annotations

import math
import os
import platform
import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import equal
from benchmarks.ours import rmse
from benchmarks.peers.told import DELTA, EPSILON, ROWS_KEPT
from benchmarks.replay import table as replay
from benchmarks.workload import Asked

GOALS = {"rows": "≤ 1.5 ×", "groups": "≤ 6 ×", "chosen": "no goal"}
_SECTION = re.compile(r"^## ([^\n]+)\n\n(.*?)(?=\n## |\Z)", re.MULTILINE | re.DOTALL)
_EQUAL, _REPLAY = "Noise at equal bounds", "A project's questions from one budget"
Results = dict[str, dict[str, Any]]  # by the number of rows


EARLIER = "*From an earlier run.*"


def written(
    results: Results, workload: Sequence[Asked], replayed: Mapping[str, Any], *, before: str = ""
) -> str:
    """The page.

    Args:
        before: the page as it stands: parts of which there are no results keep their sections.
    """
    lines = [
        "# Benchmarks",
        "",
        "Made by `make bench` (`make bench ROWS=10000000` for ten million rows); numbers of your machine will differ.",
        "",
        f"- Machine: {machine()}.",
        "- Table: made up, about 10 rows of each unit, lognormal, up to 900. The same Parquet file for all.",
        f"- Price of a question: ε = {EPSILON:g}, δ = {DELTA:g}. Bound for everybody: {ROWS_KEPT} rows of each unit"
        f" (*rows*); *groups* keeps {ROWS_KEPT} rows in each of 4 groups.",
        "- *chosen* is what the planner takes by itself, with the contribution profile that publishing bought from the"
        " lineage's budget (5 % of ε = 8, once, not counted in the question's price).",
        "- Times are medians. *plain* is the same question without privacy in DuckDB over the raw file, asked in turns"
        " with ours in the same process; *ours* is the whole way from SQL text to the answer.",
        "- An error is the root of the mean square error over all cells: from the *bounded* truth it is the noise"
        " alone, from the *real* answer also what the bound leaves out.",
        "",
        "![times and errors](images/benchmarks.png)",
    ]
    sections: dict[str, str] = dict(_SECTION.findall(before))
    timed = {int(name.removesuffix(" rows").replace(",", "")) for name in sections if name.endswith(" rows")}
    for rows in sorted({*map(int, sizes(results)), *timed}):
        fresh = [*_page(results[str(rows)], workload)] if str(rows) in results else []
        lines += _section(f"{rows:,} rows", fresh, sections)
    lines += _section(_EQUAL, [*equal.lines(results["equal"])] if "equal" in results else [], sections)
    lines += _section(_REPLAY, [*replay.words(), "", *replay.lines(replayed)] if replayed else [], sections)
    return "\n".join(lines) + "\n"


def _section(name: str, fresh: Sequence[str], sections: Mapping[str, str]) -> list[str]:
    """A part of the page: as it came out now, else as it stands; nothing where there is neither."""
    if fresh:
        return ["", f"## {name}", "", *fresh]
    if name in sections:
        return ["", f"## {name}", "", EARLIER, "", sections[name].removeprefix(EARLIER).strip()]
    return []


def sizes(results: Results) -> list[str]:
    """Numbers of rows that were timed."""
    return sorted((name for name in results if name.isdigit()), key=int)


def machine() -> str:
    """In general words."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB of memory, {platform.system()}"


def _page(result: dict[str, Any], workload: Sequence[Asked]) -> Iterator[str]:
    ours, peers = result["ours"], result["peers"]
    yield (
        f"Publishing: {ours['publish_s']:.0f} s, once. Raw file {ours['raw_mb']:.0f} MB, private view "
        f"{ours['view_mb']:.0f} MB. Parse, plan and price: {1000 * ours['plan_s']:.1f} ms. An answer that was paid for "
        f"already: {1000 * ours['cached_s']:.1f} ms."
    )
    if result["busy"] > 0.5:
        yield (
            f"**The machine was busy**: {result['busy']:.1f} processes waited for each core before the run. Ratios "
            "are of times taken in turns; the times themselves are too long."
        )
    if result["peers_kept"] and any("failed" not in told for told in peers.values()):
        yield "The peers were timed in an earlier run on the same machine."
    yield ""
    yield "| question | plan | plain | ours | ratio (goal) | peak memory | error, bounded | error, real |"
    yield "|---|---|---|---|---|---|---|---|"
    for asked in workload:
        yield from _own_lines(asked, ours["questions"][asked.name])
    yield ""
    yield "| peer | question | time | times ours | error, real |"
    yield "|---|---|---|---|---|"
    for title, told in peers.items():
        if "failed" in told:
            yield f"| {title} | | {told['failed'].strip()} | | |"
            continue
        for asked in workload:
            if asked.name in told["answers"]:
                yield _peer_line(title, told, asked, ours["questions"][asked.name])
    yield ""
    for title, told in peers.items():
        if "failed" not in told:
            loaded = f"; loading took {told['load_s']:.1f} s" if told["load_s"] else ""
            yield f"- {title} {told['version']}: {told['note']}; peak memory {told['peak_mib']:,.0f} MiB{loaded}."


def _own_lines(asked: Asked, question: dict[str, Any]) -> Iterator[str]:
    title = f"{asked.name} {asked.title}"
    if "refused" in question:
        yield f"| {title} | | | {question['refused']} | | | | |"
        return
    plain = statistics.median(question["seconds"]["plain"])
    for plan, errors in question["errors"].items():
        seconds = statistics.median(question["seconds"][plan])
        peak = question["peak_mib"].get(plan)
        cells = [
            title,
            plan,
            _time(plain),
            _time(seconds),
            f"{seconds / plain:.1f} × ({GOALS[plan]})",
            f"{peak:,.0f} MiB" if peak else "not measured",
            _several(errors["bounded"]),
            _several(errors["real"]),
        ]
        yield f"| {' | '.join(cells)} |"


def _peer_line(title: str, told: dict[str, Any], asked: Asked, question: dict[str, Any]) -> str:
    answer = told["answers"][asked.name]
    if answer["failed"]:
        return f"| {title} | {asked.name} | {answer['failed'].replace('|', '/')} | | |"
    seconds = statistics.median(answer["seconds"])
    own = statistics.median(question["seconds"]["rows"])
    error = rmse(asked, [_as_asked(asked, cells) for cells in answer["cells"]], question["truth"])
    return f"| {title} | {asked.name} | {_time(seconds)} | {seconds / own:.1f} × | {_several(error)} |"


def _as_asked(asked: Asked, cells: dict[str, list[float]]) -> dict[str, list[Any]]:
    """A peer's cells as the question's values: for an average, a sum over a count."""
    if asked.name != "Q3":
        return cells
    return {key: [s, total / n if n > 0 else None] for key, (s, total, n) in cells.items()}


def drawn(results: Results, workload: Sequence[Asked], path: Path) -> None:
    """A row of two panels per table: how long, and how wrong."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    timed = sizes(results)
    if not timed:
        return
    figure, panels = plt.subplots(len(timed), 2, figsize=(11, 3.6 * len(timed)), squeeze=False)
    for row, rows in zip(panels, timed, strict=True):
        names = [a for a in workload if "refused" not in results[rows]["ours"]["questions"][a.name]]
        times, errors = _series(results[rows], names)
        for panel, series, label in (
            (row[0], times, f"seconds, {int(rows):,} rows"),
            (row[1], errors, "first value: error from the real answer"),
        ):
            width = 0.8 / len(times)
            for place, title in enumerate(times):  # the same place and colour in both panels
                values = series.get(title, [math.nan] * len(names))
                panel.bar([n + place * width for n in range(len(names))], values, width, label=title)
            panel.set_yscale("log")
            panel.set_ylabel(label)
            panel.set_xticks([n + 0.4 - width / 2 for n in range(len(names))], [a.name for a in names])
            panel.spines[["top", "right"]].set_visible(False)
    handles, titles = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, titles, loc="upper center", ncols=len(titles), fontsize=7, frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 0.95))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _series(
    result: dict[str, Any], names: Sequence[Asked]
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    times: dict[str, list[float]] = {}
    errors: dict[str, list[float]] = {}
    questions = result["ours"]["questions"]
    for way, title in (
        ("plain", "plain DuckDB"),
        ("rows", "ours, rows"),
        ("groups", "ours, groups"),
        ("chosen", "ours, chosen"),
    ):
        times[title] = [_median(questions[a.name]["seconds"].get(way)) for a in names]
        if way != "plain":
            found = [questions[a.name]["errors"].get(way) for a in names]
            errors[title] = [e["real"][0] if e else math.nan for e in found]
    for title, told in result["peers"].items():
        if "failed" not in told:
            answers = [told["answers"].get(a.name, {}) for a in names]
            times[title] = [_median(answer.get("seconds")) for answer in answers]
            errors[title] = [
                rmse(a, [_as_asked(a, c) for c in answer["cells"]], questions[a.name]["truth"])[0]
                if answer.get("cells")
                else math.nan
                for a, answer in zip(names, answers, strict=True)
            ]
    return times, errors


def _median(values: list[float] | None) -> float:
    return statistics.median(values) if values else math.nan


def _time(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _several(values: list[float]) -> str:
    return ", ".join(f"{value:,.3g}" if value < 1000 else f"{value:,.0f}" for value in values)
