"""A question as a value. However it was asked, this is what is planned, priced, cached and answered.

- One relation (a table, or rows made from tables), keys with public values, aggregates, one row-wise condition in
  normal form (``predicate``).
- Names are the policy's own, lower case; nothing of the asker's text is left but literals and output names.
- ``canonical_sql`` is one text for all ways to ask the same: by it an answer that was paid for is found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from sandbox.domain.evidence import MeasureKind
from sandbox.domain.key_forms import Form, columns_of_form, form_text, how_many, values_of
from sandbox.domain.names import written_name
from sandbox.domain.policy import Scalar, Table
from sandbox.domain.predicate import (
    And,
    Comparison,
    In,
    IsNull,
    Or,
    Predicate,
    columns_of,
    written,
    written_literal,
)
from sandbox.domain.relation import Base, Relation, columns_read, needed, relation_text

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
    """What the answer is grouped by.

    Attributes:
        column: the column that it is, or is worked out from; empty for CASE and for a condition, which name theirs.
        alias: its name in the answer.
        form: how it is worked out; None for the column as it is.
    """

    column: str
    alias: str
    form: Form | None = None

    def values(self, table: Table) -> tuple[Scalar, ...]:
        """Its public values, in the order of the answer; none when it cannot be grouped by."""
        column = table.columns.get(self.column)
        if self.form is not None:
            return values_of(self.form, column)
        return column.key_values if column is not None else ()

    def listed(self, table: Table) -> bool:
        """True where its values are public; otherwise only those that many units share are ever shown."""
        column = table.columns.get(self.column)
        return self.form is not None or column is None or not column.unlisted_keys

    def how_many(self, table: Table) -> int:
        """How many values it has."""
        if self.form is not None:
            return how_many(self.form, table.columns.get(self.column))
        return len(self.values(table))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One aggregate.

    Attributes:
        column: what is added up, averaged or counted; the unit column for COUNT_UNITS; empty for COUNT_ROWS.
        other: the second column of a covariance or correlation, after the first in the order of names.
        where: which rows count for it, of those that pass the question's WHERE; None for all.
    """

    kind: MeasureKind
    column: str
    alias: str  # its name in the answer
    share: Decimal | None = None  # of a quantile: between 0 and 1
    other: str = ""
    where: Predicate | None = None

    def same_as(self, other: Measure) -> bool:
        """True when both are the same number."""
        return replace(self, alias="") == replace(other, alias="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of one relation.

    Attributes:
        source: what stands behind FROM.
        keys: in the order of the answer's columns; empty for one row about everybody.
        select: all output names in the asked order.
    """

    source: Relation
    keys: tuple[Key, ...]
    measures: tuple[Measure, ...]
    where: Predicate | None
    select: tuple[str, ...]

    @property
    def table(self) -> str:
        """The table that it is about as it is; empty where its rows are made."""
        return self.source.table if isinstance(self.source, Base) else ""


def canonical_sql(question: Question) -> str:
    """The question as SQL, one text for every way to ask it; ``parse`` reads it back to the same question."""
    keys = {key.alias: key for key in question.keys}
    measures = {measure.alias: measure for measure in question.measures}
    columns = [
        _key_text(keys[name]) if name in keys else _measure_text(measures[name]) for name in question.select
    ]
    return f"SELECT {', '.join(columns)}{from_and_where(question)}"


def from_and_where(question: Question) -> str:
    """The text of a question from FROM on."""
    text = f" FROM {relation_text(question.source)}"
    if question.where is not None:
        text += f" WHERE {written(question.where)}"
    if question.keys:
        text += " GROUP BY " + ", ".join(key_text(key) for key in question.keys)
    return text


def columns_asked(question: Question) -> frozenset[str]:
    """The columns that a question looks at."""
    found = set(columns_of(question.where))
    for key in question.keys:
        found |= {key.column, *(columns_of_form(key.form) if key.form is not None else ())}
    for measure in question.measures:
        found |= {measure.column, measure.other, *columns_of(measure.where)}
    return frozenset(found) - {""}


def columns_by_table(question: Question, *, unit: str) -> dict[str, frozenset[str]]:
    """The columns of tables that a question looks at, by table, without the one that names the units.

    Units are counted and matched by it behind every relation; no answer shows it.
    """
    read = columns_read(question.source, columns_asked(question))
    return {table: columns - {unit} for table, columns in read.items()}


def with_what_it_needs(question: Question) -> Question:
    """The question without what its relation works out and nobody asks for."""
    return replace(question, source=needed(question.source, columns_asked(question)))


def key_text(key: Key) -> str:
    """The key as SQL, without its name in the answer."""
    return written_name(key.column) if key.form is None else form_text(key.form, key.column)


def _key_text(key: Key) -> str:
    body = key_text(key)
    if key.form is None and key.alias == key.column:
        return body
    return f"{body} AS {written_name(key.alias)}"


def _measure_text(measure: Measure) -> str:
    return f"{measure_text(measure)} AS {written_name(measure.alias)}"


def measure_text(measure: Measure) -> str:
    """The aggregate as SQL, without its name in the answer."""
    text = _aggregate_text(measure)
    return text if measure.where is None else f"{text} FILTER (WHERE {written(measure.where)})"


def _aggregate_text(measure: Measure) -> str:
    column = written_name(measure.column)
    match measure.kind:
        case MeasureKind.COUNT_ROWS:
            return "COUNT(*)"
        case MeasureKind.COUNT_FILLED:
            return f"COUNT({column})"
        case MeasureKind.COUNT_UNITS | MeasureKind.COUNT_VALUES:
            return f"COUNT(DISTINCT {column})"
        case MeasureKind.SUM:
            return f"SUM({column})"
        case MeasureKind.AVG:
            return f"AVG({column})"
        case MeasureKind.VARIANCE:
            return f"VAR_SAMP({column})"
        case MeasureKind.STDDEV:
            return f"STDDEV({column})"
        case MeasureKind.COVARIANCE | MeasureKind.COVARIANCE_POP | MeasureKind.CORRELATION:
            return f"{measure.kind.upper()}({column}, {written_name(measure.other)})"
        case MeasureKind.QUANTILE:
            return f"QUANTILE_CONT({column}, {written_literal(measure.share or Decimal(0))})"
