"""A lower bound on epsilon from samples: what an attacker who knows everybody else could tell about one person."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence


def epsilon_at_least(first: Sequence[float], second: Sequence[float], *, delta: float) -> float:
    """A lower bound on epsilon, right in 99.9 of 100 runs.

    Args:
        first: a statistic of answers on D; larger speaks for D.
        second: the same of as many answers on D'.

    The event is "above a threshold". The threshold is chosen on the first halves and judged on the second, so that
    the choice costs no confidence. Source: Jagielski, Ullman & Oprea 2020, "Auditing differentially private machine
    learning", section 3.
    """
    half = len(first) // 2
    best, threshold = -math.inf, math.inf
    one, other = sorted(first[:half]), sorted(second[:half])
    values = sorted(set(one))
    for candidate in values[:: 1 + len(values) // 200]:
        above, above_too = half - bisect_right(one, candidate), half - bisect_right(other, candidate)
        # chosen with a margin: the largest ratio of two small numbers is mostly luck
        p, q = (above - 2 * math.sqrt(above)) / half, (above_too + 3 * math.sqrt(above_too) + 5) / half
        if p > delta and math.log((p - delta) / q) > best:
            best, threshold = math.log((p - delta) / q), candidate
    tries = len(first) - half
    p_low = clopper_pearson(sum(x > threshold for x in first[half:]), tries, upper=False)
    q_high = clopper_pearson(sum(x > threshold for x in second[half:]), tries, upper=True)
    return max(0.0, math.log((p_low - delta) / q_high)) if p_low > delta else 0.0


def clopper_pearson(hits: int, tries: int, *, upper: bool, level: float = 0.0005) -> float:
    """One-sided bound on a probability, exact. Source: Clopper & Pearson 1934, Biometrika 26(4)."""
    if not upper:
        return 1.0 - clopper_pearson(tries - hits, tries, upper=True, level=level)
    if hits >= tries:
        return 1.0
    low, high = hits / tries, 1.0 - 1e-15
    for _ in range(60):
        middle = (low + high) / 2
        if _at_most(hits, tries, middle) > level:
            low = middle
        else:
            high = middle
    return high


def _at_most(hits: int, tries: int, p: float) -> float:
    """P(X ≤ hits) of a binomial with p ≥ hits / tries: there its terms fall, and fast, from ``hits`` down."""
    log_term = (
        math.lgamma(tries + 1) - math.lgamma(hits + 1) - math.lgamma(tries - hits + 1)
        + hits * math.log(p) + (tries - hits) * math.log1p(-p)
    )  # fmt: skip
    term = total = math.exp(log_term)
    for i in range(hits, 0, -1):
        term *= i * (1 - p) / ((tries - i + 1) * p)
        total += term
        if term < total * 1e-12:
            break
    return total
