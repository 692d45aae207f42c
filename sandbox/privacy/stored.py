"""How a public value stands in a private view, and back.

Numbers are stored as 64-bit whole multiples of the column's step, so that sums are exact and no rounding of
floating point has to be proved harmless. The step of an integer is 1; of a decimal, its ``resolution``.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

from sandbox.domain.policy import LARGEST as LARGEST
from sandbox.domain.policy import Column, ColumnType, Scalar
from sandbox.domain.predicate import Literal

NUMERIC = (ColumnType.INTEGER, ColumnType.DECIMAL)

Stored = int | str | bool | date


def steps_per_one(column: Column) -> int:
    """How many steps make 1: 100 for a resolution of 0.01."""
    return column.steps


def bounds_in_steps(column: Column) -> tuple[int, int]:
    """Lower and upper bound of a summable column, in steps."""
    if column.lower is None or column.upper is None:
        raise ValueError("the column has no bounds")  # parse refuses such a measure
    return column.lower * steps_per_one(column), column.upper * steps_per_one(column)


def from_steps(steps: int | Fraction | float, column: Column) -> int | float:
    """The value that people read."""
    per_one = steps_per_one(column)
    if per_one == 1 and column.type is ColumnType.INTEGER:
        return plain(steps)
    return float(Fraction(steps) / per_one)


def plain(number: int | Fraction | float) -> int | float:
    """The number as JSON has it: whole where it is whole."""
    return int(number) if isinstance(number, int | Fraction) and number.denominator == 1 else float(number)


def exact_text(steps: Fraction, column: Column, *, places: int) -> str:
    """The value as decimal text, rounded half up after ``places`` digits."""
    value = steps / steps_per_one(column)
    scaled = value * 10**places
    whole = (abs(scaled) + Fraction(1, 2)).__floor__()
    sign = "-" if value < 0 and whole else ""
    digits = str(whole).rjust(places + 1, "0")
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"


def stored_literal(value: Literal, column: Column) -> Stored:
    """A literal of a question as the view stores it."""
    if column.type is ColumnType.DECIMAL:
        if not isinstance(value, (int, Decimal)):
            raise TypeError("a decimal column is compared with numbers")  # parse refuses such a question
        return int(Fraction(value) * steps_per_one(column))
    if isinstance(value, Decimal):
        return int(value)
    return value


def stored_key(value: Scalar, column: Column) -> Stored:
    """A listed category as the view stores it. Decimals and dates are listed as text."""
    if column.type is ColumnType.DECIMAL:
        return int(Fraction(str(value)) * steps_per_one(column))
    if column.type is ColumnType.DATE:
        return date.fromisoformat(str(value))
    return value
