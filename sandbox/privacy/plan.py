"""``Question`` → ``Plan``: what is measured, how it is bounded, which noise, at what price. No row is read.

- A plan follows from the question, the policy and the price alone: it is the same for D, D' and an empty table.
- An aggregate is worked out from one or two *measurements*; equal ones are measured once and paid for once.
- The price is split evenly over the measurements; each part is spent on one vector over all cells.
- ``Plan.loss`` adds up what OpenDP says that each noise costs, and never exceeds the price that was offered.
"""

from __future__ import annotations

import math
from dataclasses import replace

from sandbox.domain.errors import BadInput, QuestionRefused
from sandbox.domain.policy import Column, DatasetPolicy, Table
from sandbox.domain.predicate import implies_filled
from sandbox.domain.privacy_loss import Loss
from sandbox.domain.question import Measure, MeasureKind, Question
from sandbox.privacy.bounding import Bounding, groups_plan, rows_plan
from sandbox.privacy.estimate import bounding_text, column_estimate
from sandbox.privacy.measurements import Measurement, Plan, Recipe, Target, What
from sandbox.privacy.noise import noise_for
from sandbox.privacy.stored import bounds_in_steps

__all__ = ["Plan", "plan"]

# Sums stay below this in size for any table within its policy, on every engine that adds in 64 bits.
_LARGEST_SUM = 2**62


def plan(
    question: Question, policy: DatasetPolicy, *, target: Loss, bounding: Bounding | None = None
) -> Plan:
    """The plan with the least noise at a price not above ``target``.

    Args:
        bounding: use this instead of choosing. It may only be stricter than what the view holds.

    Raises:
        BadInput: the price is too small to be split over the question's measurements.
        QuestionRefused: the declared bounds are so wide that a sum could leave 64 bits.
    """
    table = policy.table(question.table)
    if table is None or policy.unit is None:
        raise QuestionRefused(f"There is no private table {question.table!r}.", fix="Look at the catalogue.")
    recipes, targets = _recipes(question, table)
    _check_sums(targets, table)
    cells = math.prod(len(table.columns[key.column].key_values) for key in question.keys)
    if bounding is None:
        bounding = _least_noise(_candidates(question, table, cells), targets)
    elif bounding.rows_per_unit > table.max_rows_per_unit:
        raise BadInput(
            f"The view holds at most {table.max_rows_per_unit} rows per {policy.unit.noun}.",
            where="rows_per_unit",
            fix="Use at most as many.",
        )
    share = target.nano_rho // len(targets)
    measurements = tuple(
        Measurement(
            target=t, noise=noise_for(sensitivity_squared=t.squared_sensitivity(bounding), nano_rho=share)
        )
        for t in targets
    )
    noises = {m.target.name: m.noise for m in measurements}
    return Plan(
        question=question,
        table=table,
        unit_noun=policy.unit.noun,
        bounding=bounding,
        measurements=measurements,
        recipes=recipes,
        loss=Loss(sum(m.noise.nano_rho for m in measurements)),
        columns=tuple(column_estimate(recipe, table, noises) for recipe in recipes),
        text=bounding_text(bounding, table, policy.unit.noun, cells=cells),
    )


def _recipes(question: Question, table: Table) -> tuple[tuple[Recipe, ...], tuple[Target, ...]]:
    """How each aggregate is worked out, and the distinct targets for all of them."""
    averaged = {m.column for m in question.measures if m.kind is MeasureKind.AVG}
    targets: dict[str, Target] = {}

    def use(target: Target) -> str:
        return targets.setdefault(target.name, target).name

    def rows() -> str:
        return use(Target(what=What.ROWS))

    def recipe(measure: Measure) -> Recipe:
        if measure.kind is MeasureKind.COUNT_ROWS:
            return Recipe(measure=measure, total=rows())
        if measure.kind is MeasureKind.COUNT_UNITS:
            # With one row per unit, units and rows are the same number: measured once, paid for once.
            return Recipe(
                measure=measure,
                total=rows() if table.max_rows_per_unit == 1 else use(Target(what=What.UNITS)),
            )
        lower, upper = bounds_in_steps(table.columns[measure.column])
        summed = Target(what=What.SUM, column=measure.column, lower=lower, upper=upper)
        if measure.column not in averaged:
            return Recipe(measure=measure, total=use(summed))
        middle = (lower + upper) // 2
        # An average is over filled cells. Where the condition lets no empty cell through, these are all rows.
        filled = implies_filled(question.where, measure.column)
        return Recipe(
            measure=measure,
            total=use(replace(summed, what=What.CENTRED, middle=middle)),
            count=rows() if filled else use(Target(what=What.FILLED, column=measure.column)),
            middle=middle,
        )

    recipes = tuple(recipe(measure) for measure in question.measures)
    return recipes, tuple(targets.values())


def _candidates(question: Question, table: Table, cells: int) -> tuple[Bounding, ...]:
    """The plans that leave out nothing the policy's own declarations do not leave out."""
    most = table.max_rows_per_unit
    found = [rows_plan(rows_per_unit=most, cells=cells)]
    per_group = [_declared_rows(table.columns[key.column], most) for key in question.keys]
    if question.keys and most > 1:
        found.append(
            groups_plan(rows_per_unit=most, cells=cells, groups_per_unit=cells, rows_per_group=min(per_group))
        )
    return tuple(found)


def _declared_rows(column: Column, most: int) -> int:
    declared = column.max_rows_per_unit
    return most if declared is None else min(declared, most)


def _least_noise(candidates: tuple[Bounding, ...], targets: tuple[Target, ...]) -> Bounding:
    """The candidate with the smallest noise, each target measured against what it would have under the first."""

    def noise(bounding: Bounding) -> float:
        first = candidates[0]
        return sum(
            math.sqrt(t.squared_sensitivity(bounding) / max(1, t.squared_sensitivity(first))) for t in targets
        )

    return min(candidates, key=noise)  # the first of equals: ``rows`` needs no second aggregation


def _check_sums(targets: tuple[Target, ...], table: Table) -> None:
    for target in targets:
        if target.what in (What.SUM, What.CENTRED) and table.max_rows * target.magnitude > _LARGEST_SUM:
            raise QuestionRefused(
                f"{target.column} has bounds so wide that {table.max_rows} rows could leave 64 bits.",
                fix="Ask the owner to declare narrower bounds or fewer rows.",
            )
