"""A policy, an application for it, and the agreement and grant that come of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from sandbox.domain.access import Grant
from sandbox.domain.agreement import agreement, agreement_hash
from sandbox.domain.application import Application, ApplicationState, Wish
from sandbox.domain.people import Person, Role
from sandbox.domain.permission import Facts
from sandbox.domain.policy import (
    BudgetTerms,
    Column,
    ColumnType,
    DatasetPolicy,
    OpenClass,
    ReleaseTerms,
    Table,
    Unit,
)

POLICY = DatasetPolicy(
    name="loans",
    title="Loans",
    open_class=OpenClass.CONDITIONAL,
    provider="a bank",
    source="a bank",
    licence="CC BY 4.0",
    owner="olga",
    unit=Unit(column="id", noun="applicant"),
    tables={
        "loans": Table(
            columns={
                "id": Column(type=ColumnType.INTEGER),
                "age": Column(type=ColumnType.INTEGER, lower=0, upper=100),
                "sex": Column(type=ColumnType.TEXT, categories=("female", "male")),
            },
            max_rows=10,
        ),
        "calls": Table(columns={"id": Column(type=ColumnType.INTEGER)}, max_rows=10),
    },
    budget=BudgetTerms(epsilon="4", member_percent=60, day_percent=50),
    release=ReleaseTerms(pool=("rita", "ravi")),
)
ANA = Person(name="ana", roles=frozenset({Role.RESEARCHER}))
BEN = Person(name="ben", roles=frozenset({Role.RESEARCHER}))
OLGA = Person(name="olga", roles=frozenset({Role.OWNER, Role.RESEARCHER}))
EVE = Person(name="eve", roles=frozenset({Role.OWNER, Role.RESEARCHER, Role.ADMINISTRATOR}))
WISH = Wish(
    project="credit",
    purpose="To see who gets a loan.",
    output_plan="counts by group",
    days=10,
    members=("ben",),
    tables={"loans": ("age", "sex")},
)
APPLICATION = Application(id=7, dataset="loans", applicant="ana", wish=WISH)
TODAY = date(2026, 1, 5)


def agreed(application: Application = APPLICATION, policy: DatasetPolicy = POLICY) -> dict[str, Any]:
    """The agreement, from the first to the tenth of January."""
    assert policy.budget is not None
    return agreement(
        application,
        policy,
        policy_hash="0" * 64,
        starts=date(2026, 1, 1),
        budget=policy.budget.per_project,
    )


def grant_of(document: dict[str, Any], person: str = "ana") -> Grant:
    return Grant(
        id=1,
        person=person,
        dataset=document["dataset"],
        project=document["project"],
        purpose="x",
        mode=document["mode"],
        starts=date.fromisoformat(document["period"]["starts"]),
        ends=date.fromisoformat(document["period"]["ends"]),
        agreement_hash=agreement_hash(document),
        application=document["application"],
    )


def facts(document: dict[str, Any], **changed: Any) -> Facts:
    """Of a grant that holds, for a question about age that costs nothing."""
    return replace(
        Facts(
            today=TODAY,
            person="ana",
            grant=grant_of(document),
            state=ApplicationState.ACTIVE,
            signed=frozenset({"ana", "ben"}),
            open_class=OpenClass.CONDITIONAL,
            suspensions=(),
        ),
        **changed,
    )
