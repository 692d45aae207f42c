"""What the value of a key says of all rows in its cell: the ground that ``derivation`` stands on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum
from fractions import Fraction

from sandbox.domain.key_forms import Bins, Cases, DatePart, DateUnit, Extracted, Form, Holds, Truncated
from sandbox.domain.policy import Column, ColumnType, Scalar, Table
from sandbox.domain.predicate import Literal
from sandbox.domain.question import Key

MONTHS = {DateUnit.MONTH: 1, DateUnit.QUARTER: 3, DateUnit.YEAR: 12}


class Truth(Enum):
    """Of a condition in all rows of a cell; MAYBE where it does not follow."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"  # as SQL has it: an empty cell was compared
    MAYBE = "may be"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a column in all rows of a cell: empty, or between two ends (None: open), or a part of a date.

    Numbers are kept as they are, days by their ordinal; ``value`` is the one listed value, where it is known.
    """

    empty: bool = False
    low: Fraction | None = None
    high: Fraction | None = None
    value: Scalar | None = None
    literal: Literal | None = None  # the same as conditions have it
    month: int | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a value of one kept key says. ``covered``: False for rows that the kept answer left out."""

    covered: bool
    own: Scalar | None
    column: str = ""
    known: Known = field(default_factory=Known)
    truth: Truth | None = None  # of the condition that the key is


def facts_of(key: Key, table: Table) -> Iterator[Facts]:
    """One for each value, in the order of the answer, and then those of the rows that are in none of its cells."""
    column = table.columns.get(key.column)
    for value in key.values(table):
        yield Facts(True, value, key.column, _known_of(key.form, value, column), _truth_of(key.form, value))
    match key.form:
        case None | Bins() | Extracted(DatePart.QUARTER | DatePart.MONTH | DatePart.DAY | DatePart.DOW):
            yield Facts(False, None, key.column, Known(empty=True))
        case Truncated() | Extracted():
            first, last = span_of(key, table)
            yield Facts(False, None, key.column, Known(empty=True))
            yield Facts(False, None, key.column, Known(high=first - 1))
            yield Facts(False, None, key.column, Known(low=last + 1))
        case Cases(_, otherwise):
            if otherwise is None:
                yield Facts(False, None)
        case Holds():
            yield Facts(False, None, truth=Truth.UNKNOWN)


def _truth_of(form: Form | None, value: Scalar) -> Truth | None:
    return (Truth.YES if value else Truth.NO) if isinstance(form, Holds) else None


def _known_of(form: Form | None, value: Scalar, column: Column | None) -> Known:
    if column is None:
        return Known()
    match form:
        case None:
            literal = _literal(value, column)
            number = number_of(literal)
            return Known(low=number, high=number, value=value, literal=literal)
        case Bins(width):
            lower, upper = int(column.lower or 0), int(column.upper or 0)
            start, step = int(value), Fraction(column.resolution) if column.type is ColumnType.DECIMAL else 1
            # Values beyond the bounds are in the outermost bins.
            low = None if start <= lower else Fraction(start)
            return Known(low=low, high=None if start + width > upper else Fraction(start + width - step))
        case Truncated(unit):
            return _period(date.fromisoformat(str(value)), unit)
        case Extracted(DatePart.YEAR):
            return _period(date(int(value), 1, 1), DateUnit.YEAR)
        case Extracted(DatePart.MONTH):
            return Known(month=int(value))
        case _:
            return Known()


def _literal(value: Scalar, column: Column) -> Literal:
    """A listed value as conditions have it: decimals and dates are listed as text."""
    if column.type is ColumnType.DATE:
        return date.fromisoformat(str(value))
    return Decimal(str(value)) if column.type is ColumnType.DECIMAL else value


def number_of(literal: Literal) -> Fraction | None:
    if isinstance(literal, date):
        return Fraction(literal.toordinal())
    return Fraction(literal) if isinstance(literal, int | Decimal) and not isinstance(literal, bool) else None


def _period(first: date, unit: DateUnit) -> Known:
    months = first.year * 12 + first.month - 1 + MONTHS[unit]
    after = date(months // 12, months % 12 + 1, 1)
    return Known(low=Fraction(first.toordinal()), high=Fraction(after.toordinal() - 1))


def span_of(key: Key, table: Table) -> tuple[Fraction, Fraction]:
    """The first and the last day that are in a cell of a key by periods."""
    column = table.columns[key.column]
    values = key.values(table)
    first, last = (_known_of(key.form, value, column) for value in (values[0], values[-1]))
    assert first.low is not None and last.high is not None  # noqa: S101, PT018 - periods have both ends
    return first.low, last.high
