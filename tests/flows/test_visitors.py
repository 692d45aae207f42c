"""Visitors are limited for a day and then forgotten; nothing of an address is kept."""

from __future__ import annotations

import doctest
import gc
from datetime import date

import pytest

from sandbox.domain.errors import Conflict, TooOften
from sandbox.flows import visitors as module
from sandbox.flows.visitors import Visitor, Visitors

HOME, OTHER = Visitor.at("192.0.2.7"), Visitor.at("192.0.2.8")


@pytest.fixture
def day() -> list[date]:
    return [date(2026, 3, 2)]


@pytest.fixture
def visitors(day: list[date]) -> Visitors:
    return Visitors(lambda: day[0])


def take(visitors: Visitors, who: Visitor, about: str = "", *, each: int = 2, all: int = 100) -> None:
    visitors.take(who, "vote", about=about, each=each, all=all)


def test_one_address_has_one_vote_for_each_thing(visitors: Visitors) -> None:
    take(visitors, HOME, "1")
    with pytest.raises(Conflict):
        take(visitors, HOME, "1")
    take(visitors, HOME, "2")
    take(visitors, OTHER, "1")


def test_one_address_has_so_many_in_a_day_and_another_has_its_own(visitors: Visitors) -> None:
    take(visitors, HOME, "1")
    take(visitors, HOME, "2")
    with pytest.raises(TooOften) as refused:
        take(visitors, HOME, "3")
    assert refused.value.clause == "one address a day"
    take(visitors, OTHER, "3")


def test_all_together_have_so_many_in_a_day(visitors: Visitors) -> None:
    for n in range(5):
        take(visitors, Visitor.at(f"198.51.100.{n}"), "1", all=5)
    with pytest.raises(TooOften) as refused:
        take(visitors, HOME, "1", all=5)
    assert refused.value.clause == "all visitors a day"


def test_a_household_with_many_addresses_is_one_visitor(visitors: Visitors) -> None:
    take(visitors, Visitor.at("2001:db8::1"), "1")
    with pytest.raises(Conflict):
        take(visitors, Visitor.at("2001:db8::ffff:2"), "1")
    take(visitors, Visitor.at("2001:db8:0:1::1"), "1")  # another household
    take(visitors, Visitor.at("::ffff:192.0.2.7"), "1")
    with pytest.raises(Conflict):
        take(visitors, HOME, "1")  # the same, as IPv4


def test_zero_lets_nobody(visitors: Visitors) -> None:
    with pytest.raises(TooOften):
        take(visitors, HOME, each=0)


def test_the_next_day_everything_is_forgotten(visitors: Visitors, day: list[date]) -> None:
    take(visitors, HOME, "1")
    key, fingerprints = visitors._key, set(visitors._done)
    day[0] = date(2026, 3, 3)
    take(visitors, HOME, "1")
    assert visitors._key != key
    assert not fingerprints & visitors._done  # the same act has another fingerprint today
    assert len(visitors._done) == 1


def test_no_address_is_held_in_memory(visitors: Visitors) -> None:
    take(visitors, HOME, "1")
    held = [
        value
        for value in (visitors._counts, visitors._done, visitors._totals, visitors._key)
        for value in gc.get_referents(value) or [value]
    ]
    assert held
    assert not any("192.0.2" in repr(value) for value in held)


def test_so_many_addresses_do_not_fill_the_memory(
    visitors: Visitors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_ADDRESSES", 4)
    take(visitors, Visitor.at("192.0.2.1"), "1")
    take(visitors, Visitor.at("192.0.2.2"), "1")
    with pytest.raises(TooOften):
        take(visitors, Visitor.at("192.0.2.3"), "1")
    take(visitors, Visitor.at("192.0.2.1"), "2")  # one that is known goes on


def test_the_examples_hold() -> None:
    assert doctest.testmod(module).failed == 0
