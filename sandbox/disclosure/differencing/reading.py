"""The cells of a file, as they are remembered; and what a reader gets by adding them up."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from sandbox.disclosure.cells import Number, is_suppressed, read_number, suppressed_below
from sandbox.disclosure.columns import Column, Kind, columns_of, is_total, normal
from sandbox.disclosure.differencing.asked import Asked, AskedKey, AskedMeasure
from sandbox.disclosure.differencing.labels import event_of, population_of_label
from sandbox.disclosure.differencing.rounding import concluded, rounding_of, share
from sandbox.disclosure.reproduce import key_text
from sandbox.disclosure.table import Table
from sandbox.domain.evidence import Evidence, EvidenceRow
from sandbox.domain.output_cell import Counted, OutputCell
from sandbox.domain.policy import Scalar
from sandbox.domain.population import (
    EVERYBODY,
    Among,
    Population,
    Some,
    every,
    joined,
    population_from_text,
    population_text,
)

MAX_CELLS = 5_000  # of one file: what is more is no table for readers, and a person looks
MAX_MARGIN_KEYS = 4
SHARES = frozenset({Counted.SHARE_OF_UNITS, Counted.SHARE_OF_ROWS})
COUNTS = frozenset({Counted.UNITS, Counted.ROWS})
_WHOLE = Decimal(100)


@dataclass(frozen=True, slots=True)
class _Row:
    """A data row: whom it is about, and its labels."""

    at: int
    population: Population
    dims: tuple[tuple[str, str], ...]
    told: EvidenceRow | None = None


def cells_of_question(
    name: str,
    table: Table,
    question: Asked,
    *,
    snapshot: str,
    evidence: Evidence | None = None,
    threshold: int,
) -> tuple[OutputCell, ...]:
    """The cells of a table whose question is known: the populations are the question's own.

    Args:
        evidence: the question computed again; it tells rounded numbers from exact ones, and the units behind each.
        threshold: a suppressed number is taken to be below it.
    """
    by_name = {normal(c): c for c in table.columns}
    told = {tuple(map(key_text, row.key)): row for row in evidence.rows} if evidence is not None else {}
    rows = list(_asked_rows(table, question, by_name, told))
    found: list[OutputCell] = []
    for measure in question.measures:
        column = by_name.get(normal(measure.alias))
        if column is not None:
            found += _asked_column(name, table, column, measure, question, rows, snapshot, threshold)
    return tuple(found[:MAX_CELLS])


def cells_of_labels(
    name: str,
    table: Table,
    *,
    snapshot: str,
    keys: Mapping[str, Sequence[Scalar]],
    threshold: int,
) -> tuple[OutputCell, ...]:
    """The cells of a table without a question: the populations are what its labels say, which nobody has to believe."""
    columns = columns_of(table, keys=keys)
    dims = [c for c in columns if c.kind is Kind.KEY]
    counts = [c for c in columns if c.kind is Kind.COUNT and event_of(c.name) is None]
    shares = [c for c in columns if c.kind in (Kind.COUNT, Kind.NUMBER) and event_of(c.name) is not None]
    rows = [
        _Row(
            at,
            every(population_of_label(normal(c.name), c.cells[at]) for c in dims),
            tuple((normal(c.name), c.cells[at].strip()) for c in dims if not is_total(c.cells[at])),
        )
        for at in range(len(table.rows))
    ]
    found: list[OutputCell] = []
    single = len(counts) == 1
    for count in counts:
        # Of several columns of counts, each counts somebody else: by its name it is a population of its own.
        within = EVERYBODY if single or _is_all(count) else _event(count.name)
        numbers = [n for n in count.numbers if n is not None]
        step = rounding_of(numbers)
        for row in rows:
            cell = _counted(
                name, row, count.name, count.cells[row.at], count.numbers[row.at], step, threshold
            )
            if cell is not None:
                population = population_text(every([row.population, within]))
                found.append(replace(cell, snapshot=snapshot, population=population))
    for column in shares:
        found += _shares(name, column, rows, snapshot)
    return tuple(found[:MAX_CELLS])


def margins_of(cells: Sequence[OutputCell], steps: Mapping[str, Fraction]) -> tuple[OutputCell, ...]:
    """What adding up the cells of one table gives: for each set of its keys, the sums over all others.

    Only counts of rows, and of units that have one row, add up; a unit with several rows may be in several cells.

    Args:
        cells: of one request.
        steps: of each numeric column.
    """
    found: list[OutputCell] = []
    for _, group in itertools.groupby(cells, key=lambda c: (c.file, c.column)):
        block = [c for c in group if c.counted in COUNTS and c.dims]
        names = max((tuple(name for name, _ in c.dims) for c in block), key=len, default=())
        alike = [c for c in block if tuple(name for name, _ in c.dims) == names]  # no total rows
        if 0 < len(names) <= MAX_MARGIN_KEYS and len(alike) > 1:
            for many in range(len(names)):
                for kept in itertools.combinations(names, many):
                    found += _margin(alike, kept, steps)
    return tuple(found)


def _margin(
    block: Sequence[OutputCell], kept: tuple[str, ...], steps: Mapping[str, Fraction]
) -> Iterator[OutputCell]:
    groups: dict[tuple[str, ...], list[OutputCell]] = {}
    for cell in block:
        labels = dict(cell.dims)
        groups.setdefault(tuple(labels[name] for name in kept), []).append(cell)
    for group in groups.values():
        highs, values = [c.high for c in group], [c.value for c in group]
        if len(group) < 2 or None in highs:
            continue
        yield replace(
            group[0],
            row=-1,
            population=population_text(joined([population_from_text(c.population) for c in group], steps)),
            dims=tuple(pair for pair in group[0].dims if pair[0] in kept),
            value=None if None in values else _sum(values),
            low=_sum(c.low for c in group),
            high=_sum(highs),
            step=max(c.step for c in group),
            units=None,
            margin=True,
        )


def _sum(numbers: Iterable[Decimal | None]) -> Decimal:
    return sum((n for n in numbers if n is not None), Decimal(0))


def _asked_rows(
    table: Table, question: Asked, by_name: Mapping[str, str], told: Mapping[tuple[str, ...], EvidenceRow]
) -> Iterator[_Row]:
    """The rows that stand for a group of the question. Total rows stand for everybody in any of its groups."""
    columns = [by_name.get(normal(key.alias)) for key in question.keys]
    if None in columns:
        return
    cells = [table.column(column) for column in columns if column is not None]
    for at in range(len(table.rows)):
        texts = [column[at] for column in cells]
        parts = [_asked_population(k, text) for k, text in zip(question.keys, texts, strict=True)]
        if None in parts:
            continue  # no group of the question: it is reported as not reproduced
        labels = [_label(k, text) for k, text in zip(question.keys, texts, strict=True)]
        yield _Row(
            at,
            every([question.where, *(part for part in parts if part is not None)]),
            tuple(
                (normal(key.alias), label)
                for key, label, text in zip(question.keys, labels, texts, strict=True)
                if not _stands_for_all(key, text)
            ),
            told.get(tuple(labels)),
        )


def _asked_population(key: AskedKey, text: str) -> Population | None:
    return key.all if _stands_for_all(key, text) else key.population(_label(key, text))


def _stands_for_all(key: AskedKey, text: str) -> bool:
    return is_total(text) and text.strip() not in key.cells


def _label(key: AskedKey, text: str) -> str:
    """The label as the question's own values are written."""
    plain = text.strip()
    if plain in key.cells:
        return plain
    number = read_number(plain)
    whole = str(int(number.value)) if number is not None and number.whole else plain.casefold()
    return whole if whole in key.cells or not key.cells else plain


def _asked_column(
    name: str,
    table: Table,
    column: str,
    measure: AskedMeasure,
    question: Asked,
    rows: Sequence[_Row],
    snapshot: str,
    threshold: int,
) -> Iterator[OutputCell]:
    texts = table.column(column)
    numbers = [read_number(text) for text in texts]
    shown = [(n, row.told) for row in rows if (n := numbers[row.at]) is not None]
    exact = [told.values.get(measure.alias) if told is not None else None for _, told in shown]
    counts = measure.counted in COUNTS
    step = rounding_of([n for n, _ in shown], exact) if counts else Decimal(0)
    for row in rows:
        number = numbers[row.at]
        if counts:
            cell = _counted(name, row, column, texts[row.at], number, step, threshold)
        elif number is not None:
            cell = _number(name, row, column, number, measure)
        else:
            continue
        if cell is not None:
            base = every([row.population, measure.base]) if measure.base is not None else None
            yield replace(
                cell,
                source=question.source,
                snapshot=snapshot,
                population=population_text(every([row.population, measure.within])),
                base=population_text(base) if base is not None else "",
                counted=measure.counted,
                of=measure.of,
                # Of a measure with a filter, other units are behind the cell than those that were counted.
                units=row.told.units if row.told is not None and measure.within == EVERYBODY else None,
            )


def _counted(
    name: str, row: _Row, column: str, text: str, number: Number | None, step: Decimal, threshold: int
) -> OutputCell | None:
    """A count, or a suppressed one; None for what is neither."""
    value: Decimal | None = None
    low, high = Decimal(0), None
    if number is not None and number.whole and number.value >= 0:
        value = number.value
        low, high = concluded(number, step)
    elif number is None and is_suppressed(text):
        high = Decimal((suppressed_below(text) or threshold) - 1)
    else:
        return None
    return OutputCell(
        file=name,
        row=row.at,
        column=column,
        source="",
        snapshot="",
        population="",
        counted=Counted.UNITS,
        value=value,
        low=low,
        high=high,
        dims=row.dims,
        step=step,
    )


def _number(name: str, row: _Row, column: str, number: Number, measure: AskedMeasure) -> OutputCell:
    value, low, high = (number.value,) * 3
    if measure.counted in SHARES:
        value, low, high = share(number)
    return OutputCell(
        file=name,
        row=row.at,
        column=column,
        source="",
        snapshot="",
        population="",
        counted=measure.counted,
        value=value,
        low=low,
        high=high,
        dims=row.dims,
    )


def _is_all(count: Column) -> bool:
    return normal(count.name) in _ALL_NAMES


def _event(name: str) -> Population:
    """Those who are counted in a column: ``n_smokers`` and ``smokers`` are the same."""
    return Among(_COUNT_WORDS.sub("", normal(name)), frozenset({"counted"}))


def _shares(name: str, column: Column, rows: Sequence[_Row], snapshot: str) -> Iterator[OutputCell]:
    """Percentages without a question: of the row where the column says of what, else of all rows together."""
    event = event_of(column.name)
    numbers = [n for n in column.numbers if n is not None]
    percent = any(n.percent or n.value > 1 for n in numbers)
    # Without a word of its own, and adding up to the whole: the rows are shares of everybody in the table.
    whole = not event or abs(_sum(n.value for n in numbers) - (_WHOLE if percent else 1)) <= Decimal("0.6")
    everybody: Population = Some(tuple(row.population for row in rows)) if len(rows) > 1 else EVERYBODY
    for row in rows:
        number = column.numbers[row.at]
        if number is None:
            continue
        value, low, high = share(replace(number, percent=percent))
        if whole:
            population, base = row.population, everybody
        else:
            population, base = every([row.population, _event(event or "")]), row.population
        yield OutputCell(
            file=name,
            row=row.at,
            column=column.name,
            source="",
            snapshot=snapshot,
            population=population_text(population),
            base=population_text(base),
            counted=Counted.SHARE_OF_UNITS,
            value=value,
            low=low,
            high=high,
            dims=row.dims,
        )


_ALL_NAMES = frozenset(
    {"n", "count", "total", "all", "people", "persons", "units", "rows", "freq", "frequency"}
)
_COUNT_WORDS = re.compile(r"^(n|no|num|number|count|of)_|_(n|count)$")
