"""Looking after people, and who gets in: what is refused, with which clause, and what the log says of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pyotp
import pytest

from sandbox.domain.audit import Event
from sandbox.domain.errors import BadInput, Conflict, NotAllowed, NotFound, NotSignedIn
from sandbox.domain.people import Person, Role
from sandbox.domain.people_policy import Course, Method, OidcTerms, SignInTerms, TrainingTerms
from sandbox.domain.permission import Action
from sandbox.domain.release import Decision
from sandbox.domain.site_policy import SitePolicy
from sandbox.flows.look_after_people import LookAfterPeople
from sandbox.flows.my_account import MyAccount
from sandbox.flows.permission import Permission
from sandbox.flows.sign_in import SignIn
from sandbox.flows.trained import Trained
from tests.flows.conftest import World

SERVER = "grant-1"
ALMA = Person("alma", frozenset({Role.ADMINISTRATOR}))
ISSUER = "https://id.example"
COURSES = TrainingTerms(courses={"basics": Course(title="Basics", roles=(Role.RESEARCHER, Role.REVIEWER))})


@pytest.fixture
def people(world: World) -> LookAfterPeople:
    world.sandbox.store.people.add(
        ALMA, password="a long password", event=Event("t", "person.added", "person:alma")
    )
    return replace(world.sandbox.look_after_people, site=SitePolicy(training=COURSES))


def clause(refused: pytest.ExceptionInfo[NotAllowed]) -> str:
    return refused.value.clause


# roles


@pytest.mark.parametrize("roles", [set(Role) - {Role.AUDITOR}, {Role.OWNER}, set()])
def test_nobody_gives_themselves_roles(people: LookAfterPeople, roles: set[Role]) -> None:
    with pytest.raises(NotAllowed) as refused:
        people.set_roles(ALMA, "alma", roles)
    assert clause(refused) == "separation of duties"
    assert people.store.people.get("alma") == ALMA


@pytest.mark.parametrize("who", ["ana", "olga", "rita", "ada"])
def test_only_administrators_change_people(world: World, people: LookAfterPeople, who: str) -> None:
    actor = world.person(who)
    tries = (
        lambda: people.set_roles(actor, "ben", [Role.OWNER]),
        lambda: people.add(actor, "eve", [Role.OWNER], password="a long password"),
        lambda: people.set_password(actor, "ben", "a long password"),
        lambda: people.deactivate(actor, "ben"),
        lambda: people.activate(actor, "ben"),
        lambda: people.reset_second_factor(actor, "ben"),
        lambda: people.begin_second_factor(actor, "ben"),
        lambda: people.confirm_second_factor(actor, "ben", code="1"),
        lambda: people.release_identity(actor, "ben"),
        lambda: people.record_training(actor, "ben", "basics", until=people.today()),
        lambda: people.people(actor),
        lambda: people.person(actor, "ben"),
        lambda: people.reminders(actor),
    )
    head = world.sandbox.store.log.head()
    for attempt in tries:
        with pytest.raises(NotAllowed) as refused:
            attempt()
        assert clause(refused) == "role"
    assert world.sandbox.store.log.head() == head


def test_an_administrator_changes_others_and_the_log_says_who(world: World, people: LookAfterPeople) -> None:
    """The control of the two tests above."""
    people.set_roles(ALMA, "ben", [Role.OWNER])
    assert world.person("ben").roles == {Role.OWNER}
    entry = world.sandbox.store.log.newest(limit=1)[0].event
    assert (entry.actor, entry.action, entry.object) == ("alma", "person.roles_set", "person:ben")
    assert entry.facts == {"roles": ["owner"]}


def test_an_auditor_gets_no_second_role_in_either_way(people: LookAfterPeople) -> None:
    for attempt in (
        lambda: people.set_roles(ALMA, "ada", [Role.AUDITOR, Role.REVIEWER]),
        lambda: people.add(ALMA, "eve", [Role.AUDITOR, Role.OWNER], password="a long password"),
    ):
        with pytest.raises(NotAllowed) as refused:
            attempt()
        assert clause(refused) == "separation of duties"


@pytest.mark.parametrize("name", ["operator", "system", "unknown"])
def test_no_account_takes_the_name_of_an_actor_of_the_systems_own(people: LookAfterPeople, name: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        people.add(ALMA, name, [Role.RESEARCHER], password="a long password")
    assert clause(refused) == "reserved name"


def test_one_may_do_nothing_about_oneself_and_the_view_says_so(people: LookAfterPeople) -> None:
    assert people.person(ALMA, "alma").allowed_actions == ()
    assert people.person(ALMA, "ana").allowed_actions == ("set_roles", "deactivate", "record_training")
    for attempt in (
        lambda: people.deactivate(ALMA, "alma"),
        lambda: people.set_password(ALMA, "alma", "another password"),
        lambda: people.reset_second_factor(ALMA, "alma"),
        lambda: people.record_training(ALMA, "alma", "basics", until=people.today()),
    ):
        with pytest.raises(NotAllowed) as refused:
            attempt()
        assert clause(refused) == "separation of duties"


# closed accounts


def test_a_closed_account_opens_no_notebook_asks_nothing_and_votes_on_nothing(
    world: World, people: LookAfterPeople
) -> None:
    assert world.sandbox.open_notebook.allowed("ana", SERVER).grant == world.grant  # the control
    people.deactivate(ALMA, "ana")
    ana = world.person("ana")
    for attempt in (
        lambda: world.sandbox.open_notebook.allowed("ana", SERVER),
        lambda: world.sandbox.answer_question.ask(ana, world.grant, sql="SELECT COUNT(*) AS n FROM loans"),
    ):
        with pytest.raises(NotAllowed) as refused:
            attempt()
        assert clause(refused) == "account"
    assert not world.sandbox.sign_in.still_open("ana")
    with pytest.raises(NotSignedIn):
        world.sandbox.sign_in.by_password("ana", "a long password")
    with pytest.raises(Conflict):
        people.deactivate(ALMA, "ana")
    people.activate(ALMA, "ana")
    assert world.sandbox.open_notebook.allowed("ana", SERVER).grant == world.grant
    assert world.sandbox.sign_in.by_password("ana", "a long password").name == "ana"
    assert world.sandbox.sign_in.still_open("ana")
    assert not world.sandbox.sign_in.still_open("nobody")


def test_unknown_people_are_not_found(people: LookAfterPeople) -> None:
    for attempt in (
        lambda: people.person(ALMA, "nobody"),
        lambda: people.deactivate(ALMA, "nobody"),
        lambda: people.set_roles(ALMA, "nobody", []),
        lambda: people.record_training(ALMA, "nobody", "basics", until=people.today()),
        lambda: people.release_identity(ALMA, "ana"),
    ):
        with pytest.raises(NotFound):
            attempt()


# training


def test_without_the_course_no_notebook_no_question_and_no_vote(
    world: World, people: LookAfterPeople, clock: list[datetime]
) -> None:
    trained = Trained(store=world.sandbox.store, terms=COURSES, today=people.today)
    permission = Permission(store=world.sandbox.store, today=people.today, untrained=trained)
    notebook = replace(world.sandbox.open_notebook, permission=permission)
    asking = replace(world.sandbox.answer_question, permission=permission)
    review = replace(world.sandbox.review_release, permission=permission)
    ana, rita = world.person("ana"), world.person("rita")
    release = review.submit(
        ana,
        world.grant,
        files=[("t.csv", b"sex,n\nfemale,50\nmale,50\n")],
        context="A table of counts.",
        sql={},
    ).release

    def vote() -> object:
        return review.vote(rita, release.id, version=release.version, decision=Decision.APPROVE, comment="")

    attempts: tuple[Any, ...] = (
        lambda: notebook.allowed("ana", SERVER),
        lambda: asking.estimate(ana, world.grant, sql="SELECT COUNT(*) AS n FROM loans", epsilon=0.1),
        lambda: asking.ask(ana, world.grant, sql="SELECT COUNT(*) AS n FROM loans", epsilon=0.1),
        vote,
    )

    def all_refused() -> None:
        for attempt in attempts:
            with pytest.raises(NotAllowed) as refused:
                attempt()
            assert clause(refused) == "training"
            assert "Basics" in refused.value.message

    all_refused()
    assert world.engine.asked == []
    for name in ("ana", "rita"):
        people.record_training(ALMA, name, "basics", until=people.today() + timedelta(days=5))
    clock[0] += timedelta(days=6)
    all_refused()  # it has ended
    for name in ("ana", "rita"):
        people.record_training(ALMA, name, "basics", until=people.today())
    for attempt in attempts:  # the control
        attempt()


def test_reminders_name_active_people_whose_needed_course_ends_soon(people: LookAfterPeople) -> None:
    today = people.today()
    for name, days in {"ana": 30, "ben": 3, "rita": 31, "ravi": -1, "rosa": 2, "olga": 5}.items():
        people.record_training(ALMA, name, "basics", until=today + timedelta(days=days))
    people.deactivate(ALMA, "rosa")
    assert [(r.person, r.course.until) for r in people.reminders(ALMA)] == [
        ("ben", today + timedelta(days=3)),
        ("ana", today + timedelta(days=30)),
    ]


def test_a_course_that_nobody_declared_cannot_be_recorded(people: LookAfterPeople) -> None:
    with pytest.raises(BadInput, match="no course"):
        people.record_training(ALMA, "ana", "basicS", until=people.today())
    with pytest.raises(BadInput, match="ten years"):
        people.record_training(ALMA, "ana", "basics", until=date(2100, 1, 1))


def test_a_course_before_nothing_blocks_nothing(world: World) -> None:
    course = Course(title="Basics", before=())
    terms = TrainingTerms(courses={"basics": course})
    trained = Trained(store=world.sandbox.store, terms=terms, today=world.sandbox.my_account.today)
    assert {trained("ana", action) for action in Action} == {()}
    strict = replace(trained, terms=COURSES)
    assert strict("nobody", Action.ASK)
    assert strict("ana", Action.ASK) == ("Basics (never taken)",)
    assert strict("ana", Action.RELEASE) == ()


# my account


def test_who_enrols_shows_the_password_first_and_the_old_code_when_replacing(
    world: World, clock: list[datetime]
) -> None:
    mine, ana = world.sandbox.my_account, world.person("ana")
    with pytest.raises(NotSignedIn):
        mine.begin_second_factor(ana, password="a wrong password")
    secret = mine.begin_second_factor(ana, password="a long password")
    recovery = mine.confirm_second_factor(ana, code=pyotp.TOTP(secret).at(int(clock[0].timestamp())))
    with pytest.raises(NotSignedIn):  # a session left open does not replace the device
        mine.begin_second_factor(ana, password="a long password")
    assert mine.begin_second_factor(ana, password="a long password", code=recovery[0])
    assert mine.view(ana).factor.enrolled
    assert secret not in str([dict(e.event.facts) for e in world.sandbox.store.log.newest(limit=50)])


def test_guessing_the_password_in_a_session_is_counted_as_at_the_door(world: World) -> None:
    mine, ana = world.sandbox.my_account, world.person("ana")
    for _ in range(5):
        with pytest.raises(NotSignedIn):
            mine.change_password(
                ana, password="a wrong password", new="a new password", again="a new password"
            )
    with pytest.raises(NotSignedIn, match="Too many"):
        mine.change_password(ana, password="a long password", new="a new password", again="a new password")


def test_a_password_is_changed_by_who_knows_it(world: World) -> None:
    mine, ana = world.sandbox.my_account, world.person("ana")
    for new, again in (("a new password", "another"), ("short", "short"), ("a long password",) * 2):
        with pytest.raises(BadInput):
            mine.change_password(ana, password="a long password", new=new, again=again)
    mine.change_password(ana, password="a long password", new="a new password", again="a new password")
    assert world.sandbox.sign_in.by_password("ana", "a new password") == ana
    with pytest.raises(NotSignedIn):
        world.sandbox.sign_in.by_password("ana", "a long password")


def test_a_role_that_needs_a_code_opens_no_notebook_before_enrolling(
    world: World, people: LookAfterPeople, clock: list[datetime]
) -> None:
    people.set_roles(ALMA, "ana", [Role.RESEARCHER, Role.REVIEWER])
    with pytest.raises(NotAllowed) as refused:
        world.sandbox.open_notebook.allowed("ana", SERVER)
    assert clause(refused) == "second factor"
    secret = people.begin_second_factor(ALMA, "ana")
    people.confirm_second_factor(ALMA, "ana", code=pyotp.TOTP(secret).at(int(clock[0].timestamp())))
    assert world.sandbox.open_notebook.allowed("ana", SERVER).grant == world.grant


def test_with_a_provider_password_and_code_are_the_providers(world: World, people: LookAfterPeople) -> None:
    site = SitePolicy(sign_in=SignInTerms(method=Method.OIDC))
    mine = MyAccount(store=world.sandbox.store, site=site, today=people.today)
    ana = world.person("ana")
    assert mine.view(ana).allowed_actions == ()
    for attempt in (
        lambda: mine.begin_second_factor(ana, password="a long password"),
        lambda: mine.confirm_second_factor(ana, code="1"),
        lambda: mine.change_password(ana, password="a long password", new="x" * 9, again="x" * 9),
        lambda: replace(people, site=site).begin_second_factor(ALMA, "ana"),
    ):
        with pytest.raises(NotAllowed) as refused:
            attempt()
        assert clause(refused) == "sign_in.method"


# through a provider


def provider(world: World, **terms: Any) -> SignIn:
    oidc = OidcTerms(issuer=ISSUER, client_id="x", **terms)
    return SignIn(store=world.sandbox.store, terms=SignInTerms(method=Method.OIDC, oidc=oidc))


def test_a_claim_binds_a_subject_once_and_then_the_subject_counts(world: World) -> None:
    door = provider(world)
    assert door.by_provider({"sub": "s-1", "preferred_username": "ana"}).name == "ana"
    assert door.by_provider({"sub": "s-1", "preferred_username": "olga"}).name == "ana"  # renamed there
    assert door.by_provider({"sub": "s-1"}).name == "ana"
    for claims in (
        {"sub": "s-2", "preferred_username": "ana"},  # the name was given to somebody else
        {"sub": "s-2", "preferred_username": "nobody"},
        {"sub": "s-2", "preferred_username": "аna"},
        {"preferred_username": "ana"},
    ):
        with pytest.raises(NotAllowed):
            door.by_provider(claims)
    bound = [
        e.event.object for e in world.sandbox.store.log.newest(limit=50) if e.event.action == "person.bound"
    ]
    assert bound == ["person:ana"]


def test_a_refused_sign_in_is_on_the_log_without_what_was_claimed(world: World) -> None:
    with pytest.raises(NotAllowed):
        provider(world).by_provider({"sub": "s-9", "preferred_username": "a secret typed there"})
    event = world.sandbox.store.log.newest(limit=1)[0].event
    assert event == Event(
        "system:sign_in",
        "person.sign_in_refused",
        "person:unknown",
        {"by": "provider", "clause": "sign-in: known name"},
    )


def test_an_unverified_address_names_nobody(world: World) -> None:
    door = provider(world, claim="email", names={"ana@bank.example": "ana"})
    with pytest.raises(NotAllowed) as refused:
        door.by_provider({"sub": "s-1", "email": "ana@bank.example", "email_verified": False})
    assert clause(refused) == "sign-in: verified e-mail"
    assert door.by_provider({"sub": "s-1", "email": "ana@bank.example", "email_verified": True}).name == "ana"


def test_where_anybody_may_come_they_come_as_researchers_and_as_nobody_who_is_here(world: World) -> None:
    door = provider(world, add_unknown=True)
    made = door.by_provider({"sub": "s-7", "preferred_username": "nina"})
    assert made == Person("nina", frozenset({Role.RESEARCHER}))
    with pytest.raises(NotAllowed) as refused:
        door.by_provider({"sub": "s-8", "preferred_username": "olga"})
    assert clause(refused) == "sign-in: listed name"
    with pytest.raises(NotSignedIn):  # no password is theirs
        world.sandbox.sign_in.by_password("nina", "")


def test_a_closed_account_does_not_get_in_through_a_provider_and_stays_unbound(
    world: World, people: LookAfterPeople
) -> None:
    people.deactivate(ALMA, "ana")
    with pytest.raises(NotAllowed) as refused:
        provider(world).by_provider({"sub": "s-1", "preferred_username": "ana"})
    assert clause(refused) == "account"
    assert not world.sandbox.store.identities.is_bound(ISSUER, "ana")


def test_a_person_with_a_new_account_there_is_bound_anew(world: World, people: LookAfterPeople) -> None:
    door = provider(world)
    door.by_provider({"sub": "old", "preferred_username": "ana"})
    people.release_identity(ALMA, "ana")
    assert door.by_provider({"sub": "new", "preferred_username": "ana"}).name == "ana"
    with pytest.raises(NotAllowed):
        door.by_provider({"sub": "old", "preferred_username": "ana"})


def test_a_subject_of_another_provider_is_somebody_else(world: World) -> None:
    provider(world).by_provider({"sub": "s-1", "preferred_username": "ana"})
    assert world.sandbox.store.identities.person_of("https://other.example", "s-1") is None
    assert world.sandbox.store.identities.person_of(ISSUER, "s-1") == "ana"
