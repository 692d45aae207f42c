"""Variance and standard deviation from three noisy numbers: a count, a centred sum, and a sum of squares.

The squares are of values less the middle of their bounds, so that their bound is the square of half the range. Where
64 bits would not hold their sum, values are first rounded to whole multiples of ``quantum``: about a millionth of the
range, far below any noise that a budget can buy away.
"""

from __future__ import annotations

import math

from sandbox.privacy.mechanisms.moments import Moments, Noisy

LARGEST_SUM = 2**62
MISS = 0.05 / 3  # of each of three numbers: what one of them may be beyond its bounds, in draws
Z_98 = 2.3939797998185104  # two-sided: 1 - MISS of the normal distribution


def quantum_for(*, half: int, max_rows: int) -> int:
    """The smallest quantum for which ``max_rows`` squares stay within 64 bits.

    Args:
        half: the largest distance from the middle, in steps.
    """
    most = math.isqrt(LARGEST_SUM // max(1, max_rows))
    return max(1, -(-half // most)) if most else half


def variance(
    *,
    total: int,
    squares: int,
    count: int,
    total_scale: float,
    squares_scale: float,
    count_scale: float,
    most: float,
) -> tuple[float, float, float] | None:
    """The sample variance with an interval; None where too few rows are behind it to divide by their number.

    (squares / n − (total / n)²) · n / (n − 1), cut to what it can be without looking: 0 to ``most``.

    The interval is that of ``moments`` where it is known to cover in 95 of 100 draws. Elsewhere a wider one, which
    always does: each of the three numbers is within z·σ of the truth in 1 − 0.05/3 of draws, so that all three are
    in at least 95 of 100 (Boole's inequality). Over that box the formula is monotone in each part: the smallest and
    largest squares/n, (total/n)² and n/(n − 1) bound it.
    """
    low_n, high_n = count - Z_98 * count_scale, count + Z_98 * count_scale
    if low_n <= 2:
        return None
    value = (squares / count - (total / count) ** 2) * count / (count - 1)
    least_sq, most_sq = max(0.0, squares - Z_98 * squares_scale), max(0.0, squares + Z_98 * squares_scale)
    numbers = {"n": (count, count_scale), "x": (total, total_scale), "xx": (squares, squares_scale)}
    near = Moments({name: Noisy(*number) for name, number in numbers.items()}).over_rows("x", "x", less=1)
    ends = (abs(total) - Z_98 * total_scale, abs(total) + Z_98 * total_scale)
    least_mean, most_mean = max(0.0, ends[0]) / high_n, ends[1] / low_n
    low = (least_sq / high_n - most_mean**2) * high_n / (high_n - 1)
    high = (most_sq / low_n - least_mean**2) * low_n / (low_n - 1)
    low, high = near or (low, high)

    def within(number: float) -> float:
        return min(max(number, 0.0), most)

    value = within(value)
    return value, min(value, within(low)), max(value, within(high))
