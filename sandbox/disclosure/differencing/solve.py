"""The thorough way: the nearest numbers cut into atoms and solved together, in any combination."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from sandbox.disclosure.differencing.atoms import MAX_GRID, Bools, TooMany, atoms_of, grid_size, of_units
from sandbox.disclosure.differencing.earlier import EarlierNumbers
from sandbox.disclosure.differencing.members import Member, Space, alike, member, read_population
from sandbox.disclosure.differencing.system import Contradiction, Range, Said, System
from sandbox.domain.output_cell import Brief
from sandbox.domain.population import Population, columns_of_population, population_words

MAX_MEMBERS = 200  # numbers that are solved together
MAX_TRIED = 10  # releases that are found too many before the rest is left
MAX_GROUPS = 20


@dataclass(frozen=True, slots=True)
class Group:
    """People whom a combination of numbers isolates.

    Attributes:
        low, high: how many they are.
        words: who they are.
        used: the numbers that say so: none of them can be left out.
    """

    low: int
    high: int
    words: str
    used: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Solved:
    """What came of it.

    Attributes:
        left_out: how many earlier numbers were too many to be solved together with the others.
        contradicting: releases whose numbers fit no counts together with the new ones.
    """

    groups: tuple[Group, ...] = ()
    left_out: int = 0
    contradicting: tuple[int, ...] = ()


def solve(
    space: Space,
    new: Sequence[Member],
    briefs: Sequence[Brief],
    earlier: EarlierNumbers,
    *,
    threshold: int,
    steps: Mapping[str, Fraction],
    several: bool,
) -> Solved:
    """Find the groups of at least one and fewer than ``threshold`` units that the new numbers isolate.

    Args:
        new: without margins: what follows from several numbers follows here.
        several: a unit may have several rows, so that counts of units do not add up.
    """
    fresh = alike(new)
    chosen, left_out = nearest(space, fresh, briefs, earlier, steps)
    alone = len(chosen) == len(fresh) and len({m.cell.file for m in fresh}) == 1
    if alone and left_out == 0 and all(m.base is None for m in fresh):
        return Solved()  # one table of counts by itself: ``totals`` looks at it
    try:
        system, contradicting = _fitting(chosen, steps, several)
    except TooMany:
        return Solved(left_out=left_out + len(chosen))
    except Contradiction:
        return Solved(left_out=left_out, contradicting=(0,))
    said = frozenset(range(len(chosen)))
    before = system.only(frozenset(at for at, m in enumerate(chosen) if not m.new))
    groups = []
    for group in system.isolated(threshold, most=MAX_GROUPS):
        found = system.range(group)
        if _said_by_one(system, chosen, group, threshold) or _known(before, group, found):
            continue
        used = _needed(system, group, found, threshold, said)
        if any(chosen[at].new for at in used):
            members = tuple(chosen[at] for at in sorted(used))
            groups.append(Group(found.low, found.high or 0, _words(system, chosen, group), members))
    return Solved(tuple(groups), left_out, contradicting)


def determined(
    chosen: Sequence[Member], wanted: Sequence[Population], *, steps: Mapping[str, Fraction]
) -> list[tuple[Population, tuple[Member, ...]]]:
    """Of these populations, those whose size the numbers give exactly, with the numbers that do."""
    found: list[tuple[Population, tuple[Member, ...]]] = []
    try:
        held = atoms_of([*_populations(chosen), *wanted], steps)
        bases = _bases(chosen)
        said = [_said(m, bases) for m in chosen]
        system = System(held, [*said, *[None] * (len(held) - len(said))])
        before = len(held) - len(wanted)
        for at, population in enumerate(wanted):
            result = system.range(held[before + at])
            if result.low == result.high:
                used = tuple(chosen[i] for i in sorted(result.used) if i < len(chosen))
                if any(m.new for m in used):
                    found.append((population, used))
    except (TooMany, Contradiction):
        return []
    return found


def nearest(
    space: Space,
    new: Sequence[Member],
    briefs: Sequence[Brief],
    earlier: EarlierNumbers,
    steps: Mapping[str, Fraction],
) -> tuple[list[Member], int]:
    """The new numbers and the nearest earlier ones, as many as are solved together; and how many are left out.

    Near is what looks at the same columns. A release's numbers that look at the same columns go together.
    """
    chosen = list(new[:MAX_MEMBERS])
    looked = frozenset[str]().union(*(columns_of_population(m.population) for m in chosen))
    blocks: dict[tuple[int, str], list[Brief]] = {}
    for brief in briefs:
        if not brief.margin:
            blocks.setdefault((brief.release, brief.columns), []).append(brief)
    columns = {text: frozenset(text.split("\n")) - {""} for _, text in blocks}
    near = [
        (len(columns[text] ^ looked), -release, text)
        for release, text in blocks
        if not columns[text] or not looked or columns[text] & looked
    ]
    near.sort()
    left_out = max(0, len(new) - MAX_MEMBERS)
    kept = {(m.cell.population, float(m.low), _limit(m)) for m in chosen}  # each number once
    tried = 0
    for _, release, text in near:
        block = [b for b in blocks[-release, text] if (b.population, b.low, b.high) not in kept]
        if tried > MAX_TRIED or len(chosen) + len(block) > MAX_MEMBERS:
            left_out, tried = left_out + len(block), tried + 1
            continue
        more = [*_populations(chosen), *(read_population(b.population)[0] for b in block)]
        if block and grid_size(more, steps) > MAX_GRID:
            left_out, tried = left_out + len(block), tried + 1
        elif block:
            kept |= {(b.population, b.low, b.high) for b in block}
            chosen += [member(e.cell, e) for e in earlier.cells([(b.release, b.position) for b in block])]
    shares = alike(member(e.cell, e) for e in earlier.shares(space))[: MAX_MEMBERS - len(chosen)]
    for share in shares:
        if grid_size(_populations([*chosen, share]), steps) <= MAX_GRID:
            chosen.append(share)
    return chosen, left_out


def _limit(one: Member) -> float:
    return float("inf") if one.high is None else float(one.high)


def _fitting(
    chosen: Sequence[Member], steps: Mapping[str, Fraction], several: bool
) -> tuple[System, tuple[int, ...]]:
    """The system of the numbers that fit together: of releases that fit no counts with the new ones, none."""
    everything = frozenset(range(len(chosen)))
    held = atoms_of(_populations(chosen), steps)
    if several:
        held = of_units(held)
    bases = _bases(chosen)
    said: list[Said | None] = [_said(m, bases) for m in chosen]
    system = System(held, [*said, *[None] * (len(held) - len(said))])
    anybody = np.ones(held.shape[1], dtype=np.bool_)
    try:
        system.least(anybody)
    except Contradiction:
        kept = {at for at in everything if chosen[at].new}
        system.only(frozenset(kept)).least(anybody)
        against = []
        for release in sorted({m.release for m in chosen if not m.new}):
            theirs = {at for at in everything if chosen[at].release == release}
            try:
                system.only(frozenset(kept | theirs)).least(anybody)
                kept |= theirs
            except Contradiction:
                against.append(release)
        return system.only(frozenset(kept)), tuple(against)
    return system, ()


def _populations(members: Sequence[Member]) -> list[Population]:
    """Those of the members in their order, then those of the bases of shares."""
    return [m.population for m in members] + [m.base for m in members if m.base is not None]


def _bases(members: Sequence[Member]) -> Callable[[Member], int | None]:
    places = {id(m): len(members) + at for at, m in enumerate(m for m in members if m.base is not None)}
    return lambda one: places.get(id(one))


def _said(one: Member, bases: Callable[[Member], int | None]) -> Said:
    return Said(one.low, one.high, bases(one))


def _said_by_one(system: System, chosen: Sequence[Member], group: Bools, threshold: int) -> bool:
    """Whether a number says by itself that its population is small: other checks look at that."""
    return any(
        m.base is None
        and m.low >= 1
        and m.high is not None
        and m.high < threshold
        and bool((system.held[at] == group).all())
        for at, m in enumerate(chosen)
    )


def _known(before: System, group: Bools, found: Range) -> bool:
    """Whether the earlier numbers say as much without the new ones."""
    earlier = before.range(group)
    return (earlier.low, earlier.high) == (found.low, found.high)


def _needed(
    system: System, group: Bools, found: Range, threshold: int, said: frozenset[int]
) -> frozenset[int]:
    """Numbers that isolate the group, none of which can be left out."""
    used = found.used
    if not _isolates(system, used, group, threshold):
        used = said
    for at in sorted(used):
        if _isolates(system, used - {at}, group, threshold):
            used -= {at}
    return used


def _isolates(system: System, places: frozenset[int], group: Bools, threshold: int) -> bool:
    found = system.only(places).range(group)
    return found.low > 0 and found.high is not None and found.high < threshold


def _words(system: System, chosen: Sequence[Member], group: Bools) -> str:
    """Who is in a group: a population that is it, or what populations hold all of it and none of it."""
    held = system.held[: len(chosen)]
    for at, one in enumerate(chosen):
        if (held[at] == group).all():
            return population_words(one.population)
    around = [at for at in range(len(chosen)) if (held[at] | ~group).all()]
    outside = [at for at in range(len(chosen)) if not (held[at] & group).any()]
    inner = sorted(around, key=lambda at: int(held[at].sum()))[:2]
    rest = held[inner].all(axis=0) if inner else group
    without: list[int] = []
    for at in sorted(outside, key=lambda at: -int((held[at] & rest).sum())):
        if (held[at] & rest).any() and len(without) < 4:
            without.append(at)
            rest = rest & ~held[at]
    words = (
        " and ".join(dict.fromkeys(population_words(chosen[at].population) for at in inner)) or "everybody"
    )
    if without:
        words += ", without " + " and without ".join(
            f"({text})" for text in dict.fromkeys(population_words(chosen[at].population) for at in without)
        )
    return words
