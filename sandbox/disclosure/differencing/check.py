"""A request's numbers against all earlier ones of the lineage: whom they isolate together.

Calling order: cells are read (``reading``), kept (the store), brought here. Here they are brought into spaces of
comparable numbers, looked through by pairs and threes (``pairs``), and the nearest solved together (``solve``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from sandbox.disclosure.differencing.earlier import EarlierNumbers
from sandbox.disclosure.differencing.members import Member, Space, by_space, member, space_of
from sandbox.disclosure.differencing.pairs import Index, Near, Old, Rest, rests_of_three, rests_of_two
from sandbox.disclosure.differencing.solve import solve
from sandbox.domain.output_cell import NO_LABELS, OutputCell, labels_text
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
    earlier: EarlierNumbers,
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
    for space in sorted(fresh, key=lambda s: (s.of, s.source, s.counts)):
        own = fresh[space]
        briefs = earlier.briefs(space)
        adds_up = space.counts == "rows" or space.source not in several
        solved = solve(
            space,
            [m for m in own if not m.cell.margin],
            briefs,
            earlier,
            threshold=threshold,
            steps=steps,
            several=not adds_up,
        )
        for group in solved.groups:
            found.add(_isolated(space, group.low, group.high, group.words, group.used, Because.SOLVED))
        index = Index(briefs, own)
        for rest in _rests(own, index, threshold, adds_up=adds_up):
            used = _in_full(rest.used, earlier)
            if len({(m.release, m.cell.file) for m in used}) > 1:  # within one file others look
                found.add(_isolated(space, rest.low, rest.high, rest.words, used, Because.REST))
        unsettled += solved.left_out
        if space.source:
            contradicting |= set(solved.contradicting)
    open_ = {space: own for space, own in fresh.items() if not space.private}
    _take_growth(found, open_, earlier, threshold)
    _take_same_labels(found, open_, earlier, threshold)
    return Compared(
        isolated=tuple(found.isolated), unsettled=unsettled, contradicting=tuple(sorted(contradicting))
    )


def _isolated(
    space: Space, low: int, high: int, words: str, used: Sequence[Member], because: Because
) -> Isolated:
    """The request's own number that is named is a cell of its file rather than a margin."""
    named = min((m.cell for m in used if m.new), key=lambda cell: cell.margin)
    return Isolated(
        cell=named,
        low=low,
        high=high,
        words=words,
        used=tuple(used),
        because=because,
        private=space.private,
        guessed=not space.source,
    )


def _rests(own: Sequence[Member], index: Index, threshold: int, *, adds_up: bool) -> Iterator[Rest]:
    yield from rests_of_two(own, index, threshold)
    if adds_up:
        yield from rests_of_three(own, index, threshold)


def _in_full(used: Sequence[Near], earlier: EarlierNumbers) -> list[Member]:
    places = {(one.brief.release, one.brief.position) for one in used if isinstance(one, Old)}
    full = [member(e.cell, e) for e in earlier.cells(places)] if places else []
    return [*(one for one in used if isinstance(one, Member)), *full]


def _take_growth(
    found: _Found, fresh: Mapping[Space, list[Member]], earlier: EarlierNumbers, threshold: int
) -> None:
    """The same population of the same relation in another snapshot, with a few units more or fewer."""
    for space, members in fresh.items():
        if not space.source:
            continue
        counts = {m.cell.population: m for m in members if m.base is None}
        for other in earlier.of_populations(space.source, list(counts)):
            theirs = space_of(other.cell)
            same = theirs is not None and (theirs.counts, other.cell.base) == (space.counts, "")
            if same and other.cell.snapshot != space.snapshot:
                one = counts[other.cell.population]
                _take_difference(found, one, member(other.cell, other), threshold, Because.GROWTH)


def _take_same_labels(
    found: _Found, fresh: Mapping[Space, list[Member]], earlier: EarlierNumbers, threshold: int
) -> None:
    """What is called the same, where at least one of both has no question: the populations may differ by a few."""
    for space, members in fresh.items():
        counts: dict[str, list[Member]] = {}
        for one in members:
            if one.base is None:
                counts.setdefault(labels_text(one.cell), []).append(one)
        for unasked in (True, False) if not space.source else (True,):
            # A number without any label is called nothing: it is compared with its own kind alone.
            wanted = [text for text in counts if unasked or text != NO_LABELS]
            for other in earlier.of_labels(wanted, unasked=unasked):
                if other.cell.base or other.cell.of:
                    continue
                for one in counts[labels_text(other.cell)]:
                    known = bool(space.source or other.cell.source)
                    if known is not unasked or one.cell.population == other.cell.population:
                        theirs = member(other.cell, other)
                        _take_difference(found, one, theirs, threshold, Because.SAME_LABELS)


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
