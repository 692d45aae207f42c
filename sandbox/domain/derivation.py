"""Which cells of one answer add up to the cells of another: exactly, for every table there could be.

A new question's cells are worked out from a kept one's where each row that is in a new cell is in just one kept cell,
and each kept cell lies wholly in one new cell or in none. That is decided from the two questions and the policy alone:

- WHERE of the new question has to be the kept WHERE *and* further conditions, in normal form.
- Whether a further condition holds, and which value a new key has, has to follow from the kept keys' values.
- Rows that are in no kept cell (an empty key, a day out of range) have to be in no new cell either: they are tried as
  cells of their own. Where nothing shuts them out, nothing is derived.

Whatever does not follow for certain is *may be*, and stops the derivation; a refusal here only costs money.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from enum import Enum
from fractions import Fraction
from typing import TypeVar

from sandbox.domain.cell_facts import MONTHS, Facts, Known, Truth, facts_of, number_of, span_of
from sandbox.domain.key_forms import Bins, Cases, DatePart, DateUnit, Extracted, Holds, Truncated
from sandbox.domain.policy import Scalar, Table
from sandbox.domain.predicate import (
    And,
    Comparison,
    In,
    IsNull,
    Op,
    Or,
    Predicate,
    conjunction,
    written,
)
from sandbox.domain.question import Key, Question
from sandbox.domain.relation import Base

T = TypeVar("T")
MAX_CELLS = 20_000  # of the kept answer, with those of rows that it left out


class _Place(Enum):
    NOWHERE = "in no cell"
    MAYBE = "may be in any"


def cells_behind(new: Question, kept: Question, table: Table) -> tuple[tuple[int, ...], ...] | None:
    """For each cell of the new answer, the places of the kept cells that make it up; None where that is not certain."""
    bare = [replace(q, keys=(), measures=(), where=None, select=()) for q in (new, kept)]
    # Of rows that are made from tables, nobody has looked yet whether empty keys are all that is in no cell.
    if (
        bare[0] != bare[1]
        or not isinstance(new.source, Base)
        or not all(key.listed(table) for key in (*new.keys, *kept.keys))
    ):
        return None
    further = _further(new.where, kept.where)
    if further is None:
        return None
    facts = [tuple(facts_of(key, table)) for key in kept.keys]
    if math.prod(map(len, facts)) > MAX_CELLS:
        return None
    tests = [_Item(part, kept.keys) for part in further]
    given = [_Item(part, kept.keys) for part in _parts(kept.where)]  # holds in each row of either question
    keys = [_Item(key, kept.keys) for key in new.keys]
    places = [{value: place for place, value in enumerate(key.values(table))} for key in new.keys]
    found: list[list[int]] = [[] for _ in range(math.prod(map(len, places)))]
    place = 0
    for at in itertools.product(*(range(len(one)) for one in facts)):
        covered = all(one[i].covered for one, i in zip(facts, at, strict=True))
        here = place if covered else None
        place += covered
        seen = [test.truth(at, facts) for test in tests]
        seen += [truth for test in given if (truth := test.truth(at, facts)) is not Truth.MAYBE]
        values = [key.place(at, facts, table) for key in keys]
        if any(t in (Truth.NO, Truth.UNKNOWN) for t in seen) or _Place.NOWHERE in values:
            continue
        if here is None or Truth.MAYBE in seen or _Place.MAYBE in values:
            return None
        cell = 0
        for value, known in zip(values, places, strict=True):
            if value not in known:
                return None
            cell = cell * len(known) + known[value]
        found[cell].append(here)
    return tuple(tuple(cell) for cell in found)


def _further(new: Predicate | None, kept: Predicate | None) -> tuple[Predicate, ...] | None:
    """The conditions that the new WHERE adds to the kept one; None where it is not the kept one and some more."""
    had = {written(part) for part in _parts(kept)}
    further = tuple(part for part in _parts(new) if written(part) not in had)
    both = [part for part in (kept, *further) if part is not None]
    if not both:
        return further if new is None else None
    return further if new is not None and conjunction(both) == new else None


def _parts(predicate: Predicate | None) -> tuple[Predicate, ...]:
    if predicate is None:
        return ()
    return predicate.parts if isinstance(predicate, And) else (predicate,)


class _Item:
    """A condition or a key of the new question, with the kept keys that it can hang on."""

    def __init__(self, item: Predicate | Key, kept: Sequence[Key]) -> None:
        self.item = item
        columns, texts = _names(item)
        same = (item.column, item.form) if isinstance(item, Key) else None
        self.same = [i for i, k in enumerate(kept) if (k.column, k.form) == same]
        self.holds = {i: written(k.form.condition) for i, k in enumerate(kept) if isinstance(k.form, Holds)}
        self.on = [
            i
            for i, k in enumerate(kept)
            if k.column in columns or i in self.same or self.holds.get(i) in texts
        ]
        self.memory: dict[tuple[int, ...], object] = {}

    def truth(self, at: tuple[int, ...], facts: Sequence[Sequence[Facts]]) -> Truth:
        assert not isinstance(self.item, Key)  # noqa: S101
        found = self._remembered(at)
        if not isinstance(found, Truth):
            found = self._keep(at, _truth(self.item, *self._told(at, facts)))
        return found

    def place(self, at: tuple[int, ...], facts: Sequence[Sequence[Facts]], table: Table) -> Scalar | _Place:
        assert isinstance(self.item, Key)  # noqa: S101
        for i in self.same:
            fact = facts[i][at[i]]
            return fact.own if fact.own is not None else _Place.NOWHERE
        found = self._remembered(at)
        if found is None:
            found = self._keep(at, _value(self.item, *self._told(at, facts), table))
        return found  # type: ignore[return-value]

    def _remembered(self, at: tuple[int, ...]) -> object | None:
        return self.memory.get(tuple(at[i] for i in self.on))

    def _keep(self, at: tuple[int, ...], found: T) -> T:
        self.memory[tuple(at[i] for i in self.on)] = found
        return found

    def _told(
        self, at: tuple[int, ...], facts: Sequence[Sequence[Facts]]
    ) -> tuple[Mapping[str, Sequence[Known]], Mapping[str, Truth]]:
        known: dict[str, list[Known]] = {}
        truths: dict[str, Truth] = {}
        for i in self.on:
            fact = facts[i][at[i]]
            if fact.column:
                known.setdefault(fact.column, []).append(fact.known)
            if fact.truth is not None:
                truths[self.holds[i]] = fact.truth
        return known, truths


def _names(item: Predicate | Key) -> tuple[set[str], set[str]]:
    """The columns that it is about, and the texts of all conditions within it."""
    if isinstance(item, Key):
        match item.form:
            case Cases(branches, _):
                inner = [_names(predicate) for predicate, _ in branches]
            case Holds(condition):
                inner = [_names(condition)]
            case _:
                return {item.column}, set()
        return set().union(*(c for c, _ in inner)), set().union(*(t for _, t in inner))
    if isinstance(item, And | Or):
        inner = [_names(part) for part in item.parts]
        return set().union(*(c for c, _ in inner)), {written(item)}.union(*(t for _, t in inner))
    return {item.column}, {written(item)}


def _truth(predicate: Predicate, known: Mapping[str, Sequence[Known]], truths: Mapping[str, Truth]) -> Truth:
    if written(predicate) in truths:
        return truths[written(predicate)]
    if isinstance(predicate, And | Or):
        deciding, other = (Truth.NO, Truth.YES) if isinstance(predicate, And) else (Truth.YES, Truth.NO)
        found = {_truth(part, known, truths) for part in predicate.parts}
        for truth in (deciding, Truth.MAYBE, Truth.UNKNOWN):
            if truth in found:
                return truth
        return other
    told = (_atom(predicate, one) for one in known.get(predicate.column, ()))
    return next((truth for truth in told if truth is not Truth.MAYBE), Truth.MAYBE)


def _atom(atom: Comparison | In | IsNull, known: Known) -> Truth:
    if isinstance(atom, IsNull):
        return Truth.YES if known.empty is not atom.negated else Truth.NO
    if known.empty:
        return Truth.UNKNOWN
    if isinstance(atom, In):
        if known.literal is not None:
            there = any(type(v) is type(known.literal) and v == known.literal for v in atom.values)
            there = there or number_of(known.literal) in [
                n for v in atom.values if (n := number_of(v)) is not None
            ]
            return Truth.YES if there is not atom.negated else Truth.NO
        numbers = [number_of(value) for value in atom.values]
        if any(n is None or not _outside(n, known) for n in numbers):
            return Truth.MAYBE
        return Truth.YES if atom.negated else Truth.NO
    number = number_of(atom.value)
    if number is None:
        return Truth.MAYBE
    low, high = known.low, known.high
    if atom.op is Op.AT_MOST:
        surely, never = high is not None and high <= number, low is not None and low > number
    else:
        surely, never = low is not None and low >= number, high is not None and high < number
    return Truth.YES if surely else Truth.NO if never else Truth.MAYBE


def _outside(number: Fraction, known: Known) -> bool:
    return (known.low is not None and number < known.low) or (known.high is not None and number > known.high)


def _value(
    key: Key, known: Mapping[str, Sequence[Known]], truths: Mapping[str, Truth], table: Table
) -> Scalar | _Place:
    match key.form:
        case Cases(branches, otherwise):
            for predicate, result in branches:
                truth = _truth(predicate, known, truths)
                if truth is Truth.MAYBE:
                    return _Place.MAYBE
                if truth is Truth.YES:
                    return result
            return _Place.NOWHERE if otherwise is None else otherwise
        case Holds(condition):
            truth = _truth(condition, known, truths)
            if truth in (Truth.YES, Truth.NO):
                return truth is Truth.YES
            return _Place.NOWHERE if truth is Truth.UNKNOWN else _Place.MAYBE
    told = (_of_column(key, one, table) for one in known.get(key.column, ()))
    return next((value for value in told if value is not _Place.MAYBE), _Place.MAYBE)


def _of_column(key: Key, known: Known, table: Table) -> Scalar | _Place:
    if known.empty:
        return _Place.NOWHERE
    column = table.columns[key.column]
    match key.form:
        case None:
            return _Place.MAYBE if known.value is None else known.value
        case Bins(width):
            if column.lower is None or column.upper is None or (known.low is None and known.high is None):
                return _Place.MAYBE
            ends = (
                Fraction(column.lower) if known.low is None else known.low,
                Fraction(column.upper) if known.high is None else known.high,
            )
            low, high = (_bin(end, width, column.lower, column.upper) for end in ends)
            return low if low == high else _Place.MAYBE
        case Truncated(unit):
            return _in_period(key, known, table, unit)
        case Extracted(DatePart.YEAR):
            return _in_period(key, known, table, DateUnit.YEAR)
        case Extracted(part):
            return _part(part, known)
        case _:
            return _Place.MAYBE


def _bin(number: Fraction, width: int, lower: int, upper: int) -> int:
    inside = min(max(number, Fraction(lower)), Fraction(upper))
    return int(inside // width) * width


def _in_period(key: Key, known: Known, table: Table, unit: DateUnit) -> Scalar | _Place:
    first, last = span_of(key, table)
    if (known.high is not None and known.high < first) or (known.low is not None and known.low > last):
        return _Place.NOWHERE
    if known.low is None or known.high is None:
        return _Place.MAYBE
    starts = [_start(date.fromordinal(int(end)), unit) for end in (known.low, known.high)]
    if starts[0] != starts[1]:
        return _Place.MAYBE
    return starts[0].isoformat() if isinstance(key.form, Truncated) else starts[0].year


def _start(day: date, unit: DateUnit) -> date:
    months = MONTHS[unit]
    return date(day.year, (day.month - 1) // months * months + 1, 1)


def _part(part: DatePart, known: Known) -> Scalar | _Place:
    month = known.month
    if known.low is not None and known.high is not None:
        low, high = date.fromordinal(int(known.low)), date.fromordinal(int(known.high))
        if low == high and part is DatePart.DAY:
            return low.day
        if low == high and part is DatePart.DOW:
            return low.isoweekday() % 7
        if part is DatePart.QUARTER and _start(low, DateUnit.QUARTER) == _start(high, DateUnit.QUARTER):
            return (low.month - 1) // 3 + 1
        month = low.month if (low.year, low.month) == (high.year, high.month) else None
    if month is None or part not in (DatePart.MONTH, DatePart.QUARTER):
        return _Place.MAYBE
    return month if part is DatePart.MONTH else (month - 1) // 3 + 1
