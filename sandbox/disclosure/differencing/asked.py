"""What a question's cells are about: the population of each key's value, and what each measure counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from sandbox.disclosure.reproduce import key_text
from sandbox.domain.cell_facts import facts_of
from sandbox.domain.derived import declared
from sandbox.domain.evidence import MeasureKind
from sandbox.domain.key_forms import Bins, Cases, Extracted, Holds, Truncated, form_text
from sandbox.domain.output_cell import Counted
from sandbox.domain.policy import Column, ColumnType, DatasetPolicy, Scalar, Table
from sandbox.domain.population import (
    Among,
    Between,
    Empty,
    Every,
    Not,
    Population,
    Some,
    Value,
    every,
    of_predicate,
    value_of,
)
from sandbox.domain.predicate import Predicate, columns_of
from sandbox.domain.question import Key, Measure, Question
from sandbox.domain.relation import relation_text


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedKey:
    """A key.

    Attributes:
        cells: for each listed value, as its text, whom it stands for; empty for a key without a list.
    """

    alias: str
    column: str
    cells: Mapping[str, Population]

    def population(self, label: str) -> Population | None:
        """Whom a label stands for; None for a label that the question does not give."""
        if self.cells:
            return self.cells.get(label)
        return Among(self.column, frozenset({_unlisted(label)}))

    @property
    def all(self) -> Population:
        """Everybody who is in any cell of the key."""
        parts = tuple(self.cells.values())
        listed = [part.values for part in parts if isinstance(part, Among) and not part.negated]
        if len(listed) == len(parts) > 0 and len({p.column for p in parts if isinstance(p, Among)}) == 1:
            return Among(self.column, frozenset().union(*listed))
        return Empty(self.column, negated=True) if self.column else Every()


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedMeasure:
    """A measure.

    Attributes:
        within: who of a cell's population is counted.
        base: of a share: whom it is a share of, within the cell's population; else None.
    """

    alias: str
    counted: Counted
    within: Population
    base: Population | None = None
    of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question, as its cells are remembered."""

    source: str
    where: Population
    keys: tuple[AskedKey, ...]
    measures: tuple[AskedMeasure, ...]
    one_row_each: bool  # a unit has one row at most: rows and units are one number


def asked(question: Question, policy: DatasetPolicy) -> Asked:
    """What the cells of a question are about.

    Raises:
        QuestionRefused: the policy does not declare what it is about.
    """
    table = declared(question.source, policy)
    single = table.max_rows_per_unit == 1
    measures = (_measure(m, table, single) for m in question.measures)
    return Asked(
        source=relation_text(question.source),
        where=of_predicate(question.where),
        keys=tuple(_key(key, table) for key in question.keys),
        measures=tuple(m for m in measures if m is not None),
        one_row_each=single,
    )


def steps_of(question: Question, policy: DatasetPolicy) -> dict[str, Fraction]:
    """The step of each numeric column behind a question: between two of its multiples there is no value."""
    return {
        name: Fraction(column.resolution) if column.type is ColumnType.DECIMAL else Fraction(1)
        for name, column in declared(question.source, policy).columns.items()
        if column.type in (ColumnType.INTEGER, ColumnType.DECIMAL, ColumnType.DATE)
    }


def _unlisted(label: str) -> Value:
    try:
        return Fraction(label)
    except ValueError:
        return label


def _key(key: Key, table: Table) -> AskedKey:
    cells: dict[str, Population] = {}
    column = key.column or (form_text(key.form, "") if key.form is not None else "")
    if key.listed(table) and key.values(table):
        match key.form:
            case Cases(branches, otherwise):
                cells = _cases(branches, otherwise)
            case Holds(condition):
                cells = {"true": of_predicate(condition), "false": _fails(condition)}
            case Extracted() as form if _apart_from_dates(key, table):
                # A part of a date (a month of any year) is an axis of its own.
                column = form_text(form, key.column)
                cells = {key_text(v): Among(column, frozenset({Fraction(int(v))})) for v in key.values(table)}
            case _:
                cells = {key_text(v): p for v, p in _places(key, table)}
    return AskedKey(alias=key.alias, column=column, cells=cells)


def _apart_from_dates(key: Key, table: Table) -> bool:
    """Whether the value of a key does not follow from where a day lies between others."""
    first = next(facts_of(key, table))
    return first.known.low is None and first.known.high is None


def _places(key: Key, table: Table) -> list[tuple[Scalar, Population]]:
    found: list[tuple[Scalar, Population]] = []
    for fact in facts_of(key, table):
        if not fact.covered or fact.own is None:
            continue
        known = fact.known
        if key.form is None and known.literal is not None:
            found.append((fact.own, Among(key.column, frozenset({value_of(known.literal)}))))
        elif isinstance(key.form, Bins | Truncated | Extracted):
            found.append((fact.own, Between(key.column, known.low, known.high)))
    return found


def _cases(branches: tuple[tuple[Predicate, Scalar], ...], otherwise: Scalar | None) -> dict[str, Population]:
    cells: dict[str, Population] = {}
    before: list[Population] = []
    for predicate, result in branches:
        met = of_predicate(predicate)
        _add(cells, key_text(result), every([met, *(Not(b) for b in before)]))
        before.append(met)
    if otherwise is not None:
        _add(cells, key_text(otherwise), every(Not(b) for b in before))
    return cells


def _add(cells: dict[str, Population], label: str, population: Population) -> None:
    cells[label] = population if label not in cells else Some((cells[label], population))


def _fails(condition: Predicate) -> Population:
    """Rows for which a condition is false, and not unknown.

    A condition over one filled column is one or the other; over several, the rest is left to be more than it is.
    """
    filled = (Empty(column, negated=True) for column in sorted(columns_of(condition)))
    return every([Not(of_predicate(condition)), *filled])


def _measure(measure: Measure, table: Table, single: bool) -> AskedMeasure | None:
    """None for what says nothing that could be taken from another number: medians, spreads, numbers of values."""
    rows = Counted.UNITS if single else Counted.ROWS
    shares = Counted.SHARE_OF_UNITS if single else Counted.SHARE_OF_ROWS
    within = of_predicate(measure.where)
    filled = Empty(measure.column, negated=True)
    column = table.columns.get(measure.column)
    match measure.kind:
        case MeasureKind.COUNT_ROWS:
            return AskedMeasure(alias=measure.alias, counted=rows, within=within)
        case MeasureKind.COUNT_UNITS:
            return AskedMeasure(alias=measure.alias, counted=Counted.UNITS, within=within)
        case MeasureKind.COUNT_FILLED:
            return AskedMeasure(alias=measure.alias, counted=rows, within=every([within, filled]))
        case MeasureKind.SUM | MeasureKind.AVG if _yes(column) is not None:
            yes = Among(measure.column, frozenset({_yes(column) or ""}))
            counted = rows if measure.kind is MeasureKind.SUM else shares
            # Who reads a rate takes it to be of all; that cells are empty has to be said by another number.
            base = None if measure.kind is MeasureKind.SUM else within
            return AskedMeasure(alias=measure.alias, counted=counted, within=every([within, yes]), base=base)
        case MeasureKind.SUM | MeasureKind.AVG:
            counted = Counted.SUM if measure.kind is MeasureKind.SUM else Counted.MEAN
            return AskedMeasure(alias=measure.alias, counted=counted, within=within, of=measure.column)
        case _:
            return None


def _yes(column: Column | None) -> Value | None:
    """The value that counts as 1 in a column of yes and no; None for other columns."""
    if column is None:
        return None
    if column.type is ColumnType.BOOLEAN:
        return "true"
    whole = column.type is ColumnType.INTEGER
    return Fraction(1) if whole and (column.lower, column.upper) == (0, 1) else None
