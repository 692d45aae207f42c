"""Noisy whole numbers → an answer. From here on everything is post-processing: no row is near any more."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from sandbox.domain.answer import Answer, AnswerColumn, BoundingUsed, Estimated, Price
from sandbox.domain.evidence import PAIRED, is_count
from sandbox.domain.key_forms import Bins, Cases, DatePart, Extracted, Truncated
from sandbox.domain.policy import Column, Scalar, Table
from sandbox.domain.question import Key, MeasureKind, canonical_sql
from sandbox.privacy.mechanisms.moments import Noisy
from sandbox.privacy.mechanisms.noise import Z_95, half_width_95
from sandbox.privacy.mechanisms.pairs import correlation, covariance
from sandbox.privacy.mechanisms.quantiles import quantile
from sandbox.privacy.mechanisms.spread import variance
from sandbox.privacy.planning.bounding import BoundingPlan
from sandbox.privacy.planning.estimate import KINDS, loss_notes, sum_error
from sandbox.privacy.planning.measurements import Plan, Recipe
from sandbox.privacy.stored import from_steps, plain, steps_per_one

Steps = int | Fraction  # whole steps of one draw, parts of a step of several
NOTHING = Estimated(value=None, low=None, high=None)


def assemble(
    plan: Plan,
    noisy: Mapping[str, Sequence[Steps]],
    *,
    dataset: str,
    snapshot: str,
    cells: tuple[tuple[Scalar, ...], ...] | None = None,
    at: Callable[[int], Plan] | None = None,
) -> Answer:
    """The answer of a plan.

    Args:
        noisy: for each target by name, one number per cell, in the order of the cells.
        cells: those that are shown, where keys are not listed; otherwise the plan's own.
        at: the plan with the noise of one place, where places differ in it.
    """
    rows = []
    for place, cell in enumerate(plan.cells if cells is None else cells):
        values: dict[str, Scalar | Estimated] = {
            key.alias: value for key, value in zip(plan.question.keys, cell, strict=True)
        }
        for recipe in plan.recipes:
            values[recipe.measure.alias] = _estimated(at(place) if at else plan, recipe, noisy, place)
        rows.append({name: values[name] for name in plan.question.select})
    return Answer(
        question=canonical_sql(plan.question),
        dataset=dataset,
        snapshot=snapshot,
        columns=_columns(plan),
        rows=tuple(rows),
        price=Price(
            accounting=str(plan.guarantee.accounting),
            nano=plan.loss.nano,
            atto_delta=plan.loss.atto_delta,
            epsilon=plan.guarantee.epsilon(plan.loss),
            delta=plan.guarantee.delta,
        ),
        bounding=BoundingUsed(
            plan=str(plan.bounding.plan),
            rows_per_unit=plan.bounding.rows_per_unit,
            groups_per_unit=(
                plan.bounding.groups_per_unit if plan.bounding.plan is BoundingPlan.GROUPS else None
            ),
            text=plan.text,
            estimated_loss_percent=plan.bounding_loss.percent if plan.bounding_loss else None,
        ),
        notes=tuple(_notes(plan)),
    )


def average(
    *, total: Steps, count: Steps, total_scale: float, count_scale: float, least: float, most: float
) -> tuple[float, float, float] | None:
    """A ratio of two noisy numbers with its 95 % interval; None where the noisy count is too near 0 to divide by.

    The interval is Fieller's: all θ with |total − θ·count| ≤ z·√(σ_t² + θ²·σ_c²). For θ the true ratio the left side
    is normal with just that deviation, so that it covers in 95 of 100 draws, also for small counts, where an
    interval of the usual kind would not. It is a bounded interval when count > z·σ_c. What is known of the ratio
    without looking, ``least`` ≤ θ ≤ ``most``, cuts it.

    Source: Fieller 1954, "Some problems in interval estimation", J. R. Stat. Soc. B 16(2), 175-185.
    """
    room = count * count - (Z_95 * count_scale) ** 2
    if count <= 0 or room <= 0:
        return None
    spread = Z_95 * math.sqrt(total_scale**2 * room + (count_scale * total) ** 2)
    centre = total * count / room
    low, high = centre - spread / room, centre + spread / room

    def within(value: float) -> float:
        return min(max(value, least), most)

    return within(float(total / count)), within(low), within(high)


def _estimated(plan: Plan, recipe: Recipe, noisy: Mapping[str, Sequence[Steps]], place: int) -> Estimated:
    kind = recipe.measure.kind
    if kind is MeasureKind.QUANTILE:
        return _quantile(plan, recipe, noisy[recipe.total], place)
    if kind in PAIRED:
        return _pair(plan, recipe, {name: noisy[name][place] for name in recipe.targets})
    total = noisy[recipe.total][place]
    if is_count(kind):
        width = half_width_95(plan.noise(recipe.total))
        return Estimated(value=plain(total), low=plain(total - width), high=plain(total + width))
    column = plan.table.columns[recipe.measure.column]
    count = noisy[recipe.count][place] if recipe.count else 0
    if kind is MeasureKind.SUM:
        noises = {m.target.name: m.noise for m in plan.measurements}
        _, width = sum_error(recipe, noises)
        steps = total + recipe.middle * count
        return Estimated(
            value=from_steps(steps, column),
            low=from_steps(steps - width, column),
            high=from_steps(steps + width, column),
        )
    if recipe.squares:
        return _spread(plan, recipe, column, {name: noisy[name][place] for name in recipe.targets})
    return _average(plan, recipe, column, total, count)


def _average(plan: Plan, recipe: Recipe, column: Column, total: Steps, count: Steps) -> Estimated:
    target = plan.target(recipe.total)
    found = average(
        total=total,
        count=count,
        total_scale=plan.noise(recipe.total).sigma(),
        count_scale=plan.noise(recipe.count).sigma(),
        least=target.lower - target.middle,
        most=target.upper - target.middle,
    )
    if found is None:
        return NOTHING
    value, low, high = ((steps + target.middle) / steps_per_one(column) for steps in found)
    return Estimated(value=value, low=low, high=high)


def _spread(plan: Plan, recipe: Recipe, column: Column, noisy: Mapping[str, Steps]) -> Estimated:
    numbers = _moments(plan, noisy, n=recipe.count, x=recipe.total, xx=recipe.squares)
    largest = plan.target(recipe.squares)
    found = variance(
        numbers,
        most=2.0 * largest.unit * largest.magnitude,  # of two rows at the two ends; of more, less
    )
    if found is None:
        return NOTHING
    per_one = steps_per_one(column)
    if recipe.measure.kind is MeasureKind.STDDEV:
        value, low, high = (math.sqrt(number) / per_one for number in found)
    else:
        value, low, high = (number / per_one**2 for number in found)
    return Estimated(value=value, low=low, high=high)


def _pair(plan: Plan, recipe: Recipe, noisy: Mapping[str, Steps]) -> Estimated:
    """A covariance or a correlation."""
    parts = {"n": recipe.count, "x": recipe.total, "y": recipe.other_total, "xy": recipe.products}
    per_one = 1
    if recipe.measure.kind is MeasureKind.CORRELATION:
        found = correlation(_moments(plan, noisy, xx=recipe.squares, yy=recipe.other_squares, **parts))
    else:
        less, largest = int(recipe.measure.kind is MeasureKind.COVARIANCE), plan.target(recipe.products)
        # Of two rows at opposite corners a sample's is twice that of all; of more rows, less.
        most = float(largest.magnitude * largest.unit) * (1 + less)
        found = covariance(_moments(plan, noisy, **parts), less=less, most=most)
        columns = plan.table.columns
        per_one = steps_per_one(columns[recipe.measure.column]) * steps_per_one(columns[recipe.measure.other])
    if found is None:
        return NOTHING
    value, low, high = (number / per_one for number in found)
    return Estimated(value=value, low=low, high=high)


def _moments(plan: Plan, noisy: Mapping[str, Steps], **targets: str) -> dict[str, Noisy]:
    """What is known of one cell, by the names of ``moments``, from the numbers of its targets."""
    return {
        name: Noisy(plain(noisy[target]), plan.noise(target), plan.target(target).unit)
        for name, target in targets.items()
    }


def _quantile(plan: Plan, recipe: Recipe, nodes: Sequence[Steps], place: int) -> Estimated:
    target = plan.target(recipe.total)
    found = quantile(
        [plain(node) for node in nodes[place * target.per_cell : (place + 1) * target.per_cell]],
        target.shape,
        share=float(recipe.measure.share or 0),
        scale=plan.noise(recipe.total).sigma(),
    )
    if found is None:
        return NOTHING
    per_one = steps_per_one(plan.table.columns[recipe.measure.column])
    value, low, high = (steps / per_one for steps in found)
    return Estimated(value=value, low=low, high=high)


def _columns(plan: Plan) -> tuple[AnswerColumn, ...]:
    keys = {
        key.alias: AnswerColumn(
            name=key.alias,
            kind="key",
            error_95=None,
            measured_in=key_measured_in(key, plan.table),
        )
        for key in plan.question.keys
    }
    measures = {
        column.name: AnswerColumn(
            name=column.name,
            kind=column.kind,
            error_95=column.error_95,
            measured_in=_measured_in(plan, recipe),
        )
        for column, recipe in zip(plan.columns, plan.recipes, strict=True)
    }
    return tuple(keys[name] if name in keys else measures[name] for name in plan.question.select)


def _measured_in(plan: Plan, recipe: Recipe) -> str:
    match recipe.measure.kind:
        case MeasureKind.COUNT_ROWS | MeasureKind.COUNT_FILLED:
            return "rows"
        case MeasureKind.COUNT_UNITS:
            return plan.unit_noun
        case MeasureKind.COUNT_VALUES:
            return "values"
        case MeasureKind.CORRELATION:
            return ""
        case MeasureKind.COVARIANCE | MeasureKind.COVARIANCE_POP:
            columns = plan.table.columns
            units = [columns[n].measured_in for n in (recipe.measure.column, recipe.measure.other)]
            return " · ".join(units) if all(units) else ""
        case MeasureKind.VARIANCE:
            unit = plan.table.columns[recipe.measure.column].measured_in
            return f"{unit}²" if unit else ""
        case _:
            return plan.table.columns[recipe.measure.column].measured_in


def _notes(plan: Plan) -> list[str]:
    """What a reader of the numbers has to know besides the bounding, in plain sentences."""
    notes: list[str] = loss_notes(plan.bounding_loss)
    kinds = {KINDS[recipe.measure.kind] for recipe in plan.recipes}
    if kinds & {"count", "sum"}:
        notes.append(
            "Values carry noise: a count can be below zero, and parts need not add up to their total."
        )
    if "avg" in kinds:
        notes.append("An average is left empty where too few rows are behind it to tell it from noise.")
    elif kinds & {"variance", "stddev", "quantile", "covariance", "correlation"}:
        notes.append("A value is left empty where too few rows are behind it to tell it from noise.")
    if any(recipe.measure.kind in PAIRED for recipe in plan.recipes):
        notes.append("A covariance or correlation is over rows where both of its columns are filled.")
    for name in sorted(
        {r.measure.column for r in plan.recipes if r.measure.kind is MeasureKind.COUNT_VALUES}
    ):
        notes.append(_values_note(plan, name))
    for name in sorted({m.target.column for m in plan.measurements if m.target.magnitude}):
        column = plan.table.columns[name]
        unit = f" {column.measured_in}" if column.measured_in else ""
        notes.append(
            f"Values of {name} outside {column.lower} to {column.upper}{unit} count as the nearer bound."
        )
    listed = [key.column for key in plan.question.keys if key.form is None and key.listed(plan.table)]
    unlisted = [key.column for key in plan.question.keys if not key.listed(plan.table)]
    if plan.threshold is not None:
        notes.append(
            f"Values of {' and '.join(unlisted)} are shown where the noisy number of their units "
            f"({plan.unit_noun}) is at least {plan.threshold.least:,}; all others are left out."
        )
    if listed:
        notes.append(f"Only listed values of {' and '.join(listed)} are counted; each of them has a row.")
    for key in plan.question.keys:
        if key.form is not None:
            notes.append(_form_note(key, plan.table))
    return notes


def _values_note(plan: Plan, name: str) -> str:
    """What a count of distinct values leaves out."""
    most, held = plan.bounding.rows_per_unit, plan.table.max_rows_per_unit
    if most >= held:
        return (
            f"Each {plan.unit_noun} counts with all rows that are published: no value of {name} is left out."
        )
    rows = "1 row" if most == 1 else f"{most} rows"
    return (
        f"Values of {name} that stand only in rows beyond a {plan.unit_noun}'s first {rows} (in random order) are not "
        "counted: the number of distinct values is too low by as many."
    )


def _form_note(key: Key, table: Table) -> str:
    """Which rows are in no group, or in one that one would not look in."""
    match key.form:
        case Bins():
            column = table.columns[key.column]
            return f"Values of {key.column} outside {column.lower} to {column.upper} are in the outermost groups."
        case Truncated() | Extracted(DatePart.YEAR):
            column = table.columns[key.column]
            return (
                f"Only days of {key.column} from {column.earliest} to {column.latest} are sure to be counted."
            )
        case Cases(_, otherwise) if otherwise is not None:
            return f"{key.alias}: all rows are in a group; each group has a row."
        case _:
            return f"{key.alias}: rows for which it is empty are not counted; each of its values has a row."


def key_measured_in(key: Key, table: Table) -> str:
    """A bin is in the unit of its column; a month, a case or a condition in none."""
    return table.columns[key.column].measured_in if key.form is None or isinstance(key.form, Bins) else ""
