"""The quick way: two numbers, or three, of which one population lies within the other.

All earlier numbers of a lineage are looked through, however many: those that could leave a small rest stand together
in an index by their columns and their size, so that only these are compared.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sandbox.disclosure.differencing.members import Member
from sandbox.domain.population import apart, population_words, within

MAX_COMPARED = 300_000  # populations compared for groups of three, in one check


@dataclass(frozen=True, slots=True)
class Rest:
    """A group that numbers leave over.

    Attributes:
        low, high: how many are in it.
        whole: the number it is taken from.
        parts: the numbers that are taken away.
    """

    low: int
    high: int
    whole: Member
    parts: tuple[Member, ...]

    @property
    def used(self) -> tuple[Member, ...]:
        return (self.whole, *self.parts)

    @property
    def words(self) -> str:
        without = " and without ".join(f"({population_words(p.population)})" for p in self.parts)
        return f"{population_words(self.whole.population)}, without {without}"


class Index:
    """Members by the columns of their populations, ordered by what they are at most and at least."""

    def __init__(self, members: Sequence[Member]) -> None:
        groups: dict[frozenset[str], list[Member]] = {}
        for one in members:
            if one.box is not None and one.base is None and one.high is not None:
                groups.setdefault(one.columns, []).append(one)
        self._by_high = {k: sorted(g, key=_high) for k, g in groups.items()}
        self._by_low = {k: sorted(g, key=_low) for k, g in groups.items()}
        self._highs = {k: [_high(m) for m in g] for k, g in self._by_high.items()}
        self._lows = {k: [_low(m) for m in g] for k, g in self._by_low.items()}

    def around(self, inner: Member, *, least: Decimal, most: Decimal) -> Iterator[Member]:
        """Those whose population holds ``inner``'s, and that are at most ``least`` to ``most``."""
        for columns, highs in self._highs.items():
            if columns <= inner.columns:
                group = self._by_high[columns]
                for other in group[bisect_left(highs, least) : bisect_right(highs, most)]:
                    if _lies_within(inner, other):
                        yield other

    def inside(self, outer: Member, *, least: Decimal, most: Decimal) -> Iterator[Member]:
        """Those whose population lies within ``outer``'s, and that are at least ``least`` to ``most``."""
        for columns, lows in self._lows.items():
            if columns >= outer.columns:
                group = self._by_low[columns]
                for other in group[bisect_left(lows, least) : bisect_right(lows, most)]:
                    if _lies_within(other, outer):
                        yield other


def rests_of_two(new: Sequence[Member], index: Index, threshold: int) -> Iterator[Rest]:
    """For each new number the earlier ones that it leaves a small rest of, or that leave a small rest of it."""
    for one in new:
        if one.box is None or one.high is None or one.base is not None:
            continue
        for whole in index.around(one, least=one.low + 1, most=one.low + threshold - 1):
            yield from _rest(whole, (one,), threshold)
        for part in index.inside(one, least=one.high - threshold + 1, most=one.high - 1):
            yield from _rest(one, (part,), threshold)


def rests_of_three(new: Sequence[Member], index: Index, threshold: int) -> Iterator[Rest]:
    """A whole without two parts that are apart from one another; one of the three is new.

    Only for numbers that add up: counts of rows, or of units that have one row each.
    """
    compared = 0
    end = Decimal(10) ** 18
    for one in new:
        if one.box is None or one.high is None or one.base is not None:
            continue
        pairs = [(whole, one) for whole in index.around(one, least=one.low + threshold, most=end)]
        pairs += [(one, part) for part in index.inside(one, least=Decimal(1), most=one.high - threshold)]
        for whole, part in pairs:
            rest = (whole.high or Decimal(0)) - part.low
            for other in index.inside(whole, least=rest - threshold + 1, most=rest - 1):
                compared += 1
                if compared > MAX_COMPARED:
                    return
                if other.box is not None and part.box is not None and apart(part.box, other.box):
                    yield from _rest(whole, (part, other), threshold)


def _rest(whole: Member, parts: tuple[Member, ...], threshold: int) -> Iterator[Rest]:
    low = whole.low - sum((p.high or Decimal(0) for p in parts), Decimal(0))
    high = (whole.high or Decimal(0)) - sum((p.low for p in parts), Decimal(0))
    if 1 <= low <= high < threshold:
        yield Rest(int(low), int(high), whole, parts)


def _lies_within(inner: Member, outer: Member) -> bool:
    if inner.box is None or outer.box is None or inner.cell.population == outer.cell.population:
        return False
    return within(inner.box, outer.box) and not within(outer.box, inner.box)


def _high(one: Member) -> Decimal:
    return one.high if one.high is not None else Decimal("Infinity")


def _low(one: Member) -> Decimal:
    return one.low
