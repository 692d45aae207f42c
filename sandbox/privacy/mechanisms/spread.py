"""Variance and standard deviation from three noisy numbers: a count, a centred sum, and a sum of squares.

The squares are of values less the middle of their bounds, so that their bound is the square of half the range. Where
64 bits would not hold their sum, values are first rounded to whole multiples of ``quantum``: about a millionth of the
range, far below any noise that a budget can buy away.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from sandbox.privacy.mechanisms.moments import Moments, Noisy

LARGEST_SUM = 2**62
_MISS = 0.05 / 3  # of each of three numbers: how often it may be outside its bounds


def quantum_for(*, half: int, max_rows: int) -> int:
    """The smallest quantum for which ``max_rows`` squares stay within 64 bits.

    Args:
        half: the largest distance from the middle, in steps.
    """
    most = math.isqrt(LARGEST_SUM // max(1, max_rows))
    return max(1, -(-half // most)) if most else half


def variance(numbers: Mapping[str, Noisy], *, most: float) -> tuple[float, float, float] | None:
    """The sample variance with an interval; None where too few rows are behind it to divide by their number.

    (xx / n − (x / n)²) · n / (n − 1), cut to what it can be without looking: 0 to ``most``.

    Args:
        numbers: ``n``, ``x`` and ``xx``.

    The interval is that of ``moments`` where it is known to cover in 95 of 100 draws. Elsewhere a wider one, which
    always does: each of the three numbers is near the truth in 1 − 0.05/3 of draws, so that all three are in at least
    95 of 100 (Boole's inequality). Over that box the formula is monotone in each part: the smallest and largest xx/n,
    (x/n)² and n/(n − 1) bound it.
    """
    low_n, high_n = numbers["n"].within(_MISS)
    if low_n <= 2:
        return None
    n, x, xx = (numbers[name].value for name in ("n", "x", "xx"))
    value = (xx / n - (x / n) ** 2) * n / (n - 1)
    near = Moments(numbers).over_rows("x", "x", less=1)
    low, high = near or _wide(numbers, low_n, high_n)

    def within(number: float) -> float:
        return min(max(number, 0.0), most)

    value = within(value)
    return value, min(value, within(low)), max(value, within(high))


def _wide(numbers: Mapping[str, Noisy], low_n: float, high_n: float) -> tuple[float, float]:
    squares = [max(0.0, end) for end in numbers["xx"].within(_MISS)]
    ends = numbers["x"].within(_MISS)
    far = max(map(abs, ends)) / low_n
    near = 0.0 if ends[0] <= 0 <= ends[1] else min(map(abs, ends)) / high_n
    return (
        (squares[0] / high_n - far**2) * high_n / (high_n - 1),
        (squares[1] / low_n - near**2) * low_n / (low_n - 1),
    )
