"""Where a researcher asks: what the agreement opens, questions to begin with, what was asked before. Reading only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.domain.access import Grant
from sandbox.domain.agreement import question_limit
from sandbox.domain.earlier_form import is_present
from sandbox.domain.errors import NotFound
from sandbox.domain.people import Person
from sandbox.domain.policy import Column, ColumnType, DatasetPolicy
from sandbox.flows.access_views import AccessViews
from sandbox.flows.grant_views import GrantView
from sandbox.store import Charge, Store

_HISTORY = 30  # questions that are listed
_GROUPED = 12  # a key with more values than this makes no first example


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskTable:
    """A table as its agreement opens it."""

    name: str
    description: str
    max_rows_per_unit: int
    columns: Mapping[str, Column]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What stands beside a question.

    Attributes:
        examples: (what it finds, the question), made of the schema alone.
        mine: what the grant's holder asked, the newest first.
        others: the newest questions of the project's other people.
        epsilon_most: what one question may cost.
    """

    view: GrantView
    unit: str
    unit_column: str
    tables: tuple[DeskTable, ...]
    examples: tuple[tuple[str, str], ...]
    mine: tuple[Charge, ...]
    others: tuple[Charge, ...]
    epsilon_most: float

    @property
    def grant(self) -> Grant:
        return self.view.grant


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionDesk:
    """The journey's parts."""

    store: Store
    access_views: AccessViews

    def __call__(self, person: Person, grant_id: int) -> Desk:
        """The desk of a person's own grant.

        Raises:
            NotFound: no such grant of this person's.
        """
        view = self.access_views.grant(person, grant_id)
        row = self.store.datasets.get(view.grant.dataset)
        if row is None:
            raise NotFound(f"There is no dataset {view.grant.dataset!r}.")
        policy = row.policy
        document = self.store.access.agreement_by_hash(view.grant.agreement_hash).document()
        present = is_present(document)
        tables = tuple(_opened(policy, document)) if present else ()
        asked = self.store.ledger.history(project=view.grant.project, lineage=policy.budget_lineage)
        return Desk(
            view=view,
            unit=policy.unit.noun if policy.unit else "unit",
            unit_column=policy.unit_column,
            tables=tables,
            examples=tuple(_examples(tables, policy)),
            mine=tuple(one for one in asked if one.grant_id == grant_id)[:_HISTORY],
            others=tuple(one for one in asked if one.grant_id != grant_id and not view.over)[:_HISTORY],
            epsilon_most=policy.guarantee.epsilon(question_limit(document)) if present else 0.0,
        )

    def text_of(self, desk: Desk, number: int) -> str:
        """The text of a question that is listed on the desk.

        Raises:
            NotFound: it is not.
        """
        for one in (*desk.mine, *desk.others):
            if one.id == number:
                return one.canonical
        raise NotFound(
            f"Question {number} is not among those of this project.", fix="Choose one of the list."
        )


def _opened(policy: DatasetPolicy, document: Mapping[str, Any]) -> Iterator[DeskTable]:
    for name, columns in document["data"]["tables"].items():
        table = policy.table(name)
        if table is not None:
            yield DeskTable(
                name=name,
                description=table.description,
                max_rows_per_unit=table.max_rows_per_unit,
                columns={n: c for n, c in table.columns.items() if n in columns or n == policy.unit_column},
            )


def _examples(tables: tuple[DeskTable, ...], policy: DatasetPolicy) -> Iterator[tuple[str, str]]:
    """Two or three for each table: how many, by what, and how much."""
    noun = policy.unit.noun if policy.unit else "unit"
    for table in tables:
        keys = [n for n, c in table.columns.items() if 1 < len(c.key_values) <= _GROUPED]
        sums = [n for n, c in table.columns.items() if c.summable and n != policy.unit_column]
        yield f"How many rows there are in {table.name}.", f"SELECT COUNT(*) AS n\nFROM {table.name}"
        if table.max_rows_per_unit > 1:
            yield (
                f"How many there are of each {noun}, counted once.",
                f"SELECT COUNT(DISTINCT {policy.unit_column}) AS n\nFROM {table.name}",
            )
        if keys:
            key = keys[0]
            yield (
                f"How many rows there are for each {key}.",
                f"SELECT {key}, COUNT(*) AS n\nFROM {table.name}\nGROUP BY {key}",
            )
        if sums:
            yield from _amounts(table, sums[0], keys)


def _amounts(table: DeskTable, amount: str, keys: list[str]) -> Iterator[tuple[str, str]]:
    if keys:
        key = keys[-1]
        yield (
            f"The mean of {amount} for each {key}.",
            f"SELECT {key}, COUNT(*) AS n, AVG({amount}) AS mean\nFROM {table.name}\nGROUP BY {key}",
        )
    column = table.columns[amount]
    if column.type is ColumnType.INTEGER and column.lower is not None and column.upper is not None:
        middle = int(column.lower + (column.upper - column.lower) // 2)
        yield (
            f"How many rows have {amount} of {middle} or more.",
            f"SELECT COUNT(*) AS n\nFROM {table.name}\nWHERE {amount} >= {middle}",
        )
