"""The replay's figures as lines of the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

GOAL = 10


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
