"""The replay's figures as lines of the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

GOAL = 10


def words() -> Iterator[str]:
    """What is compared, and how."""
    yield (
        "Two made-up datasets (1,000,000 visits of 167,000 patients, at most 120 each; 600,000 loans of 120,000 firms, at "
        "most 80 each) and what analysts asked of them in the course of a project (`benchmarks/workloads/`), each question "
        "with a target error. All have ε = 1 at δ = 1e-6 for the whole project. An answer is within its target when nine of "
        "ten of its cells are, against the real answer of plain DuckDB. Everybody pays the least that keeps the target, "
        "found with the real group sizes in hand; what no longer fits is passed over. Targets were written down before "
        "the first replay."
    )
    yield ""
    yield (
        "- *usual*: each aggregate by itself in pure ε, Laplace noise, 10 rows of each unit, no memory of answers; the mean "
        "of 20 replays."
    )
    yield (
        "- *with foresight*: the same, but it also knows in advance which answers its bound will spoil, and does not buy "
        "them: nobody can; it shows what a better bound and luck would give."
    )
    yield (
        "- *advanced composition*: the same answers composed by the zCDP bound (ρ = ε²/2 each) in place of the sum."
    )
    yield "- *ours*: `PrivateData` as it is, its profile paid from the same budget, bounds by its own choice."


def lines(replayed: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield f"| workload | way | bought | within their target | ours, best, is (goal {GOAL} ×) |"
    yield "|---|---|---|---|---|"
    for name, told in replayed.items():
        best = max(_good(own) for own in told["ours"].values())
        for way in told["summed"]:
            times = f"{best / way['good']:.1f} ×" if way["good"] else "beyond measure"
            yield f"| {name} | {_title(way)} | {way['bought']} | {way['good']:.1f} | {times} |"
        for base, own in told["ours"].items():
            how = Counter(one["how"] for one in own["asked"])
            bought = f"{how['paid']} paid, {how['free']} free"
            title = "**ours**" if base == "0" else f"**ours**, {base} % for a base release first"
            yield f"| {name} | {title} | {bought} | {_good(own)} | |"
    yield ""
    for name, told in replayed.items():
        yield f"- {name}: {told['questions']} questions, {told['repeats']} of them the same as an earlier one in other words."
        for base, own in told["ours"].items():
            how = Counter(one["how"] for one in own["asked"])
            words = ", ".join(f"{count} {word}" for word, count in sorted(how.items()))
            yield (
                f"- {name}, base {base} %: {100 * own['spent_nano'] / own['cap_nano']:.0f} % of the budget spent; {words};"
                f" {own['seconds'] / told['questions']:.1f} s for a question, with the search for its price."
            )


def _good(own: Mapping[str, Any]) -> int:
    return sum(one["good"] for one in own["asked"])


def _title(way: Mapping[str, Any]) -> str:
    composed = "advanced composition" if way["advanced"] else "ε summed"
    if not way["foresight"]:
        return f"usual: Laplace, {way['rows']} rows of each unit, {composed}"
    return f"with foresight: Laplace, {way['rows']} rows, {composed}"
