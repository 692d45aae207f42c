"""Keys that are worked out from a column: bins, parts of dates, cases, conditions; each with its public values.

- A form's value follows from the row alone, so that a row falls in at most one cell, and its possible values from
  the policy alone: from declared bounds, or from the question's own text. So all of them appear in an answer, also
  when nobody is there, and that costs no delta.
- Numbers outside ``lower`` … ``upper`` fall in the outermost bin, as they count as the bound in SUM. Dates outside
  ``earliest`` … ``latest`` are in no cell, as any unlisted value.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sandbox.domain.names import written_name
from sandbox.domain.policy import Column, Scalar
from sandbox.domain.predicate import Predicate, columns_of, written, written_literal


class DateUnit(StrEnum):
    """What DATE_TRUNC cuts a date to."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class DatePart(StrEnum):
    """What EXTRACT takes of a date. ``dow`` is 0 for Sunday to 6 for Saturday."""

    YEAR = "year"
    QUARTER = "quarter"
    MONTH = "month"
    DAY = "day"
    DOW = "dow"


_PARTS = {
    DatePart.QUARTER: (1, 4),
    DatePart.MONTH: (1, 12),
    DatePart.DAY: (1, 31),
    DatePart.DOW: (0, 6),
}


@dataclass(frozen=True, slots=True)
class Bins:
    """``FLOOR(column / width) * width``, in whole units of the column."""

    width: int


@dataclass(frozen=True, slots=True)
class Truncated:
    """``DATE_TRUNC('unit', column)``: the first day of it."""

    unit: DateUnit


@dataclass(frozen=True, slots=True)
class Extracted:
    """``EXTRACT(part FROM column)``."""

    part: DatePart


@dataclass(frozen=True, slots=True)
class Cases:
    """``CASE WHEN condition THEN result … ELSE otherwise END``; without ``otherwise`` other rows are in no cell.

    Conditions are tried in order; an unknown one is not met. All results are of one type.
    """

    branches: tuple[tuple[Predicate, Scalar], ...]
    otherwise: Scalar | None


@dataclass(frozen=True, slots=True)
class Holds:
    """A condition as a key: TRUE or FALSE; rows where it is unknown are in no cell."""

    condition: Predicate


Form = Bins | Truncated | Extracted | Cases | Holds


def values_of(form: Form, column: Column | None) -> tuple[Scalar, ...]:
    """The public values of a form, in order; first days of a period as ISO text.

    Args:
        column: what it is worked out from, with its bounds; None for conditions.
    """
    match form:
        case Bins(width):
            if column is None or column.lower is None or column.upper is None:
                return ()
            return tuple(range(column.lower // width * width, column.upper // width * width + 1, width))
        case Truncated(unit):
            return _first_days(unit, column)
        case Extracted(DatePart.YEAR):
            return tuple(int(day[:4]) for day in _first_days(DateUnit.YEAR, column))
        case Extracted(part):
            first, last = _PARTS[part]
            return tuple(range(first, last + 1))
        case Cases(branches, otherwise):
            results = [result for _, result in branches]
            return tuple(dict.fromkeys(results if otherwise is None else [*results, otherwise]))
        case Holds():
            return (False, True)


def how_many(form: Form, column: Column | None) -> int:
    """How many values a form has, without making them: bounds may be far apart."""
    if isinstance(form, Bins):
        if column is None or column.lower is None or column.upper is None:
            return 0
        return column.upper // form.width - column.lower // form.width + 1
    return len(values_of(form, column))


def columns_of_form(form: Form) -> frozenset[str]:
    """The columns that a form's own conditions look at."""
    match form:
        case Cases(branches, _):
            return frozenset().union(*(columns_of(condition) for condition, _ in branches))
        case Holds(condition):
            return columns_of(condition)
        case _:
            return frozenset()


def form_text(form: Form, column: str) -> str:
    """The form as SQL, one text for each."""
    name = written_name(column) if column else ""
    match form:
        case Bins(width):
            return f"FLOOR({name} / {width}) * {width}"
        case Truncated(unit):
            return f"DATE_TRUNC('{unit}', {name})"
        case Extracted(part):
            return f"EXTRACT({part} FROM {name})"
        case Cases(branches, otherwise):
            whens = " ".join(f"WHEN {written(p)} THEN {written_literal(r)}" for p, r in branches)
            last = "" if otherwise is None else f" ELSE {written_literal(otherwise)}"
            return f"CASE {whens}{last} END"
        case Holds(condition):
            return f"({written(condition)})"


def _first_days(unit: DateUnit, column: Column | None) -> tuple[str, ...]:
    if column is None or column.earliest is None or column.latest is None:
        return ()
    months = {DateUnit.MONTH: 1, DateUnit.QUARTER: 3, DateUnit.YEAR: 12}[unit]
    first, last = date.fromisoformat(column.earliest), date.fromisoformat(column.latest)
    place, end = (first.year * 12 + first.month - 1) // months, (last.year * 12 + last.month - 1) // months
    return tuple(date(n * months // 12, n * months % 12 + 1, 1).isoformat() for n in range(place, end + 1))
