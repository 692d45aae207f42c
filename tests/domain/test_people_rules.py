"""Roles that stay apart, names that only look alike, training that ends, and whom a provider means."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from sandbox.domain.errors import BadInput, NotAllowed
from sandbox.domain.outside_identity import check_binding, claimed_name, subject_of
from sandbox.domain.people import RESERVED, Person, Role, check_active, check_new_name, check_role
from sandbox.domain.people_policy import (
    Activity,
    Course,
    Method,
    OidcTerms,
    SeparationTerms,
    SignInTerms,
    TrainingTerms,
    secure,
    separation_mistakes,
    sign_in_mistakes,
    training_mistakes,
)
from sandbox.domain.second_factor import check_enrolled, must_enrol
from sandbox.domain.separation import check_not_own, check_together, not_together
from sandbox.domain.training import TrainingRecord, check_record, missing_training, standing

TODAY = date(2026, 3, 2)
ANA = Person("ana", frozenset({Role.RESEARCHER}))


# names


@pytest.mark.parametrize(
    "name",
    [
        "аna",  # Cyrillic а
        "ａna",  # full-width
        "anа",
        "Ana",
        "ſana",  # long s
        "ana\n",
        "ana ",
        " ana",
        "ana\u200b",
        "a\u0301na",  # a with a combining accent
        "ana\u202e",
        "a",
        "a" * 33,
        "1ana",
        "_ana",
        "ana-b",
        "ana.b",
        "",
    ],
)
def test_a_name_that_only_looks_like_another_can_be_nobodys(name: str) -> None:
    with pytest.raises(BadInput, match="cannot be a user name"):
        Person(name, frozenset())


def test_plain_names_can_be_somebodys() -> None:
    """The control of the test above."""
    assert [Person(n, frozenset()).name for n in ("ana", "a1", "ana_b", "a" * 32)]


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_the_names_of_the_systems_own_actors_are_nobodys(name: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        check_new_name(name)
    assert refused.value.clause == "reserved name"
    check_new_name("operators")


# closed accounts


def test_a_closed_account_may_use_none_of_its_roles() -> None:
    closed = Person("ana", frozenset(Role), active=False)
    assert not any(closed.has(role) for role in Role)
    for check in (lambda: check_active(closed), lambda: check_role(closed, Role.RESEARCHER)):
        with pytest.raises(NotAllowed) as refused:
            check()
        assert refused.value.clause == "account"
    check_role(ANA, Role.RESEARCHER)


# separation of duties


@pytest.mark.parametrize("other", [role for role in Role if role is not Role.AUDITOR])
def test_an_auditor_is_nothing_else(other: Role) -> None:
    with pytest.raises(NotAllowed) as refused:
        check_together({Role.AUDITOR, other}, SeparationTerms())
    assert refused.value.clause == "separation of duties"
    check_together({Role.AUDITOR}, SeparationTerms())


def test_pairs_of_the_policy_stay_apart_and_others_do_not() -> None:
    terms = SeparationTerms(alone=(), pairs=((Role.OWNER, Role.REVIEWER),))
    assert not_together({Role.REVIEWER, Role.OWNER, Role.AUDITOR}, terms) == ((Role.OWNER, Role.REVIEWER),)
    check_together({Role.AUDITOR, Role.OWNER}, terms)


def test_nobody_changes_their_own() -> None:
    with pytest.raises(NotAllowed) as refused:
        check_not_own(ANA, "ana", "roles")
    assert refused.value.clause == "separation of duties"
    check_not_own(ANA, "ben", "roles")


# a second factor that a role needs


@pytest.mark.parametrize(
    ("role", "enrolled", "method", "must"),
    [
        (Role.OWNER, False, Method.LOCAL, True),
        (Role.OWNER, True, Method.LOCAL, False),
        (Role.OWNER, False, Method.OIDC, False),
        (Role.RESEARCHER, False, Method.LOCAL, False),
        (Role.AUDITOR, False, Method.LOCAL, True),
    ],
)
def test_who_can_do_nothing_yet_but_enrol(role: Role, enrolled: bool, method: Method, must: bool) -> None:
    person, terms = Person("ana", frozenset({role})), SignInTerms(method=method)
    assert must_enrol(person, terms, enrolled=enrolled) is must
    if must:
        with pytest.raises(NotAllowed) as refused:
            check_enrolled(person, terms, enrolled=enrolled)
        assert refused.value.clause == "second factor"
    else:
        check_enrolled(person, terms, enrolled=enrolled)


# training

TERMS = TrainingTerms(
    courses={
        "basics": Course(title="Basics", roles=(Role.RESEARCHER,)),
        "review": Course(title="Reviewing", roles=(Role.REVIEWER,), before=(Activity.REVIEW,)),
    }
)


def took(course: str, until: date, *, number: int = 1, person: str = "ana") -> TrainingRecord:
    return TrainingRecord(
        number=number, person=person, course=course, until=until, recorded_at="", recorded_by="ada"
    )


def test_a_course_never_taken_is_missing_and_says_so() -> None:
    (missing,) = missing_training(ANA, [], TERMS, TODAY)
    assert (missing.course, missing.ended, missing.words) == ("basics", None, "Basics (never taken)")


def test_a_course_counts_on_its_last_day_and_not_on_the_next() -> None:
    records = [took("basics", TODAY)]
    assert missing_training(ANA, records, TERMS, TODAY) == ()
    (missing,) = missing_training(ANA, records, TERMS, TODAY + timedelta(days=1))
    assert missing.ended == TODAY
    assert missing.words == "Basics (ended 2026-03-02)"


def test_the_newest_record_holds_also_when_it_ends_earlier() -> None:
    records = [
        took("basics", TODAY + timedelta(days=300), number=1),
        took("basics", TODAY - timedelta(days=1), number=2),
    ]
    assert missing_training(ANA, records, TERMS, TODAY)
    assert missing_training(ANA, records[::-1], TERMS, TODAY)


def test_somebody_elses_course_is_not_mine() -> None:
    assert missing_training(ANA, [took("basics", TODAY, person="ben")], TERMS, TODAY)


def test_only_what_the_course_is_for_is_refused() -> None:
    rita = Person("rita", frozenset({Role.REVIEWER}))
    (missing,) = missing_training(rita, [], TERMS, TODAY)
    assert missing.before == (Activity.REVIEW,)
    assert missing_training(ANA, [], TERMS, TODAY)[0].before == tuple(Activity)


def test_a_course_stops_somebody_only_where_something_waits_for_it() -> None:
    idle = replace(TERMS, courses={"basics": replace(TERMS.courses["basics"], before=())})
    assert [c.stops for c in standing(ANA, [], TERMS, TODAY)] == [True]
    assert [c.stops for c in standing(ANA, [], idle, TODAY)] == [False]
    assert [c.stops for c in standing(ANA, [took("basics", TODAY)], TERMS, TODAY)] == [False]


def test_what_ends_soon_is_said_within_the_days_of_the_policy() -> None:
    def soon(days: int) -> bool:
        (course,) = standing(ANA, [took("basics", TODAY + timedelta(days=days))], TERMS, TODAY)
        return course.ends_soon

    assert [soon(days) for days in (-1, 0, 30, 31)] == [False, True, True, False]


def test_a_course_that_the_policy_no_longer_knows_is_shown_and_not_needed() -> None:
    courses = standing(ANA, [took("old", TODAY)], TERMS, TODAY)
    assert [(c.course, c.needed, c.holds) for c in courses] == [("basics", True, False), ("old", False, True)]


@pytest.mark.parametrize(
    ("course", "until"), [("unknown", TODAY), ("basics", date(1999, 1, 1)), ("basics", date(9999, 12, 31))]
)
def test_what_can_be_no_record_is_refused(course: str, until: date) -> None:
    with pytest.raises(BadInput):
        check_record(course, until, TERMS, TODAY)
    check_record("basics", TODAY, TERMS, TODAY)


# whom a provider means

OIDC = OidcTerms(issuer="https://id.example", client_id="x", names={"Olga O.": "olga"})
BY_EMAIL = OidcTerms(claim="email", names={"olga@bank.example": "olga"})
OLGA = Person("olga", frozenset({Role.OWNER}))


@pytest.mark.parametrize("subject", [None, "", 7, ["x"], "x" * 256, "a\x00b", "a\nb"])
def test_what_can_be_no_subject_is_nobody(subject: Any) -> None:
    with pytest.raises(NotAllowed) as refused:
        subject_of({"sub": subject})
    assert refused.value.clause == "sign-in: subject"
    assert subject_of({"sub": "24400320"}) == "24400320"


@pytest.mark.parametrize(
    ("value", "clause"),
    [
        (None, "sign-in: claim"),
        ("", "sign-in: claim"),
        (["olga"], "sign-in: claim"),
        (True, "sign-in: claim"),
        ("OLGA", "sign-in: known name"),
        ("оlga", "sign-in: known name"),
        ("olga o.", "sign-in: known name"),
        ("Olga O.\u200b", "sign-in: known name"),
        ("Olga O\u2024", "sign-in: known name"),  # a one-dot leader
    ],
)
def test_a_claim_that_is_not_exactly_a_name_is_nobodys(value: Any, clause: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        claimed_name({"preferred_username": value}, OIDC)
    assert refused.value.clause == clause
    assert claimed_name({"preferred_username": "Olga O."}, OIDC).name == "olga"
    assert not claimed_name({"preferred_username": "olga"}, OIDC).listed


@pytest.mark.parametrize("verified", [None, False, "true", 1])
def test_an_address_that_the_provider_did_not_verify_is_no_name(verified: Any) -> None:
    claims = {"email": "olga@bank.example", "email_verified": verified}
    with pytest.raises(NotAllowed) as refused:
        claimed_name(claims, BY_EMAIL)
    assert refused.value.clause == "sign-in: verified e-mail"
    assert claimed_name({**claims, "email_verified": True}, BY_EMAIL).name == "olga"


def test_a_subject_that_was_never_here_becomes_only_who_it_may() -> None:
    open_ = OidcTerms(names={"Olga O.": "olga"}, add_unknown=True)
    plain, listed = (claimed_name({"preferred_username": v}, open_) for v in ("olga", "Olga O."))
    check_binding(OLGA, plain, OIDC, bound=False)
    check_binding(OLGA, listed, open_, bound=False)
    check_binding(None, plain, open_, bound=False)
    refused: list[tuple[Person | None, Any, OidcTerms, bool]] = [
        (OLGA, plain, OIDC, True),  # another subject is olga already
        (OLGA, listed, open_, True),
        (
            OLGA,
            plain,
            open_,
            False,
        ),  # where anybody may come, an existing name is not to be had by claiming it
        (None, plain, OIDC, False),
        (None, listed, open_, False),  # a list that names nobody is a mistake, not a new person
        (None, claimed_name({"preferred_username": "operator"}, open_), open_, False),
    ]
    for person, claimed, terms, bound in refused:
        with pytest.raises(NotAllowed):
            check_binding(person, claimed, terms, bound=bound)


# the site's policy


@pytest.mark.parametrize(
    "address",
    [
        "http://id.example",
        "ftp://id.example",
        "https://",
        "https://a@id.example",
        "https://id.example#x",
        "//x",
        "[",
        "https://id.example?x",
    ],
)
def test_only_https_and_loopback_are_secure(address: str) -> None:
    assert not secure(address)
    assert secure("https://id.example/realms/x")


def test_mistakes_of_the_site_policy_are_found() -> None:
    wrong = SignInTerms(
        method=Method.OIDC,
        oidc=OidcTerms(issuer="http://id.example", scopes=(), names={"x": "Ö"}, secret_file="../x"),
    )
    assert {path[-1] for path, _, _ in sign_in_mistakes(wrong)} == {
        "issuer",
        "client_id",
        "scopes",
        "x",
        "secret_file",
    }
    assert [*sign_in_mistakes(SignInTerms())] == []
    assert [*separation_mistakes(SeparationTerms(pairs=((Role.OWNER, Role.OWNER),)))]
    assert [*training_mistakes(TrainingTerms(remind_days=0, courses={"Ä": Course(title="x")}))]
    assert [*training_mistakes(TERMS), *separation_mistakes(SeparationTerms())] == []
