"""A request's numbers against all earlier ones of the lineage: whom they isolate together.

Calling order: cells are read (``reading``), kept (the store), brought here. Here they are brought into spaces of
comparable numbers, looked through by pairs and threes (``pairs``), and the nearest solved together (``solve``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from sandbox.disclosure.differencing.members import Member, Space, by_space, member
from sandbox.disclosure.differencing.pairs import Index, Rest, rests_of_three, rests_of_two
from sandbox.disclosure.differencing.solve import solve
from sandbox.domain.output_cell import EarlierCell, OutputCell
from sandbox.domain.population import population_words


class Because(StrEnum):
    """What makes a group known."""

    REST = "rest"  # one number without others
    SOLVED = "solved"  # any combination of numbers
    GROWTH = "growth"  # the same population at another time
    SAME_LABELS = "same labels"  # two numbers of what is called the same, and is not


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolated:
    """People whom the request's numbers isolate, together with others.

    Attributes:
        cell: the request's own number that is named.
        low, high: how many they are.
        words: who they are.
        used: all numbers that say so, the request's own among them.
        private: the verdict rests on units that were recomputed.
        guessed: a population is what a file's labels say, and no question.
    """

    cell: OutputCell
    low: int
    high: int
    words: str
    used: tuple[Member, ...]
    because: Because
    private: bool = False
    guessed: bool = False

    @property
    def releases(self) -> tuple[int, ...]:
        """The earlier releases, each once."""
        return tuple(sorted({m.release for m in self.used if not m.new}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What a comparison came to.

    Attributes:
        unsettled: earlier numbers that were too many to be solved together with the nearest ones.
        contradicting: earlier releases whose numbers do not fit the new ones, for any counts.
    """

    isolated: tuple[Isolated, ...] = ()
    unsettled: int = 0
    contradicting: tuple[int, ...] = ()


@dataclass
class _Found:
    isolated: list[Isolated] = field(default_factory=list)
    places: set[tuple[str, int, str]] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)

    def add(self, one: Isolated) -> None:
        """Each cell is named once, and each group, by what is said of it first."""
        place = (one.cell.file, one.cell.row, one.cell.column)
        if place not in self.places and one.words not in self.groups:
            self.places.add(place)
            self.groups.add(one.words)
            self.isolated.append(one)


def compare(
    new: Sequence[OutputCell],
    earlier: Sequence[EarlierCell],
    *,
    threshold: int,
    steps: Mapping[str, Fraction],
    several: frozenset[str] = frozenset(),
) -> Compared:
    """Find whom new cells isolate together with earlier ones, or with one another.

    Args:
        new: the request's cells, with their margins.
        earlier: those of the lineage, over all users and projects, likewise.
        threshold: the fewest units that may be told apart.
        steps: of each numeric column, between which multiples there is no value; 1 where it is not named.
        several: the sources where a unit may have several rows.
    """
    found = _Found()
    unsettled, contradicting = 0, set[int]()
    fresh = by_space([member(cell) for cell in new])
    old = by_space([member(e.cell, e) for e in earlier])
    for space in sorted(fresh, key=lambda s: (s.private, s.source, s.counts)):
        own, theirs = fresh[space], old.get(space, [])
        adds_up = space.counts == "rows" or space.source not in several
        solved = solve(
            [m for m in own if not m.cell.margin],
            [m for m in theirs if not m.cell.margin],
            threshold=threshold,
            steps=steps,
            several=not adds_up,
        )
        for group in solved.groups:
            cell = next(m.cell for m in group.used if m.new)
            found.add(
                Isolated(
                    cell=cell,
                    low=group.low,
                    high=group.high,
                    words=group.words,
                    used=group.used,
                    because=Because.SOLVED,
                    private=space.private,
                    guessed=not space.source,
                )
            )
        for rest in _rests(own, theirs, threshold, adds_up=adds_up):
            _take_rest(found, rest, space)
        unsettled += solved.left_out
        if space.source:
            contradicting |= set(solved.contradicting)
    _take_growth(found, fresh, old, threshold)
    _take_same_labels(found, fresh, old, threshold)
    return Compared(
        isolated=tuple(found.isolated), unsettled=unsettled, contradicting=tuple(sorted(contradicting))
    )


def _rests(own: Sequence[Member], theirs: Sequence[Member], threshold: int, *, adds_up: bool) -> list[Rest]:
    """Rests with an earlier release, or with another file of the request."""
    index = Index([*theirs, *own])
    rests = list(rests_of_two(own, index, threshold))
    if adds_up:
        rests += rests_of_three(own, index, threshold)
    return [r for r in rests if len({(m.release, m.cell.file) for m in r.used}) > 1]


def _take_rest(found: _Found, rest: Rest, space: Space) -> None:
    named = next(m for m in sorted(rest.used, key=lambda m: (not m.new, m.cell.margin)))
    found.add(
        Isolated(
            cell=named.cell,
            low=rest.low,
            high=rest.high,
            words=rest.words,
            used=rest.used,
            because=Because.REST,
            private=space.private,
            guessed=not space.source,
        )
    )


def _take_growth(
    found: _Found, fresh: Mapping[Space, list[Member]], old: Mapping[Space, list[Member]], threshold: int
) -> None:
    """The same population of the same relation in another snapshot, with a few units more or fewer."""
    before: dict[tuple[str, str, str], list[Member]] = {}
    for space, members in old.items():
        for one in members:
            before.setdefault((space.source, space.counts, one.cell.population), []).append(one)
    for space, members in fresh.items():
        for one in members if not space.private and space.source else ():
            for other in before.get((space.source, space.counts, one.cell.population), ()):
                if other.cell.snapshot != one.cell.snapshot and one.base is None is other.base:
                    _take_difference(found, one, other, threshold, Because.GROWTH)


def _take_same_labels(
    found: _Found, fresh: Mapping[Space, list[Member]], old: Mapping[Space, list[Member]], threshold: int
) -> None:
    """What is called the same, where at least one of both has no question: the populations may differ by a few."""
    by_text: dict[str, list[Member]] = {}
    by_dims: dict[frozenset[tuple[str, str]], list[Member]] = {}
    for members in old.values():
        for one in members:
            if one.base is None and one.cell.of == "":
                by_text.setdefault(one.cell.population, []).append(one)
                by_dims.setdefault(_labels(one), []).append(one)
    for space, members in fresh.items():
        for one in members if not space.private else ():
            if one.base is not None:
                continue
            if not space.source:
                same = [*by_text.get(one.cell.population, ()), *by_dims.get(_labels(one), ())]
            else:
                same = [m for m in by_dims.get(_labels(one), ()) if not m.cell.source]
            for other in same:
                both_unknown = not space.source and not other.cell.source
                if not both_unknown or other.cell.population == one.cell.population:
                    _take_difference(found, one, other, threshold, Because.SAME_LABELS)


def _labels(one: Member) -> frozenset[tuple[str, str]]:
    return frozenset((name, label.casefold()) for name, label in one.cell.dims)


def _take_difference(found: _Found, one: Member, other: Member, threshold: int, because: Because) -> None:
    if one.high is None or other.high is None:
        return
    more, less = (one, other) if one.low >= other.low else (other, one)
    low, high = more.low - (less.high or 0), (more.high or 0) - less.low
    if 1 <= low <= high < threshold:
        found.add(
            Isolated(
                cell=one.cell,
                low=int(low),
                high=int(high),
                words=population_words(one.population),
                used=(one, other),
                because=because,
                guessed=because is Because.SAME_LABELS,
            )
        )
