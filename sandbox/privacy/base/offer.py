"""What a base release is about and what it costs: from the policy, and from the profile, which is public too.

- Columns: those with listed values, booleans, numbers with bounds (in round bins), dates with bounds (in months, or
  in quarters or years where there are too many months).
- Tables: one for each column and each pair; a pair with too many cells is left out.
- Price: the owner's ``base_percent`` of the cap, split by ``design.shares``. Each table is one vector of counts.

The bound is ``rows``: of each unit, the rows with a rank below ``rows_per_unit`` count, in every table. Bounding each
table for itself (``groups``) would cut different rows in each, so that the tables were not of one and the same bounded
view: they could not be held against each other. How many rows is chosen by the profile, for a typical pair: what is
lost against the noise, as for any question. Without a profile it is the policy's bound, which loses nothing.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from sandbox.domain.errors import BadInput
from sandbox.domain.evidence import MeasureKind
from sandbox.domain.key_forms import Bins, DateUnit, Form, Truncated
from sandbox.domain.policy import BudgetTerms, Column, ColumnType, DatasetPolicy, Table
from sandbox.domain.privacy_loss import Loss
from sandbox.domain.question import Key, Measure, Question
from sandbox.domain.relation import Base
from sandbox.privacy.base.design import shares
from sandbox.privacy.base.least_squares import Axes
from sandbox.privacy.base.release import BaseColumn
from sandbox.privacy.mechanisms.noise import Noise, noise_for
from sandbox.privacy.planning.bounding import rows_plan
from sandbox.privacy.planning.choice import Weighing, loss_to
from sandbox.privacy.planning.measurements import Recipe, Target, What
from sandbox.privacy.planning.profile import Profile, ladder
from sandbox.privacy.planning.ways import Setting

MOST_VALUES = 100  # a column with more listed values is left out
MOST_COLUMNS = 60
MOST_CELLS = 4_000  # of a pair's table
_MOST_BINS = 14
_MOST_PERIODS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One table that is to be counted, with its noise."""

    axes: Axes
    noise: Noise


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseOffer:
    """A base before it is bought.

    Attributes:
        price: what is charged: the owner's whole share.
        loss: what its noise costs; a little less, as each table's part is rounded down.
        lost_percent: see ``BaseRelease``.
    """

    table: str
    columns: tuple[BaseColumn, ...]
    wanted: tuple[Wanted, ...]
    rows_per_unit: int
    lost_percent: str
    price: Loss
    loss: Loss


def offer(policy: DatasetPolicy, table_name: str, *, profile: Profile | None = None) -> BaseOffer | None:
    """What is bought about a table; None where the owner's share is 0.

    Raises:
        BadInput: there is nothing to count, or the share is too small to be split.
    """
    table = policy.table(table_name)
    if table is None or policy.unit is None or policy.budget is None or not policy.budget.base.nano:
        return None
    columns = columns_of(table, policy.unit.column)
    if not columns:
        raise BadInput(
            f"No column of {table_name} can be counted by.",
            where="columns",
            fix="Declare categories, or lower and upper, or earliest and latest.",
        )
    sizes = [column.size for column in columns]
    split = shares(sizes, tables_of(sizes))
    price = policy.budget.base
    rows, lost = _rows_per_unit(table_name, table, sizes, split, policy.budget, profile)
    accounting = policy.budget.accounting
    moved = Target(what=What.ROWS).sensitivity(rows_plan(rows_per_unit=rows, cells=1), accounting)
    wanted = tuple(
        Wanted(
            axes=axes,
            noise=noise_for(sensitivity=moved, nano=math.floor(price.nano * part), accounting=accounting),
        )
        for axes, part in split.items()
    )
    loss = Loss(sum(w.noise.nano for w in wanted))
    if not loss.fits_in(price):
        raise BadInput("The tables cost more than the share.", where="base_percent", fix="Tell the makers.")
    return BaseOffer(
        table=table_name,
        columns=columns,
        wanted=wanted,
        rows_per_unit=rows,
        lost_percent=lost,
        price=price,
        loss=loss,
    )


def columns_of(table: Table, unit_column: str) -> tuple[BaseColumn, ...]:
    """The columns that can be counted by, in the policy's order."""
    found = []
    for name, column in table.columns.items():
        if name == unit_column or len(column.key_values) > MOST_VALUES:
            continue
        form = _form(column)
        values = Key(column=name, alias=name, form=form).values(table)
        if values:
            found.append(BaseColumn(name=name, form=form, values=values))
    return tuple(found[:MOST_COLUMNS])


def tables_of(sizes: list[int]) -> list[Axes]:
    """Every column, and every pair that has not too many cells."""
    ones: list[Axes] = [(i,) for i in range(len(sizes))]
    pairs = itertools.combinations(range(len(sizes)), 2)
    return ones + [pair for pair in pairs if sizes[pair[0]] * sizes[pair[1]] <= MOST_CELLS]


def width_of(lower: int, upper: int) -> int:
    """The least round width with few bins: 1, 2, 5, 10, 20, 50 …

    >>> width_of(0, 100), width_of(18, 80), width_of(0, 20_000)
    (10, 5, 2000)
    """
    power = 1
    while True:
        for step in (1, 2, 5):
            width = step * power
            if upper // width - lower // width + 1 <= _MOST_BINS:
                return width
        power *= 10


def _form(column: Column) -> Bins | Truncated | None:
    if column.key_values:
        return None
    if column.summable and column.lower is not None and column.upper is not None:
        return Bins(width_of(column.lower, column.upper))
    if column.type is ColumnType.DATE and column.earliest is not None:
        for unit in (DateUnit.MONTH, DateUnit.QUARTER):
            form: Form = Truncated(unit)
            if len(Key(column="d", alias="d", form=form).values(_alone(column))) <= _MOST_PERIODS:
                return Truncated(unit)
        return Truncated(DateUnit.YEAR)
    return None


def _alone(column: Column) -> Table:
    return Table(columns={"d": column}, max_rows=1)


def _rows_per_unit(
    name: str,
    table: Table,
    sizes: list[int],
    split: dict[Axes, float],
    budget: BudgetTerms,
    profile: Profile | None,
) -> tuple[int, str]:
    """How many rows of a unit count, and what is estimated to be lost by it (percent, as text)."""
    most = table.max_rows_per_unit
    if most == 1:
        return 1, "0"
    if profile is None:
        return most, ""
    target = Target(what=What.ROWS)
    measure = Measure(kind=MeasureKind.COUNT_ROWS, column="", alias="n")
    question = Question(source=Base(name), keys=(), measures=(measure,), where=None, select=("n",))
    typical = max(split, key=lambda axes: (len(axes), split[axes]))
    cells = math.prod(sizes[i] for i in typical)
    setting = Setting(
        question=question,
        cells=cells,
        recipes=(Recipe(measure=measure, total=target.name),),
        targets=(target,),
        nano=max(1, math.floor(budget.base.nano * split[typical])),
        accounting=budget.accounting,
        profile=profile,
    )
    if not setting.crowd.strata:
        return most, ""
    steps = [rows_plan(rows_per_unit=k, cells=cells) for k in ladder(most)]
    best = min(steps, key=Weighing(setting).error)
    lost = loss_to(setting, best)
    return best.rows_per_unit, f"{lost.percent:.2g}" if lost is not None else ""
