"""What a share seen in a few cases says about the share behind it."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, lgamma, log, log1p

_STEPS = 60  # halvings: finer than any number that is shown


def exact_interval(k: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Between which shares the true one lies, with at least this confidence, when k of n cases were seen.

    Args:
        n: at least 1.

    Returns:
        Two shares, 0 to 1.

    Source: Clopper and Pearson, Biometrika 26 (1934), 404-413.

    >>> [round(share, 3) for share in exact_interval(2, 12)]
    [0.021, 0.484]
    >>> [round(share, 3) for share in exact_interval(0, 10)]
    [0.0, 0.308]
    """
    if n < 1 or not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is no share")
    tail = (1 - confidence) / 2
    # The chance of k or more grows with the share, that of k or fewer falls with it.
    low = 0.0 if k == 0 else _where(lambda p: _chance(range(k, n + 1), n, p) < tail)
    high = 1.0 if k == n else _where(lambda p: _chance(range(k + 1), n, p) > tail)
    return low, high


def _where(below: Callable[[float], bool]) -> float:
    """The share up to which this holds."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return (low + high) / 2


def _chance(of: range, n: int, p: float) -> float:
    """Of one of these numbers of cases among n, by the binomial law; in logarithms, which large n do not overflow."""
    whole = lgamma(n + 1)
    return sum(exp(whole - lgamma(i + 1) - lgamma(n - i + 1) + i * log(p) + (n - i) * log1p(-p)) for i in of)
