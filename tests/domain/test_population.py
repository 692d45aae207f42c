"""Populations: one text each, and never a wrong yes about what lies within what."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.domain.population import (
    EVERYBODY,
    Among,
    Between,
    Empty,
    Every,
    Leaf,
    Not,
    Population,
    Some,
    apart,
    box,
    every,
    holds,
    joined,
    population_from_text,
    population_text,
    population_words,
    within,
)

CELLS = (None, *map(Fraction, range(6)), "x", "y")  # what a column may hold; None: empty
NUMBERS = st.integers(0, 5).map(Fraction)
LEAVES = st.one_of(
    st.builds(Between, st.just("a"), st.none() | NUMBERS, st.none() | NUMBERS),
    st.builds(
        Among,
        st.just("a"),
        st.frozensets(NUMBERS | st.sampled_from(["x", "y"]), min_size=1, max_size=3),
        st.booleans(),
    ),
    st.builds(Empty, st.just("a"), st.booleans()),
)


def passes(leaf: Leaf, cell: Fraction | str | None) -> bool:
    if cell is None:
        return isinstance(leaf, Empty) and not leaf.negated
    return holds(leaf, cell)


@given(LEAVES, LEAVES)
@settings(max_examples=400, deadline=None, derandomize=True)
def test_within_and_apart_say_yes_only_where_it_is_true_of_every_row(one: Leaf, other: Leaf) -> None:
    first, second = {"a": (one,)}, {"a": (other,)}
    if within(first, second):
        assert all(passes(other, cell) for cell in CELLS if passes(one, cell))
    if apart(first, second):
        assert not any(passes(one, cell) and passes(other, cell) for cell in CELLS)


@pytest.mark.parametrize(
    ("inner", "outer"),
    [
        (Between("a", Fraction(2), Fraction(3)), Between("a", Fraction(1))),
        (Among("a", frozenset({Fraction(2)})), Between("a", high=Fraction(3))),
        (Among("a", frozenset({"x"})), Among("a", frozenset({"y"}), negated=True)),
        (Between("a", low=Fraction(4)), Empty("a", negated=True)),
    ],
)
def test_what_lies_within_is_known(inner: Leaf, outer: Leaf) -> None:
    assert within({"a": (inner,)}, {"a": (outer,)})
    assert not within({"a": (outer,)}, {"a": (inner,)})
    assert within({"a": (inner,), "b": (Empty("b"),)}, {"a": (outer,)})  # one condition more


@given(st.recursive(LEAVES, lambda part: st.builds(Not, part) | st.lists(part, max_size=3).map(every)))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_a_population_is_read_back_as_it_was(population: Population) -> None:
    assert population_from_text(population_text(population)) == population


@pytest.mark.parametrize("text", ["[]", '["among"]', "{}", "nonsense", '["between", 1, null, null]'])
def test_a_text_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        population_from_text(text)


def test_the_order_of_conditions_does_not_matter() -> None:
    parts = [Empty("a"), Between("b", low=Fraction(1)), Among("c", frozenset({"x"}))]
    assert len({population_text(every(p)) for p in itertools.permutations(parts)}) == 1


def test_bands_side_by_side_are_one_and_with_a_gap_they_are_two() -> None:
    low, high, far = (Between("a", Fraction(n), Fraction(n + 9)) for n in (0, 10, 30))
    assert joined([high, low], {}) == Between("a", Fraction(0), Fraction(19))
    assert joined([low, far], {}) == Some((low, far))
    assert isinstance(joined([low, high], {"a": Fraction(1, 100)}), Some)  # 9.5 is in neither


def test_a_table_that_is_not_full_is_no_box() -> None:
    cells = [every([Among("a", frozenset({x})), Among("b", frozenset({y}))]) for x in "pq" for y in "rs"]
    assert box(joined(cells, {})) is not None
    assert box(joined(cells[:3], {})) is None


def test_people_read_it() -> None:
    population = Every((Between("age", Fraction(18), Fraction(24)), Not(Empty("income"))))
    assert population_words(population) == "age 18 to 24, not (income empty)"
    assert population_words(EVERYBODY) == "everybody"
