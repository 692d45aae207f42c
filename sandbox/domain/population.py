"""Whom a number is about: a condition on rows as a value that can be stored, compared and cut into parts.

- Leaves say something of one column: between two numbers, one of some values, or empty.
- Numbers, decimals and days (by their ordinal) are numbers; everything else is text. So one column has one axis.
- Two-valued: a row is in a population or it is not; a comparison with an empty cell is not met. So ``Not`` is exact,
  where SQL's NOT is not: what a CASE leaves to its later branches can be said.

``box`` gives the leaves of a plain conjunction. Of boxes it is decided quickly, and rightly where the answer is yes,
whether one lies within another or apart from it; what does not follow is for ``disclosure.differencing`` to solve.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sandbox.domain.predicate import And, Comparison, In, IsNull, Literal, Op, Or, Predicate

Value = Fraction | str


@dataclass(frozen=True, slots=True)
class Between:
    """The column is a number from ``low`` to ``high``, both included; None: open."""

    column: str
    low: Fraction | None = None
    high: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Among:
    """The column is filled and one of ``values``, or with ``negated`` filled and none of them."""

    column: str
    values: frozenset[Value]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Empty:
    """The column is empty, or with ``negated`` is not."""

    column: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Not:
    part: Population


@dataclass(frozen=True, slots=True)
class Every:
    """All of the parts; without parts, everybody."""

    parts: tuple[Population, ...] = ()


@dataclass(frozen=True, slots=True)
class Some:
    """Any of the parts."""

    parts: tuple[Population, ...]


Leaf = Between | Among | Empty
Population = Leaf | Not | Every | Some
Box = Mapping[str, tuple[Leaf, ...]]  # by column; a row is in it where all leaves hold
EVERYBODY = Every()


def value_of(literal: Literal) -> Value:
    """A literal of a question, or a listed value, as populations have it.

    >>> value_of(True), value_of(Decimal("1.50")), value_of("north")
    ('true', Fraction(3, 2), 'north')
    """
    if isinstance(literal, bool):
        return str(literal).lower()
    if isinstance(literal, date):
        return Fraction(literal.toordinal())
    return literal if isinstance(literal, str) else Fraction(literal)


def of_predicate(predicate: Predicate | None) -> Population:
    """The rows that pass a WHERE."""
    match predicate:
        case None:
            return EVERYBODY
        case Comparison(column, op, literal):
            value = value_of(literal)
            if isinstance(value, str):  # words in order: no axis of numbers
                return Among(f"{column} {op} {value}", frozenset({"true"}))
            return Between(column, high=value) if op is Op.AT_MOST else Between(column, low=value)
        case In(column, values, negated):
            return Among(column, frozenset(map(value_of, values)), negated)
        case IsNull(column, negated):
            return Empty(column, negated)
        case And(parts):
            return every(of_predicate(part) for part in parts)
        case Or(parts):
            return Some(tuple(of_predicate(part) for part in parts))


def every(parts: Iterable[Population]) -> Population:
    """The conjunction, flat, in one order and without repeats."""
    flat: list[Population] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, Every) else (part,))
    unique = {population_text(part): part for part in flat}
    ordered = tuple(unique[text] for text in sorted(unique))
    return ordered[0] if len(ordered) == 1 else Every(ordered)


def leaves_of(population: Population) -> Iterator[Leaf]:
    """All leaves, each as often as it stands there."""
    match population:
        case Not(part):
            yield from leaves_of(part)
        case Every(parts) | Some(parts):
            for part in parts:
                yield from leaves_of(part)
        case _:
            yield population


def columns_of_population(population: Population) -> frozenset[str]:
    """The columns that it looks at."""
    return frozenset(leaf.column for leaf in leaves_of(population))


# boxes


def box(population: Population) -> Box | None:
    """The leaves by column, or None where it is no plain conjunction."""
    parts = population.parts if isinstance(population, Every) else (population,)
    found: dict[str, tuple[Leaf, ...]] = {}
    for part in parts:
        if isinstance(part, Not | Every | Some):
            return None
        found[part.column] = (*found.get(part.column, ()), part)
    return found


def within(inner: Box, outer: Box) -> bool:
    """True where every row of ``inner`` is surely one of ``outer``."""
    return all(
        all(any(_leaf_within(own, leaf) for own in inner.get(column, ())) for leaf in leaves)
        for column, leaves in outer.items()
    )


def apart(one: Box, other: Box) -> bool:
    """True where surely no row is in both."""
    return any(
        _leaf_apart(leaf, theirs)
        for column, leaves in one.items()
        for leaf in leaves
        for theirs in other.get(column, ())
    )


def holds(leaf: Leaf, value: Value) -> bool:
    """Whether a filled cell passes a leaf."""
    match leaf:
        case Empty(_, negated):
            return negated
        case Among(_, values, negated):
            return (value in values) is not negated
        case Between(_, low, high):
            return (
                not isinstance(value, str)
                and (low is None or value >= low)
                and (high is None or value <= high)
            )


def joined(parts: Sequence[Population], steps: Mapping[str, Fraction]) -> Population:
    """Everybody who is in any of the parts; one conjunction where they fill one.

    Args:
        steps: of each numeric column, between which multiples there is no value; 1 where it is not named.
    """
    boxes = [box(part) for part in parts]
    known = [b for b in boxes if b is not None]
    columns = {frozenset(b) for b in known}
    if len(known) == len(parts) and len(columns) == 1:
        names = sorted(columns.pop())
        sides = [list(dict.fromkeys(b[name] for b in known)) for name in names]
        places = {tuple(b[name] for name in names) for b in known}
        merged = [
            _merged(side, steps.get(name, Fraction(1))) for name, side in zip(names, sides, strict=True)
        ]
        if math.prod(map(len, sides)) == len(places) and all(m is not None for m in merged):
            return every(leaf for leaves in merged for leaf in leaves or ())
    return Some(tuple(dict.fromkeys(parts)))


def _merged(side: Sequence[tuple[Leaf, ...]], step: Fraction) -> tuple[Leaf, ...] | None:
    """The leaves that hold where any of them does, or None where no leaves say that."""
    if len(side) == 1:
        return side[0]
    single = [leaves[0] for leaves in side if len(leaves) == 1]
    lists = [leaf for leaf in single if isinstance(leaf, Among) and not leaf.negated]
    if len(lists) == len(side):
        return (Among(lists[0].column, frozenset().union(*(leaf.values for leaf in lists))),)
    bands = [leaf for leaf in single if isinstance(leaf, Between)]
    if len(bands) == len(side):
        bands.sort(key=lambda band: (band.low is not None, band.low or 0))
        high = bands[0].high
        for band in bands[1:]:
            if high is None or band.low is None or not 0 < band.low - high <= step:
                return None
            high = band.high
        return (Between(bands[0].column, bands[0].low, high),)
    return None


def _leaf_within(inner: Leaf, outer: Leaf) -> bool:
    match inner, outer:
        case Empty(_, negated), Empty(_, wanted):
            return negated is wanted
        case Empty(), _:
            return False
        case _, Empty(_, negated):
            return negated
        case Among(_, values, False), _:
            return all(holds(outer, value) for value in values)
        case Among(_, values, True), Among(_, fewer, True):
            return fewer <= values
        case Between(_, low, high), Between(_, least, most):
            return (least is None or (low is not None and low >= least)) and (
                most is None or (high is not None and high <= most)
            )
        case Between(), Among(_, values, True):
            return not any(holds(inner, value) for value in values)
        case _:
            return False


def _leaf_apart(one: Leaf, other: Leaf) -> bool:
    match one, other:
        case Empty(_, negated), Empty(_, theirs):
            return negated is not theirs
        case (Empty(_, False), _) | (_, Empty(_, False)):
            return True
        case Among(_, values, False), _:
            return not any(holds(other, value) for value in values)
        case _, Among(_, values, False):
            return not any(holds(one, value) for value in values)
        case Between(_, low, high), Between(_, least, most):
            return (high is not None and least is not None and high < least) or (
                most is not None and low is not None and most < low
            )
        case _:
            return False


# as text


def population_text(population: Population) -> str:
    """One text for each population, as it is stored."""
    return json.dumps(_document(population), separators=(",", ":"), ensure_ascii=False)


def population_from_text(text: str) -> Population:
    """The reverse of ``population_text``.

    Raises:
        ValueError: the text is none of its kind.
    """
    return _from_document(json.loads(text))


def _document(population: Population) -> list[Any]:
    match population:
        case Between(column, low, high):
            return ["between", column, _number(low), _number(high)]
        case Among(column, values, negated):
            listed = sorted((isinstance(v, str), str(v)) for v in values)
            return ["not among" if negated else "among", column, *([int(t), v] for t, v in listed)]
        case Empty(column, negated):
            return ["filled" if negated else "empty", column]
        case Not(part):
            return ["not", _document(part)]
        case Every(parts):
            return ["every", *map(_document, parts)]
        case Some(parts):
            return ["some", *map(_document, parts)]


def _from_document(document: list[Any]) -> Population:
    match document:
        case ["between", str(column), low, high]:
            return Between(column, _fraction(low), _fraction(high))
        case ["among" | "not among" as kind, str(column), *values]:
            cells = frozenset(text if is_text else Fraction(text) for is_text, text in values)
            return Among(column, cells, kind == "not among")
        case ["empty" | "filled" as kind, str(column)]:
            return Empty(column, kind == "filled")
        case ["not", part]:
            return Not(_from_document(part))
        case ["every", *parts]:
            return Every(tuple(map(_from_document, parts)))
        case ["some", *parts]:
            return Some(tuple(map(_from_document, parts)))
        case _:
            raise ValueError(f"{document!r} is no population.")


def _number(value: Fraction | None) -> str | None:
    return None if value is None else str(value)


def _fraction(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(text)


# in words


def population_words(population: Population) -> str:
    """The population for people.

    >>> population_words(every([Among("region", frozenset({"north"})), Between("age", Fraction(18))]))
    'age at least 18, region north'
    """
    match population:
        case Between(column, low, high):
            if low is not None and high is not None:
                return (
                    f"{column} {_shown(low)}" if low == high else f"{column} {_shown(low)} to {_shown(high)}"
                )
            return f"{column} at most {_shown(high)}" if low is None else f"{column} at least {_shown(low)}"
        case Among(column, values, negated):
            listed = sorted(_shown(v) for v in values)
            words = " or ".join(listed[:4]) + (f" or {len(listed) - 4} others" if len(listed) > 4 else "")
            return f"{column} not {words}" if negated else f"{column} {words}"
        case Empty(column, negated):
            return f"{column} {'filled' if negated else 'empty'}"
        case Not(part):
            return f"not ({population_words(part)})"
        case Every(()):
            return "everybody"
        case Every(parts):
            return ", ".join(sorted(map(population_words, parts)))
        case Some(parts):
            return "(" + " or ".join(map(population_words, parts)) + ")"


def _shown(value: Value | None) -> str:
    if not isinstance(value, Fraction):
        return str(value)
    return (
        str(value.numerator)
        if value.denominator == 1
        else f"{Decimal(value.numerator) / value.denominator:f}"
    )
