"""Covariance and correlation from noisy numbers over the rows where both columns are filled.

A count, both centred sums, and the sum of products of centred values; for a correlation both sums of squares too. All
are whole numbers with independent noise; squares and products are in whole multiples of quanta (``spread``).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

from sandbox.privacy.mechanisms.moments import Moments, Noisy

_MISS = 0.05 / 4  # of each of four numbers: how often it may be outside its bounds


def covariance(numbers: Mapping[str, Noisy], *, less: int, most: float) -> tuple[float, float, float] | None:
    """The covariance with an interval; None where too few rows are behind it to divide by their number.

    (xy − x·y / n) / (n − less), cut to −``most`` … ``most``, what it can be without looking.

    Args:
        numbers: ``n``, ``x``, ``y`` and ``xy``.
        less: 1 for a sample's covariance, 0 for a population's.

    The interval is that of ``moments`` where it is known to cover in 95 of 100 draws. Elsewhere a wider one, which
    always does: each of the four numbers is near the truth in 1 − 0.05/4 of draws, so that all four are in at least
    95 of 100 (Boole's inequality), and the ends are what the formula can be over that box, part by part.
    """
    low_n, high_n = numbers["n"].within(_MISS)
    if low_n <= 2:
        return None
    n, x, y, xy = (numbers[name].value for name in ("n", "x", "y", "xy"))
    means = _ends(_ends(numbers["x"].within(_MISS), numbers["y"].within(_MISS)), (1 / high_n, 1 / low_n))
    low, high = numbers["xy"].within(_MISS)
    wide = _ends((low - means[1], high - means[0]), (1 / (high_n - less), 1 / (low_n - less)))
    near = Moments(numbers).over_rows("x", "y", less=less)
    return _within((xy - x * y / n) / (n - less), near or wide, most)


def correlation(numbers: Mapping[str, Noisy]) -> tuple[float, float, float] | None:
    """The correlation with an interval; None where a variance cannot be told from nothing.

    (n·xy − x·y) / √((n·xx − x²)·(n·yy − y²)), cut to −1 … 1.

    Args:
        numbers: ``n``, ``x``, ``y``, ``xx``, ``yy`` and ``xy``.

    The interval is that of ``moments`` where it is known to cover in 95 of 100 draws, else all of −1 … 1: a root that
    may be 0 is divided by.
    """
    low_n, _ = numbers["n"].within(_MISS)
    if low_n <= 2:
        return None
    n, x, y, xx, yy, xy = (numbers[name].value for name in ("n", "x", "y", "xx", "yy", "xy"))
    one, other = xx - x * x / n, yy - y * y / n
    if one <= 0 or other <= 0:
        return None
    near = Moments(numbers).correlation()
    return _within((xy - x * y / n) / math.sqrt(one) / math.sqrt(other), near or (-1.0, 1.0), 1.0)


def _within(value: float, interval: tuple[float, float], most: float) -> tuple[float, float, float]:
    value, low, high = (min(max(number, -most), most) for number in (value, *interval))
    return value, min(value, low), max(value, high)


def _ends(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """The smallest and the largest product of numbers of two intervals."""
    corners = [a * b for a, b in itertools.product(one, other)]
    return min(corners), max(corners)
