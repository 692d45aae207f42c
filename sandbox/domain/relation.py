"""What stands behind FROM, as a value: one table, or rows that are made from tables.

- ``PerUnit``: one row for each unit, or for each unit and listed key, with numbers worked out from the unit's rows.
- ``WithLookup``: each row with what a small public table says of one of its columns.
- ``Joined``: rows of several tables that belong to the same unit, side by side.
- Whatever is made, each row still belongs to one unit, and is made from that unit's rows alone. So neighbours that
  differ by one unit differ by that unit's rows, behind every relation.
- ``relation_text`` is one text for all ways to write a relation; ``parse`` reads it back. Columns that are made have
  names of their own (``sum_cost``), which follow from what they are, not from what the asker calls them.

What the made columns hold at most is worked out in ``derived``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, replace
from enum import StrEnum

from sandbox.domain.names import written_name
from sandbox.domain.predicate import Literal, Predicate, columns_of, written, written_literal

MAX_TABLES = 8  # tables behind one FROM, each as often as it stands there
_LONGEST_NAME = 63


class Per(StrEnum):
    """What is worked out for each unit from its rows."""

    ROWS = "rows"  # COUNT(*)
    FILLED = "count"
    DISTINCT = "distinct"
    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitValue:
    """One number of each unit.

    Attributes:
        column: of the rows it is worked out from; empty for ROWS.
        least: smaller numbers become it (GREATEST); None for no such limit. Empty stays empty.
        most: larger numbers become it (LEAST), which is above ``least``.
    """

    kind: Per
    column: str = ""
    least: Literal | None = None
    most: Literal | None = None


@dataclass(frozen=True, slots=True)
class Base:
    """A table as it is."""

    table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PerUnit:
    """``SELECT unit, keys, values FROM of WHERE … GROUP BY unit, keys``. ``per_unit`` makes it.

    Attributes:
        unit: the column that names the units.
        keys: columns with public values, sorted; empty for one row per unit.
        values: sorted by their text, each once.
    """

    of: Relation
    unit: str
    where: Predicate | None
    keys: tuple[str, ...]
    values: tuple[UnitValue, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What each of the values is called."""
        return tuple(self.name_of(value) for value in self.values)

    def name_of(self, value: UnitValue) -> str:
        """What a value is called; it follows from the value and the keys alone."""
        limits = (("from", value.least), ("to", value.most))
        parts = [str(value.kind), value.column, *(f"{w}_{_plain(n)}" for w, n in limits if n is not None)]
        name = "_".join(part for part in parts if part)
        if len(name) <= _LONGEST_NAME and name not in (self.unit, *self.keys):
            return name
        digest = hashlib.sha256(value_text(value).encode()).hexdigest()
        return f"{name[: _LONGEST_NAME - 17]}_{digest[:16]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WithLookup:
    """``of JOIN lookup ON on = lookup.key``. ``with_lookup`` makes it.

    Attributes:
        on: the column of ``of`` whose value is looked up.
        key: the lookup's own column; each of its values stands in one row.
        columns: those of the lookup that are there, sorted.
        optional: rows whose value is not found stay, with empty columns (LEFT JOIN); otherwise they are left out.
    """

    of: Relation
    lookup: str
    on: str
    key: str
    columns: tuple[str, ...]
    optional: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """What each of the columns is called."""
        return tuple(self.name_of(column) for column in self.columns)

    def name_of(self, column: str) -> str:
        return f"{self.lookup}_{column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """``a JOIN b USING (unit) … LEFT JOIN c USING (unit) …``. ``derived.joined`` makes it.

    A unit's row of each part stands beside each of its rows in all others. By the unit alone: so which stand beside
    which is a matter of one unit.

    Attributes:
        parts: rows that a unit has to have, sorted.
        optional: rows that it may have; where it has none, their columns are empty. Sorted.
        columns: of each part, then of each optional one: its own columns and what they are called here; sorted.
    """

    unit: str
    parts: tuple[Relation, ...]
    optional: tuple[Relation, ...]
    columns: tuple[tuple[tuple[str, str], ...], ...]

    @property
    def sides(self) -> tuple[Relation, ...]:
        return (*self.parts, *self.optional)


Relation = Base | PerUnit | WithLookup | Joined


def per_unit(
    of: Relation,
    *,
    unit: str,
    where: Predicate | None,
    keys: Set[str] = frozenset(),
    values: Set[UnitValue] = frozenset(),
) -> PerUnit:
    """The relation in its one form."""
    return PerUnit(
        of=of,
        unit=unit,
        where=where,
        keys=tuple(sorted(keys)),
        values=tuple(sorted(values, key=value_text)),
    )


def with_lookup(
    of: Relation, *, lookup: str, on: str, key: str, columns: Iterable[str], optional: bool
) -> WithLookup:
    """The relation in its one form: lookups are sorted, except where one is looked up by what another says."""
    if isinstance(of, WithLookup) and on not in of.names and (lookup, on) < (of.lookup, of.on):
        inner = with_lookup(of.of, lookup=lookup, on=on, key=key, columns=columns, optional=optional)
        return replace(of, of=inner)
    return WithLookup(of=of, lookup=lookup, on=on, key=key, columns=tuple(sorted(columns)), optional=optional)


def relation_text(relation: Relation) -> str:
    """The relation as SQL; equal relations have equal text."""
    match relation:
        case Base(table):
            return written_name(table)
        case WithLookup():
            return _lookup_text(relation)
        case Joined():
            return _joined_text(relation)
        case PerUnit():
            named = zip(relation.values, relation.names, strict=True)
            groups = [written_name(name) for name in (relation.unit, *relation.keys)]
            shown = [*groups, *(f"{value_text(value)} AS {written_name(name)}" for value, name in named)]
            where = f" WHERE {written(relation.where)}" if relation.where is not None else ""
            of = relation_text(relation.of)
            return f"(SELECT {', '.join(shown)} FROM {of}{where} GROUP BY {', '.join(groups)})"  # noqa: S608 - no engine reads it


def _joined_text(relation: Joined) -> str:
    using = f"USING ({written_name(relation.unit)})"
    first, *others = (_side_text(part) for part in relation.parts)
    joins = [f" JOIN {text} {using}" for text in others]
    joins += [f" LEFT JOIN {_side_text(part)} {using}" for part in relation.optional]
    return first + "".join(joins)


def _side_text(relation: Relation) -> str:
    text = relation_text(relation)
    return text if isinstance(relation, Base | PerUnit) else f"(SELECT * FROM {text})"  # noqa: S608 - no engine reads it


def rows_key(relation: Relation) -> str:
    """What says which rows a relation has, whatever columns are asked of them: sides of a join are sorted by it."""
    return relation_text(needed(relation, frozenset()))


def label_of(relation: Relation) -> str:
    """The table that a relation is first of all about: what its columns are called by in a join."""
    match relation:
        case Base(table):
            return table
        case PerUnit() | WithLookup():
            return label_of(relation.of)
        case Joined():
            return label_of(relation.parts[0])


def _lookup_text(relation: WithLookup) -> str:
    name = written_name(relation.lookup)
    join = "LEFT JOIN" if relation.optional else "JOIN"
    on = f"{written_name(relation.on)} = {name}.{written_name(relation.key)}"
    return f"{relation_text(relation.of)} {join} {name} ON {on}"


def value_text(value: UnitValue) -> str:
    """The number as SQL, without its name.

    >>> value_text(UnitValue(kind=Per.SUM, column="cost", most=5000))
    'LEAST(SUM(cost), 5000)'
    """
    column = written_name(value.column)
    match value.kind:
        case Per.ROWS:
            text = "COUNT(*)"
        case Per.FILLED:
            text = f"COUNT({column})"
        case Per.DISTINCT:
            text = f"COUNT(DISTINCT {column})"
        case _:
            text = f"{value.kind.upper()}({column})"
    if value.least is not None:
        text = f"GREATEST({text}, {written_literal(value.least)})"
    if value.most is not None:
        text = f"LEAST({text}, {written_literal(value.most)})"
    return text


def tables_of(relation: Relation) -> Iterator[str]:
    """The tables behind a relation, each as often as it stands there."""
    match relation:
        case Base(table):
            yield table
        case PerUnit() | WithLookup():
            yield from tables_of(relation.of)
        case Joined():
            for side in relation.sides:
                yield from tables_of(side)


def columns_read(relation: Relation, columns: Set[str]) -> dict[str, frozenset[str]]:
    """The columns of tables that are looked at, by table: all of them, through whatever is made of them.

    Args:
        columns: of the relation itself, those that are asked for.
    """
    match relation:
        case Base(table):
            return {table: frozenset(columns)}
        case PerUnit():
            made = {v.column for v in relation.values if v.column}
            return columns_read(relation.of, {*relation.keys, *made, *columns_of(relation.where)})
        case WithLookup():
            return columns_read(relation.of, (columns - set(relation.names)) | {relation.on})
        case Joined():
            found: dict[str, frozenset[str]] = {}
            for side, pairs in zip(relation.sides, relation.columns, strict=True):
                own = {name for name, called in pairs if called in columns}
                for table, read in columns_read(side, own).items():
                    found[table] = found.get(table, frozenset()) | read
            return found


def needed(relation: Relation, columns: Set[str]) -> Relation:
    """The relation without numbers that nobody asks for: they change no row.

    Args:
        columns: those that are asked for.
    """
    match relation:
        case Base():
            return relation
        case PerUnit():
            values = tuple(v for v in relation.values if relation.name_of(v) in columns)
            inner = {*relation.keys, *(v.column for v in values if v.column), *columns_of(relation.where)}
            return replace(relation, of=needed(relation.of, inner), values=values)
        case WithLookup():
            found = tuple(c for c in relation.columns if relation.name_of(c) in columns)
            if relation.optional and not found:  # no row comes or goes by it
                return needed(relation.of, columns)
            of = needed(relation.of, (columns - set(relation.names)) | {relation.on})
            return replace(relation, of=of, columns=found)
        case Joined():
            kept = tuple(
                tuple((own, called) for own, called in pairs if called in columns)
                for pairs in relation.columns
            )
            sides = [
                needed(side, frozenset(own for own, _ in pairs))
                for side, pairs in zip(relation.sides, kept, strict=True)
            ]
            count = len(relation.parts)
            return replace(relation, parts=tuple(sides[:count]), optional=tuple(sides[count:]), columns=kept)


def _plain(number: Literal) -> str:
    """A number as a part of a name."""
    return written_literal(number).replace("-", "minus_").replace(".", "_")
