"""``Question`` → ``Plan``: what is measured, how it is bounded, which noise, at what price. No row is read.

- A plan follows from question, policy, profile and price alone, all of them public: given these, it is the same for
  D, D' and an empty table.
- An aggregate is worked out from one or more *measurements* (``recipes``); equal ones are measured and paid for once.
- The price is split over the measurements by need (``needs``); each part is spent on one vector over all cells.
- ``Plan.loss`` adds up what OpenDP says that each noise costs, and never exceeds the price that was offered.
"""

from __future__ import annotations

from sandbox.domain.derived import declared
from sandbox.domain.errors import BadInput, QuestionRefused
from sandbox.domain.limits import NO_LIMITS, Limits
from sandbox.domain.policy import DatasetPolicy, Table
from sandbox.domain.privacy_loss import ZERO, Accounting, Guarantee, Loss
from sandbox.domain.question import Question
from sandbox.privacy.mechanisms.noise import noise_for
from sandbox.privacy.mechanisms.quantiles import MAX_NODES
from sandbox.privacy.mechanisms.threshold import threshold_for
from sandbox.privacy.planning.bounding import Bounding, groups_plan, rows_plan
from sandbox.privacy.planning.choice import averages, choose, loss_to
from sandbox.privacy.planning.estimate import bounding_text, column_estimate, shown_text
from sandbox.privacy.planning.measurements import Measurement, Plan, Target, What, most_cells
from sandbox.privacy.planning.needs import shares
from sandbox.privacy.planning.profile import Profile
from sandbox.privacy.planning.recipes import recipes_of
from sandbox.privacy.planning.ways import Setting, apart, uncentred
from sandbox.privacy.stored import LARGEST

__all__ = ["Plan", "plan"]

# Sums stay below this in size for any table within its policy, on every engine that adds in 64 bits.
_LARGEST_SUM = 2**62


def plan(
    question: Question,
    policy: DatasetPolicy,
    *,
    target: Loss,
    bounding: Bounding | None = None,
    profile: Profile | None = None,
    limits: Limits = NO_LIMITS,
) -> Plan:
    """The plan with the least noise at a price not above ``target``.

    Args:
        bounding: use this instead of choosing. It may only be stricter than what the view holds.
        profile: the table's contribution profile, public: bounds are chosen by it.
        limits: what the asker wants to count at most of one unit.

    Raises:
        BadInput: the price is too small to be split over the question's measurements.
        QuestionRefused: the declared bounds are so wide that a sum could leave 64 bits.
    """
    table = declared(question.source, policy)
    assert policy.unit is not None  # noqa: S101 - otherwise nothing is declared
    cells = most_cells(question, table)
    unlisted = any(not key.listed(table) for key in question.keys)
    recipes, targets = recipes_of(question, table, unlisted=unlisted)
    _check_sums(targets, table)
    if unlisted:
        targets = _with_units(targets, policy)
    shown_by = str(What.UNITS) if unlisted else ""
    _check_trees(targets, cells, unlisted=unlisted)
    guarantee = policy.guarantee
    setting = None
    if profile is not None and target.nano >= len(targets) and table.max_rows_per_unit > 1:
        setting = Setting(
            question=question,
            cells=cells,
            recipes=recipes,
            targets=targets,
            nano=target.nano,
            accounting=guarantee.accounting,
            profile=profile,
            shown_by=shown_by,
        )
    if bounding is None:
        setting, bounding = _chosen(
            question, table, cells, targets, setting, limits, accounting=guarantee.accounting
        )
        if setting is not None:
            recipes, targets = setting.recipes, setting.targets
    elif bounding.rows_per_unit > table.max_rows_per_unit:
        raise BadInput(
            f"The view holds at most {table.max_rows_per_unit} rows per {policy.unit.noun}.",
            where="rows_per_unit",
            fix="Use at most as many.",
        )
    known = averages(setting) if setting is not None else {}
    paid = shares(
        recipes,
        targets,
        bounding,
        whole=target.nano,
        averages=known,
        accounting=guarantee.accounting,
        shown_by=shown_by,
    )
    measurements = tuple(
        _shown_by(t, bounding, Loss(share, policy.budget.unlisted.atto_delta), guarantee)
        if t.name == shown_by and policy.budget is not None
        else _measured(t, bounding, share, guarantee)
        for t, share in zip(targets, paid, strict=True)
    )
    noises = {m.target.name: m.noise for m in measurements}
    return Plan(
        question=question,
        table=table,
        unit_noun=policy.unit.noun,
        bounding=bounding,
        measurements=measurements,
        recipes=recipes,
        loss=sum((m.loss for m in measurements), start=ZERO),
        guarantee=guarantee,
        columns=tuple(column_estimate(recipe, table, noises) for recipe in recipes),
        text=bounding_text(bounding, table, policy.unit.noun, cells=cells)
        + shown_text(next((m.threshold for m in measurements if m.threshold), None), policy.unit.noun),
        bounding_loss=loss_to(setting, bounding) if setting is not None else None,
    )


def _chosen(
    question: Question,
    table: Table,
    cells: int,
    targets: tuple[Target, ...],
    setting: Setting | None,
    limits: Limits,
    *,
    accounting: Accounting,
) -> tuple[Setting | None, Bounding]:
    """By the profile where there is one, else without any loss that the policy does not declare."""
    most = min(table.max_rows_per_unit, limits.max_rows_per_unit or table.max_rows_per_unit)
    groups = min(cells, most, limits.max_groups or cells)
    per_group = _declared_rows(question, table, most)
    by_rows = any(t.by_rows_alone for t in targets)
    if by_rows:  # in as many cells as it has rows a unit may be
        most = min(most, limits.max_groups or most)
    if setting is not None and most > 1:
        ways = [setting]
        for other in (uncentred(setting), apart(setting)):
            if other.targets != setting.targets and other.payable and _sums_fit(other.targets, table):
                ways.append(other)
        found = choose(ways, most=most, groups=groups, per_group=per_group)
        if found is not None:
            return found
    if by_rows:
        return setting, rows_plan(rows_per_unit=most, cells=cells)
    candidates = _candidates(cells, most=most, groups=groups, per_group=per_group)
    return setting, _least_noise(candidates, targets, accounting)


def _measured(target: Target, bounding: Bounding, nano: int, guarantee: Guarantee) -> Measurement:
    distance = target.sensitivity(bounding, guarantee.accounting)
    noise = noise_for(sensitivity=distance, nano=nano, accounting=guarantee.accounting)
    return Measurement(target=target, noise=noise)


def _shown_by(target: Target, bounding: Bounding, price: Loss, guarantee: Guarantee) -> Measurement:
    """The units that decide which unlisted keys are shown."""
    threshold = threshold_for(groups=bounding.groups_per_unit, price=price, accounting=guarantee.accounting)
    return Measurement(target=target, noise=threshold.noise, threshold=threshold)


def _with_units(targets: tuple[Target, ...], policy: DatasetPolicy) -> tuple[Target, ...]:
    """The targets of a question by unlisted keys: units decide which keys are shown, whatever else is asked."""
    if policy.budget is None or policy.budget.unlisted.atto_delta == 0:
        raise QuestionRefused(
            "The policy sets no delta aside for keys without a public list.", fix="Group by listed keys."
        )
    units = Target(what=What.UNITS)
    return targets if units in targets else (units, *targets)


def _candidates(cells: int, *, most: int, groups: int, per_group: int) -> tuple[Bounding, ...]:
    """The plans that leave out nothing that neither the policy nor the asker leaves out."""
    found = [rows_plan(rows_per_unit=most, cells=cells)]
    by_groups = groups_plan(rows_per_unit=most, cells=cells, groups_per_unit=groups, rows_per_group=per_group)
    if groups < found[0].groups_per_unit:
        return (by_groups,)
    return (*found, by_groups) if cells > 1 and most > 1 else tuple(found)


def _declared_rows(question: Question, table: Table, most: int) -> int:
    """The most rows of a unit in one cell, by what the owner declared of the keys.

    That says nothing about keys that put several values of a column together.
    """
    declared = [table.columns[key.column].max_rows_per_unit for key in question.keys if key.form is None]
    return min([most, *(d for d in declared if d is not None)])


def _least_noise(
    candidates: tuple[Bounding, ...], targets: tuple[Target, ...], accounting: Accounting
) -> Bounding:
    """The candidate with the smallest noise, each target measured against what it would have under the first."""

    def noise(bounding: Bounding) -> float:
        first = candidates[0]
        return sum(
            t.sensitivity(bounding, accounting) / max(1.0, t.sensitivity(first, accounting)) for t in targets
        )

    return min(candidates, key=noise)  # the first of equals: ``rows`` needs no second aggregation


def _sums_fit(targets: tuple[Target, ...], table: Table) -> bool:
    sums = [t for t in targets if t.what in (What.SUM, What.CENTRED, What.SQUARES, What.PRODUCTS)]
    return all(table.max_rows * t.magnitude <= _LARGEST_SUM for t in sums)


def _check_trees(targets: tuple[Target, ...], cells: int, *, unlisted: bool) -> None:
    for target in targets:
        if target.what is not What.TREE:
            continue
        if unlisted:
            raise QuestionRefused(
                "Quantiles cannot be asked by keys without a public list.", fix="Group by listed keys."
            )
        if max(abs(target.lower), abs(target.upper)) > LARGEST:
            raise QuestionRefused(
                f"{target.column} has bounds beyond 64 bits.", fix="Ask the owner to declare narrower ones."
            )
        if cells * target.per_cell > MAX_NODES:
            raise QuestionRefused(
                f"Quantiles of {target.column} in {cells} cells take too many counts.",
                fix=f"Use fewer keys: at most {MAX_NODES // target.per_cell} rows of the answer.",
            )


def _check_sums(targets: tuple[Target, ...], table: Table) -> None:
    for target in targets:
        if not _sums_fit((target,), table):
            raise QuestionRefused(
                f"{target.column} has bounds so wide that {table.max_rows} rows could leave 64 bits.",
                fix="Ask the owner to declare narrower bounds or fewer rows.",
            )
