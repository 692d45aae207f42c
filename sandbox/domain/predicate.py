"""A row-wise condition as a value, in one normal form.

- Atoms: at least, at most, one of a list, empty. Negation stands only inside an atom.
- Only ``conjunction`` and ``disjunction`` make And and Or: flat, merged, without repeats, sorted.
- Every rewriting here holds in SQL's three-valued logic: an empty cell makes both sides unknown.

Strict comparisons do not occur: columns are whole multiples of a step, so that ``x < 5`` is ``x <= 4``
(``parse`` knows the step). What is left has one text for all ways to write it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from sandbox.domain.names import written_name

Literal = bool | int | str | Decimal | date


class Op(StrEnum):
    AT_MOST = "<="
    AT_LEAST = ">="


@dataclass(frozen=True, slots=True)
class Comparison:
    """``column <= value`` or ``column >= value``."""

    column: str
    op: Op
    value: Literal


@dataclass(frozen=True, slots=True)
class In:
    """``column`` is one of ``values`` (sorted, at least one), or with ``negated`` none of them."""

    column: str
    values: tuple[Literal, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class IsNull:
    """``column`` is empty, or with ``negated`` is not."""

    column: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Predicate, ...]


Atom = Comparison | In | IsNull
Predicate = Comparison | In | IsNull | And | Or


def one_of(column: str, values: Iterable[Literal], *, negated: bool = False) -> In:
    """The list without repeats, sorted; a negated list of booleans is the list of the others."""
    unique = sorted(set(values), key=_order)
    if negated and all(isinstance(value, bool) for value in unique) and len(unique) == 1:
        return In(column, (not unique[0],))
    return In(column, tuple(unique), negated)


def conjunction(parts: Iterable[Predicate]) -> Predicate:
    """All of the parts (at least one) in normal form."""
    return _joined(parts, And)


def disjunction(parts: Iterable[Predicate]) -> Predicate:
    """Any of the parts (at least one) in normal form."""
    return _joined(parts, Or)


def implies_filled(predicate: Predicate | None, column: str) -> bool:
    """True when every row that passes surely has a value in ``column``."""
    match predicate:
        case Comparison() | In():
            return predicate.column == column  # an empty cell makes these unknown, and the row is left out
        case IsNull():
            return predicate.negated and predicate.column == column
        case And():
            return any(implies_filled(part, column) for part in predicate.parts)
        case Or():
            return all(implies_filled(part, column) for part in predicate.parts)
        case None:
            return False


def columns_of(predicate: Predicate | None) -> frozenset[str]:
    """The columns that a predicate looks at."""
    match predicate:
        case None:
            return frozenset()
        case And(parts) | Or(parts):
            return frozenset().union(*(columns_of(part) for part in parts))
        case _:
            return frozenset({predicate.column})


def renamed(predicate: Predicate, names: Mapping[str, str]) -> Predicate:
    """The predicate with other names for its columns, again in normal form."""
    match predicate:
        case And(parts):
            return conjunction(renamed(part, names) for part in parts)
        case Or(parts):
            return disjunction(renamed(part, names) for part in parts)
        case _:
            return replace(predicate, column=names[predicate.column])


def written(predicate: Predicate) -> str:
    """The predicate as SQL; equal predicates have equal text."""
    match predicate:
        case Comparison(column, op, value):
            return f"{written_name(column)} {op} {written_literal(value)}"
        case In(column, (value,), negated):
            return f"{written_name(column)} {'<>' if negated else '='} {written_literal(value)}"
        case In(column, values, negated):
            listed = ", ".join(written_literal(value) for value in values)
            return f"{written_name(column)} {'NOT IN' if negated else 'IN'} ({listed})"
        case IsNull(column, negated):
            return f"{written_name(column)} IS {'NOT NULL' if negated else 'NULL'}"
        case And(parts):
            return " AND ".join(_enclosed(part) for part in parts)
        case Or(parts):
            return " OR ".join(_enclosed(part) for part in parts)


def written_literal(value: Literal) -> str:
    """The literal as SQL.

    >>> written_literal("it's"), written_literal(Decimal("1.50")), written_literal(date(2013, 1, 2))
    ("'it''s'", '1.5', "DATE '2013-01-02'")
    """
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    return "'" + value.replace("'", "''") + "'"


def _enclosed(predicate: Predicate) -> str:
    text = written(predicate)
    return f"({text})" if isinstance(predicate, (And, Or)) else text


def _order(value: Literal) -> tuple[str, Literal]:
    return (type(value).__name__, value)


def _joined(parts: Iterable[Predicate], kind: type[And] | type[Or]) -> Predicate:
    flat: list[Predicate] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, kind) else (part,))
    merged = {written(part): part for part in _merged(flat, kind)}
    ordered = tuple(merged[text] for text in sorted(merged))
    return ordered[0] if len(ordered) == 1 else kind(ordered)


def _merged(parts: list[Predicate], kind: type[And] | type[Or]) -> list[Predicate]:
    """Atoms on the same column that say together what one atom can say."""
    kept: list[Predicate] = []
    place: dict[tuple[str, object], int] = {}
    for part in parts:
        match part:
            case Comparison(column, op, _):
                slot: tuple[str, object] = (column, op)
            case In(column, _, negated):
                slot = (column, negated)
            case _:
                kept.append(part)
                continue
        together = _together(kept[place[slot]], part, kind) if slot in place else None
        if together is None:
            place.setdefault(slot, len(kept))
            kept.append(part)
        else:
            kept[place[slot]] = together
    return kept


def _together(one: Predicate, other: Predicate, kind: type[And] | type[Or]) -> Predicate | None:
    """One atom for both, or None where there is none."""
    if isinstance(one, Comparison) and isinstance(other, Comparison):
        lower_wins = (one.op is Op.AT_MOST) == (kind is And)
        first, last = sorted((one, other), key=lambda atom: _order(atom.value))
        return first if lower_wins else last
    if isinstance(one, In) and isinstance(other, In):
        union = one.negated == (kind is And)
        values = set(one.values) | set(other.values) if union else set(one.values) & set(other.values)
        return In(one.column, tuple(sorted(values, key=_order)), one.negated) if values else None
    return None
