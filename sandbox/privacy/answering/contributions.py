"""What each unit gives to each value of a key, added up once at publishing: the first step of a groups plan, ready.

A groups plan adds up each unit in each cell before it cuts and keeps. Over ten million rows that takes forty times as
long as to count them. Where the cells are a column's own values and no condition chooses among the rows, it is the same
for every question, so that publishing does it: one table for each key column, and one for answers without keys.

    _unit, the key column, _order (of the cell within its unit, by its lowest rank, from 0), _rows,
    and for each summable column x: _filled_x (cells that are not empty), _sum_x (of them, clamped, in steps)

They hold nothing that the view does not, and never leave its folder. An engine without them takes the long way, to the
same numbers (``tests/privacy/test_contributions``).
"""

from __future__ import annotations

from typing import Any

import ibis

from sandbox.domain.policy import Table
from sandbox.domain.question import Key
from sandbox.privacy.answering.bounded import LARGEST_SUM, RANK, UNIT, is_listed, key_name
from sandbox.privacy.answering.rowwise import clamped
from sandbox.privacy.planning.bounding import BoundingPlan
from sandbox.privacy.planning.measurements import Plan, Target, What
from sandbox.privacy.stored import bounds_in_steps

ORDER, ROWS = "_order", "_rows"
_FIRST = "_first"  # no column of a policy begins so
_SERVED = (What.ROWS, What.UNITS, What.FILLED, What.SUM, What.CENTRED)

Expression = Any  # ibis ships no types


def kept_keys(table: Table) -> tuple[str, ...]:
    """The key columns that publishing adds up by; the empty name stands for none. Nothing where units have one row."""
    if table.max_rows_per_unit == 1:
        return ()
    return ("", *(name for name, c in table.columns.items() if c.key_values or c.unlisted_keys))


def added_up(key: str, policy_table: Table, view: Expression, *, unit_column: str) -> Expression:
    """One row for each unit in each value of ``key``."""
    keys = {key: view[key]} if key else {}
    rows = view.filter(is_listed(Key(column=key, alias=key), policy_table, view)) if key else view
    sums: dict[str, Expression] = {}
    for name in _summed(policy_table, unit_column):
        cell, (lower, upper) = rows[name], bounds_in_steps(policy_table.columns[name])
        sums[f"_filled_{name}"] = cell.count()
        sums[f"_sum_{name}"] = clamped(cell, lower, upper).sum().coalesce(0)
    partial = rows.group_by(**{UNIT: rows[UNIT]}, **keys).aggregate(
        **{_FIRST: rows[RANK].min(), ROWS: rows.count()}, **sums
    )
    order = ibis.row_number().over(ibis.window(group_by=partial[UNIT], order_by=partial[_FIRST]))
    return partial.mutate(**{ORDER: order}).drop(_FIRST)


def schema_of(key: str, policy_table: Table, view: Expression, *, unit_column: str) -> dict[str, Any]:
    """Names and types of such a table."""
    expression = added_up(key, policy_table, view, unit_column=unit_column)
    return dict(expression.schema().items())


def key_served(plan: Plan, *, unit_column: str) -> str | None:
    """The key column whose table serves a plan, or None where none does."""
    question, bounding = plan.question, plan.bounding
    keys = [key.column if key.form is None else None for key in question.keys]
    if (
        not question.table  # its rows are made: they are not those that were added up
        or bounding.plan is not BoundingPlan.GROUPS
        or question.where is not None
        or len(keys) > 1
        or None in keys
        or bounding.rows_per_unit < plan.table.max_rows_per_unit
    ):
        return None
    summed = _summed(plan.table, unit_column)
    if not all(_is_kept(m.target, plan.table, summed) for m in plan.measurements):
        return None
    key = keys[0] if keys else ""
    return key if key in kept_keys(plan.table) else None


def partial_of(plan: Plan, contributions: Expression) -> Expression:
    """A groups plan's partial aggregates, as ``bounded`` makes them from rows."""
    columns = {UNIT: contributions[UNIT], ORDER: contributions[ORDER]}
    columns |= {key_name(at): contributions[key.column] for at, key in enumerate(plan.question.keys)}
    for target in (m.target for m in plan.measurements):
        match target.what:
            case What.ROWS:
                columns[target.label] = contributions[ROWS]
            case What.FILLED:
                columns[target.label] = contributions[f"_filled_{target.column}"]
            case What.SUM | What.CENTRED:
                filled = contributions[f"_filled_{target.column}"]
                columns[target.label] = contributions[f"_sum_{target.column}"] - target.middle * filled
                columns[f"{target.label}_rows"] = filled
            case _:
                pass  # units are counted by their rows here
    return contributions.select(**columns)


def _is_kept(target: Target, table: Table, summed: tuple[str, ...]) -> bool:
    if target.what not in _SERVED or target.where is not None:
        return False
    if not target.column or target.what is What.UNITS:
        return True
    return target.column in summed and (
        target.what is What.FILLED
        or (target.lower, target.upper) == bounds_in_steps(table.columns[target.column])
    )


def _summed(table: Table, unit_column: str) -> tuple[str, ...]:
    """The columns that are added up: those with bounds so narrow that no sum leaves 64 bits."""
    return tuple(
        name
        for name, column in table.columns.items()
        if name != unit_column
        and column.summable
        and table.max_rows * max(map(abs, bounds_in_steps(column))) <= LARGEST_SUM
    )
