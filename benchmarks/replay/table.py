"""The replay's figures as lines of the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

GOAL = 10


def words() -> Iterator[str]:
    """What is compared, and how."""
    yield (
        "Two made-up datasets (3,000,000 visits of 500,000 patients, up to 120 each; 1,800,000 loans of "
        "360,000 firms, up to 80 each) and what analysts asked of them, one after the other, in the course "
        "of a project (`benchmarks/workloads/`), each with a target error. All have ε = 1 at δ = 1e-6 for "
        "the whole project."
    )
    yield ""
    yield (
        "- An answer is *within its target* when nine of ten of its cells are, against the real answer of "
        "plain DuckDB."
    )
    yield (
        "- Everybody pays the least that keeps the target, found with the real sizes of groups in hand. "
        "What no longer fits is passed over, and later, cheaper questions are still asked."
    )
    yield (
        "- *usual*: each aggregate by itself in pure ε, Laplace noise, 10 rows of each unit, nothing "
        "remembered. The mean of 20 replays."
    )
    yield (
        "- *with foresight*: the same, but it knows in advance which answers its bound will spoil, and does"
        " not buy them. Nobody can know; it is the best that such a system could reach."
    )
    yield (
        "- *advanced composition*: the same answers composed by the zCDP bound (ρ = ε²/2 each) in place of "
        "the sum."
    )
    yield (
        "- *ours*: `PrivateData` as it is: bounds by its own choice, its profile (5 %) paid from the same "
        "budget; first it looks whether stored answers, or the base release where one was bought, say it "
        "near enough for free. Replayed once. What bounds leave out of an average is supposed to differ from "
        "the rest by a "
        "quarter, as estimates tell only how much is left out."
    )
    yield (
        "- No question may take more than 5 % of the budget, in any way: an owner's limit. It helps those most "
        "that spend most at once: without it, on loans, 13.0 were within their targets as usual, 30.1 with "
        "foresight, 115 ours (8.9 × and 3.8 ×)."
    )
    yield (
        "- Targets are 2 to 5 % of a typical cell for overviews, about 10 % for details. What was changed after "
        "a first replay: it had a third of the rows and of the absolute targets, no limit for one question, "
        "and neither the colleague who takes over nor the sheet that is filled in again (parts 9 and 10); what is "
        "supposed of averages was added last (ours was 136 on loans before). "
        "There ε = 1 was too little for most questions in any way: on loans 7.9 within their targets as usual, "
        "23.5 with foresight, 29 ours, before answers were derived from others."
    )


def lines(replayed: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield f"| workload | way | bought | within their target | ours, without a base, is (goal {GOAL} ×) |"
    yield "|---|---|---|---|---|"
    for name, told in replayed.items():
        best = _good(told["ours"]["0"])
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
        best, usual = _good(told["ours"]["0"]), told["summed"][0]["good"]
        if best < GOAL * usual:
            yield (
                f"- {name}: the goal is missed. With {usual:.1f} the usual way leaves room for "
                f"{told['questions'] / usual:.1f} ×, were every question answered. What ours misses: "
                + _missed(told["ours"]["0"])
            )
    for name, told in replayed.items():
        again = "the same as an earlier one in other words"
        yield f"- {name}: {told['questions']} questions, {told['repeats']} of them {again}."
        for base, own in told["ours"].items():
            how = Counter(one["how"] for one in own["asked"])
            words = ", ".join(f"{count} {word}" for word, count in sorted(how.items()))
            spent = 100 * own["spent_nano"] / own["cap_nano"]
            yield (
                f"- {name}, base {base} %: {spent:.0f} % of the budget spent; {words};"
                f" {own['seconds'] / told['questions']:.1f} s for a question, with the search for its price."
            )


def _missed(own: Mapping[str, Any]) -> str:
    """In words, by what became of the questions."""
    how = Counter((one["how"], one["good"]) for one in own["asked"])
    return (
        f"{how['out of reach', False]} whose target costs more than the limit or than what was left, "
        f"{how['paid', False]} paid and {how['free', False]} free ones that turned out beyond their targets "
        "(one draw in twenty is; what bounds take from averages and shares is only supposed)."
    )


def _good(own: Mapping[str, Any]) -> int:
    return sum(one["good"] for one in own["asked"])


def _title(way: Mapping[str, Any]) -> str:
    composed = "advanced composition" if way["advanced"] else "ε summed"
    if not way["foresight"]:
        return f"usual: Laplace, {way['rows']} rows of each unit, {composed}"
    return f"with foresight: Laplace, {way['rows']} rows, {composed}"
