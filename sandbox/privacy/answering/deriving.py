"""An answer for nothing: worked out from the noisy cells of one that was paid for.

It reads no row and draws no noise; what it is made of left long ago. Sums over cells are sums of independent noises,
so that variances add up: over n cells the error is √n times that of one. So it is given in place of a new answer only
where it is at least as exact as the asked price would buy, or where the asker takes whatever is there for free.

Units are never added up over cells, as one may be in several; where each has one row, they are rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from sandbox.domain.answer import to_bytes
from sandbox.domain.derivation import cells_behind
from sandbox.domain.predicate import implies_filled
from sandbox.domain.price import ByAccuracy
from sandbox.domain.privacy_loss import ZERO, Loss
from sandbox.domain.question import Measure, MeasureKind, Question
from sandbox.privacy.answering.assemble import Steps, assemble
from sandbox.privacy.answering.finishing import finished
from sandbox.privacy.answering.measured import Measured
from sandbox.privacy.answering.reuse import Wanted
from sandbox.privacy.mechanisms.combined import added_up
from sandbox.privacy.planning.estimate import bounding_text, column_estimate
from sandbox.privacy.planning.measurements import Measurement, Plan, Recipe, What
from sandbox.privacy.planning.prices import widths_of
from sandbox.privacy.planning.refining import expected_loss

# What is added up over rows is also added up over cells.
_ADDED_UP = (What.ROWS, What.FILLED, What.SUM, What.CENTRED, What.SQUARES, What.PRODUCTS, What.TREE)
_LOSES_LITTLE = 0.5  # percent of the total: what bounds may leave out in any case


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation:
    """How an answer follows from a kept one.

    Attributes:
        called: what people call the kept answer, where it has no number.
        number: of its question; 0: it has none.
        cells: for each cell of the answer, the places of the kept cells that it is the sum of.
        single: the plan of the answer, with the noise that one kept cell has.
    """

    called: str
    number: int
    kept: Measured
    cells: tuple[tuple[int, ...], ...]
    single: Plan

    @property
    def most(self) -> int:
        """Of how many kept cells a cell is the sum at most."""
        return max(1, *map(len, self.cells))

    @property
    def plan(self) -> Plan:
        """The plan with the noise of the least exact cell: what the answer says of its columns."""
        return _over(self.single, self.most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An answer that was paid for, as something to derive from; what was measured is read only when it may serve."""

    called: str = ""
    number: int = 0
    question: Question
    measured: Callable[[], Measured | None]


def best_derivation(wanted: Wanted, sources: Iterable[Source], *, anyhow: bool = False) -> Derivation | None:
    """The most exact derivation; None where none is as exact as a new answer at the asked price would be.

    Args:
        anyhow: take it however exact it is.
    """
    found = [d for source in sources if (d := derivation(wanted, source)) is not None]
    fitting = found if anyhow else [d for d in found if good_enough(wanted, d)]
    return min(fitting, key=lambda d: _against(wanted.planned, d.plan), default=None)


def derivation(wanted: Wanted, source: Source) -> Derivation | None:
    """How the answer that is wanted follows from a kept one; None where that is not certain."""
    planned = wanted.planned
    if planned.threshold is not None:
        return None
    cells = cells_behind(wanted.asked.question, source.question, planned.table)
    kept = source.measured() if cells is not None else None
    if cells is None or kept is None or kept.bounds != wanted.bounds:
        return None
    there = wanted.plan_of(source.question, Loss(kept.planned_at))
    if not kept.is_of(there):
        return None  # it was planned by another version of this program
    recipes = [_recipe(m, wanted.asked.question, there) for m in planned.question.measures]
    names = {name for recipe in recipes if recipe is not None for name in recipe.targets}
    one_each = all(len(cell) <= 1 for cell in cells)
    if None in recipes or not (one_each or all(there.target(n).what in _ADDED_UP for n in names)):
        return None
    single = replace(
        planned,
        bounding=there.bounding,
        recipes=tuple(r for r in recipes if r is not None),
        loss=ZERO,
        text=bounding_text(there.bounding, planned.table, planned.unit_noun, cells=len(cells)),
        measurements=tuple(
            Measurement(target=there.target(name), noise=kept.vectors[name].noise) for name in sorted(names)
        ),
    )
    if wanted.profile is not None and planned.bounding_loss is not None:
        lost = expected_loss(single, planned.loss.nano, wanted.profile)
        single = replace(single, bounding_loss=lost)
    return Derivation(called=source.called, number=source.number, kept=kept, cells=cells, single=single)


def good_enough(wanted: Wanted, found: Derivation) -> bool:
    """True where it is at least as exact as a new answer at the asked price."""
    planned, plan = wanted.planned, found.plan
    widths: dict[str, Decimal] = {}
    if isinstance(wanted.price, ByAccuracy):
        widths = dict(widths_of(wanted.price, planned.columns, wanted.asked.finish))
    for mine, new in zip(plan.columns, planned.columns, strict=True):
        allowed = widths.get(mine.name, new.error_95)
        if mine.error_95 is not None and (allowed is None or mine.error_95 > allowed):
            return False
    pairs = zip(plan.recipes, planned.recipes, strict=True)
    if any(
        error(plan, mine) > error(planned, new) for mine, new in pairs if mine.measure.alias not in widths
    ):
        return False
    if plan.bounding_loss is None or planned.bounding_loss is None:
        return True
    return plan.bounding_loss.percent <= max(planned.bounding_loss.percent, _LOSES_LITTLE)


def error(plan: Plan, recipe: Recipe) -> float:
    """How wide the noise of an aggregate is, by which two plans of it can be compared."""

    def sigma(name: str) -> float:
        return plan.noise(name).sigma()

    if not recipe.count:
        return sigma(recipe.total)
    target = plan.target(recipe.total)
    if recipe.measure.kind is MeasureKind.SUM:
        return math.hypot(sigma(recipe.total), recipe.middle * sigma(recipe.count))
    half = max(abs(target.lower - recipe.middle), abs(target.upper - recipe.middle))
    if recipe.measure.kind is MeasureKind.AVG:
        return math.hypot(sigma(recipe.total), half * sigma(recipe.count))
    if recipe.squares and not recipe.products:
        unit = plan.target(recipe.squares).unit
        parts = (sigma(recipe.squares) * unit, 2 * half * sigma(recipe.total), half**2 * sigma(recipe.count))
        return math.hypot(*parts)
    # Of a pair of columns all parts have to be as exact: the most is compared part by part.
    return math.fsum(sigma(name) * plan.target(name).unit for name in recipe.targets)


def derived(wanted: Wanted, found: Derivation) -> bytes:
    """The bytes of the derived answer, before what is to be done with it."""
    by_cells = {n: _over(found.single, n) for n in {max(1, len(cell)) for cell in found.cells}}
    answer = assemble(
        found.plan,
        _vectors(found),
        dataset=wanted.policy.name,
        snapshot=wanted.snapshot,
        at=lambda place: by_cells[max(1, len(found.cells[place]))],
    )
    # Whole sentences, so that they can be found again in another language.
    if not found.number:
        how = f"sums of up to {found.most} of its cells" if found.most > 1 else "some of its cells"
        note = f"Derived from {found.called}: {how}. It cost nothing."
    elif found.most > 1:
        note = (
            f"Derived from answer {found.number}: sums of up to {found.most} of its cells. It cost nothing."
        )
    else:
        note = f"Derived from answer {found.number}: some of its cells. It cost nothing."
    return to_bytes(replace(answer, notes=(*answer.notes, note)))


def as_asked(wanted: Wanted, found: Derivation, body: bytes) -> bytes:
    """The derived answer with what was to be done with it."""
    finish = wanted.asked.finish
    return body if finish is None else finished(body, finish, found.plan)


def _against(planned: Plan, plan: Plan) -> float:
    """The errors of a plan, each as a part of what a new answer's would be."""
    pairs = zip(plan.recipes, planned.recipes, strict=True)
    return math.fsum(error(plan, mine) / error(planned, new) for mine, new in pairs)


def _vectors(found: Derivation) -> Mapping[str, Sequence[Steps]]:
    vectors: dict[str, Sequence[Steps]] = {}
    for measurement in found.plan.measurements:
        vector, width = found.kept.vectors[measurement.target.name], measurement.target.per_cell
        sums = [
            sum(vector.values[place * width + at] for place in cell)
            for cell in found.cells
            for at in range(width)
        ]
        vectors[measurement.target.name] = (
            sums if vector.parts == 1 else [Fraction(total, vector.parts) for total in sums]
        )
    return vectors


def _over(plan: Plan, cells: int) -> Plan:
    """The plan with the noise of sums over so many cells, and what is to be expected of them."""
    noises = {m.target.name: added_up(m.noise, cells) for m in plan.measurements}
    return replace(
        plan,
        measurements=tuple(replace(m, noise=noises[m.target.name]) for m in plan.measurements),
        columns=tuple(column_estimate(recipe, plan.table, noises) for recipe in plan.recipes),
    )


def _recipe(measure: Measure, question: Question, there: Plan) -> Recipe | None:
    """How an aggregate is worked out from what a plan measured; None where it cannot be."""
    for recipe in there.recipes:
        if recipe.measure.same_as(measure):
            return replace(recipe, measure=measure)
    if measure.where is not None:
        return None
    targets = {m.target.name: m.target for m in there.measurements if m.target.where is None}
    rows, units = str(What.ROWS), str(What.UNITS)
    # Where the condition lets no empty cell of the column through, its filled cells are all rows.
    filled = next(
        (
            name
            for name in (f"{What.FILLED}_{measure.column}", rows)
            if name in targets and (name != rows or implies_filled(question.where, measure.column))
        ),
        "",
    )
    centred, plain, squares = (f"{what}_{measure.column}" for what in (What.CENTRED, What.SUM, What.SQUARES))
    total = ""
    match measure.kind:
        case MeasureKind.COUNT_ROWS:
            total = rows
        case MeasureKind.COUNT_UNITS:
            total = rows if there.table.max_rows_per_unit == 1 else units
        case MeasureKind.COUNT_FILLED:
            total = filled
        case MeasureKind.QUANTILE:
            total = f"{What.TREE}_{measure.column}"
        case MeasureKind.SUM | MeasureKind.AVG:
            total = plain if plain in targets else centred
            if total not in targets:
                return None
            middle = targets[total].middle
            if measure.kind is MeasureKind.SUM and not middle:
                return Recipe(measure=measure, total=total)
            return Recipe(measure=measure, total=total, count=filled, middle=middle) if filled else None
        case MeasureKind.VARIANCE | MeasureKind.STDDEV:
            if not (filled and centred in targets and squares in targets):
                return None
            middle = targets[centred].middle
            if targets[squares].middle != middle:
                return None
            return Recipe(measure=measure, total=centred, count=filled, squares=squares, middle=middle)
    return Recipe(measure=measure, total=total) if total in targets else None
