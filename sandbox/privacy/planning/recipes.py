"""What each aggregate of a question is worked out from: its targets, each measured once.

Two aggregates share a target where it is the same number: of the same column, over the same rows. A covariance is
over rows where both of its columns are filled, so that it shares with the average of one of them only where WHERE
lets no empty cell of the other through.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sandbox.domain.evidence import PAIRED
from sandbox.domain.policy import Table
from sandbox.domain.predicate import IsNull, Predicate, conjunction, implies_filled
from sandbox.domain.question import Measure, MeasureKind, Question
from sandbox.privacy.mechanisms.spread import quantum_for
from sandbox.privacy.planning.measurements import Recipe, Target, What
from sandbox.privacy.stored import bounds_in_steps

_FROM_THE_MIDDLE = (MeasureKind.AVG, MeasureKind.VARIANCE, MeasureKind.STDDEV)


def recipes_of(
    question: Question, table: Table, *, unlisted: bool
) -> tuple[tuple[Recipe, ...], tuple[Target, ...]]:
    """How each aggregate is worked out, and the distinct targets for all of them.

    Args:
        unlisted: some key has no public list, so that units are measured in any case: they say which keys are shown.
    """
    kitchen = _Kitchen(question, table, unlisted)
    recipes = tuple(kitchen.recipe(measure) for measure in question.measures)
    return recipes, tuple(kitchen.targets.values())


@dataclass(frozen=True, slots=True)
class _Kitchen:
    question: Question
    table: Table
    unlisted: bool
    targets: dict[str, Target] = field(default_factory=dict)

    def recipe(self, measure: Measure) -> Recipe:
        where, column = measure.where, measure.column
        match measure.kind:
            case MeasureKind.COUNT_ROWS:
                return Recipe(measure=measure, total=self._rows(where))
            case MeasureKind.COUNT_UNITS if self.table.max_rows_per_unit == 1:
                return Recipe(measure=measure, total=self._rows(where))
            case MeasureKind.COUNT_UNITS:
                return Recipe(measure=measure, total=self._use(Target(what=What.UNITS, where=where)))
            case MeasureKind.COUNT_FILLED:
                return Recipe(measure=measure, total=self._filled_rows(column, where))
            case MeasureKind.COUNT_VALUES:
                listed = len(self.table.columns[column].key_values)
                values = Target(what=What.VALUES, column=column, where=where, listed=listed)
                return Recipe(measure=measure, total=self._use(values))
            case MeasureKind.QUANTILE:
                return Recipe(measure=measure, total=self._use(self._of(What.TREE, column, where)))
            case MeasureKind.SUM if not self._averaged(measure):
                return Recipe(measure=measure, total=self._use(self._of(What.SUM, column, where)))
            case kind if kind in PAIRED:
                return self._pair(measure)
            case _:
                return self._from_the_middle(measure)

    def _from_the_middle(self, measure: Measure) -> Recipe:
        centred = self._centred(measure.column, measure.where)
        found = Recipe(
            measure=measure,
            total=self._use(centred),
            count=self._filled_rows(measure.column, measure.where),
            middle=centred.middle,
        )
        if measure.kind not in (MeasureKind.VARIANCE, MeasureKind.STDDEV):
            return found
        return replace(found, squares=self._use(self._squares(centred)))

    def _pair(self, measure: Measure) -> Recipe:
        """Six numbers for a correlation, four for a covariance, all over rows where both columns are filled."""
        here = self._filled_too(measure.where, measure.other)
        first = self._centred(measure.column, here)
        second = self._centred(measure.other, self._filled_too(measure.where, measure.column))
        products = replace(
            self._squares(first), what=What.PRODUCTS, times=self._squares(second), where=measure.where
        )
        found = Recipe(
            measure=measure,
            total=self._use(first),
            other_total=self._use(second),
            count=self._filled_rows(measure.column, here),
            products=self._use(products),
        )
        if measure.kind is not MeasureKind.CORRELATION:
            return found
        squares, other_squares = self._use(self._squares(first)), self._use(self._squares(second))
        return replace(found, squares=squares, other_squares=other_squares)

    def _use(self, target: Target) -> str:
        return self.targets.setdefault(target.name, target).name

    def _of(self, what: What, column: str, where: Predicate | None) -> Target:
        lower, upper = bounds_in_steps(self.table.columns[column])
        return Target(what=what, column=column, lower=lower, upper=upper, where=where)

    def _centred(self, column: str, where: Predicate | None) -> Target:
        found = self._of(What.CENTRED, column, where)
        return replace(found, middle=(found.lower + found.upper) // 2)

    def _squares(self, centred: Target) -> Target:
        quantum = quantum_for(half=centred.magnitude, max_rows=self.table.max_rows)
        return replace(centred, what=What.SQUARES, quantum=quantum)

    def _averaged(self, measure: Measure) -> bool:
        """True where the same column's average is asked of the same rows."""
        return any(
            (m.column, m.where) == (measure.column, measure.where)
            for m in self.question.measures
            if m.kind in _FROM_THE_MIDDLE
        )

    def _rows(self, where: Predicate | None) -> str:
        # With one row per unit, units and rows are the same number: measured once, paid for once.
        as_units = self.unlisted and self.table.max_rows_per_unit == 1 and where is None
        return self._use(Target(what=What.UNITS if as_units else What.ROWS, where=where))

    def _filled_rows(self, column: str, where: Predicate | None) -> str:
        if self._fills(where, column):  # no empty cell passes: these are all rows
            return self._rows(where)
        return self._use(Target(what=What.FILLED, column=column, where=where))

    def _filled_too(self, where: Predicate | None, column: str) -> Predicate | None:
        """The condition for rows where the column is filled besides."""
        if self._fills(where, column):
            return where
        filled = IsNull(column, negated=True)
        return filled if where is None else conjunction([where, filled])

    def _fills(self, where: Predicate | None, column: str) -> bool:
        return implies_filled(self.question.where, column) or implies_filled(where, column)
