"""A policy as a document, and back."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from sandbox.domain.canonical import canonical_json
from sandbox.domain.errors import BadInput
from sandbox.domain.policy import (
    AccessTerms,
    BudgetTerms,
    Column,
    ColumnType,
    DatasetPolicy,
    Domain,
    Lookup,
    LookupColumn,
    Mode,
    OpenClass,
    ReleaseTerms,
    Table,
    Unit,
)
from sandbox.domain.policy_document import policy_from_document, policy_to_document

FULL = DatasetPolicy(
    name="loans",
    title="Loans",
    open_class=OpenClass.CONDITIONAL,
    domain=Domain.FINANCE,
    provider="p",
    source="s",
    licence="l",
    owner="olga",
    lineage="people",
    unit=Unit(column="id", noun="applicant"),
    tables={
        "loans": Table(
            columns={
                "id": Column(type=ColumnType.TEXT),
                "good": Column(type=ColumnType.BOOLEAN),
                "kind": Column(type=ColumnType.TEXT, categories=("a", "b"), max_rows_per_unit=3),
                "month": Column(type=ColumnType.INTEGER, categories=(1, 2)),
                "amount": Column(
                    type=ColumnType.DECIMAL, lower=-5, upper=9, resolution="0.01", measured_in="DM"
                ),
            },
            max_rows=10,
            max_rows_per_unit=4,
        )
    },
    lookups={
        "kinds": Lookup(
            key="kind",
            columns=(
                LookupColumn(name="kind", type=ColumnType.TEXT),
                LookupColumn(name="n", type=ColumnType.INTEGER),
            ),
            rows=(("a", 1), ("b", 2)),
        )
    },
    budget=BudgetTerms(epsilon="8", delta="1e-7", per_question_percent=10),
    access=AccessTerms(modes=(Mode.QUERY, Mode.ROOM), max_days=3, conditions=("be kind",)),
    release=ReleaseTerms(threshold=5, reviewers=1, pool=("rita",), file_types=("csv", "png")),
)
BARE = DatasetPolicy(
    name="open",
    title="Open",
    open_class=OpenClass.UNCONDITIONAL,
    provider="p",
    source="s",
    licence="l",
    owner="o",
)


@pytest.mark.parametrize("policy", [FULL, BARE], ids=lambda p: p.name)
def test_a_policy_comes_back_as_it_was(policy: DatasetPolicy) -> None:
    text = canonical_json(policy_to_document(policy))
    back = policy_from_document(json.loads(text))
    assert back == policy
    assert canonical_json(policy_to_document(back)) == text


def test_a_document_may_leave_defaults_out() -> None:
    document = policy_to_document(BARE)
    for name in ("budget", "unit", "access", "tables", "lookups"):
        del document[name]
    assert policy_from_document(document) == BARE


BROKEN: list[tuple[list[str | int], Any, str]] = [
    (["name"], 3, "policy.name"),
    (["open_class"], "secret", "policy.open_class"),
    (["surprise"], 1, "policy.surprise"),
    (["unit"], "id", "policy.unit"),
    (["tables"], [], "policy.tables"),
    (["tables", "loans", "max_rows"], True, "policy.tables.loans.max_rows"),
    (["tables", "loans", "max_rows"], 1.0, "policy.tables.loans.max_rows"),
    (
        ["tables", "loans", "columns", "kind", "categories"],
        "ab",
        "policy.tables.loans.columns.kind.categories",
    ),
    (
        ["tables", "loans", "columns", "kind", "categories"],
        [1.5],
        "policy.tables.loans.columns.kind.categories.0",
    ),
    (["tables", "loans", "columns", "amount", "lower"], "0", "policy.tables.loans.columns.amount.lower"),
    (["lookups", "kinds", "rows"], [["a", 1.5]], "policy.lookups.kinds.rows.0.1"),
    (["lookups", "kinds", "rows"], ["a"], "policy.lookups.kinds.rows.0"),
    (["access", "modes"], ["fly"], "policy.access.modes.0"),
    (["budget", "epsilon"], 8, "policy.budget.epsilon"),
]


@pytest.mark.parametrize(("path", "value", "where"), BROKEN, ids=[w for _, _, w in BROKEN])
def test_a_document_with_a_mistake_is_refused_at_its_place(path: list[Any], value: Any, where: str) -> None:
    document = copy.deepcopy(policy_to_document(FULL))
    spot = document
    for step in path[:-1]:
        spot = spot[step]
    spot[path[-1]] = value
    with pytest.raises(BadInput) as error:
        policy_from_document(document)
    assert error.value.where == where


def test_a_document_that_lacks_a_field_is_refused() -> None:
    document = policy_to_document(FULL)
    del document["tables"]["loans"]["max_rows"]
    with pytest.raises(BadInput, match="max_rows"):
        policy_from_document(document)
