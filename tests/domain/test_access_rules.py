"""Who may apply, decide, sign and use; every pair of state and verb, every clause."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import product

import pytest

from sandbox.domain.access import (
    STEPS,
    Application,
    ApplicationState,
    Grant,
    agreement,
    agreement_hash,
    allowed_verbs,
    check_application,
    check_use,
    step,
)
from sandbox.domain.canonical import canonical_json
from sandbox.domain.errors import BadInput, Conflict, NotAllowed, SandboxError
from sandbox.domain.people import Person, Role
from sandbox.domain.policy import (
    BudgetTerms,
    Column,
    ColumnType,
    DatasetPolicy,
    Mode,
    OpenClass,
    ReleaseTerms,
    Table,
    Unit,
)
from sandbox.domain.policy_rules import check

POLICY = DatasetPolicy(
    name="loans",
    title="Loans",
    open_class=OpenClass.CONDITIONAL,
    provider="a bank",
    source="a bank",
    licence="CC BY 4.0",
    owner="olga",
    unit=Unit(column="id", noun="applicant"),
    tables={"loans": Table(columns={"id": Column(type=ColumnType.INTEGER)}, max_rows=10)},
    budget=BudgetTerms(epsilon="4"),
    release=ReleaseTerms(pool=("rita", "ravi")),
)
ANA = Person(name="ana", roles=frozenset({Role.RESEARCHER}))
OLGA = Person(name="olga", roles=frozenset({Role.OWNER, Role.RESEARCHER}))
EVE = Person(name="eve", roles=frozenset({Role.OWNER, Role.RESEARCHER, Role.ADMINISTRATOR}))
APPLICATION = Application(
    id=7,
    dataset="loans",
    applicant="ana",
    project="p",
    purpose="x" * 30,
    legal_basis="",
    mode=Mode.QUERY,
    days=10,
    output_plan="counts by group",
)
GRANT = Grant(
    id=1,
    person="ana",
    dataset="loans",
    project="p",
    purpose="x",
    mode=Mode.QUERY,
    starts=date(2026, 1, 1),
    ends=date(2026, 1, 10),
    agreement_hash="h",
)
VERBS = sorted({s.verb for s in STEPS})


def test_the_policy_used_here_has_no_mistakes() -> None:
    assert check(POLICY) == ()


@pytest.mark.parametrize(("state", "verb"), list(product(ApplicationState, VERBS)))
def test_every_state_and_verb(state: ApplicationState, verb: str) -> None:
    application = replace(APPLICATION, state=state)
    rows = [s for s in STEPS if s.start is state and s.verb == verb]
    for person in (ANA, OLGA, EVE):
        may = verb in allowed_verbs(application, POLICY, person)
        if may:
            assert step(application, verb, POLICY, person) is rows[0]
        else:
            with pytest.raises((Conflict, NotAllowed)):
                step(application, verb, POLICY, person)
    assert verb not in allowed_verbs(application, POLICY, EVE)  # neither owner of it nor applicant


def test_an_owner_cannot_decide_their_own_application() -> None:
    own = replace(APPLICATION, applicant="olga")
    assert allowed_verbs(own, POLICY, OLGA) == ()


def apply(policy: DatasetPolicy = POLICY, person: Person = ANA, **changed: object) -> None:
    given: dict[str, object] = {
        "project": "credit",
        "purpose": "p" * 30,
        "mode": Mode.QUERY,
        "days": 30,
        "output_plan": "counts by group",
    }
    check_application(policy, person, **(given | changed))  # type: ignore[arg-type]


def test_a_complete_application_is_accepted() -> None:
    apply()


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"project": " "}, "project"),
        ({"purpose": "short"}, "purpose"),
        ({"output_plan": ""}, "output_plan"),
        ({"days": 0}, "days"),
        ({"days": 366}, "days"),
        ({"mode": Mode.ROOM}, "mode"),
        ({"purpose": "p" * 5000}, "purpose"),
    ],
)
def test_an_incomplete_application_is_refused_with_its_field(changed: dict[str, object], where: str) -> None:
    with pytest.raises(BadInput) as caught:
        apply(**changed)
    assert caught.value.where == where
    assert caught.value.fix


def test_open_closed_and_role() -> None:
    with pytest.raises(BadInput):
        apply(replace(POLICY, open_class=OpenClass.UNCONDITIONAL))
    with pytest.raises(NotAllowed):
        apply(replace(POLICY, open_class=OpenClass.CLOSED))
    with pytest.raises(NotAllowed):
        apply(person=Person(name="rita", roles=frozenset({Role.REVIEWER})))


def use(
    grant: Grant = GRANT, person: Person = ANA, dataset: str = "loans", today: date = date(2026, 1, 5)
) -> None:
    check_use(grant, person, dataset=dataset, today=today)


@pytest.mark.parametrize("today", [date(2026, 1, 1), date(2026, 1, 10)])
def test_a_grant_holds_on_its_first_and_last_day(today: date) -> None:
    use(today=today)


@pytest.mark.parametrize(
    ("attempt", "clause"),
    [
        (lambda: use(person=EVE), "person"),
        (lambda: use(dataset="other"), "dataset"),
        (lambda: use(grant=replace(GRANT, revoked=True)), "revocation"),
        (lambda: use(today=date(2025, 12, 31)), "period"),
        (lambda: use(today=date(2026, 1, 11)), "period"),
    ],
)
def test_each_clause_refuses(attempt: object, clause: str) -> None:
    with pytest.raises(NotAllowed) as caught:
        attempt()  # type: ignore[operator]
    assert caught.value.clause == clause


def test_the_agreement_is_canonical_and_says_everything_the_guards_read() -> None:
    document = agreement(APPLICATION, POLICY, policy_hash="0" * 64, starts=date(2026, 1, 1))
    assert document["ends"] == "2026-01-10"  # ten days, both ends counted
    assert document["release"]["threshold_units"] == 10
    assert canonical_json(document) == canonical_json(dict(reversed(document.items())))
    other = agreement(replace(APPLICATION, days=11), POLICY, policy_hash="0" * 64, starts=date(2026, 1, 1))
    assert agreement_hash(other) != agreement_hash(document)


def test_errors_say_what_to_do() -> None:
    with pytest.raises(SandboxError) as caught:
        apply(days=0)
    assert "1 to 365" in str(caught.value)
