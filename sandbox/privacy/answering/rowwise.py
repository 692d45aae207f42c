"""What is worked out for each row by itself: conditions, and the keys that rows are grouped by.

Both depend on the row alone, so that a row falls in at most one cell, whatever other rows there are. All of it is
whole numbers, comparisons and parts of dates, written so that no engine's own rounding, truncation of dates, or sign
of a remainder matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import ibis

from sandbox.domain.key_forms import Bins, Cases, DatePart, DateUnit, Extracted, Holds, Truncated
from sandbox.domain.policy import Scalar, Table
from sandbox.domain.predicate import And, Comparison, In, IsNull, Op, Or, Predicate
from sandbox.domain.question import Key
from sandbox.privacy.stored import Stored, bounds_in_steps, steps_per_one, stored_key, stored_literal

Expression = Any  # ibis ships no types

_MONTHS = {DateUnit.MONTH: 1, DateUnit.QUARTER: 3, DateUnit.YEAR: 12}


def key_expression(key: Key, policy_table: Table, table: Expression) -> Expression:
    """The key of each row, as ``key_cell`` says its values; empty where the row has none."""
    cell: Expression = table[key.column] if key.column else None
    match key.form:
        case None:
            return cell
        case Bins(width):
            column = policy_table.columns[key.column]
            lower, upper = bounds_in_steps(column)
            steps = width * steps_per_one(column)
            first = lower // steps * steps
            above = (
                cell.clip(lower=lower, upper=upper) - first
            )  # at least 0: remainders of those have one meaning
            return above - above % steps + first
        case Truncated(unit):
            month = cell.year().cast("int64") * 12 + cell.month() - 1
            return month - month % _MONTHS[unit]
        case Extracted(part):
            return _part(part, cell).cast("int64")
        case Cases(branches, otherwise):
            values = key.values(policy_table)
            tried = [
                (condition(p, policy_table, table), ibis.literal(values.index(r), "int64"))
                for p, r in branches
            ]
            last = ibis.null("int64") if otherwise is None else ibis.literal(values.index(otherwise), "int64")
            return ibis.cases(*tried, else_=last)
        case Holds(predicate):
            # As 1 and 0: a bare comparison would be compared once more, and "a >= b IN (…)" is another question.
            met = condition(predicate, policy_table, table)
            return ibis.cases((met, ibis.literal(1, "int64")), (~met, ibis.literal(0, "int64")))


def key_cell(key: Key, value: Scalar, policy_table: Table) -> Stored:
    """A public value of a key, as ``key_expression`` gives it."""
    match key.form:
        case None:
            return stored_key(value, policy_table.columns[key.column])
        case Bins():
            return int(value) * steps_per_one(policy_table.columns[key.column])
        case Truncated():
            day = date.fromisoformat(str(value))
            return day.year * 12 + day.month - 1
        case Cases():
            return key.values(policy_table).index(value)
        case Extracted() | Holds():
            return int(value)


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


def clamped(value: Expression, lower: int, upper: int) -> Expression:
    """The value, or the nearer bound; empty stays empty, as no comparison with it is true.

    Ibis's own ``clip`` says the same with the value written out seven times.
    """
    return ibis.cases((value > upper, upper), (value < lower, lower), else_=value)


def _part(part: DatePart, cell: Expression) -> Expression:
    match part:
        case DatePart.YEAR:
            return cell.year()
        case DatePart.QUARTER:
            return cell.quarter()
        case DatePart.MONTH:
            return cell.month()
        case DatePart.DAY:
            return cell.day()
        case DatePart.DOW:
            return (cell.day_of_week.index() + 1) % 7  # there Monday is 0


def _joined(parts: Sequence[Expression], *, all_of: bool) -> Expression:
    """A balanced tree: a chain of a thousand would be as deep as it is long."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    left, right = _joined(parts[:middle], all_of=all_of), _joined(parts[middle:], all_of=all_of)
    return left & right if all_of else left | right
