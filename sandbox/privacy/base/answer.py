"""A question of counts → its answer from the base: free, with an interval where one is known to cover.

- Over up to two columns that were measured together, a count is a weighted sum of consistent cells: unbiased, normal
  (a sum of many independent draws), with a variance known from the noise alone (``least_squares``). Its 95 % interval
  is that. The *value* that is shown is the model's, which is nearer to the truth on the whole, moved into the interval;
  a count is not negative, so the interval is cut at 0. Both leave the interval's coverage as it is.
- Over more columns a count is the model's alone. It is off by more than noise, and by how much is not known from what
  was bought: no interval is claimed.

The same question has the same answer, byte by byte: it follows from the base alone.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sandbox.domain.answer import Answer, AnswerColumn, BoundingUsed, Estimated, Price
from sandbox.domain.key_forms import Bins, Truncated
from sandbox.domain.policy import DatasetPolicy, Scalar, Table
from sandbox.domain.predicate import Predicate
from sandbox.domain.question import Measure, MeasureKind, Question, canonical_sql
from sandbox.privacy.answering.assemble import key_measured_in
from sandbox.privacy.base.cells import TRUE, Cells, NotInBase, Outcomes, columns_in, columns_of
from sandbox.privacy.base.least_squares import Consistent, Floats, Measured, reconciled
from sandbox.privacy.base.modelling import Model
from sandbox.privacy.base.release import BaseRelease
from sandbox.privacy.mechanisms.noise import Z_95
from sandbox.privacy.planning.bounding import rows_plan
from sandbox.privacy.planning.estimate import bounding_text
from sandbox.privacy.planning.measurements import cells_of

MOST_CELLS = 500_000  # of a table that is only modelled
_AT_ONCE = 2_000_000  # weights of as many groups as are worked out together


@functools.lru_cache(maxsize=8)
def known(base: BaseRelease) -> tuple[Consistent, Model]:
    """What follows from a base, worked out once."""
    tables = [
        Measured(
            axes=table.axes,
            cells=np.array(table.counts, dtype=np.float64).reshape([base.sizes[i] for i in table.axes]),
            variance=table.scale**2,
        )
        for table in base.tables
    ]
    consistent = reconciled(base.sizes, tables)
    return consistent, Model(consistent)


def answer_from(base: BaseRelease, question: Question, policy: DatasetPolicy) -> Answer:
    """The answer, which costs nothing.

    Raises:
        NotInBase: the base cannot say; what it could, or that the question has to be paid for.
    """
    table = policy.table(question.table)
    if table is None or policy.unit is None or question.table != base.table or not base.fits(table):
        raise NotInBase("The base is about another table.", fix="Pay for this question.")
    counted = {m.alias: _counted(m, table) for m in question.measures}
    found = {what: _counts(base, question, table, *what) for what in dict.fromkeys(counted.values())}
    by_name = {alias: found[what] for alias, what in counted.items()}
    rows = []
    for place, cell in enumerate(cells_of(question, table)):
        row: dict[str, Scalar | Estimated] = {
            key.alias: value for key, value in zip(question.keys, cell, strict=True)
        }
        row |= {alias: counts.estimated(place) for alias, counts in by_name.items()}
        rows.append({name: row[name] for name in question.select})
    rows_bound = rows_plan(rows_per_unit=base.rows_per_unit, cells=1)
    guarantee = policy.guarantee
    return Answer(
        question=canonical_sql(question),
        dataset=policy.name,
        snapshot=base.snapshot,
        columns=tuple(_column(name, question, table, by_name, policy.unit.noun) for name in question.select),
        rows=tuple(rows),
        price=Price(
            accounting=str(guarantee.accounting), nano=0, atto_delta=0, epsilon=0.0, delta=guarantee.delta
        ),
        bounding=BoundingUsed(
            plan=str(rows_bound.plan),
            rows_per_unit=base.rows_per_unit,
            groups_per_unit=None,
            text=bounding_text(rows_bound, table, policy.unit.noun, cells=1),
            estimated_loss_percent=float(base.lost_percent) if base.lost_percent else None,
        ),
        notes=tuple(_notes(base, question, table, by_name)),
    )


@dataclass(frozen=True, slots=True)
class _Counts:
    """Counts of the answer's groups; ``low`` and ``high`` are None where they are only modelled."""

    value: Floats
    middle: Floats | None
    width: Floats | None  # half of the interval

    def estimated(self, place: int) -> Estimated:
        value = float(self.value[place])
        if self.middle is None or self.width is None:
            return Estimated(value=round(value), low=None, high=None)
        low = math.floor(self.middle[place] - self.width[place])
        high = math.ceil(self.middle[place] + self.width[place])
        low, high = max(0, low), max(0, high)
        return Estimated(value=min(max(round(value), low), high), low=low, high=high)

    @property
    def error_95(self) -> int | None:
        """Half of the interval where it is the same in all cells."""
        if self.width is None or self.width.max() - self.width.min() > 1e-6 * self.width.max():
            return None
        return math.ceil(float(self.width.max()))


def _counted(measure: Measure, table: Table) -> tuple[str, Predicate | None]:
    """The column whose filled cells are counted, empty for all rows; and which rows count."""
    match measure.kind:
        case MeasureKind.COUNT_ROWS:
            return "", measure.where
        case MeasureKind.COUNT_FILLED:
            return measure.column, measure.where
        case MeasureKind.COUNT_UNITS if table.max_rows_per_unit == 1:
            return "", measure.where
        case MeasureKind.COUNT_UNITS:
            raise NotInBase(
                "The base counts rows, of which a unit has many here.",
                fix="Ask for COUNT(*), or pay for this question.",
            )
        case _:
            raise NotInBase(
                f"The base holds counts alone, not {measure.alias}.",
                fix="Ask for COUNT(*) by the column's bins, or pay for this question.",
            )


def _counts(
    base: BaseRelease, question: Question, table: Table, column: str, where: Predicate | None
) -> _Counts:
    """The count of each group of the answer, of rows that pass ``where`` too and in which ``column`` is filled."""
    named = columns_in(question) | ({column} if column else set())
    cells = Cells(base, table, named | (columns_of(where) if where is not None else set()))
    consistent, model = known(base)
    direct = len(cells.axes) <= 2 and consistent.knows(cells.axes)
    if not direct and math.prod(cells.shape) > MOST_CELLS:
        raise NotInBase(
            "The base cannot tell so many columns apart.", fix="Use fewer, or pay for this question."
        )
    group = _group_of(cells, question, table, column, where)
    groups = math.prod(key.how_many(table) for key in question.keys)
    inside = group >= 0
    value = np.bincount(group[inside], model.table(cells.axes)[inside], minlength=groups).astype(np.float64)
    if not direct:
        return _Counts(value, None, None)
    middle, variance = np.zeros(groups), np.zeros(groups)
    at_once = max(1, _AT_ONCE // max(1, group.size))
    for start in range(0, groups, at_once):
        these = np.arange(start, min(groups, start + at_once))
        weights = (group[None, ...] == these.reshape([-1] + [1] * group.ndim)).astype(np.float64)
        middle[these], variance[these] = consistent.sums(cells.axes, weights)
    return _Counts(value, middle, Z_95 * np.sqrt(variance))


def _group_of(
    cells: Cells, question: Question, table: Table, column: str, where: Predicate | None
) -> Outcomes:
    """For each cell of the base, the place of its group in the answer; -1 where it is in none."""
    group: Outcomes = np.zeros([1] * len(cells.axes), dtype=np.int64)
    for key in question.keys:
        place = cells.key(key)
        group = np.where((group >= 0) & (place >= 0), group * key.how_many(table) + place, -1)
    for predicate in (question.where, where):
        if predicate is not None:
            group = np.where(cells.condition(predicate) == TRUE, group, -1)
    if column:
        group = np.where(cells.filled(column) == TRUE, group, -1)
    return np.broadcast_to(group, cells.shape)


def _column(
    name: str, question: Question, table: Table, counts: Mapping[str, _Counts], noun: str
) -> AnswerColumn:
    for key in question.keys:
        if key.alias == name:
            return AnswerColumn(name=name, kind="key", error_95=None, measured_in=key_measured_in(key, table))
    units = any(m.alias == name and m.kind is MeasureKind.COUNT_UNITS for m in question.measures)
    return AnswerColumn(
        name=name,
        kind="count",
        error_95=counts[name].error_95,
        measured_in=noun if units else "rows",
    )


def _notes(base: BaseRelease, question: Question, table: Table, counts: Mapping[str, _Counts]) -> list[str]:
    """What a reader has to know: where it comes from, what the intervals mean, which rows are where."""
    notes = ["Answered from the base release of this version: it cost nothing."]
    if base.lost_percent and float(base.lost_percent):
        notes.append(
            f"The bounds leave out about {base.lost_percent} % of the rows; the intervals are about noise alone."
        )
    if any(c.width is not None for c in counts.values()):
        notes.append(
            "The value is the likeliest one within its interval; parts need not add up to their total exactly."
        )
    if any(c.width is None for c in counts.values()):
        notes.append(
            "Modelled, no interval: the base measured pairs of columns, and this is about more. It supposes that "
            "nothing is behind the columns together but what is behind them in pairs."
        )
    filtered = {name for m in question.measures if m.where is not None for name in columns_of(m.where)}
    for name in sorted(columns_in(question) | filtered):
        column = next(c for c in base.columns if c.name == name)
        declared = table.columns[name]
        if isinstance(column.form, Bins):
            notes.append(
                f"Values of {name} outside {declared.lower} to {declared.upper} are in the outermost groups."
            )
        elif isinstance(column.form, Truncated):
            notes.append(
                f"Only days of {name} from {declared.earliest} to {declared.latest} are sure to be counted."
            )
    return notes
