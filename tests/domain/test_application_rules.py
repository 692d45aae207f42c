"""Who may apply for what, who moves an application, and what two turns differ in."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from sandbox.domain.application import (
    ENDED,
    NEEDS_REASON,
    STEPS,
    WAITING,
    Actor,
    Application,
    ApplicationState,
    Verb,
    Wish,
    allowed_verbs,
    check_reason,
    check_wish,
    differences,
    platform_step,
    same_application,
    step,
    wish_from,
)
from sandbox.domain.canonical import canonical_json
from sandbox.domain.errors import BadInput, Conflict, NotAllowed, SandboxError
from sandbox.domain.people import Person, Role
from sandbox.domain.policy import DatasetPolicy, Mode, OpenClass
from sandbox.domain.policy_rules import check
from tests.domain.agreed import ANA, APPLICATION, BEN, EVE, OLGA, POLICY, WISH


def test_the_policy_used_here_has_no_mistakes() -> None:
    assert check(POLICY) == ()


# the table


@pytest.mark.parametrize(("state", "verb"), list(product(ApplicationState, Verb)))
def test_every_state_and_verb(state: ApplicationState, verb: Verb) -> None:
    application = replace(APPLICATION, state=state)
    rows = [s for s in STEPS if s.start is state and s.verb is verb]
    assert len(rows) <= 1  # a verb leads to one place
    for person in (ANA, BEN, OLGA, EVE):
        may = verb in allowed_verbs(application, POLICY, person)
        if may:
            assert step(application, verb, POLICY, person) is rows[0]
        else:
            with pytest.raises((Conflict, NotAllowed)):
                step(application, verb, POLICY, person)
    assert verb not in allowed_verbs(application, POLICY, EVE)  # neither owner of it nor of its people
    if rows and rows[0].actor is Actor.PLATFORM:
        assert platform_step(application, verb) is rows[0]
    else:
        with pytest.raises(Conflict):
            platform_step(application, verb)


@pytest.mark.parametrize(("start", "end"), list(product(ApplicationState, ApplicationState)))
def test_every_pair_of_states(start: ApplicationState, end: ApplicationState) -> None:
    """What leads to data, and what is over."""
    rows = [s for s in STEPS if s.start is start and s.end is end]
    if end is ApplicationState.ACTIVE and start is not ApplicationState.ACTIVE:
        assert [s.verb for s in rows] == ([Verb.BEGIN] if start is ApplicationState.APPROVED else [])
    if end is ApplicationState.APPROVED and start is not ApplicationState.APPROVED:
        assert [s.actor for s in rows] == ([Actor.OWNER] if start is ApplicationState.SUBMITTED else [])
    if start in ENDED:
        assert end in ENDED or not rows


def test_every_state_is_reached_and_waits_or_is_active_or_over() -> None:
    reached = {ApplicationState.DRAFT} | {s.end for s in STEPS}
    assert reached == set(ApplicationState)
    assert {ApplicationState.ACTIVE} | WAITING | ENDED == set(ApplicationState)


def test_nobody_decides_about_what_they_are_to_use() -> None:
    for own in (
        replace(APPLICATION, applicant="olga"),
        replace(APPLICATION, wish=replace(WISH, members=("olga",))),
    ):
        assert Verb.APPROVE not in allowed_verbs(own, POLICY, OLGA)
    assert Verb.APPROVE in allowed_verbs(APPLICATION, POLICY, OLGA)  # the control


def test_each_person_signs_once() -> None:
    approved = replace(APPLICATION, state=ApplicationState.APPROVED, signed=("ana",))
    assert approved.unsigned == ("ben",)
    assert Verb.SIGN in allowed_verbs(approved, POLICY, BEN)
    assert Verb.SIGN not in allowed_verbs(approved, POLICY, ANA)
    with pytest.raises(Conflict):
        step(approved, Verb.SIGN, POLICY, ANA)


@pytest.mark.parametrize("verb", sorted(NEEDS_REASON))
def test_who_says_no_says_why(verb: Verb) -> None:
    assert check_reason(verb, "  not now ") == "not now"
    for bad in ("", "  a  ", "x" * 501):
        with pytest.raises(BadInput) as caught:
            check_reason(verb, bad)
        assert caught.value.where == "reason"
    assert check_reason(Verb.APPROVE, "") == ""


# what can be asked for


def ask(policy: DatasetPolicy = POLICY, person: Person = ANA, **changed: object) -> None:
    check_wish(policy, person, replace(WISH, **changed))  # type: ignore[arg-type]


def test_a_complete_application_is_accepted() -> None:
    ask()
    ask(tables={}, members=(), epsilon="0.5")


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
        ({"organisation": "A\u202eB"}, "organisation"),
        ({"members": ("Ben",)}, "members"),
        ({"members": ("b\u0435n",)}, "members"),  # the second letter is Cyrillic
        ({"members": ("ben", "ben")}, "members"),
        ({"members": ("ana",)}, "members"),
        ({"members": tuple(f"p{i}" for i in range(51))}, "members"),
        ({"tables": {"houses": ("x",)}}, "tables"),
        ({"tables": {"loans": ("income",)}}, "tables.loans"),
        ({"tables": {"loans": ()}}, "tables.loans"),
        ({"epsilon": "much"}, "epsilon"),
        ({"epsilon": "-1"}, "epsilon"),
        ({"epsilon": "NaN"}, "epsilon"),
        ({"epsilon": "1e9"}, "epsilon"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_with_its_field(changed: dict[str, object], where: str) -> None:
    with pytest.raises(BadInput) as caught:
        ask(**changed)
    assert caught.value.where == where
    assert caught.value.fix


def test_open_closed_and_role() -> None:
    with pytest.raises(BadInput):
        ask(replace(POLICY, open_class=OpenClass.UNCONDITIONAL))
    with pytest.raises(NotAllowed):
        ask(replace(POLICY, open_class=OpenClass.CLOSED))
    with pytest.raises(NotAllowed):
        ask(person=Person(name="rita", roles=frozenset({Role.REVIEWER})))


def test_errors_say_what_to_do() -> None:
    with pytest.raises(SandboxError) as caught:
        ask(days=0)
    assert "1 to 365" in str(caught.value)


# turns


def test_what_changed_between_two_turns_is_told_field_by_field() -> None:
    after = replace(WISH, days=20, members=("ben", "carl"), tables={})
    told = {c.name: (c.before, c.after) for c in differences(WISH, after)}
    assert told == {
        "days": ("10", "20"),
        "members": ("ben", "ben, carl"),
        "tables": ("loans: age, sex", ""),
    }
    assert differences(WISH, WISH) == ()


def test_a_wish_is_read_back_as_it_was_written() -> None:
    assert wish_from(WISH.document()) == WISH
    canonical_json(WISH.document())
    bare = Wish(project="p", purpose="x", output_plan="y")
    assert wish_from(bare.document()) == bare


def test_the_same_application_sent_twice_is_found_while_it_waits() -> None:
    twin = replace(APPLICATION, id=8)
    assert same_application(twin, [APPLICATION]) is APPLICATION
    assert same_application(APPLICATION, [APPLICATION]) is None
    other: Application
    for other in (
        replace(APPLICATION, state=ApplicationState.REJECTED),
        replace(APPLICATION, applicant="ben"),
        replace(APPLICATION, wish=replace(WISH, days=11)),
    ):
        assert same_application(twin, [other]) is None
