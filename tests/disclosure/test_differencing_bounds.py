"""The bounds of the solver against every assignment of counts that there is."""

from __future__ import annotations

import itertools
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.disclosure.differencing.atoms import Bools, of_units
from sandbox.disclosure.differencing.system import Contradiction, Said, System

MOST = 4  # units in an atom: so that all assignments can be counted out


@st.composite
def tables(draw: st.DrawFn) -> tuple[Bools, list[tuple[int, int]], Bools]:
    """A few populations over a few atoms, what is said of each (true of some counts), and a group."""
    atoms = draw(st.integers(1, 5))
    many = draw(st.integers(1, 5))
    held = np.array([draw(st.lists(st.booleans(), min_size=atoms, max_size=atoms)) for _ in range(many)])
    truth = np.array(draw(st.lists(st.integers(0, MOST), min_size=atoms, max_size=atoms)))
    said = []
    for row in held:
        value = int(truth[row].sum())
        off = draw(st.integers(0, 2))
        said.append((max(0, value - off), value + draw(st.integers(0, 2))))
    # Everything is bounded, or there would be no end to counting: each atom, by a number of its own.
    held = np.vstack([held, np.eye(atoms, dtype=np.bool_)])
    said += [(0, MOST)] * atoms
    group = np.array(draw(st.lists(st.booleans(), min_size=atoms, max_size=atoms)))
    return held, said, group


def counted_out(held: Bools, said: list[tuple[int, int]], group: Bools) -> set[int]:
    """What the group can hold, by trying every assignment."""
    found = set()
    for counts in itertools.product(range(MOST + 1), repeat=held.shape[1]):
        values = np.array(counts)
        if all(low <= values[row].sum() <= high for row, (low, high) in zip(held, said, strict=True)):
            found.add(int(values[group].sum()))
    return found


def system(held: Bools, said: list[tuple[int, int]]) -> System:
    return System(held, [Said(Decimal(low), Decimal(high)) for low, high in said])


@given(tables())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_range_is_exactly_what_all_assignments_give(
    made: tuple[Bools, list[tuple[int, int]], Bools],
) -> None:
    held, said, group = made
    possible = counted_out(held, said, group)
    found = system(held, said).range(group)
    assert (found.low, found.high) == (min(possible), max(possible))


@given(tables(), st.integers(2, 4))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_a_group_is_isolated_where_all_assignments_say_so(
    made: tuple[Bools, list[tuple[int, int]], Bools], threshold: int
) -> None:
    held, said, _ = made
    found = system(held, said).isolated(threshold, most=100)
    for group in found:
        possible = counted_out(held, said, group)
        assert 0 < min(possible) <= max(possible) < threshold
    isolated = [
        group
        for bits in itertools.product((False, True), repeat=held.shape[1])
        if any(bits)
        and min(possible := counted_out(held, said, group := np.array(bits))) > 0
        and max(possible) < threshold
    ]
    assert bool(found) is bool(isolated)


def test_numbers_that_no_counts_fit_are_a_contradiction() -> None:
    with pytest.raises(Contradiction):
        system(np.array([[True], [True]]), [(1, 1), (2, 2)]).range(np.array([True]))


def test_a_group_that_nothing_bounds_has_no_most() -> None:
    found = System(np.array([[True, False]]), [Said(Decimal(3), Decimal(3))]).range(np.array([True, True]))
    assert (found.low, found.high) == (3, None)


def test_a_share_binds_its_base() -> None:
    held = np.array([[True, False], [True, True], [True, True]])
    said = [Said(Decimal("0.25"), Decimal("0.25"), base=2), Said(Decimal(20), Decimal(20)), None]
    assert System(held, said).range(np.array([True, False])).low == 5


@pytest.mark.parametrize(
    ("rows", "units"),
    [
        ([[True, False], [False, True]], {(True, False), (False, True), (True, True)}),
        ([[True, True], [True, True]], {(True, True)}),
    ],
)
def test_a_unit_of_several_rows_can_be_in_whatever_its_rows_are_in(
    rows: list[list[bool]], units: set[tuple[bool, ...]]
) -> None:
    assert {tuple(map(bool, column)) for column in of_units(np.array(rows)).T} == units
