"""The quick way: two numbers, or three, of which one population lies within the other.

All earlier numbers of a lineage are looked through, however many: by their size and their columns first, so that only
the populations of those are read that could leave a small rest.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter

from sandbox.disclosure.differencing.members import Member, read_population
from sandbox.domain.output_cell import Brief
from sandbox.domain.population import apart, population_words, within

MAX_READ = 20_000  # populations that are read for groups of three, in one check
_ENDLESS = Decimal(10) ** 18


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
    whole: Near
    parts: tuple[Near, ...]

    @property
    def used(self) -> tuple[Near, ...]:
        return (self.whole, *self.parts)

    @property
    def words(self) -> str:
        without = " and without ".join(f"({_words(p)})" for p in self.parts)
        return f"{_words(self.whole)}, without {without}"


class Index:
    """The briefs of a space by their columns, in the order of their size.

    Args:
        own: the request's own numbers.
    """

    def __init__(self, briefs: Sequence[Brief], own: Sequence[Member]) -> None:
        self._own = [m for m in own if m.box is not None and m.base is None and m.high is not None]
        groups: dict[str, list[Brief]] = {}
        for brief in briefs:
            groups.setdefault(brief.columns, []).append(brief)
        self._groups = [(frozenset(text.split("\n")) - {""}, group) for text, group in groups.items()]
        self._sorted: dict[tuple[bool, frozenset[str]], _Sized] = {}
        self._fitting: dict[tuple[bool, frozenset[str]], list[_Sized]] = {}
        self.read = 0  # searches, and populations that were read

    def around(self, inner: Member, *, least: Decimal, most: Decimal) -> Iterator[Near]:
        """Those whose population holds ``inner``'s, and that are at most ``least`` to ``most``."""
        for other in self._sized(self._fit(inner.columns, outside=True), least, most):
            if _lies_within(inner, other):
                yield other
        for own in self._own:
            if least <= (own.high or 0) <= most and _lies_within(inner, own):
                yield own

    def inside(self, outer: Near, *, least: Decimal, most: Decimal) -> Iterator[Near]:
        """Those whose population lies within ``outer``'s, and that are at least ``least`` to ``most``."""
        for other in self._sized(self._fit(frozenset(outer.box or ()), outside=False), least, most):
            if _lies_within(other, outer):
                yield other
        for own in self._own:
            if least <= own.low <= most and _lies_within(own, outer):
                yield own

    def _fit(self, columns: frozenset[str], *, outside: bool) -> list[_Sized]:
        """The groups whose columns are fewer, so that they may hold more; or more, the other way round."""
        key = (outside, columns)
        if key not in self._fitting:
            self._fitting[key] = [
                self._in_order(theirs, group, outside=outside)
                for theirs, group in self._groups
                if (theirs <= columns if outside else theirs >= columns)
            ]
        return self._fitting[key]

    def _in_order(self, columns: frozenset[str], group: Sequence[Brief], *, outside: bool) -> _Sized:
        key = (outside, columns)
        if key not in self._sorted:
            self._sorted[key] = _Sized(group, _HIGH if outside else _LOW)
        return self._sorted[key]

    def _sized(self, groups: Sequence[_Sized], least: Decimal, most: Decimal) -> Iterator[Old]:
        if least > most:
            return
        low, high = float(least), float(most)
        self.read += 1
        for group in groups:
            for at in range(bisect_left(group.sizes, low), bisect_right(group.sizes, high)):
                self.read += 1
                yield Old(group.briefs[at])


class _Sized:
    """The briefs of one set of columns, by what they are at least, or at most."""

    def __init__(self, briefs: Sequence[Brief], size: Callable[[Brief], float]) -> None:
        self.briefs = sorted(briefs, key=size)
        self.sizes = [size(brief) for brief in self.briefs]


_LOW, _HIGH = attrgetter("low"), attrgetter("high")


class Old:
    """An earlier number of which only the brief is known."""

    __slots__ = ("box", "brief")

    def __init__(self, brief: Brief) -> None:
        self.brief = brief
        self.box = read_population(brief.population)[1]

    @property
    def low(self) -> Decimal:
        return Decimal(int(self.brief.low))

    @property
    def high(self) -> Decimal | None:
        return None if math.isinf(self.brief.high) else Decimal(int(self.brief.high))

    @property
    def text(self) -> str:
        return self.brief.population


Near = Old | Member


def rests_of_two(new: Sequence[Member], index: Index, threshold: int) -> Iterator[Rest]:
    """For each new number the others that it leaves a small rest of, or that leave a small rest of it."""
    for one in new:
        if one.box is None or one.high is None or one.base is not None:
            continue
        for whole in index.around(one, least=one.low + 1, most=one.low + threshold - 1):
            yield from _rest(whole, (one,), threshold)
        for part in index.inside(one, least=one.high - threshold + 1, most=one.high - 1):
            yield from _rest(one, (part,), threshold)


def rests_of_three(new: Sequence[Member], index: Index, threshold: int) -> Iterator[Rest]:
    """A whole without two parts that are apart from one another; one of the three is new.

    Only for numbers that add up: counts of rows, or of units that have one row each. Ends when ``MAX_READ``
    populations were read.
    """
    for one in new:
        if one.box is None or one.high is None or one.base is not None:
            continue
        pairs: Iterator[tuple[Near, Near]] = itertools.chain(
            ((whole, one) for whole in index.around(one, least=one.low + threshold, most=_ENDLESS)),
            ((one, part) for part in index.inside(one, least=Decimal(1), most=one.high - threshold)),
        )
        for whole, part in pairs:
            rest = (whole.high or Decimal(0)) - part.low
            for other in index.inside(whole, least=rest - threshold + 1, most=rest - 1):
                if other.box is not None and part.box is not None and apart(part.box, other.box):
                    yield from _rest(whole, (part, other), threshold)
            if index.read > MAX_READ:
                return


def _rest(whole: Near, parts: tuple[Near, ...], threshold: int) -> Iterator[Rest]:
    low = whole.low - sum((p.high or Decimal(0) for p in parts), Decimal(0))
    high = (whole.high or Decimal(0)) - sum((p.low for p in parts), Decimal(0))
    if whole.high is not None and all(p.high is not None for p in parts) and 1 <= low <= high < threshold:
        yield Rest(int(low), int(high), whole, parts)


def _lies_within(inner: Near, outer: Near) -> bool:
    if inner.box is None or outer.box is None or inner.text == outer.text:
        return False
    return within(inner.box, outer.box) and not within(outer.box, inner.box)


def _words(one: Near) -> str:
    return population_words(read_population(one.text)[0])
