"""``Plan`` → the query that an engine runs: exact, bounded aggregates in whole numbers, one row for each cell that
has any. Cells without rows are added afterwards, from the policy.

Everything here is built from the plan with Ibis; the same expression compiles for other engines. No step can fail
for some rows and not for others: values are clamped before they are shifted, and sums cannot leave 64 bits (``plan``
has seen to it).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis

from sandbox.domain.policy import ColumnType, Table
from sandbox.domain.predicate import And, Comparison, In, IsNull, Op, Or, Predicate
from sandbox.domain.question import MeasureKind, Question
from sandbox.privacy.bounding import BoundingPlan
from sandbox.privacy.measurements import Plan, Target, What
from sandbox.privacy.stored import stored_key, stored_literal

VIEW = "private_view"
UNIT, RANK = "_unit", "_rank"

Expression = Any  # ibis ships no types

_IBIS_TYPES = {
    ColumnType.INTEGER: "int64",
    ColumnType.DECIMAL: "int64",
    ColumnType.TEXT: "string",
    ColumnType.BOOLEAN: "boolean",
    ColumnType.DATE: "date",
}


def view_of(table: Table, *, unit_column: str) -> Expression:
    """The private view, as a table that no engine is bound to yet."""
    schema = {UNIT: "int64", RANK: "int64"}
    schema |= {name: _IBIS_TYPES[c.type] for name, c in table.columns.items() if name != unit_column}
    return ibis.table(schema, name=VIEW)


def key_name(place: int) -> str:
    return f"k{place}"


def bounded(plan: Plan, table: Expression) -> Expression:
    """Columns ``k0``, ``k1`` … for the keys, then one column per target, named as it is."""
    rows = _selected(plan.question, plan.table, table)
    rows = rows.filter(rows[RANK] < plan.bounding.rows_per_unit)
    keys = _keys(plan.question, rows)
    targets = [m.target for m in plan.measurements]
    if plan.bounding.plan is BoundingPlan.ROWS:
        return _grouped(rows, keys, {t.name: _sum_over_rows(t, rows) for t in targets})
    return _by_groups(plan, rows, keys, targets)


def exact(question: Question, policy_table: Table, table: Expression) -> Expression:
    """The question without bounds or clamps, with distinct units and rows behind each cell. Never for answers."""
    rows = _selected(question, policy_table, table)
    columns: dict[str, Expression] = {"rows": rows.count(), "units": rows[UNIT].nunique()}
    for measure in question.measures:
        if measure.kind in (MeasureKind.SUM, MeasureKind.AVG):
            columns[f"sum_{measure.column}"] = rows[measure.column].sum()
            columns[f"filled_{measure.column}"] = rows[measure.column].count()
    return _grouped(rows, _keys(question, rows), columns)


def _selected(question: Question, policy_table: Table, table: Expression) -> Expression:
    """The rows that pass WHERE and fall in a listed cell."""
    conditions = [
        table[key.column].isin([stored_key(v, policy_table.columns[key.column]) for v in values])
        for key in question.keys
        if (values := policy_table.columns[key.column].key_values)
    ]
    if question.where is not None:
        conditions.append(condition(question.where, policy_table, table))
    return table.filter(*conditions) if conditions else table


def condition(predicate: Predicate, policy_table: Table, table: Expression) -> Expression:
    """The predicate on a table."""
    match predicate:
        case And(parts):
            return _joined([condition(p, policy_table, table) for p in parts], all_of=True)
        case Or(parts):
            return _joined([condition(p, policy_table, table) for p in parts], all_of=False)
        case IsNull(column, negated):
            return table[column].notnull() if negated else table[column].isnull()
        case Comparison(column, op, value):
            literal = stored_literal(value, policy_table.columns[column])
            return table[column] <= literal if op is Op.AT_MOST else table[column] >= literal
        case In(column, values, negated):
            literals = [stored_literal(value, policy_table.columns[column]) for value in values]
            return table[column].notin(literals) if negated else table[column].isin(literals)


def _joined(parts: Sequence[Expression], *, all_of: bool) -> Expression:
    """A balanced tree: a chain of a thousand would be as deep as it is long."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    left, right = _joined(parts[:middle], all_of=all_of), _joined(parts[middle:], all_of=all_of)
    return left & right if all_of else left | right


def _keys(question: Question, rows: Expression) -> dict[str, Expression]:
    return {key_name(i): rows[key.column] for i, key in enumerate(question.keys)}


def _grouped(rows: Expression, keys: dict[str, Expression], columns: dict[str, Expression]) -> Expression:
    return rows.group_by(**keys).aggregate(**columns) if keys else rows.aggregate(**columns)


def _sum_over_rows(target: Target, rows: Expression) -> Expression:
    match target.what:
        case What.ROWS:
            return rows.count()
        case What.UNITS:
            return rows[UNIT].nunique()
        case What.FILLED:
            return rows[target.column].count()
        case What.SUM | What.CENTRED:
            clamped = rows[target.column].clip(lower=target.lower, upper=target.upper)
            return (clamped - target.middle).sum().coalesce(0)


def _by_groups(
    plan: Plan, rows: Expression, keys: dict[str, Expression], targets: Sequence[Target]
) -> Expression:
    """Aggregate each unit in each cell, cut that, keep a unit's first cells, and only then add units up."""
    bounding, first = plan.bounding, "first_rank"
    partial = rows.group_by(**{UNIT: rows[UNIT]}, **keys).aggregate(
        **{first: rows[RANK].min()},
        **{t.name: _sum_over_rows(t, rows) for t in targets if t.what is not What.UNITS},
    )
    # A unit with M rows is in M cells at most, so that only a tighter bound has anything to choose.
    if keys and bounding.groups_per_unit < min(len(plan.cells), bounding.rows_per_unit):
        order = ibis.row_number().over(ibis.window(group_by=partial[UNIT], order_by=partial[first]))
        partial = partial.mutate(cell_order=order)
        partial = partial.filter(partial["cell_order"] < bounding.groups_per_unit)
    cut = {t.name: _summed(t, partial, bounding.rows_per_group) for t in targets}
    return _grouped(partial, {name: partial[name] for name in keys}, cut)


def _summed(target: Target, partial: Expression, rows_per_group: int) -> Expression:
    """The units' partial aggregates, each at most what ``rows_per_group`` rows could give, added up."""
    if target.what is What.UNITS:
        return partial.count()
    most = rows_per_group * target.magnitude if target.what in (What.SUM, What.CENTRED) else rows_per_group
    return partial[target.name].clip(lower=-most, upper=most).sum().coalesce(0)
