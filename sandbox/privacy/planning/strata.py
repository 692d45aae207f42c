"""A profile as a typical crowd: units in strata, each with its rows, its spread over keys and its sums.

Histograms are about one measure each. They are put together as if the units with most rows were also those with the
most rows in one value, in the most values, and with the largest sums: heavy units are heavy in all. Everything here
is post-processing of public numbers. It decides how well bounds are chosen, never what is promised.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sandbox.privacy.planning.profile import TILT_PARTS, Counted, Histogram, Profile
from sandbox.privacy.planning.tilt import averages

_CLEARLY = 5.0  # a tail of so many deviations is no accident of its noise
_BINS_OF_A_FALL = 2  # how many bins the slope of a tail is taken over: twice the start
_FASTEST = 2.0  # the power grows at most so much in these: as it does for a tail that falls exponentially


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """Units that contribute alike.

    Attributes:
        units: how many there are.
        rows: of each.
        peak: its rows in the cell of the answer where it has most.
        groups: in how many cells it is.
        sums: size of its sum, in steps, by column.
        tilts: distance of its average from the middle of the bounds, in halves of the range, by column.
    """

    units: float
    rows: float
    peak: float
    groups: float
    sums: dict[str, float]
    tilts: dict[str, float]

    @property
    def rest(self) -> float:
        """Its rows in each of its other cells, as if they were spread evenly."""
        return (self.rows - self.peak) / (self.groups - 1) if self.groups > 1 else 0.0


def strata(profile: Profile, *, keys: Sequence[str], columns: Iterable[str]) -> tuple[Stratum, ...]:
    """The crowd that a profile describes, for an answer by ``keys``; sums of those ``columns`` that it knows.

    A key that the profile does not know is taken for the worst: all rows of a unit may fall in one of its values.
    """
    rows = profile.histogram(Counted.ROWS)
    if rows is None:
        return ()
    known = [k for k in keys if profile.histogram(Counted.PEAK, k) and profile.histogram(Counted.GROUPS, k)]
    named = {"rows": rows}
    for key in known if len(known) == len(keys) else []:
        named |= {f"{c}.{key}": h for c in (Counted.PEAK, Counted.GROUPS) if (h := profile.histogram(c, key))}
    tilts = {}
    for column in columns:
        if found := profile.histogram(Counted.SUM, column):
            named[f"sum.{column}"] = found
        if (found := profile.histogram(Counted.TILT, column)) and found.edges == rows.edges:
            tilts[column] = _tilts(found, rows)
    crowds = {name: _crowd(histogram) for name, histogram in named.items()}
    total = sum(units for units, _ in crowds["rows"])
    if total <= 0:
        return ()
    joined = []
    for share, values in _aligned(crowds):
        n = values["rows"]
        peaks = [v for name, v in values.items() if name.startswith("peak.")]
        spread = [v for name, v in values.items() if name.startswith("groups.")]
        groups = min(n, max(spread, default=1.0))
        peak = min(n, max(min(peaks, default=n), n / groups))
        joined.append(
            Stratum(
                units=share * total,
                rows=n,
                peak=peak,
                groups=max(groups, math.ceil(n / peak)),
                sums={name[4:]: v for name, v in values.items() if name.startswith("sum.")},
                tilts={column: of_bin[bisect_left(rows.edges, n)] for column, of_bin in tilts.items()},
            )
        )
    return tuple(joined)


def _tilts(tilt: Histogram, rows: Histogram) -> list[float]:
    """For each bin of rows, how far its units' averages are from the middle."""
    tails = [*units_at_least(rows), 0.0]
    units = [here - above for here, above in pairwise(tails)]
    # The number of units is noisy, too; at the ends of the range as much of it is in an average as of the sum's.
    deviation = math.hypot(tilt.scale / TILT_PARTS, rows.scale)
    return averages([total / TILT_PARTS for total in tilt.units], units, deviation=deviation)


def units_at_least(histogram: Histogram) -> list[float]:
    """For each bin, the units in it or above: whole tails, which noise hides less than it hides bins.

    Tails cannot rise with the bin: they are made so by pooling neighbours (least squares). Where they no longer stand
    out of their own noise, they go on as they fell before (``_continued``).

    Source: Hay et al. 2010, "Boosting the accuracy of differentially private histograms through consistency",
    section 3 (monotone regression of noisy sorted counts is post-processing).
    """
    tails, running = [], 0.0
    for units in reversed(histogram.units):
        running += units
        tails.append(running)
    pooled: list[tuple[float, int]] = []  # mean and length, from the top: means must not fall
    for value in tails:
        mean, length = value, 1
        while pooled and pooled[-1][0] > mean:
            other, longer = pooled.pop()
            mean, length = (mean * length + other * longer) / (length + longer), length + longer
        pooled.append((mean, length))
    found = [max(0.0, mean) for mean, length in pooled for _ in range(length)][::-1]
    bins = len(found)
    clear = [
        place
        for place, units in enumerate(found)
        if units > _CLEARLY * histogram.scale * math.sqrt(bins - place)
    ]
    last = clear[-1] if clear else -1
    return _continued(found, [1, *(edge + 1 for edge in histogram.edges)], last)


def _continued(tails: list[float], starts: Sequence[int], last: int) -> list[float]:
    """The tails with those after ``last`` as they would be if they went on falling, and ever faster, as before.

    A tail falls as a power of its bin's start, or faster. The power is taken over two spans of bins before the last
    clear one; it grows from span to span as it grew between those two.
    """
    span = _BINS_OF_A_FALL
    if last < 2 * span:
        return [units if place <= last else 0.0 for place, units in enumerate(tails)]
    earlier, power = (
        math.log(tails[place - span] / tails[place]) / math.log(starts[place] / starts[place - span])
        for place in (last - span, last)
    )
    power = max(1.0, power)
    growth = min(_FASTEST, max(1.0, power / earlier)) if earlier > 0 else 1.0
    tails = list(tails)
    for place in range(last + 1, len(tails)):
        power *= growth ** (1 / span)
        tails[place] = tails[place - 1] * (starts[place - 1] / starts[place]) ** power
    return tails


def _crowd(histogram: Histogram) -> list[tuple[float, float]]:
    """Units and their value, from the smallest value up: the middle of each bin that holds any."""
    tails = [*units_at_least(histogram), 0.0]
    crowd, below = [], 0
    for edge, here, above in zip(histogram.edges, tails, tails[1:], strict=False):
        if here > above:
            crowd.append((here - above, (below + 1 + edge) / 2))
        below = edge
    return crowd


def _aligned(
    crowds: dict[str, list[tuple[float, float]]],
) -> Iterable[tuple[float, dict[str, float]]]:
    """Shares of all units, with the value that each crowd has there when all are sorted the same way."""
    cuts: set[float] = set()
    steps: dict[str, list[tuple[float, float]]] = {}
    for name, crowd in crowds.items():
        whole, reached = sum(units for units, _ in crowd), 0.0
        for units, value in crowd:
            reached += units / whole
            steps.setdefault(name, []).append((min(1.0, reached), value))
            cuts.add(min(1.0, reached))
    places, before = dict.fromkeys(steps, 0), 0.0
    for cut in sorted(cuts):
        if cut - before < 1e-12:
            continue
        middle = (before + cut) / 2
        for name, ladder in steps.items():
            while places[name] < len(ladder) - 1 and ladder[places[name]][0] < middle:
                places[name] += 1
        yield cut - before, {name: ladder[places[name]][1] for name, ladder in steps.items()}
        before = cut
