"""What a policy's settings come to, in sentences with numbers: for an owner who is choosing them.

All of it follows from the policy alone; no row is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.domain.errors import CallerError
from sandbox.domain.policy import BudgetTerms, DatasetPolicy, Mode, OpenClass
from sandbox.domain.price import USUAL_EPSILON
from sandbox.domain.privacy_loss import Loss
from sandbox.flows.grant_views import plainest
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.planning.plan import plan

MOST_COLUMNS = 8  # told one by one


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a group of settings means; ``key`` is the group's."""

    key: str
    text: str


MODES = {
    Mode.QUERY: "Researchers ask questions and get answers with noise; nobody is shown a row.",
    Mode.JOB: "Sent code runs beside the rows; what it makes leaves after checks and review.",
    Mode.ROOM: "Researchers read rows in a locked room; what they make leaves after checks and review.",
}


def meanings(policy: DatasetPolicy) -> tuple[Meaning, ...]:
    """Sentences about a policy without mistakes."""
    return tuple(_meanings(policy))


def _meanings(policy: DatasetPolicy) -> Iterator[Meaning]:
    match policy.open_class:
        case OpenClass.UNCONDITIONAL:
            yield Meaning(
                "open_class",
                "Anybody reads and downloads every row of the declared columns, without an account. What was "
                "downloaded cannot be taken back.",
            )
            return
        case OpenClass.CLOSED:
            listed = (
                "The catalogue says that it exists." if policy.listed else "Nobody is told that it exists."
            )
            yield Meaning("open_class", f"Nobody can apply for it, and no file is kept. {listed}")
            return
        case OpenClass.CONDITIONAL:
            yield Meaning("open_class", "Researchers apply for it; you decide on each application.")
    for mode in policy.access.modes:
        yield Meaning("access", MODES[mode])
    yield Meaning("access", f"A grant lasts at most {policy.access.max_days} days.")
    if policy.unit is not None:
        yield from _unit(policy, policy.unit.noun)
    if policy.budget is not None:
        yield from _budget(policy, policy.budget)
    release = policy.release
    yield Meaning("release", f"A cell with fewer than {release.threshold} units behind it does not leave.")
    yield Meaning(
        "release",
        f"Each output waits for {release.reviewers} of {len(set(release.pool))} reviewers: "
        f"{', '.join(release.pool)}.",
    )


def _unit(policy: DatasetPolicy, noun: str) -> Iterator[Meaning]:
    yield Meaning("unit", f"Answers hide whether any one {noun} is in the data.")
    for name, table in policy.tables.items():
        if table.max_rows_per_unit == 1:
            yield Meaning(
                "unit", f"In {name} each {noun} counts with one row; others are left out by chance."
            )
        else:
            yield Meaning(
                "unit",
                f"In {name} each {noun} counts with up to {table.max_rows_per_unit:,} rows, and the noise grows with "
                "them.",
            )


def _budget(policy: DatasetPolicy, budget: BudgetTerms) -> Iterator[Meaning]:
    cost = policy.guarantee.loss(USUAL_EPSILON)
    counted = plainest(policy, cost)
    if counted is not None:
        width = f"{counted.within:,.0f}"
        yield Meaning(
            "budget",
            f"At the usual price (ε = {USUAL_EPSILON:g}) a count of 100 is shown as 100 ± {width}, in 95 of 100 "
            "answers.",
        )
    yield Meaning(
        "budget",
        f"About {budget.cap.nano // cost.nano:,} such counts fit into the budget, for its whole life.",
    )
    yield Meaning(
        "budget",
        f"One project gets at most {budget.project_percent} % of it: about "
        f"{budget.per_project.nano // cost.nano:,} such counts.",
    )
    if any(table.max_rows_per_unit > 1 for table in policy.tables.values()) and budget.profile_percent:
        yield Meaning(
            "budget",
            f"Publishing spends {budget.profile_percent} % of it once, to learn how many rows units have.",
        )
    yield from _sums(policy, cost)


def _sums(policy: DatasetPolicy, cost: Loss) -> Iterator[Meaning]:
    told = 0
    for table_name, table in policy.tables.items():
        for name, column in table.columns.items():
            if told >= MOST_COLUMNS:
                return
            if column.key_values:
                told += 1
                yield Meaning(
                    "tables",
                    f"{name}: counts for each of its {len(column.key_values)} values, also of empty ones.",
                )
            elif column.summable and name != policy.unit_column:
                error = _sum_error(policy, table_name, name, cost)
                if error is not None:
                    told += 1
                    unit = f" {column.measured_in}" if column.measured_in else ""
                    yield Meaning(
                        "tables", f"{name}: a sum at the usual price is right to ± {error:,.6g}{unit}."
                    )


def _sum_error(policy: DatasetPolicy, table: str, column: str, cost: Loss) -> float | None:
    sql = f'SELECT SUM("{column}") AS s FROM "{table}"'  # noqa: S608 - no engine reads it
    try:
        return plan(parse(sql, policy), policy, target=cost).columns[0].error_95
    except CallerError:
        return None
