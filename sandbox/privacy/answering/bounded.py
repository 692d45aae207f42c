"""``Plan`` → the query that an engine runs: exact, bounded aggregates in whole numbers, one row for each cell that
has any. Cells without rows are added afterwards, from the policy.

Everything here is built from the plan with Ibis; the same expression compiles for other engines. No step can fail
for some rows and not for others: values are clamped before they are shifted, and sums cannot leave 64 bits (``plan``
has seen to it).
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis

from sandbox.domain.policy import ColumnType, Table
from sandbox.domain.question import Key, Question
from sandbox.privacy.answering.relations import IBIS_TYPES
from sandbox.privacy.answering.relations import RANK as RANK
from sandbox.privacy.answering.relations import UNIT as UNIT
from sandbox.privacy.answering.rowwise import Expression, clamped, condition, key_cell, key_expression
from sandbox.privacy.engines.holding import VIEW
from sandbox.privacy.planning.bounding import Bounding, BoundingPlan
from sandbox.privacy.planning.measurements import Plan, Target, What

ONE = ibis.literal(1, "int64")
_LARGEST_SCALED = 2**52
LARGEST_SUM = 2**62  # of a column: beyond, 64 bits would not hold it
LONGEST_KEY = 200  # characters: a longer text is no key that many units share


def view_of(table: Table, *, unit_column: str, name: str = VIEW) -> Expression:
    """The private view, as a table that no engine is bound to yet."""
    schema = {UNIT: "int64", RANK: "int64"}
    schema |= {name: IBIS_TYPES[c.type] for name, c in table.columns.items() if name != unit_column}
    return ibis.table(schema, name=name)


def key_name(place: int) -> str:
    return f"k{place}"


def bounded(plan: Plan, table: Expression, partial: Expression | None = None) -> Expression:
    """Columns ``k0``, ``k1`` … for the keys, then one column per target but trees, named as it is.

    Args:
        partial: the plan's partial aggregates, where publishing added them up (``contributions``).
    """
    if partial is not None:
        return _kept_and_cut(plan, partial)
    rows = selected(plan.question, plan.table, table)
    rows = rows.filter(rows[RANK] < plan.bounding.rows_per_unit)
    keys = keys_of_cells(plan.question, plan.table, rows)
    targets = flat_targets(plan)
    if plan.bounding.plan is BoundingPlan.ROWS:
        return grouped(rows, keys, {t.label: _sum_over_rows(t, rows, plan.table) for t in targets})
    return _by_groups(plan, rows, keys, targets)


def flat_targets(plan: Plan) -> list[Target]:
    """What is one number for each cell: all but trees, which ``leaves`` counts."""
    return [m.target for m in plan.measurements if m.target.what is not What.TREE]


def selected(question: Question, policy_table: Table, table: Expression) -> Expression:
    """The rows that pass WHERE and fall in a listed cell."""
    conditions = [is_listed(key, policy_table, table) for key in question.keys]
    if question.where is not None:
        conditions.append(condition(question.where, policy_table, table))
    return table.filter(*conditions) if conditions else table


def is_listed(key: Key, policy_table: Table, table: Expression) -> Expression:
    """True for rows that fall in a cell of the answer.

    Of a column's own values, publishing has left only listed ones: the rest are empty. To compare ten million texts
    with a list again takes longer than to count them. Were one there all the same, its cell would not be in the
    answer (``run``), and a vector with a cell less is no longer than the whole one.
    """
    cell = key_expression(key, policy_table, table)
    if not key.listed(policy_table) and policy_table.columns[key.column].type is ColumnType.TEXT:
        return cell.length() <= LONGEST_KEY  # unknown, and so left out, where it is empty
    if key.form is None:
        return cell.notnull()
    return cell.isin([key_cell(key, value, policy_table) for value in key.values(policy_table)])


def keys_of_cells(question: Question, policy_table: Table, rows: Expression) -> dict[str, Expression]:
    return {key_name(i): key_expression(key, policy_table, rows) for i, key in enumerate(question.keys)}


def grouped(rows: Expression, keys: dict[str, Expression], columns: dict[str, Expression]) -> Expression:
    return rows.group_by(**keys).aggregate(**columns) if keys else rows.aggregate(**columns)


def _sum_over_rows(target: Target, rows: Expression, policy_table: Table) -> Expression:
    match target.what:
        case What.ROWS:
            return rows.count() if target.where is None else _counted(target, ONE, rows, policy_table).count()
        case What.UNITS:
            return _counted(target, rows[UNIT], rows, policy_table).nunique()
        case What.VALUES:
            return _counted(target, rows[target.column], rows, policy_table).nunique()
        case What.FILLED:
            return _counted(target, rows[target.column], rows, policy_table).count()
        case What.SUM | What.CENTRED | What.SQUARES | What.PRODUCTS:
            return _counted(target, _number(target, rows), rows, policy_table).sum().coalesce(0)
        case What.TREE:
            raise ValueError("a tree is counted by its leaves")


def _number(target: Target, rows: Expression) -> Expression:
    """What a row adds to a sum; empty where it has nothing to add."""
    match target.what:
        case What.SQUARES:
            away = _away(target, rows[target.column])
            return away * away
        case What.PRODUCTS:
            return _product(target, rows)
        case _:
            return clamped(rows[target.column], target.lower, target.upper) - target.middle


def _counted(target: Target, value: Expression, rows: Expression, policy_table: Table) -> Expression:
    """The value in rows that meet the target's own condition, empty in others.

    Written as a CASE: what Ibis makes of a filtered count on Spark is empty where there are no rows.
    """
    if target.where is None:
        return value
    return ibis.cases((condition(target.where, policy_table, rows), value), else_=None)


def _filled_rows(target: Target, rows: Expression, policy_table: Table) -> Expression:
    """How many rows a unit's sum in a cell is over."""
    value = rows[target.column] if target.times is None else _product(target, rows)
    return _counted(target, value, rows, policy_table).count()


def _by_groups(
    plan: Plan, rows: Expression, keys: dict[str, Expression], targets: Sequence[Target]
) -> Expression:
    """Aggregate each unit in each cell, and order its cells by their first rank."""
    bounding, first = plan.bounding, "_first_rank"
    if any(t.by_rows_alone for t in targets):
        raise ValueError("distinct values are bounded by rows")  # ``plan`` has seen to it
    partial = rows.group_by(**{UNIT: rows[UNIT]}, **keys).aggregate(
        **{first: rows[RANK].min()},
        **{t.label: _in_a_cell(t, rows, plan.table) for t in targets if not _is_there(t)},
        **{_rows_name(t): _filled_rows(t, rows, plan.table) for t in targets if scales(t, bounding)},
    )
    if _chooses_cells(plan):
        order = ibis.row_number().over(ibis.window(group_by=partial[UNIT], order_by=partial[first]))
        partial = partial.mutate(_order=order)
    return _kept_and_cut(plan, partial)


def _kept_and_cut(plan: Plan, partial: Expression) -> Expression:
    """Keep a unit's first cells, cut what it gives to each, and only then add units up."""
    bounding = plan.bounding
    if _chooses_cells(plan):
        partial = partial.filter(partial["_order"] < bounding.groups_per_unit)
    cut = {t.label: _summed(t, partial, bounding) for t in flat_targets(plan)}
    keys = [key_name(i) for i in range(len(plan.question.keys))]
    return grouped(partial, {name: partial[name] for name in keys}, cut)


def _chooses_cells(plan: Plan) -> bool:
    """A unit with M rows is in M cells at most, so that only a tighter bound has anything to choose."""
    bounding = plan.bounding
    return bool(plan.question.keys) and bounding.groups_per_unit < min(
        plan.most_cells, bounding.rows_per_unit
    )


def _is_there(target: Target) -> bool:
    """True for what each unit that is in a cell counts as 1 in it."""
    return target.what is What.UNITS and target.where is None


def _in_a_cell(target: Target, rows: Expression, policy_table: Table) -> Expression:
    """One unit's part of one cell; of a count of units with a condition, how many of its rows meet that."""
    if target.what is What.UNITS:
        return _counted(target, ONE, rows, policy_table).count()
    return _sum_over_rows(target, rows, policy_table)


def _away(target: Target, cell: Expression) -> Expression:
    """A value's distance from the middle, in whole multiples of the quantum, to the nearest."""
    away = (clamped(cell, target.lower, target.upper) - target.middle).abs()
    if target.quantum > 1:
        half = target.quantum // 2
        whole = away + half - (away + half) % target.quantum
        # A multiple, and half a quantum: the floor is the same on engines that divide as floating-point numbers do.
        away = ((whole + half) // target.quantum).cast("int64")
        # And whatever an engine makes of it, never above what is paid for.
        away = clamped(away, 0, target.half)
    return away


def _product(target: Target, rows: Expression) -> Expression:
    """The product of two columns' distances from their middles, each with its sign; empty where one is empty."""
    if target.times is None:
        raise ValueError("a product has two factors")
    first, second = (
        ibis.cases((cell < part.middle, -_away(part, cell)), else_=_away(part, cell))
        for part, cell in ((t, rows[t.column]) for t in (target, target.times))
    )
    return first * second


def leaves(plan: Plan, target: Target, table: Expression) -> Expression:
    """Columns ``k0``, ``k1`` … for the keys, ``start`` of a leaf above the lower bound, and its count of rows."""
    rows = selected(plan.question, plan.table, table)
    rows = rows.filter(rows[RANK] < plan.bounding.rows_per_unit, rows[target.column].notnull())
    if target.where is not None:
        rows = rows.filter(condition(target.where, plan.table, rows))
    above = clamped(rows[target.column], target.lower, target.upper) - target.lower
    keys = keys_of_cells(plan.question, plan.table, rows)
    return rows.group_by(**keys, start=above - above % target.shape.width).aggregate(n=rows.count())


def _summed(target: Target, partial: Expression, bounding: Bounding) -> Expression:
    """The units' partial aggregates, each at most ``Target.cut``, added up."""
    if _is_there(target):
        return partial.count()
    if target.what is What.UNITS:
        return clamped(partial[target.label], 0, 1).sum().coalesce(0)
    value, most = partial[target.label], target.cut(bounding)
    if scales(target, bounding):
        # An average's sum shrinks just as its count is cut: a unit with many rows loses weight, not size.
        most_rows = bounding.rows_per_group
        rows = ibis.greatest(partial[_rows_name(target)], most_rows)
        # To the nearest: cutting off would bend averages.
        value = (2 * most_rows * value + rows) // (2 * rows)
    return clamped(value, -most, most).sum().coalesce(0)


def scales(target: Target, bounding: Bounding) -> bool:
    """True where a unit's sum in a cell is scaled before it is cut.

    Only where the numbers stay small enough to be divided exactly on every engine, also on those that divide whole
    numbers as floating-point ones. Decided by the policy's bounds alone.
    """
    largest = 2 * (bounding.rows_per_unit * target.magnitude + 1) * bounding.rows_per_group
    return (
        target.what in (What.CENTRED, What.SQUARES, What.PRODUCTS)
        and bounding.plan is BoundingPlan.GROUPS
        and largest <= _LARGEST_SCALED
    )


def _rows_name(target: Target) -> str:
    return f"{target.label}_rows"
