"""Planted outputs: who may plant what, what is hashed, and what a decision says of reviewers."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from sandbox.domain.errors import BadInput, Conflict, NotAllowed
from sandbox.domain.people import Person, Role
from sandbox.domain.planted import (
    Flaw,
    Outcome,
    Planting,
    ReviewTerms,
    check_allowed,
    check_may_plant,
    check_plantable,
    commitment,
    outcome_of,
    planted_figures,
    planting_word,
    same_word,
    share,
    statement_of,
)
from sandbox.domain.policy_change import differences, loosening
from sandbox.domain.proportion import exact_interval
from sandbox.domain.release import Decision, Release, StagedFile, Status, Verb, Vote
from sandbox.domain.site_policy import SitePolicy

RELEASE = Release(
    id=7,
    grant_id=1,
    dataset="loans",
    project="credit",
    requester="ana",
    context="Counts.",
    files=(StagedFile(name="t.csv", sha256="ab" * 32, size_bytes=9),),
    status=Status.SUBMITTED,
    version=2,
    reviewers_needed=2,
)
VOTE = Vote(reviewer="rita", decision=Decision.APPROVE, comment="")


def person(name: str, *roles: Role) -> Person:
    return Person(name=name, roles=frozenset(roles))


@pytest.mark.parametrize(
    ("who", "allowed"),
    [
        (person("alma", Role.ADMINISTRATOR), True),
        (person("alma", Role.ADMINISTRATOR, Role.REVIEWER), True),  # of other data
        (person("rita", Role.ADMINISTRATOR, Role.REVIEWER), False),
        (person("rita", Role.ADMINISTRATOR), False),  # in the pool, whatever the role is today
        (person("ana", Role.ADMINISTRATOR), False),
        (person("olga", Role.OWNER), False),
        (person("ada", Role.AUDITOR), False),
        (replace(person("alma", Role.ADMINISTRATOR), active=False), False),
    ],
)
def test_who_may_plant(who: Person, allowed: bool) -> None:
    if allowed:
        check_may_plant(RELEASE, who, pool=["rita", "ravi"])
    else:
        with pytest.raises(NotAllowed):
            check_may_plant(RELEASE, who, pool=["rita", "ravi"])


def test_only_what_waits_without_a_vote_is_planted() -> None:
    for status, votes, early in product(Status, ((), (VOTE,)), ((), (VOTE,))):
        release = replace(RELEASE, status=status, votes=votes, early=early)
        if status is Status.SUBMITTED and not votes and not early:
            check_plantable(release, by_job=False)
            with pytest.raises(NotAllowed):
                check_plantable(release, by_job=True)
        else:
            with pytest.raises(Conflict):
                check_plantable(release, by_job=False)


def test_the_policy_allows_it_and_that_loosens() -> None:
    with pytest.raises(NotAllowed):
        check_allowed(SitePolicy().review)
    open_ = SitePolicy(review=ReviewTerms(planted=Planting.ALLOWED))
    check_allowed(open_.review)
    assert loosening(differences(SitePolicy(), open_))
    assert not loosening(differences(open_, SitePolicy()))


def test_a_word_is_of_one_request_one_turn_one_sender() -> None:
    words = {
        planting_word(secret, release)
        for secret in (b"one", b"two")
        for release in (RELEASE, replace(RELEASE, id=8), replace(RELEASE, turn=2))
    }
    assert len(words) == 6
    word = planting_word(b"one", RELEASE)
    assert same_word(word, f"  {word.upper().replace('-', ' ')} ")
    assert not same_word(word, "")
    assert not same_word(word, word[:-1])


def stated(**more: str) -> str:
    said = {"file": "t.csv", "place": "row 1, column n", "words": "It is about three people."} | more
    return statement_of(RELEASE, planted_by="alma", flaw=Flaw.SMALL_COUNT, **said)


def test_a_statement_names_a_file_that_is_there_and_says_something() -> None:
    assert stated() == stated()
    stated(file="", place="")
    for wrong in ({"file": "u.csv"}, {"words": "small"}, {"words": "x" * 1001}, {"place": "\u202e" * 3}):
        with pytest.raises(BadInput):
            stated(**wrong)


@given(st.text(), st.text(), st.text(), st.text())
def test_a_commitment_is_of_one_statement_and_one_salt(one: str, salt: str, other: str, pepper: str) -> None:
    same = (one, salt) == (other, pepper)
    assert (commitment(one, salt) == commitment(other, pepper)) == same


@pytest.mark.parametrize(
    ("decision", "held", "by", "outcome"),
    [
        (Verb.APPROVE, False, "alma", Outcome.MISSED),
        (Verb.RETURN, False, "alma", Outcome.FOUND),
        (Verb.REJECT, False, "alma", Outcome.FOUND),
        (Verb.APPROVE, True, "alma", Outcome.NOT_COUNTED),
        (Verb.REJECT, False, "rita", Outcome.NOT_COUNTED),
    ],
)
def test_what_a_decision_says(decision: Verb, held: bool, by: str, outcome: Outcome) -> None:
    assert outcome_of(decision, (VOTE,), planted_by=by, held=held) is outcome


@pytest.mark.parametrize("n", [1, 2, 12, 100, 2000])
def test_the_interval_is_that_of_clopper_and_pearson(n: int) -> None:
    for k in sorted({0, 1, n // 3, n - 1, n} & set(range(n + 1))):
        low, high = exact_interval(k, n)
        assert low == pytest.approx(0 if k == 0 else beta.ppf(0.025, k, n - k + 1), abs=1e-9)
        assert high == pytest.approx(1 if k == n else beta.ppf(0.975, k + 1, n - k), abs=1e-9)


def test_no_share_of_nothing() -> None:
    for k, n in ((0, 0), (3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="no share"):
            exact_interval(k, n)
    assert share([]).missed_percent is None
    assert share([Outcome.NOT_COUNTED]).planted == 0
    assert planted_figures([]).by_flaw == {}
