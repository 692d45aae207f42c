"""``allows``: each clause says yes and no, and whatever is not known is a no."""

from __future__ import annotations

import copy
from dataclasses import fields, replace
from datetime import date
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.domain.agreement import agreement_hash, in_words
from sandbox.domain.application import ApplicationState
from sandbox.domain.canonical import canonical_json
from sandbox.domain.duties import Duty, DutyState, blocking, due_dates, duties
from sandbox.domain.permission import Action, Decision, Facts, allows, permitting
from sandbox.domain.policy import Mode
from sandbox.domain.privacy_loss import Loss
from sandbox.domain.suspension import Suspension
from tests.domain.agreed import APPLICATION, POLICY, WISH, agreed, facts, grant_of

DOCUMENT = agreed()
# Each action in a mode that permits it.
MODES = {Action.SHOW_ROWS: Mode.ROOM, Action.RUN_JOB: Mode.JOB}
DOCUMENTS = {action: {**DOCUMENT, "mode": str(MODES.get(action, Mode.QUERY))} for action in Action}
# What each action needs to be told, beside what always holds.
WANTED: dict[Action, dict[str, Any]] = {
    Action.ASK: {"columns": {"loans": frozenset({"age"})}, "cost": Loss(1)},
    Action.SAMPLE: {},
    Action.OPEN_NOTEBOOK: {},
    Action.SHOW_ROWS: {"columns": {"loans": frozenset({"age"})}},
    Action.RUN_JOB: {"columns": {"loans": frozenset({"age"})}},
    Action.IMPORT: {},
    Action.SUBMIT: {"sizes": (10,)},
    Action.CHECK: {},
    Action.REVIEW: {"reviewer": "rita"},
    Action.RELEASE: {"approvals": frozenset({"rita", "ravi"})},
}
USES = (
    Action.ASK,
    Action.SAMPLE,
    Action.OPEN_NOTEBOOK,
    Action.SHOW_ROWS,
    Action.RUN_JOB,
    Action.IMPORT,
    Action.SUBMIT,
)


def decide(action: Action, document: dict[str, Any] | None = None, **changed: Any) -> Decision:
    document = DOCUMENTS[action] if document is None else document
    if changed.pop("revoked", False):
        changed["grant"] = replace(grant_of(document), revoked=True)
    return allows(document, action, facts(document, **{**WANTED[action], **changed}))


@pytest.mark.parametrize("action", Action)
def test_what_was_agreed_is_permitted_by_its_clause(action: Action) -> None:
    decision = decide(action)
    assert decision, decision
    assert decision.clause == permitting(action)


DUTY = Duty(application=3, due=date(2025, 1, 1), blocks=date(2025, 1, 16), state=DutyState.BLOCKING)
WHOLE = Suspension(dataset="loans", objection=4)
AGE = Suspension(dataset="loans", table="loans", column="age")
SEX = replace(AGE, column="sex")
EVERYWHERE: list[tuple[dict[str, Any], str]] = [
    ({"person": "eve"}, "people"),
    ({"signed": frozenset({"ana"})}, "people"),
    ({"revoked": True}, "revocation"),
    ({"state": ApplicationState.REVOKED}, "revocation"),
    ({"state": ApplicationState.CLOSED}, "period"),
    ({"suspensions": (WHOLE,)}, "suspension"),
]
WHILE_USED: list[tuple[dict[str, Any], str]] = [
    ({"today": date(2025, 12, 31)}, "period"),
    ({"today": date(2026, 1, 11)}, "period"),
    *(
        ({"state": state}, "period")
        for state in (
            ApplicationState.DRAFT,
            ApplicationState.SUBMITTED,
            ApplicationState.RETURNED,
            ApplicationState.APPROVED,
            ApplicationState.EXPIRED,
            ApplicationState.RENEWED,
            ApplicationState.REJECTED,
            ApplicationState.WITHDRAWN,
        )
    ),
    ({"untrained": ("data protection",)}, "training"),
    ({"duty": DUTY}, "feedback"),
]


@pytest.mark.parametrize(("action", "case"), list(product(Action, EVERYWHERE)))
def test_what_always_forbids(action: Action, case: tuple[dict[str, Any], str]) -> None:
    decision = decide(action, **case[0])
    assert not decision
    assert decision.clause == case[1]
    assert decision.reason


@pytest.mark.parametrize(("action", "case"), list(product(USES, WHILE_USED)))
def test_what_forbids_a_use(action: Action, case: tuple[dict[str, Any], str]) -> None:
    decision = decide(action, **case[0])
    assert not decision
    assert decision.clause == case[1]


@pytest.mark.parametrize(
    ("action", "changed", "clause"),
    [
        (Action.ASK, {"columns": {"calls": frozenset()}}, "data"),
        (Action.ASK, {"columns": {"loans": frozenset({"age", "income"})}}, "data"),
        (Action.ASK, {"columns": None}, "data"),
        (Action.ASK, {"suspensions": (AGE,)}, "suspension"),
        (Action.ASK, {"cost": None}, "budget"),
        (Action.ASK, {"cost": Loss(10**18)}, "budget"),
        (Action.ASK, {"cost": Loss(0, 10**18)}, "budget"),
        (Action.SAMPLE, {"suspensions": (SEX,)}, "suspension"),
        (Action.SHOW_ROWS, {"columns": None}, "data"),
        (Action.SHOW_ROWS, {"columns": {"loans": frozenset({"income"})}}, "data"),
        (Action.SHOW_ROWS, {"suspensions": (AGE,)}, "suspension"),
        (Action.RUN_JOB, {"columns": None}, "data"),
        (Action.RUN_JOB, {"columns": {"calls": frozenset({"age"})}}, "data"),
        (Action.RUN_JOB, {"suspensions": (AGE,)}, "suspension"),
        (Action.SUBMIT, {"sizes": None}, "outputs"),
        (Action.SUBMIT, {"sizes": (10, 1_000_001)}, "outputs"),
        (Action.CHECK, {"suspensions": (SEX,)}, "suspension"),
        (Action.CHECK, {"columns": {"loans": frozenset({"income"})}}, "data"),
        (Action.REVIEW, {"reviewer": ""}, "review"),
        (Action.REVIEW, {"reviewer": "ben"}, "review"),
        (Action.REVIEW, {"untrained": ("checking outputs",)}, "training"),
        (Action.RELEASE, {"approvals": None}, "review"),
        (Action.RELEASE, {"approvals": frozenset({"rita"})}, "review"),
        (Action.RELEASE, {"approvals": frozenset({"rita", "ben"})}, "review"),
        (Action.RELEASE, {"suspensions": (SEX,)}, "suspension"),
    ],
)
def test_what_forbids_one_action(action: Action, changed: dict[str, Any], clause: str) -> None:
    decision = decide(action, **changed)
    assert not decision
    assert decision.clause == clause


@pytest.mark.parametrize(
    ("mode", "permitted"),
    [
        (Mode.QUERY, {Action.OPEN_NOTEBOOK}),
        (Mode.JOB, {Action.OPEN_NOTEBOOK, Action.RUN_JOB}),
        (Mode.ROOM, {Action.OPEN_NOTEBOOK, Action.RUN_JOB, Action.SHOW_ROWS}),
    ],
)
def test_what_each_mode_opens(mode: Mode, permitted: set[Action]) -> None:
    document = {**DOCUMENT, "mode": str(mode)}
    for action in (Action.OPEN_NOTEBOOK, Action.RUN_JOB, Action.SHOW_ROWS):
        decision = decide(action, document)
        assert (bool(decision), decision.clause) == (action in permitted, "mode")


def test_a_mode_that_nobody_knows_opens_nothing() -> None:
    document = {**DOCUMENT, "mode": "everything"}
    for action in (Action.OPEN_NOTEBOOK, Action.RUN_JOB, Action.SHOW_ROWS):
        assert not allows(document, action, facts(DOCUMENT, **WANTED[action]))


def test_a_suspended_column_leaves_the_others_open() -> None:
    assert decide(Action.ASK, suspensions=(SEX,))  # it asks about age
    assert not decide(Action.ASK, suspensions=(AGE,))
    by_age = {"columns": {"loans": frozenset({"age"})}}
    assert decide(Action.RELEASE, suspensions=(SEX,), **by_age)
    assert not decide(Action.RELEASE, suspensions=(AGE,), **by_age)


def test_the_first_and_the_last_day_are_in_the_period() -> None:
    for day in (date(2026, 1, 1), date(2026, 1, 10)):
        assert decide(Action.ASK, today=day)


def test_what_was_handed_in_is_still_judged_after_the_end() -> None:
    later = {"today": date(2026, 3, 1), "state": ApplicationState.EXPIRED}
    for action in (Action.CHECK, Action.REVIEW, Action.RELEASE):
        assert decide(action, **later)


# never a yes by accident


@pytest.mark.parametrize("action", ["", "delete", "ASK", "ask ", "\u0430sk", None, 7])
def test_an_unknown_action_is_a_no(action: Any) -> None:
    decision = allows(DOCUMENT, action, facts(DOCUMENT, **WANTED[Action.ASK]))
    assert not decision
    assert decision.clause == "action"


@pytest.mark.parametrize(("action", "clause"), list(product(Action, DOCUMENT)))
def test_an_agreement_without_a_clause_permits_nothing(action: Action, clause: str) -> None:
    """Any clause: its hash is no longer the grant's."""
    document = {name: value for name, value in DOCUMENTS[action].items() if name != clause}
    assert not allows(document, action, facts(DOCUMENTS[action], **WANTED[action]))


NEEDED = {
    Action.ASK: ("format", "people", "period", "data", "budget"),
    Action.SAMPLE: ("format", "people", "period"),
    Action.OPEN_NOTEBOOK: ("format", "people", "period", "mode"),
    Action.SHOW_ROWS: ("format", "people", "period", "mode", "data"),
    Action.RUN_JOB: ("format", "people", "period", "mode", "data"),
    Action.IMPORT: ("format", "people", "period"),
    Action.SUBMIT: ("format", "people", "period", "outputs"),
    Action.CHECK: ("format", "people"),
    Action.REVIEW: ("format", "people"),
    Action.RELEASE: ("format", "people", "review"),
}


@pytest.mark.parametrize(
    ("action", "clause"), [(action, clause) for action, clauses in NEEDED.items() for clause in clauses]
)
def test_an_agreement_that_was_signed_without_a_clause_permits_nothing(action: Action, clause: str) -> None:
    whole = DOCUMENTS[action]
    document = {name: value for name, value in whole.items() if name != clause}
    signed = replace(grant_of(whole), agreement_hash=agreement_hash(document))
    decision = allows(document, action, facts(whole, grant=signed, **WANTED[action]))
    assert not decision
    assert decision.clause == "evaluation"


@pytest.mark.parametrize("action", Action)
def test_an_agreement_that_was_edited_permits_nothing(action: Action) -> None:
    document = copy.deepcopy(DOCUMENT)
    document["budget"]["all_nano"] += 1
    assert not allows(document, action, facts(DOCUMENT, **WANTED[action]))


@pytest.mark.parametrize("action", Action)
def test_an_agreement_in_the_first_form_permits_nothing(action: Action) -> None:
    document = {**DOCUMENT, "format": "sandbox-agreement-v1"}
    decision = allows(document, action, facts(DOCUMENT, **WANTED[action]))
    assert (decision.allowed, decision.clause) == (False, "format")
    assert "Apply again" in decision.fix


RUBBISH = st.one_of(st.none(), st.integers(), st.text(max_size=5), st.lists(st.integers(), max_size=2))


@given(st.sampled_from(list(Action)), st.sampled_from(sorted(DOCUMENT)), RUBBISH)
def test_rubbish_in_a_clause_is_a_no_and_never_an_error(action: Action, clause: str, value: object) -> None:
    document = {**DOCUMENT, clause: value}
    if value != DOCUMENT[clause]:
        assert not allows(document, action, facts(DOCUMENT, **WANTED[action]))


@given(st.sampled_from(list(Action)), st.sampled_from([f.name for f in fields(Facts)]), RUBBISH)
def test_rubbish_in_a_fact_is_never_an_error(action: Action, name: str, value: object) -> None:
    given_facts = {**WANTED[action], name: value}
    assert isinstance(allows(DOCUMENT, action, facts(DOCUMENT, **given_facts)), Decision)


# the document


def test_the_agreement_is_canonical_and_says_everything_the_guards_read() -> None:
    assert DOCUMENT["period"] == {"starts": "2026-01-01", "ends": "2026-01-10"}  # ten days, both counted
    assert DOCUMENT["people"] == {"lead": "ana", "all": ["ana", "ben"]}
    assert DOCUMENT["data"] == {"tables": {"loans": ["age", "sex"]}}
    assert DOCUMENT["review"]["threshold_units"] == 10
    assert canonical_json(DOCUMENT) == canonical_json(dict(reversed(DOCUMENT.items())))
    other = agreed(replace(APPLICATION, wish=replace(WISH, days=11)))
    assert agreement_hash(other) != agreement_hash(DOCUMENT)


def test_without_named_tables_it_opens_those_that_there_are() -> None:
    document = agreed(replace(APPLICATION, wish=replace(WISH, tables={})))
    assert document["data"]["tables"] == {"calls": ["id"], "loans": ["id", "age", "sex"]}


def test_every_clause_that_permits_or_forbids_is_said_in_words() -> None:
    said = {name for name, _ in in_words(DOCUMENT)}
    assert {permitting(action) for action in Action} <= said
    assert {"people", "period", "suspension", "feedback", "data", "outputs", "review"} <= said
    words = dict(in_words(DOCUMENT))
    assert "ana, ben, led by ana" in words["people"]
    assert "2026-01-01 to 2026-01-10" in words["period"]


# what is owed


def test_a_report_is_due_after_the_end_and_blocks_after_the_days_of_grace() -> None:
    assert due_dates(DOCUMENT) == (date(2026, 2, 9),)
    for today, state in (
        (date(2026, 1, 5), DutyState.AHEAD),
        (date(2026, 1, 26), DutyState.AHEAD),
        (date(2026, 1, 27), DutyState.DUE_SOON),
        (date(2026, 2, 9), DutyState.DUE_SOON),
        (date(2026, 2, 10), DutyState.OVERDUE),
        (date(2026, 2, 23), DutyState.OVERDUE),
        (date(2026, 2, 24), DutyState.BLOCKING),
    ):
        (duty,) = duties(DOCUMENT, given=[], today=today)
        assert duty.state is state, today
        assert (blocking([duty]) is duty) == (state is DutyState.BLOCKING)
    (done,) = duties(DOCUMENT, given=[date(2026, 2, 9)], today=date(2027, 1, 1))
    assert done.state is DutyState.DONE


def test_reports_can_be_due_while_it_runs_and_earlier_when_it_ends_early() -> None:
    assert POLICY.budget is not None
    often = replace(POLICY, access=replace(POLICY.access, feedback_every_days=4))
    document = agreed(policy=often)
    assert due_dates(document) == (date(2026, 1, 5), date(2026, 1, 9), date(2026, 2, 9))
    early = duties(document, given=[], today=date(2026, 1, 6), ended=date(2026, 1, 6))
    assert [duty.due for duty in early] == [date(2026, 1, 5), date(2026, 2, 5)]
    none = agreed(policy=replace(POLICY, access=replace(POLICY.access, feedback_days=0)))
    assert duties(none, given=[], today=date(2030, 1, 1)) == ()
