"""Who may say and answer what: every state with every verb, every role with every right."""

from __future__ import annotations

import doctest
from dataclasses import replace
from datetime import date
from itertools import product
from types import ModuleType

import pytest

from sandbox.domain import breaches, demands, plain_text, ratings, results
from sandbox.domain.demands import Demand, DemandState, Wish
from sandbox.domain.errors import BadInput, Conflict, NotAllowed, NotFound
from sandbox.domain.people import Person, Role
from sandbox.domain.policy import OpenClass
from sandbox.domain.ratings import Rating
from sandbox.domain.results import Made, Result, ResultKind, ResultState, Told

ANA = Person("ana", frozenset({Role.RESEARCHER}))
OLGA = Person("olga", frozenset({Role.OWNER}))
OSCAR = Person("oscar", frozenset({Role.OWNER}))
ALMA = Person("alma", frozenset({Role.ADMINISTRATOR}))
RITA = Person("rita", frozenset({Role.REVIEWER}))
TODAY = date(2026, 3, 2)

WISH = Wish(title="Bus delays", data="One row for each departure.", holder="", purpose="To see who waits.")
DEMAND = Demand(
    id=1,
    wish=WISH,
    asker="",
    state=DemandState.ASKED,
    version=1,
    answer="",
    opened_as="",
    merged_into=None,
    hidden="",
    votes=0,
    visitor_votes=0,
    asked_at="2026-03-02T09:00:00.000000+00:00",
    changed_at="2026-03-02T09:00:00.000000+00:00",
)
TOLD = Told(
    kind=ResultKind.PAPER,
    title="Who waits for buses",
    authors="A. Ana",
    link="",
    made_on=date(2026, 1, 1),
    how_used="Counts by district.",
    citation_carried=True,
)
RESULT = Result(
    id=1,
    grant_id=1,
    dataset="loans",
    project="p",
    reporter="ana",
    made=results.made(TOLD, today=TODAY),
    state=ResultState.REPORTED,
    version=1,
    reason="",
    reported_at="2026-03-02",
    changed_at="2026-03-02",
)


@pytest.mark.parametrize(("state", "verb"), list(product(DemandState, demands.Verb)))
def test_every_state_takes_the_answers_of_its_rows_and_no_other(
    state: DemandState, verb: demands.Verb
) -> None:
    demand = replace(DEMAND, state=state)
    rows = [row for row in demands.STEPS if (row.start, row.verb) == (state, verb)]
    assert (str(verb) in demands.allowed_actions(demand, OLGA)) == bool(rows)
    if rows:
        assert demands.step(demand, verb, OLGA) == rows[0]
    else:
        with pytest.raises(Conflict):
            demands.step(demand, verb, OLGA)


def test_each_answer_has_its_own_event() -> None:
    assert {row.event for row in demands.STEPS if row.end is DemandState.OPENED} == {"demand.opened"}
    assert all(row.event == f"demand.{row.end}" for row in demands.STEPS)


@pytest.mark.parametrize("person", [ANA, RITA])
def test_only_owners_and_administrators_answer(person: Person) -> None:
    with pytest.raises(NotAllowed) as refused:
        demands.step(DEMAND, demands.Verb.PLAN, person)
    assert refused.value.clause == "role"
    assert demands.allowed_actions(DEMAND, person) == ("vote",)
    assert demands.step(DEMAND, demands.Verb.PLAN, ALMA)


def test_nobody_answers_their_own_demand() -> None:
    own = replace(DEMAND, asker="olga")
    with pytest.raises(NotAllowed) as refused:
        demands.step(own, demands.Verb.PLAN, OLGA)
    assert refused.value.clause == "separation of duties"
    assert demands.step(own, demands.Verb.PLAN, OSCAR)


def test_a_hidden_demand_takes_neither_votes_nor_answers() -> None:
    hidden = replace(DEMAND, hidden="spam")
    with pytest.raises(NotFound):
        demands.check_vote(hidden)
    with pytest.raises(NotFound):
        demands.step(hidden, demands.Verb.PLAN, ALMA)
    assert demands.allowed_actions(hidden, ALMA) == ("show",)
    assert demands.allowed_actions(hidden, OLGA) == ()


@pytest.mark.parametrize("state", list(DemandState))
def test_votes_are_taken_while_nothing_is_decided(state: DemandState) -> None:
    demand = replace(DEMAND, state=state)
    if state in (DemandState.ASKED, DemandState.PLANNED):
        demands.check_vote(demand)
    else:
        with pytest.raises(Conflict):
            demands.check_vote(demand)


def test_a_dataset_is_named_as_the_answer_by_its_owner_alone() -> None:
    check = demands.check_answer
    with pytest.raises(BadInput):
        check(demands.Verb.OPEN, "", demand=DEMAND, person=OLGA, owner="")
    with pytest.raises(NotAllowed):
        check(demands.Verb.OPEN, "", demand=DEMAND, person=OLGA, owner="oscar")
    assert check(demands.Verb.OPEN, " Here. ", demand=DEMAND, person=OSCAR, owner="oscar") == "Here."
    assert check(demands.Verb.OPEN, "", demand=DEMAND, person=ALMA, owner="oscar") == ""


def test_a_demand_is_merged_with_one_that_stands_by_itself() -> None:
    other = replace(DEMAND, id=2)
    for wrong in (
        None,
        DEMAND,
        replace(other, hidden="spam"),
        replace(other, state=DemandState.MERGED, merged_into=1),
    ):
        with pytest.raises(BadInput):
            demands.check_answer(demands.Verb.MERGE, "", demand=DEMAND, person=OLGA, into=wrong)
    assert demands.check_answer(demands.Verb.MERGE, "", demand=DEMAND, person=OLGA, into=other) == ""


def test_a_refusal_needs_its_reason() -> None:
    with pytest.raises(BadInput, match="too short"):
        demands.check_answer(demands.Verb.REFUSE, "no", demand=DEMAND, person=OLGA)
    assert demands.check_answer(demands.Verb.PLAN, "", demand=DEMAND, person=OLGA) == ""


def test_the_same_wish_has_one_hash_however_it_is_spaced() -> None:
    assert replace(WISH, title="bus  DELAYS").sha256 == WISH.sha256
    assert replace(WISH, title="Train delays").sha256 != WISH.sha256


# ratings


@pytest.mark.parametrize(
    ("open_class", "had_grant", "may"),
    [
        (OpenClass.CONDITIONAL, False, False),
        (OpenClass.CONDITIONAL, True, True),
        (OpenClass.UNCONDITIONAL, False, True),
        (OpenClass.CLOSED, True, False),
    ],
)
def test_those_who_used_it_rate_it(open_class: OpenClass, had_grant: bool, may: bool) -> None:
    assert ratings.may_rate("loans", open_class, ANA, owner="olga", had_grant=had_grant) is may
    assert not ratings.may_rate("loans", open_class, OLGA, owner="olga", had_grant=True)  # her own


@pytest.mark.parametrize("stars", [0, 6, -1, True])
def test_stars_are_one_to_five(stars: int) -> None:
    with pytest.raises(BadInput):
        ratings.rating(stars, "")
    assert ratings.rating(5, " Good. ") == (5, "Good.")


def test_usefulness_is_counts_and_mean_and_a_hidden_sentence_counts_on() -> None:
    one = Rating(dataset="d", person="ana", stars=5, sentence="Good.", hidden="", rated_at="2026-03-01T00")
    two = replace(one, person="ben", stars=2, sentence="Buy now!", hidden="spam", rated_at="2026-03-02T00")
    found = ratings.usefulness([one, two])
    assert (found.counts, found.n, found.mean) == ((0, 1, 0, 0, 1), 2, 3.5)
    assert found.sentences == ((5, "Good.", "2026-03-01"),)
    assert ratings.usefulness([]).mean is None


# results


@pytest.mark.parametrize(("state", "verb"), list(product(ResultState, results.Verb)))
def test_every_state_of_a_result_takes_its_own_verbs(state: ResultState, verb: results.Verb) -> None:
    result = replace(RESULT, state=state)
    rows = [row for row in results.STEPS if (row.start, row.verb) == (state, verb)]
    person = ANA if verb is results.Verb.AMEND else OLGA
    assert (str(verb) in results.allowed_actions(result, person, owner="olga")) == bool(rows)
    if rows:
        assert results.step(result, verb, person, owner="olga") == rows[0]
    else:
        with pytest.raises(Conflict):
            results.step(result, verb, person, owner="olga")


@pytest.mark.parametrize("person", [ANA, OSCAR, RITA])
def test_only_the_datasets_owner_or_an_administrator_confirms(person: Person) -> None:
    with pytest.raises(NotAllowed):
        results.step(RESULT, results.Verb.CONFIRM, person, owner="olga")
    for deciding in (OLGA, ALMA):
        assert results.step(RESULT, results.Verb.CONFIRM, deciding, owner="olga")


def test_nobody_confirms_what_they_reported() -> None:
    both = Person("olga", frozenset({Role.OWNER, Role.RESEARCHER}))
    with pytest.raises(NotAllowed) as refused:
        results.step(replace(RESULT, reporter="olga"), results.Verb.CONFIRM, both, owner="olga")
    assert refused.value.clause == "separation of duties"


def test_nobody_amends_for_somebody_else() -> None:
    for person in (OLGA, ALMA, RITA):
        with pytest.raises(NotAllowed):
            results.step(RESULT, results.Verb.AMEND, person, owner="olga")


@pytest.mark.parametrize("day", [date(2026, 3, 3), date(1989, 12, 31), date(9999, 12, 31)])
def test_a_result_has_appeared(day: date) -> None:
    with pytest.raises(BadInput) as refused:
        results.made(replace(TOLD, made_on=day), today=TODAY)
    assert refused.value.where == "made_on"
    assert isinstance(results.made(replace(TOLD, made_on=TODAY), today=TODAY), Made)


def test_a_returned_or_withdrawn_result_says_why() -> None:
    for verb in (results.Verb.RETURN, results.Verb.WITHDRAW):
        with pytest.raises(BadInput):
            results.reason(verb, " ")
    assert results.reason(results.Verb.CONFIRM, "") == ""


# breaches


@pytest.mark.parametrize("person", [ANA, OSCAR, RITA])
def test_only_the_datasets_owner_or_an_administrator_records_a_breach(person: Person) -> None:
    with pytest.raises(NotAllowed) as refused:
        breaches.check_recording(person, owner="olga", members=["ben"], about="ben")
    assert refused.value.clause == "role"
    for recording in (OLGA, ALMA):
        breaches.check_recording(recording, owner="olga", members=["ben"], about="ben")


@pytest.mark.parametrize(("members", "about"), [(["olga", "ben"], "ben"), (["ben"], "olga")])
def test_nobody_judges_their_own_project(members: list[str], about: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        breaches.check_recording(OLGA, owner="olga", members=members, about=about)
    assert refused.value.clause == "separation of duties"


def test_a_pseudonym_is_steady_within_a_project_and_needs_the_key() -> None:
    one = breaches.pseudonym("ana", project="p", key=b"k")
    assert one == breaches.pseudonym("ana", project="p", key=b"k")
    assert one != breaches.pseudonym("ana", project="q", key=b"k")
    assert one != breaches.pseudonym("ana", project="p", key=b"other")
    assert "ana" not in one
    assert breaches.pseudonym("", project="p", key=b"k") == ""


@pytest.mark.parametrize("module", [plain_text, breaches])
def test_the_examples_hold(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
