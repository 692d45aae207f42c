"""What the platform computed itself, to hold beside a table that a researcher wants to take home.

- Evidence is exact and never leaves the platform: checks read it, people see only verdicts.
- ``units`` counts distinct privacy units, ``rows`` counts rows; thresholds are about units.
- A whole number is exact; any other number is decimal text, so that nothing is compared as a binary fraction.
- Every listed key has a row, also when nobody is in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from sandbox.domain.policy import Scalar

Exact = int | str | None  # whole number | decimal text such as '12.50' | nothing (an empty cell's average)


class MeasureKind(StrEnum):
    """What a column of the evidence holds."""

    COUNT_ROWS = "count_rows"
    COUNT_FILLED = "count_filled"
    COUNT_UNITS = "count_units"
    COUNT_VALUES = "count_values"  # distinct values of a column
    SUM = "sum"
    AVG = "avg"
    VARIANCE = "variance"
    STDDEV = "stddev"
    COVARIANCE = "covar_samp"
    COVARIANCE_POP = "covar_pop"
    CORRELATION = "corr"
    QUANTILE = "quantile"


# What can be computed again, and so be held beside a file that asks to leave.
RECOMPUTED = frozenset(
    {
        MeasureKind.COUNT_ROWS,
        MeasureKind.COUNT_FILLED,
        MeasureKind.COUNT_UNITS,
        MeasureKind.SUM,
        MeasureKind.AVG,
        MeasureKind.VARIANCE,
        MeasureKind.STDDEV,
        MeasureKind.QUANTILE,
    }
)


# Of two columns, over the rows where both are filled.
PAIRED = frozenset({MeasureKind.COVARIANCE, MeasureKind.COVARIANCE_POP, MeasureKind.CORRELATION})


def is_count(kind: MeasureKind) -> bool:
    return kind in (
        MeasureKind.COUNT_ROWS,
        MeasureKind.COUNT_FILLED,
        MeasureKind.COUNT_UNITS,
        MeasureKind.COUNT_VALUES,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Contributors:
    """Whose values a sum, mean or spread of a cell is made of. A unit's part is the sum of its absolute values, in
    steps of the column; of a spread, of its squared distances from the mean.

    Attributes:
        largest, second: the two largest parts of one unit.
        total: all parts together.
        givers: units whose part is not 0.
        equal: every filled value of the cell is the same.
    """

    largest: int
    second: int
    total: int
    givers: int
    equal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Who stands on each side of a cell's quantile.

    Attributes:
        below, above: distinct units with a value strictly on that side, in the order of values.
        equal: every filled value of the cell is the same.
    """

    below: int
    above: int
    equal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRow:
    """One cell of the recomputed table.

    Attributes:
        key: the cell's keys, in the order of ``Evidence.keys``; dates as ISO text; None for an empty key.
        values: the exact value of each measure, by its output name.
        units: distinct privacy units in the cell.
        rows: rows in the cell.
        contributors: whose values a measure is made of, by its output name; for sums, means and spreads.
        sides: who is on each side of a quantile, by its output name.
    """

    key: tuple[Scalar | None, ...]
    values: Mapping[str, Exact]
    units: int
    rows: int
    contributors: Mapping[str, Contributors] = field(default_factory=dict)
    sides: Mapping[str, Sides] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A table computed again on the raw rows.

    Attributes:
        sql: the canonical question that made it.
        keys: names of the grouping columns, as they appear in the output.
        rows: one for each listed combination of keys.
        kinds: what each measure is, by its output name.
    """

    sql: str
    keys: tuple[str, ...]
    rows: tuple[EvidenceRow, ...]
    kinds: Mapping[str, MeasureKind] = field(default_factory=dict)


def evidence_document(evidence: Evidence) -> dict[str, Any]:
    """The evidence as a JSON value of text, whole numbers and null."""
    return {
        "sql": evidence.sql,
        "keys": list(evidence.keys),
        "kinds": {name: str(kind) for name, kind in evidence.kinds.items()},
        "rows": [
            {
                "key": list(row.key),
                "values": dict(row.values),
                "units": row.units,
                "rows": row.rows,
                "contributors": {name: asdict(c) for name, c in row.contributors.items()},
                "sides": {name: asdict(s) for name, s in row.sides.items()},
            }
            for row in evidence.rows
        ],
    }


def evidence_from_document(document: Mapping[str, Any]) -> Evidence:
    """The reverse of ``evidence_document``.

    Raises:
        KeyError, TypeError, ValueError: the document has another shape.
    """
    return Evidence(
        sql=document["sql"],
        keys=tuple(document["keys"]),
        kinds={name: MeasureKind(kind) for name, kind in document["kinds"].items()},
        rows=tuple(
            EvidenceRow(
                key=tuple(row["key"]),
                values=dict(row["values"]),
                units=row["units"],
                rows=row["rows"],
                contributors={name: Contributors(**c) for name, c in row["contributors"].items()},
                sides={name: Sides(**s) for name, s in row["sides"].items()},
            )
            for row in document["rows"]
        ),
    )
