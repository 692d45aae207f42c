"""Made-up rows in the shape of an extract: from a base's sample, or from the public schema alone.

Rows from the schema say nothing of the data: each value is drawn evenly from what the policy declares, and where it
declares nothing, from a few values of the column's type. They are for trying code, not for learning anything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from sandbox.domain.canonical import content_hash
from sandbox.domain.errors import BadInput
from sandbox.domain.policy import Column, ColumnType, DatasetPolicy, Scalar
from sandbox.domain.policy_document import policy_to_document
from sandbox.privacy.base.sample import MOST_ROWS, Sample
from sandbox.privacy.publishing.extracting import PSEUDONYM_DIGITS, places
from sandbox.privacy.stored import steps_per_one

Rows = Sequence[Mapping[str, Any]]

_MOST_OF_A_UNIT = 3  # rows
_NUMBERS = (0, 99)  # where the policy sets no bounds
_DAYS = (date(2000, 1, 1), date(2020, 12, 31))
_TEXTS = 20


def pseudonym(number: int) -> str:
    """A made-up unit's, in the form that extracts have."""
    return hashlib.sha256(f"made up {number}".encode()).hexdigest()[:PSEUDONYM_DIGITS]


def made_up_rows(policy: DatasetPolicy, rows: int) -> dict[str, Rows]:
    """Rows of each table from the policy alone: everybody gets the same ones.

    Args:
        rows: of each table, as far as it may have so many.

    Raises:
        BadInput: no such number of rows.
    """
    if type(rows) is not int or not 0 <= rows <= MOST_ROWS:
        raise BadInput(
            f"A sample has 0 to {MOST_ROWS} rows.", where="rows", fix="Ask for 1000, for instance."
        )
    chance = np.random.default_rng(int(content_hash(policy_to_document(policy)), 16))
    unit = policy.unit.column if policy.unit else ""
    made: dict[str, Rows] = {}
    for name, table in policy.tables.items():
        count = min(rows, table.max_rows)
        each = min(table.max_rows_per_unit, _MOST_OF_A_UNIT)
        cells = {
            column: [pseudonym(i // each) for i in range(count)]
            if column == unit
            else _drawn(declared, count, chance)
            for column, declared in table.columns.items()
        }
        made[name] = [{column: values[i] for column, values in cells.items()} for i in range(count)]
    return made


def rows_of_sample(found: Sample, policy: DatasetPolicy, table: str) -> dict[str, Rows]:
    """A base's synthetic rows, in the types of an extract."""
    declared, unit = policy.tables[table].columns, policy.unit.column if policy.unit else ""
    return {
        table: [
            {
                name: pseudonym(i) if name == unit else _typed(value, declared[name])
                for name, value in zip(found.columns, row, strict=True)
            }
            for i, row in enumerate(found.rows)
        ]
    }


def _drawn(column: Column, count: int, chance: np.random.Generator) -> list[Any]:
    if column.key_values:
        listed = [_listed(value, column) for value in column.key_values]
        return [listed[i] for i in chance.integers(0, len(listed), count)]
    if column.type is ColumnType.DATE:
        first = date.fromisoformat(column.earliest) if column.earliest else _DAYS[0]
        last = date.fromisoformat(column.latest) if column.latest else max(_DAYS[1], first)
        days = chance.integers(0, (last - first).days + 1, count)
        return [first + timedelta(days=int(n)) for n in days]
    if column.type is ColumnType.TEXT:
        return [f"text {n + 1}" for n in chance.integers(0, _TEXTS, count)]
    lower = column.lower if column.lower is not None else min(_NUMBERS[0], column.upper or 0)
    upper = column.upper if column.upper is not None else max(_NUMBERS[1], lower)
    steps = steps_per_one(column)
    found = chance.integers(lower * steps, upper * steps + 1, count)
    return [_number(int(n), column) for n in found]


def _number(steps: int, column: Column) -> int | Decimal:
    if column.type is ColumnType.INTEGER:
        return steps
    return (Decimal(steps) / steps_per_one(column)).quantize(Decimal(1).scaleb(-places(column)))


def _listed(value: Scalar, column: Column) -> Any:
    match column.type:
        case ColumnType.DATE:
            return date.fromisoformat(str(value))
        case ColumnType.DECIMAL:
            return Decimal(str(value)).quantize(Decimal(1).scaleb(-places(column)))
        case _:
            return value


def _typed(value: Any, column: Column) -> Any:
    """A cell of a sample, in the type that an extract has."""
    if value is None or isinstance(value, bool | datetime):
        return value
    if column.type is ColumnType.DECIMAL:
        return _number(round(value * steps_per_one(column)), column)
    if column.type is ColumnType.DATE and isinstance(value, str):
        return date.fromisoformat(value)
    return value
