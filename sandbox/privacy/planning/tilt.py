"""How averages differ between units with few rows and units with many, as far as noise lets it be seen.

A ``tilt`` histogram gives, for each bin of rows, the sum of its units' averages, with noise. In bins of few units that
noise is large, and just those have most rows, and so most weight. Taken bin by bin, noise would pass for a difference.
So neighbouring bins are put together wherever nothing clearly speaks against it: the averages are taken for a
staircase, with the fewest stairs that explain what was measured. Where all units are alike, there is one stair, and
nothing is lost by tight bounds; where heavy units differ, they differ together, and it shows.

Everything here is post-processing of public numbers. It decides how well bounds are chosen, never what is promised.
"""

from __future__ import annotations

from collections.abc import Sequence

_A_STAIR = 9.0  # what another stair has to explain, in squared deviations: three of them are no accident


def averages(sums: Sequence[float], units: Sequence[float], *, deviation: float) -> list[float]:
    """For each bin the average of its units' averages, from -1 to 1: distances from the middle, in halves of the range.

    Least squares, each bin weighed by how well it is known, plus ``_A_STAIR`` for each stair; the best of all
    staircases, by dynamic programming over where the last stair begins.

    Args:
        sums: noisy; of units' distances.
        units: how many there are in each bin; none is below zero.
        deviation: σ of the noise in each sum.

    Source: Jackson et al. 2005, "An algorithm for optimal partitioning of data on an interval", IEEE Signal Process.
    Lett. 12(2), 105-108.
    """
    # A bin's average is sum / units, known to deviation / units: it weighs units², and weight · average = units · sum.
    weight, first, second = [0.0], [0.0], [0.0]
    for total, n in zip(sums, units, strict=True):
        weight.append(weight[-1] + n * n)
        first.append(first[-1] + n * total)
        second.append(second[-1] + (total * total if n else 0.0))

    def missed(begin: int, end: int) -> float:
        """What one stair leaves unexplained of bins ``begin`` … ``end`` - 1."""
        known = weight[end] - weight[begin]
        explained = (first[end] - first[begin]) ** 2 / known if known else 0.0
        return max(0.0, second[end] - second[begin] - explained) / deviation**2

    best, begins = [0.0], [0]
    for end in range(1, len(weight)):
        least, begin = min((best[begin] + missed(begin, end) + _A_STAIR, begin) for begin in range(end))
        best.append(least)
        begins.append(begin)
    found, end = [0.0] * len(sums), len(sums)
    while end > 0:
        begin = begins[end]
        known = weight[end] - weight[begin]
        level = (first[end] - first[begin]) / known if known else 0.0
        found[begin:end] = [min(1.0, max(-1.0, level))] * (end - begin)
        end = begin
    return found
