"""The replay's figures as lines of the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

GOAL = 10


def lines(replayed: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "| workload | questions | way | answers bought | within their target | ours are |"
    yield "|---|---|---|---|---|---|"
    for name, told in replayed.items():
        own = [one for one in told["ours"] if one["how"] in ("paid", "free")]
        good = sum(one["good"] for one in told["ours"])
        for way, found in sorted(told["summed"].items(), key=lambda item: (len(item[0]) > 3, item[0])):
            rows, _, advanced = way.partition(" ")
            title = f"Laplace, {rows} rows of each unit, ε {'by advanced composition' if advanced else 'summed'}"
            times = f"{good / found['good']:.1f} ×" if found["good"] else "∞"
            yield f"| {name} | {told['questions']} | {title} | {found['bought']} | {found['good']:.1f} | {times} |"
        free = sum(one["how"] == "free" for one in own)
        yield f"| {name} | {told['questions']} | ours | {len(own)}, {free} of them free | {good} | |"
    yield ""
    for name, told in replayed.items():
        how = Counter(one["how"] for one in told["ours"])
        yield (
            f"- {name}: {100 * told['spent_nano'] / told['cap_nano']:.0f} % of the budget spent; "
            + ", ".join(f"{count} {word}" for word, count in sorted(how.items()))
            + f"; {told['seconds'] / told['questions']:.1f} s for a question, its price found by trying included."
        )
