"""Who may know of an application, who may renew it, and who decides on what they saw."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from sandbox.domain.application import Application, ApplicationState, Wish
from sandbox.domain.errors import Conflict
from sandbox.domain.people import Person, Role
from sandbox.domain.policy import DatasetPolicy, OpenClass
from sandbox.domain.standing import check_read, check_seen, concerns, may_renew

S = ApplicationState
POLICY = DatasetPolicy(
    name="loans",
    title="Loans",
    open_class=OpenClass.CONDITIONAL,
    provider="a bank",
    source="a bank",
    licence="CC0",
    owner="olga",
)
WISH = Wish(project="p", purpose="x" * 30, output_plan="counts by group", members=("ben",))


def person(name: str) -> Person:
    return Person(name=name, roles=frozenset(Role))


def application(state: ApplicationState) -> Application:
    return Application(
        id=7,
        dataset="loans",
        applicant="ana",
        wish=WISH,
        state=state,
        version=3,
        agreement_hash="a" * 64,
        submitted_at="" if state is S.DRAFT else "2026-01-05T12:00:00.000000+00:00",
    )


@pytest.mark.parametrize(("state", "name"), list(product(S, ("ana", "ben", "olga", "eve"))))
def test_an_application_concerns_its_people_and_the_owner_once_it_is_handed_in(
    state: ApplicationState, name: str
) -> None:
    expected = name == "ana" or (name in ("ben", "olga") and state is not S.DRAFT)
    assert concerns(application(state), POLICY, person(name)) is expected


@pytest.mark.parametrize("name", ["ana", "ben", "olga"])
def test_a_draft_that_was_taken_back_was_never_handed_in(name: str) -> None:
    taken_back = replace(application(S.DRAFT), state=S.WITHDRAWN)
    assert concerns(taken_back, POLICY, person(name)) is (name == "ana")


@pytest.mark.parametrize(("state", "name"), list(product(S, ("ana", "ben", "olga"))))
def test_who_leads_it_renews_it_while_it_runs_and_after(state: ApplicationState, name: str) -> None:
    assert may_renew(application(state), person(name)) is (name == "ana" and state in (S.ACTIVE, S.EXPIRED))


def test_only_what_was_seen_is_decided_on() -> None:
    made = application(S.SUBMITTED)
    check_seen(made, 3)
    check_seen(made, None)
    for other in (2, 4, 0, -1):
        with pytest.raises(Conflict):
            check_seen(made, other)


def test_only_what_was_read_is_signed() -> None:
    made = application(S.APPROVED)
    check_read(made, "a" * 64)
    check_read(made, "")
    with pytest.raises(Conflict):
        check_read(made, "b" * 64)
