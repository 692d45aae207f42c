"""What a relation's rows hold at most: a ``Table`` for rows that are made, from the policy alone.

The planner sees nothing else of a relation. Bounds are worked out anew for every column that is made, from those of
the columns it is made from; none is remembered by a name. With M the most rows of a unit, and cells between l and u:

- COUNT(*) lies between 1 and M, as a unit without rows has no row here; COUNT(column) between 0 and M.
- SUM over 1 … M cells lies between min(l, M·l) and max(u, M·u); over none it is empty.
- AVG, MIN and MAX lie between l and u.
- LEAST and GREATEST with a number narrow that.
- In a join, a unit has at most the product of its rows on all sides, and each of its rows on one side stands there as
  often as the product of the others.
- What a lookup says lies between the least and the greatest that it says, and is one of the values that it lists.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from sandbox.domain.errors import QuestionRefused
from sandbox.domain.policy import LARGEST, Column, ColumnType, DatasetPolicy, Lookup, Table
from sandbox.domain.relation import Base, Joined, Per, PerUnit, Relation, UnitValue, WithLookup, value_text

_LARGEST_DIVIDED = (
    2**52
)  # numbers up to it are divided exactly, also by engines that divide floating-point ones
_LARGEST_ROWS = 2**62
MOST_BESIDE = 4096  # rows of one unit that a join of many-row tables may make
_MOST_LISTED = 100  # a count with so few possible values can be a key as it is


def declared(relation: Relation, policy: DatasetPolicy) -> Table:
    """The rows of a relation, declared as those of a table are.

    Raises:
        QuestionRefused: no such table, or a number that could leave 64 bits.
    """
    match relation:
        case Base(name):
            table = policy.table(name)
            if table is None or policy.unit is None:
                raise QuestionRefused(f"There is no private table {name!r}.", fix="Look at the catalogue.")
            return table
        case PerUnit():
            return _per_unit(relation, declared(relation.of, policy))
        case Joined():
            return _joined(relation, [declared(side, policy) for side in relation.sides])
        case WithLookup():
            return _with_lookup(relation, declared(relation.of, policy), policy.lookups[relation.lookup])


def profiled_table(relation: Relation, policy: DatasetPolicy) -> str:
    """The table whose units contribute to the relation as they do to the table: its profile is about both.

    Empty where there is none, as where units have one row each, or several on two sides of a join.
    """
    match relation:
        case Base(name):
            return name
        case WithLookup():
            return profiled_table(relation.of, policy)
        case Joined():
            several = [side for side in relation.sides if declared(side, policy).max_rows_per_unit > 1]
            return profiled_table(several[0], policy) if len(several) == 1 else ""
        case PerUnit():
            return ""


def unit_column(value: UnitValue, table: Table) -> Column:
    """What a number of each unit holds at most.

    Args:
        table: the rows it is worked out from.

    Raises:
        QuestionRefused: it could leave 64 bits, or its limits leave it one value.
    """
    whole, (lower, upper) = _unlimited(value, table)
    least = max(Fraction(lower), Fraction(lower if value.least is None else _number(value.least)))
    most = min(Fraction(upper), Fraction(upper if value.most is None else _number(value.most)))
    if least >= most:
        raise QuestionRefused(
            f"{value_text(value)} has one value only: it lies between {lower} and {upper} by itself.",
            fix="Use limits between these.",
        )
    lower, upper = math.floor(least), math.ceil(most)
    listed = whole.type is ColumnType.INTEGER and value.kind in (Per.ROWS, Per.FILLED, Per.DISTINCT)
    categories = tuple(range(lower, upper + 1)) if listed and upper - lower < _MOST_LISTED else ()
    return replace(whole, lower=lower, upper=upper, categories=categories)


def narrowed(value: UnitValue, table: Table) -> UnitValue:
    """The same number without limits that it keeps by itself."""
    _, (lower, upper) = _unlimited(value, table)
    least, most = value.least, value.most
    return replace(
        value,
        least=None if least is None or _number(least) <= lower else least,
        most=None if most is None or _number(most) >= upper else most,
    )


def lookup_column(lookup: Lookup, name: str) -> Column:
    """A column of a lookup: its cells are public, and so are their list and their ends."""
    declared_as = lookup.by_name[name]
    cells = list(dict.fromkeys(lookup.cells(name)))
    column = Column(
        type=declared_as.type, resolution=declared_as.resolution, measured_in=declared_as.measured_in
    )
    match declared_as.type:
        case ColumnType.BOOLEAN:
            return column
        case ColumnType.TEXT:
            return replace(column, categories=tuple(cells))
        case ColumnType.DATE:
            days = sorted(str(cell) for cell in cells)
            return replace(column, categories=tuple(days), earliest=days[0], latest=days[-1])
    by_size = {Fraction(str(cell)): cell for cell in cells}
    lower, upper = math.floor(min(by_size)), math.ceil(max(by_size))
    return replace(
        column,
        categories=tuple(by_size[size] for size in sorted(by_size)),
        lower=lower,
        upper=max(upper, lower + 1),
    )


def _with_lookup(relation: WithLookup, table: Table, lookup: Lookup) -> Table:
    """The same rows, or some of them, with more columns: a value stands in one row of a lookup at most."""
    looked_up = {relation.name_of(name): lookup_column(lookup, name) for name in relation.columns}
    for name in looked_up:
        _check_new(name, table.columns)
    return replace(table, columns={**table.columns, **looked_up})


def _check_new(name: str, columns: Mapping[str, Column]) -> None:
    """Raise when a made column would be called like another: names are digests where they are long."""
    if name in columns:
        raise QuestionRefused(f"Two columns would be called {name}.", fix="Ask for them one at a time.")


def _joined(relation: Joined, tables: Sequence[Table]) -> Table:
    most = math.prod(table.max_rows_per_unit for table in tables)
    if most > max(MOST_BESIDE, *(table.max_rows_per_unit for table in tables)):
        # A join is made before it is bounded. One unit's rows beside one another must not fill the engine's memory,
        # nor be seen in the time it takes: whether she is there would be told by whether an answer comes.
        raise QuestionRefused(
            f"One unit could have {most:,} rows in this join; at most {MOST_BESIDE:,} are made.",
            fix="Join one row for each unit: (SELECT unit, … GROUP BY unit).",
        )
    columns = {relation.unit: tables[0].columns[relation.unit]}
    for table, pairs in zip(tables, relation.columns, strict=True):
        beside = most // table.max_rows_per_unit  # rows of the others that stand beside one of its own
        for own, called in pairs:
            column = table.columns[own]
            rows = column.max_rows_per_unit
            columns[called] = replace(column, max_rows_per_unit=None if rows is None else rows * beside)
    needed = tables[: len(relation.parts)]
    rows = min(table.max_rows * (most // table.max_rows_per_unit) for table in needed)
    if rows > _LARGEST_ROWS:
        raise QuestionRefused(
            "This join could have more rows than 64 bits count.",
            fix="Join one row for each unit: (SELECT unit, … GROUP BY unit).",
        )
    return Table(columns=columns, max_rows=rows, max_rows_per_unit=most)


def _per_unit(relation: PerUnit, table: Table) -> Table:
    """One row per unit; with keys, one for each of their values that the unit has, and one where one is empty."""
    most = 1
    for key in relation.keys:
        column = table.columns[key]
        values = table.max_rows_per_unit if column.unlisted_keys else len(column.key_values) + 1
        most = min(table.max_rows_per_unit, most * values)
    columns = {relation.unit: table.columns[relation.unit]}
    for key in relation.keys:
        # A unit's rows with the same value differ in another key: there are none where it is the only one.
        alone = len(relation.keys) == 1
        columns[key] = replace(table.columns[key], max_rows_per_unit=1 if alone else None)
    for value, name in zip(relation.values, relation.names, strict=True):
        _check_new(name, columns)
        columns[name] = unit_column(value, table)
    # Each row is made from at least one row of its own.
    return Table(columns=columns, max_rows=table.max_rows, max_rows_per_unit=most)


def _unlimited(value: UnitValue, table: Table) -> tuple[Column, tuple[int, int]]:
    """The number without its limits, and its bounds."""
    most = table.max_rows_per_unit
    match value.kind:
        case Per.ROWS:
            return _count(1 if most > 1 else 0, most, "rows")
        case Per.FILLED | Per.DISTINCT:
            return _count(0, most, "rows" if value.kind is Per.FILLED else "")
    of = table.columns[value.column]
    if of.lower is None or of.upper is None:
        raise QuestionRefused(f"{value.column} has no declared bounds.", fix="Use a column that has.")
    lower, upper = of.lower, of.upper
    size = max(abs(lower), abs(upper)) * of.steps
    if value.kind is Per.SUM:
        lower, upper = min(lower, most * lower), max(upper, most * upper)
        size *= most
    if value.kind is Per.AVG and 2 * most * (size + 1) > _LARGEST_DIVIDED:
        raise QuestionRefused(
            f"{value_text(value)} could leave what every engine divides exactly.", fix="Use SUM and COUNT."
        )
    if size > LARGEST:
        raise QuestionRefused(
            f"{value_text(value)} could leave 64 bits.", fix="Ask the owner to declare narrower bounds."
        )
    column = Column(
        type=of.type, resolution=of.resolution, measured_in=of.measured_in, lower=lower, upper=upper
    )
    return column, (lower, upper)


def _count(lower: int, upper: int, measured_in: str) -> tuple[Column, tuple[int, int]]:
    column = Column(type=ColumnType.INTEGER, lower=lower, upper=upper, measured_in=measured_in)
    return column, (lower, upper)


def _number(literal: object) -> int | Decimal:
    if isinstance(literal, bool) or not isinstance(literal, (int, Decimal)):
        raise TypeError("a limit is a number")  # parse reads nothing else
    return literal
