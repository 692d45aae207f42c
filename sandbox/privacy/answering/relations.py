"""Relation → the rows that a question is about: ``_unit``, ``_rank`` and the columns that ``derived`` declares.

Promise, for every relation: the rows of a unit, their ranks included, are made from that unit's rows alone, and their
ranks are distinct within it. The proof is by induction over the relation.

- A table: publishing drew a unit's ranks for it alone.
- ``PerUnit``: rows are filtered one by one, by themselves and by their own rank; then each group holds rows of one unit
  only, as the unit is a part of the group, and all of them; so each aggregate, and the lowest rank, is one of that
  unit's rows. Without keys a unit has one row, of rank 0. With keys it has one for each group of its rows; groups are
  disjoint, so that their lowest ranks differ, and to count them off in that order gives ranks 0, 1, 2 … to them.

- ``WithLookup``: columns are added, and rows are left out, by what stands in the row itself and in the policy; unit
  and rank stay.

- ``Joined``: rows stand beside each other by the unit alone, so that the product of a unit's rows on all sides is made
  of that unit's rows. Where one side alone may have several, its rank tells the rows apart, as each of its rows stands
  there once. Otherwise the rows of a unit are counted off in an order of their ranks in which no two are equal (the
  largest first, then one by one); a window holds rows of one unit only. Low ranks of all sides come first. Where all
  rows count, their ranks are put together as the digits of one number instead: as distinct, and below the product.

So with D = D' + u, the rows behind a relation are those of D' and u's: what ``sensitivity`` supposes of a table's rows.
A unit has no more of them than ``declared`` says; ``bounded`` filters by rank all the same.

No step fails for some rows only: cells are clamped first, sums of M such cells are within 64 bits (``declared`` has
seen to it), and nothing is divided by zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ibis

from sandbox.domain.derived import declared, lookup_column, unit_column
from sandbox.domain.policy import ColumnType, DatasetPolicy, Lookup, Table
from sandbox.domain.relation import Base, Joined, Per, PerUnit, Relation, UnitValue, WithLookup
from sandbox.privacy.answering.rowwise import Expression, clamped, condition
from sandbox.privacy.stored import Stored, bounds_in_steps, stored_key, stored_literal

UNIT, RANK = "_unit", "_rank"
IBIS_TYPES = {
    ColumnType.INTEGER: "int64",
    ColumnType.DECIMAL: "int64",
    ColumnType.TEXT: "string",
    ColumnType.BOOLEAN: "boolean",
    ColumnType.DATE: "date",
}


def relation_rows(
    relation: Relation,
    policy: DatasetPolicy,
    published: Callable[[str], Expression],
    *,
    whole: bool = False,
) -> Expression:
    """The rows of a relation.

    Args:
        published: the private view of a table by its name.
        whole: every row counts, so that ranks need only differ. To count a join's rows off takes five times as long.
    """
    match relation:
        case Base(table):
            return published(table)
        case PerUnit():
            rows = relation_rows(relation.of, policy, published, whole=True)
            return _per_unit(relation, declared(relation.of, policy), rows)
        case Joined():
            tables = [declared(side, policy) for side in relation.sides]
            sides = [relation_rows(side, policy, published, whole=True) for side in relation.sides]
            return _joined(relation, tables, sides, whole=whole)
        case WithLookup():
            rows = relation_rows(relation.of, policy, published, whole=whole)
            return _with_lookup(
                relation, declared(relation.of, policy), policy.lookups[relation.lookup], rows
            )


def _joined(
    relation: Joined, tables: Sequence[Table], sides: Sequence[Expression], *, whole: bool
) -> Expression:
    together: Expression = None
    for place, (table, rows, pairs) in enumerate(zip(tables, sides, relation.columns, strict=True)):
        rows = rows.filter(rows[RANK] < table.max_rows_per_unit)
        side = rows.select(
            **{_own(UNIT, place): rows[UNIT], _own(RANK, place): rows[RANK]},
            **{called: rows[own] for own, called in pairs},
        )
        if together is None:
            together = side
            continue
        how = "inner" if place < len(relation.parts) else "left"
        beside = together.join(side, together[_own(UNIT, 0)] == side[_own(UNIT, place)], how=how)
        together = beside.select(
            *(together[name] for name in together.columns),
            *(side[name] for name in side.columns if name != _own(UNIT, place)),
        )
    several = [place for place, table in enumerate(tables) if table.max_rows_per_unit > 1]
    ranks = [together[_own(RANK, place)].coalesce(0) for place in several]
    if not ranks:
        rank = ibis.literal(0, "int64")
    elif len(ranks) == 1:
        rank = ranks[0]
    elif whole:  # as digits of one number, each below its own M: smaller than their product, and no two equal
        rank = ranks[0]
        for place, digit in zip(several[1:], ranks[1:], strict=True):
            rank = rank * tables[place].max_rows_per_unit + digit
    else:
        order = ibis.window(group_by=together[_own(UNIT, 0)], order_by=[ibis.greatest(*ranks), *ranks])
        rank = ibis.row_number().over(order)
    called = [called for pairs in relation.columns for _, called in pairs]
    return together.select(
        **{UNIT: together[_own(UNIT, 0)], RANK: rank.cast("int64")},
        **{name: together[name] for name in called},
    )


def _own(name: str, place: int) -> str:
    return f"{name}_{place}"


def _with_lookup(relation: WithLookup, table: Table, lookup: Lookup, rows: Expression) -> Expression:
    """As cases rather than as a join: a lookup is small, and what is compared is then plain to see."""
    on, cell = table.columns[relation.on], rows[relation.on]
    keys = [stored_key(key, on) for key in lookup.cells(relation.key)]
    found = {}
    for name in relation.columns:
        column = lookup_column(lookup, name)
        by_value: dict[Stored, list[Stored]] = {}
        for key, value in zip(keys, lookup.cells(name), strict=True):
            by_value.setdefault(stored_key(value, column), []).append(key)
        branches = [
            (cell.isin(same), ibis.literal(value, IBIS_TYPES[column.type]))
            for value, same in by_value.items()
        ]
        found[relation.name_of(name)] = ibis.cases(*branches)
    rows = rows.mutate(**found) if found else rows
    return rows if relation.optional else rows.filter(rows[relation.on].isin(keys))


def _per_unit(relation: PerUnit, table: Table, rows: Expression) -> Expression:
    rows = rows.filter(rows[RANK] < table.max_rows_per_unit)
    if relation.where is not None:
        rows = rows.filter(condition(relation.where, table, rows))
    groups = {UNIT: rows[UNIT], **{key: rows[key] for key in relation.keys}}
    named = dict(zip(relation.names, relation.values, strict=True))
    parts = {
        _part(place, what): part
        for place, value in enumerate(named.values())
        for what, part in _parts(value, table, rows).items()
    }
    made = rows.group_by(**groups).aggregate(**{RANK: rows[RANK].min()}, **parts)
    rank = ibis.literal(0, "int64")
    if relation.keys:
        rank = ibis.row_number().over(ibis.window(group_by=made[UNIT], order_by=made[RANK])).cast("int64")
    numbers = {name: _number(place, value, table, made) for place, (name, value) in enumerate(named.items())}
    return made.select(**{UNIT: made[UNIT], RANK: rank}, **{k: made[k] for k in relation.keys}, **numbers)


def _part(place: int, what: str) -> str:
    return f"_{what}_{place}"


def _parts(value: UnitValue, table: Table, rows: Expression) -> dict[str, Expression]:
    """What has to be aggregated for a number of each unit."""
    match value.kind:
        case Per.ROWS:
            return {"whole": rows.count()}
        case Per.FILLED:
            return {"whole": rows[value.column].count()}
        case Per.DISTINCT:
            return {"whole": rows[value.column].nunique()}
    lower, upper = bounds_in_steps(table.columns[value.column])
    cell = clamped(rows[value.column], lower, upper)
    match value.kind:
        case Per.MIN:
            return {"whole": cell.min()}
        case Per.MAX:
            return {"whole": cell.max()}
        case Per.AVG:
            return {"whole": cell.sum(), "filled": cell.count()}
        case Per.SUM:
            return {"whole": cell.sum()}


def _number(place: int, value: UnitValue, table: Table, made: Expression) -> Expression:
    """The number itself, from its parts, within its limits; empty where no cell was filled."""
    number = made[_part(place, "whole")].cast("int64")
    if value.kind is Per.AVG:
        number = _average(number, made[_part(place, "filled")].cast("int64"))
    column = unit_column(value, table)
    if value.kind is Per.AVG or value.least is not None or value.most is not None:
        lower, upper = bounds_in_steps(column)
        least = lower if value.least is None else int(stored_literal(value.least, column))  # type: ignore[arg-type]
        most = upper if value.most is None else int(stored_literal(value.most, column))  # type: ignore[arg-type]
        number = clamped(number, least, most)
    return number


def _average(total: Expression, filled: Expression) -> Expression:
    """total / filled, halves away from zero; empty where nothing is filled.

    In whole numbers: (2·|total| + filled) is made a multiple of 2·filled before it is divided, so that the quotient is
    whole on engines that divide as floating-point numbers do as well; ``declared`` keeps both small enough for that.
    """
    doubled = 2 * ibis.greatest(filled, 1)
    half_up = 2 * total.abs() + filled
    size = ((half_up - half_up % doubled) // doubled).cast("int64")
    return ibis.cases((total < 0, -size), else_=size)
