"""Whether a question falls on whole cells of the base, and on which.

A row is known by its cell only: by a listed value, a bin of a number, a period of a date, or that it is empty. So a
condition or a key has to say the same about all that a cell can hold; where it does not, the question is not one for
the base (``NotInBase``, which says where the edges are). Conditions and keys are worked out for a cell's two ends:
both are monotone in between.

Conditions have three outcomes, as in SQL: 0 false, 1 unknown, 2 true; then AND is the least and OR the greatest
(Kleene 1938).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from sandbox.domain.errors import QuestionRefused
from sandbox.domain.key_forms import Bins, Cases, DatePart, DateUnit, Extracted, Holds, Truncated
from sandbox.domain.policy import Column, ColumnType, Scalar, Table
from sandbox.domain.predicate import And, Comparison, In, IsNull, Literal, Op, Or, Predicate, written
from sandbox.domain.question import Key, Question, key_text
from sandbox.privacy.base.least_squares import Axes
from sandbox.privacy.base.release import BaseColumn, BaseRelease

FALSE, UNKNOWN, TRUE = 0, 1, 2
Outcomes = NDArray[np.int64]
Exact = str | bool | Fraction | date
_NOT_MONOTONE = (Extracted(DatePart.DAY), Extracted(DatePart.DOW))  # the two ends do not say what is between
_MONTHS = {DateUnit.MONTH: 1, DateUnit.QUARTER: 3, DateUnit.YEAR: 12}


class NotInBase(QuestionRefused):
    """The base cannot say; a paid question can."""

    def __init__(self, message: str, *, fix: str) -> None:
        super().__init__(message, position=0, fix=fix)


class Cells:
    """The base's columns that a question is about, and what it says of their cells.

    Every array has one axis for each of ``axes``, and broadcasts over the others.
    """

    def __init__(self, base: BaseRelease, table: Table, columns: Iterable[str]) -> None:
        self.table, self._base = table, base
        self.axes: Axes = tuple(sorted({self._place(name) for name in columns}))
        self.shape = tuple(base.sizes[i] for i in self.axes)

    def condition(self, predicate: Predicate) -> Outcomes:
        """FALSE, UNKNOWN or TRUE for each cell."""
        match predicate:
            case And(parts):
                return self._joined([self.condition(part) for part in parts], least=True)
            case Or(parts):
                return self._joined([self.condition(part) for part in parts], least=False)
            case Comparison(name, op, value):
                goal = exact(value)
                return self._along(
                    name,
                    lambda cell: _no_later(cell, goal) if op is Op.AT_MOST else _no_later(goal, cell),
                    about=written(predicate),
                )
            case In(name, values, negated):
                return self._listed(name, [exact(value) for value in values], negated, written(predicate))
            case IsNull(name, negated):
                if isinstance(self._column(name).form, Truncated) and not negated:
                    raise NotInBase(
                        f"The base does not tell days of {name} out of its bounds from empty ones.",
                        fix=f"Ask for {name} IS NOT NULL, or pay for this question.",
                    )
                return self.filled(name, yes=negated)
            case _:
                raise NotInBase("This condition is not one for the base.", fix="Pay for this question.")

    def filled(self, name: str, *, yes: bool = True) -> Outcomes:
        """TRUE where the column has a value (or where it has none)."""
        size = self._column(name).size
        outcomes = np.full(size, TRUE if yes else FALSE)
        outcomes[-1] = FALSE if yes else TRUE
        return self._placed(name, outcomes)

    def key(self, key: Key) -> Outcomes:
        """For each cell, the place of its value among the key's; -1 where its rows are in no group."""
        values = key.values(self.table)
        match key.form:
            case None | Bins() | Truncated() | Extracted():
                form, declared = key.form, self.table.columns[key.column]
                column = self._column(key.column)
                if form in _NOT_MONOTONE and column.form is not None:
                    raise self._between(column, key_text(key))
                return self._along(
                    key.column,
                    lambda cell: _place(values, _formed(form, cell, declared)),
                    about=key_text(key),
                    empty=-1,
                )
            case Cases(branches, otherwise):
                last = -1 if otherwise is None else values.index(otherwise)
                place: Outcomes = np.full([1] * len(self.axes), last)
                for predicate, result in reversed(branches):
                    place = np.where(self.condition(predicate) == TRUE, values.index(result), place)
                return place
            case Holds(predicate):
                met = self.condition(predicate)
                return np.where(met == TRUE, 1, np.where(met == FALSE, 0, -1))
            case _:
                raise NotInBase(f"{key.alias} is not a key for the base.", fix="Pay for this question.")

    def _along(
        self, name: str, told: Callable[[Exact], int], *, about: str, empty: int = UNKNOWN
    ) -> Outcomes:
        """What is told of each cell of a column, the same at both of its ends."""
        column, found = self._column(name), []
        for value in column.values:
            low, high = (told(end) for end in ends_of(column, value, self.table.columns[name]))
            if low != high:
                raise self._between(column, about)
            found.append(low)
        return self._placed(name, np.array([*found, empty], dtype=np.int64))

    def _listed(self, name: str, goals: list[Exact], negated: bool, about: str) -> Outcomes:
        column, found = self._column(name), []
        for value in column.values:
            low, high = ends_of(column, value, self.table.columns[name])
            if low == high:
                met = low in goals
            elif any(_no_later(low, goal) and _no_later(goal, high) for goal in goals):
                raise self._between(column, about)
            else:
                met = False
            found.append(TRUE if met is not negated else FALSE)
        return self._placed(name, np.array([*found, UNKNOWN], dtype=np.int64))

    def _between(self, column: BaseColumn, about: str) -> NotInBase:
        match column.form:
            case Bins(width):
                edges = f"multiples of {width}"
            case Truncated(unit):
                edges = f"the first day of a {unit}"
            case None:
                edges = "its listed values"
        return NotInBase(
            f"{about} falls inside of a group that the base knows only as a whole.",
            fix=f"Cut {column.name} at {edges}, or pay for this question.",
        )

    def _joined(self, outcomes: list[Outcomes], *, least: bool) -> Outcomes:
        whole = outcomes[0]
        for other in outcomes[1:]:
            whole = np.minimum(whole, other) if least else np.maximum(whole, other)
        return whole

    def _placed(self, name: str, along: Outcomes) -> Outcomes:
        shape = [1] * len(self.axes)
        shape[self.axes.index(self._place(name))] = len(along)
        return along.reshape(shape)

    def _column(self, name: str) -> BaseColumn:
        return self._base.columns[self._place(name)]

    def _place(self, name: str) -> int:
        place = self._base.place(name)
        if place is None:
            known = ", ".join(column.name for column in self._base.columns)
            raise NotInBase(
                f"The base knows nothing of {name}.", fix=f"It knows {known}. Or pay for this question."
            )
        return place


def columns_in(question: Question) -> set[str]:
    """The columns that a question of counts is about."""
    found = set() if question.where is None else columns_of(question.where)
    for key in question.keys:
        match key.form:
            case Cases(branches, _):
                found |= {name for predicate, _ in branches for name in columns_of(predicate)}
            case Holds(predicate):
                found |= columns_of(predicate)
            case _:
                found.add(key.column)
    return found


def columns_of(predicate: Predicate) -> set[str]:
    """The columns that a condition names."""
    match predicate:
        case And(parts) | Or(parts):
            return {name for part in parts for name in columns_of(part)}
        case Comparison(name) | In(name) | IsNull(name):
            return {name}
        case _:
            raise NotInBase("This condition is not one for the base.", fix="Pay for this question.")


def exact(value: Literal) -> Exact:
    """A literal as what cells are compared with."""
    return Fraction(value) if isinstance(value, (int, Decimal)) and not isinstance(value, bool) else value


def ends_of(column: BaseColumn, value: Scalar, declared: Column) -> tuple[Exact, Exact]:
    """The least and the greatest that a cell can hold.

    The outermost bins of a number hold what is beyond its bounds too: they are taken to end at them, as everywhere.
    """
    match column.form:
        case Bins(width):
            step = Fraction(declared.resolution) if declared.type is ColumnType.DECIMAL else Fraction(1)
            low, high = Fraction(int(value)), Fraction(int(value)) + width - step
            return max(low, Fraction(declared.lower or 0)), min(high, Fraction(declared.upper or 0))
        case Truncated(unit):
            first = date.fromisoformat(str(value))
            month = first.year * 12 + first.month - 1 + _MONTHS[unit]
            return first, date(month // 12, month % 12 + 1, 1) - timedelta(days=1)
        case None:
            one = _listed_value(value, declared)
            return one, one


def _listed_value(value: Scalar, declared: Column) -> Exact:
    if declared.type is ColumnType.DECIMAL:
        return Fraction(str(value))
    if declared.type is ColumnType.DATE:
        return date.fromisoformat(str(value))
    return exact(value)


def _formed(form: Bins | Truncated | Extracted | None, cell: Exact, column: Column) -> Exact:
    """The key's value of a cell's end, as ``rowwise.key_expression`` has it."""
    match form, cell:
        case None, _:
            return cell
        case Bins(width), Fraction():
            inside = min(max(cell, Fraction(column.lower or 0)), Fraction(column.upper or 0))
            return Fraction(inside // width * width)
        case Truncated(unit), date():
            month = cell.year * 12 + cell.month - 1
            month -= month % _MONTHS[unit]
            return date(month // 12, month % 12 + 1, 1)
        case Extracted(part), date():
            return Fraction(_part(part, cell))
        case _:
            raise NotInBase("This key is not one for the base.", fix="Pay for this question.")


def _part(part: DatePart, day: date) -> int:
    match part:
        case DatePart.YEAR:
            return day.year
        case DatePart.QUARTER:
            return (day.month + 2) // 3
        case DatePart.MONTH:
            return day.month
        case DatePart.DAY:
            return day.day
        case DatePart.DOW:
            return day.isoweekday() % 7


def _place(values: Sequence[Scalar], value: Exact) -> int:
    """Where a key's value stands among the public ones; -1 where it is none of them."""
    for place, known in enumerate(values):
        same: Exact = exact(known)
        if isinstance(value, (Fraction, date)):
            same = Fraction(str(known)) if isinstance(value, Fraction) else date.fromisoformat(str(known))
        if same == value and isinstance(same, bool) == isinstance(value, bool):
            return place
    return -1


def _no_later(one: Exact, other: Exact) -> int:
    """TRUE where ``one`` is at most ``other``."""
    return TRUE if one <= other else FALSE  # type: ignore[operator]
