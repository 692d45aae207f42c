"""What is done with an answer once it is there: arithmetic, HAVING, ORDER BY, LIMIT.

- All of it is reckoned from noisy values that were paid for, so that it costs nothing: post-processing
  (Dwork & Roth 2014, "The Algorithmic Foundations of Differential Privacy", Proposition 2.1).
- It is kept apart from the ``Question``: the same cells in another order, or cut elsewhere, are the same question,
  and are not paid for twice.
- Empty values follow SQL: arithmetic with one is empty, a comparison with one is unknown, and HAVING keeps a row
  only where it is surely true. Division by zero is empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext

from sandbox.domain.names import written_name
from sandbox.domain.predicate import written_literal
from sandbox.domain.question import Question, from_and_where, key_text, measure_text

Cell = int | float | str | bool | None
_LARGEST = 2**62  # beyond this, whole numbers are reckoned with as floating-point ones


@dataclass(frozen=True, slots=True)
class Name:
    """A column of the answer that was paid for: a key or an aggregate."""

    name: str


@dataclass(frozen=True, slots=True)
class Number:
    value: Decimal


@dataclass(frozen=True, slots=True)
class Arithmetic:
    op: str  # + - * /
    left: Value
    right: Value


@dataclass(frozen=True, slots=True)
class Rounded:
    """To so many digits after the point, halves away from zero."""

    value: Value
    digits: int


@dataclass(frozen=True, slots=True)
class Otherwise:
    """``COALESCE``: a number where the value is empty."""

    value: Value
    number: Decimal


@dataclass(frozen=True, slots=True)
class EmptyAt:
    """``NULLIF``: empty where the value is just this number."""

    value: Value
    number: Decimal


Value = Name | Number | Arithmetic | Rounded | Otherwise | EmptyAt


@dataclass(frozen=True, slots=True)
class Compared:
    left: Value
    sign: str  # = <> < <= > >=
    right: Value


@dataclass(frozen=True, slots=True)
class Empty:
    """The value is empty, or with ``negated`` is not."""

    value: Value
    negated: bool


@dataclass(frozen=True, slots=True)
class Joined:
    """All of the parts, or with ``any_of`` any of them; at least two."""

    parts: tuple[Test, ...]
    any_of: bool


@dataclass(frozen=True, slots=True)
class Denied:
    part: Test


Test = Compared | Empty | Joined | Denied


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One item of ORDER BY."""

    value: Value
    descending: bool
    empty_first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """Everything that is done with an answer.

    Attributes:
        columns: each shown column's name and value, in order.
        limit: at most this many rows; None for all.
        offset: so many first rows are left out.
    """

    columns: tuple[tuple[str, Value], ...]
    having: Test | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0


def nothing_to_do(finish: Finish, question: Question) -> bool:
    """True when the answer stays as it is."""
    plain = tuple((name, Name(name)) for name in question.select)
    return finish == Finish(columns=plain)


def valued(value: Value, cells: Mapping[str, Cell]) -> Cell:
    """The value in one row of the answer.

    >>> valued(Arithmetic("/", Name("s"), Name("n")), {"s": 6, "n": 4})
    1.5
    >>> valued(Arithmetic("/", Name("s"), Name("n")), {"s": 6, "n": 0}) is None
    True
    """
    match value:
        case Name(name):
            return cells[name]
        case Number(number):
            return _plain(number)
        case Arithmetic(op, left, right):
            return reckoned(op, valued(left, cells), valued(right, cells))
        case Rounded(inner, digits):
            return rounded(valued(inner, cells), digits)
        case Otherwise(inner, number):
            found = valued(inner, cells)
            return _plain(number) if found is None else found
        case EmptyAt(inner, number):
            found = valued(inner, cells)
            return None if found == _plain(number) else found


def rounded(value: Cell, digits: int, how: str = ROUND_HALF_UP) -> int | float | None:
    """The value to so many digits after the point (none or fewer: whole); empty stays empty.

    >>> rounded(2.345, 2), rounded(-2.5, 0), rounded(1234, -2)
    (2.35, -3, 1200)
    """
    if not isinstance(value, int | float):
        return None
    with localcontext() as context:
        context.prec = 400  # a floating-point number has at most 309 digits before the point
        found = Decimal(str(value)).quantize(Decimal(1).scaleb(-digits), rounding=how)
    return int(found) if digits <= 0 or isinstance(value, int) else float(found)


def reckoned(op: str, left: Cell, right: Cell) -> int | float | None:
    """One step of arithmetic. Never fails: what has no finite value is empty."""
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        return None
    try:
        match op:
            case "+":
                found: int | float = left + right
            case "-":
                found = left - right
            case "*":
                found = left * right
            case _:
                found = left / right
        if isinstance(found, int) and abs(found) > _LARGEST:
            found = float(found)
    except (ZeroDivisionError, OverflowError):
        return None
    return found if found - found == 0 else None  # neither infinite nor NaN


def holds(test: Test, cells: Mapping[str, Cell]) -> bool | None:
    """Whether the test holds in one row; None where an empty value leaves it unknown."""
    match test:
        case Compared(left, sign, right):
            return _compared(valued(left, cells), sign, valued(right, cells))
        case Empty(value, negated):
            return (valued(value, cells) is None) is not negated
        case Denied(part):
            found = holds(part, cells)
            return None if found is None else not found
        case Joined(parts, any_of):
            found_all = [holds(part, cells) for part in parts]
            if any_of in found_all:
                return any_of
            return None if None in found_all else not any_of


def finished_rows(
    finish: Finish, rows: Iterable[tuple[int, Mapping[str, Cell]]]
) -> list[tuple[int, Mapping[str, Cell]]]:
    """The rows (each with its place in the answer) that stay, in the asked order."""
    kept = [row for row in rows if finish.having is None or holds(finish.having, row[1])]
    for item in reversed(finish.order):
        filled = [row for row in kept if valued(item.value, row[1]) is not None]
        empty = [row for row in kept if valued(item.value, row[1]) is None]
        filled.sort(key=lambda row: valued(item.value, row[1]), reverse=item.descending)  # type: ignore[arg-type,return-value]
        kept = [*empty, *filled] if item.empty_first else [*filled, *empty]
    last = None if finish.limit is None else finish.offset + finish.limit
    return kept[finish.offset : last]


def finished_sql(question: Question, finish: Finish) -> str:
    """Question and finish as one SQL text, one for every way to ask it; it is read back to the same two."""
    bodies = {key.alias: key_text(key) for key in question.keys}
    bodies |= {measure.alias: measure_text(measure) for measure in question.measures}
    shown = ", ".join(f"{_written(value, bodies)} AS {written_name(name)}" for name, value in finish.columns)
    text = f"SELECT {shown}{from_and_where(question)}"
    if finish.having is not None:
        text += f" HAVING {_written_test(finish.having, bodies)}"
    if finish.order:
        text += " ORDER BY " + ", ".join(
            f"{_written(item.value, bodies)} {'DESC' if item.descending else 'ASC'} "
            f"NULLS {'FIRST' if item.empty_first else 'LAST'}"
            for item in finish.order
        )
    if finish.limit is not None:
        text += f" LIMIT {finish.limit}"
    return text + (f" OFFSET {finish.offset}" if finish.offset else "")


def _plain(number: Decimal) -> int | float:
    return int(number) if number == int(number) else float(number)


def _compared(left: Cell, sign: str, right: Cell) -> bool | None:
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        return None
    return {
        "=": left == right,
        "<>": left != right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }[sign]


def _written(value: Value, bodies: Mapping[str, str]) -> str:
    match value:
        case Name(name):
            return bodies[name]
        case Number(number):
            return written_literal(number)
        case Arithmetic(op, left, right):
            return f"{_enclosed(left, bodies)} {op} {_enclosed(right, bodies)}"
        case Rounded(inner, digits):
            return f"ROUND({_written(inner, bodies)}, {digits})"
        case Otherwise(inner, number):
            return f"COALESCE({_written(inner, bodies)}, {written_literal(number)})"
        case EmptyAt(inner, number):
            return f"NULLIF({_written(inner, bodies)}, {written_literal(number)})"


def _enclosed(value: Value, bodies: Mapping[str, str]) -> str:
    text = _written(value, bodies)
    return f"({text})" if isinstance(value, Arithmetic) else text


def _written_test(test: Test, bodies: Mapping[str, str]) -> str:
    match test:
        case Compared(left, sign, right):
            return f"{_enclosed(left, bodies)} {sign} {_enclosed(right, bodies)}"
        case Empty(value, negated):
            return f"{_enclosed(value, bodies)} IS {'NOT NULL' if negated else 'NULL'}"
        case Denied(part):
            return f"NOT ({_written_test(part, bodies)})"
        case Joined(parts, any_of):
            return (" OR " if any_of else " AND ").join(f"({_written_test(part, bodies)})" for part in parts)
