"""A question as a value. However it was asked, this is what is planned, priced, cached and answered.

- One table, listed keys, aggregates, one row-wise condition in normal form (``predicate``).
- Names are the policy's own, lower case; nothing of the asker's text is left but literals and output names.
- ``canonical_sql`` is one text for all ways to ask the same: by it an answer that was paid for is found.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.domain.evidence import MeasureKind
from sandbox.domain.names import written_name
from sandbox.domain.predicate import And, Comparison, In, IsNull, Or, Predicate, written

__all__ = [
    "And",
    "Comparison",
    "In",
    "IsNull",
    "Key",
    "Measure",
    "MeasureKind",
    "Or",
    "Predicate",
    "Question",
    "canonical_sql",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A column that the answer is grouped by."""

    column: str
    alias: str  # its name in the answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One aggregate.

    Attributes:
        column: what is added up or averaged; the unit column for COUNT_UNITS; empty for COUNT_ROWS.
    """

    kind: MeasureKind
    column: str
    alias: str  # its name in the answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of one table.

    Attributes:
        keys: in the order of the answer's columns; empty for one row about everybody.
        select: all output names in the asked order.
    """

    table: str
    keys: tuple[Key, ...]
    measures: tuple[Measure, ...]
    where: Predicate | None
    select: tuple[str, ...]


def canonical_sql(question: Question) -> str:
    """The question as SQL, one text for every way to ask it; ``parse`` reads it back to the same question."""
    keys = {key.alias: key for key in question.keys}
    measures = {measure.alias: measure for measure in question.measures}
    columns = [
        _key_text(keys[name]) if name in keys else _measure_text(measures[name]) for name in question.select
    ]
    text = f"SELECT {', '.join(columns)} FROM {written_name(question.table)}"  # noqa: S608 - a name of the question; no engine runs it
    if question.where is not None:
        text += f" WHERE {written(question.where)}"
    if question.keys:
        text += " GROUP BY " + ", ".join(written_name(key.column) for key in question.keys)
    return text


def _key_text(key: Key) -> str:
    name = written_name(key.column)
    return name if key.alias == key.column else f"{name} AS {written_name(key.alias)}"


def _measure_text(measure: Measure) -> str:
    column = written_name(measure.column)
    match measure.kind:
        case MeasureKind.COUNT_ROWS:
            body = "COUNT(*)"
        case MeasureKind.COUNT_UNITS:
            body = f"COUNT(DISTINCT {column})"
        case MeasureKind.SUM:
            body = f"SUM({column})"
        case MeasureKind.AVG:
            body = f"AVG({column})"
    return f"{body} AS {written_name(measure.alias)}"
