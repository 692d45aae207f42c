"""Applications turn by turn, agreements, signatures and grants, and what two people at once do to them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import text

from sandbox.domain.access import Grant
from sandbox.domain.application import Application, ApplicationState, Verb
from sandbox.domain.canonical import sha256_hex
from sandbox.domain.errors import Conflict, NotFound, Tampered
from sandbox.domain.policy import Mode
from sandbox.store import Store
from tests.store.world import did, grant_to, row, wish

BODY = b'{"agreement":1}'
PERIOD = {"starts": date(2026, 3, 2), "ends": date(2026, 3, 31)}

S = ApplicationState
APPROVE = row(S.SUBMITTED, Verb.APPROVE)
RETURN = row(S.SUBMITTED, Verb.RETURN)
EDIT = row(S.RETURNED, Verb.EDIT)
SUBMIT = row(S.RETURNED, Verb.SUBMIT)
SIGN = row(S.APPROVED, Verb.SIGN)
DECLINE = row(S.APPROVED, Verb.DECLINE)
BEGIN = row(S.APPROVED, Verb.BEGIN)
REVOKE = row(S.ACTIVE, Verb.REVOKE)
LEAVE = row(S.ACTIVE, Verb.LEAVE)


def apply(
    store: Store, applicant: str = "ben", project: str = "housing", members: tuple[str, ...] = ()
) -> Application:
    return store.access.add_application(
        dataset="loans",
        applicant=applicant,
        wish=wish(project, *members),
        event=did("application.submitted", "application:new"),
    )


def approve(store: Store, application: Application, body: bytes = BODY) -> Application:
    return store.access.approve_application(
        application,
        APPROVE,
        agreement=body,
        agreement_hash=sha256_hex(body),
        signature=store.signer.sign(body),
        event=did(APPROVE.event),
    )


def sign(store: Store, application: Application, person: str = "ben") -> Application:
    return store.access.sign_application(application, SIGN, person, event=did(SIGN.event))


def begin(store: Store, application: Application) -> tuple[Grant, ...]:
    return store.access.begin_grants(application, BEGIN, **PERIOD, event=did(BEGIN.event))


def test_an_application_is_kept_as_it_was_handed_in(store: Store, grant: Grant) -> None:
    application = apply(store)
    assert (application.applicant, application.state) == ("ben", ApplicationState.SUBMITTED)
    assert application.wish == wish()
    assert store.access.application(application.id) == application
    assert store.access.applications(applicant="ben") == (application,)
    assert len(store.access.applications(dataset="loans")) == 2
    assert store.access.applications(project="housing", states=[S.SUBMITTED]) == (application,)
    entry = store.log.newest(limit=1)[0]
    assert entry.event.object == f"application:{application.id}"


def test_each_turn_stays_as_it_was(store: Store, grant: Grant) -> None:
    application = apply(store)
    back = store.access.move_application(
        application, RETURN, answer="For whom is it?", event=did(RETURN.event)
    )
    better = replace(wish(), organisation="The university")
    edited = store.access.edit_application(back, EDIT, better, event=did(EDIT.event))
    best = replace(better, days=20)
    edited = store.access.edit_application(edited, EDIT, best, event=did(EDIT.event))
    again = store.access.move_application(edited, SUBMIT, event=did(SUBMIT.event))
    assert (again.turn, again.state, again.wish) == (2, ApplicationState.SUBMITTED, best)
    first, second = store.access.turns(application.id)
    assert (first.wish, first.answer) == (wish(), "For whom is it?")
    assert (second.wish, second.answer) == (best, "")


def test_an_agreement_is_kept_with_its_signature(store: Store, grant: Grant) -> None:
    application = approve(store, apply(store))
    assert application.agreement_hash == sha256_hex(BODY)
    kept = store.access.agreement(application.id)
    assert (kept.body, kept.document()) == (BODY, {"agreement": 1})
    store.signer.check(kept.signature, kept.body)
    assert store.access.agreement_by_hash(application.agreement_hash) == kept


def test_the_last_signature_begins_the_grants(store: Store, grant: Grant) -> None:
    application = approve(store, apply(store, members=("ana",)))
    assert application.unsigned == ("ben", "ana")
    application = sign(store, application)
    with pytest.raises(Conflict):
        begin(store, application)
    application = sign(store, application, "ana")
    assert sorted(application.signed) == ["ana", "ben"]
    first, second = begin(store, application)
    assert (first.person, first.dataset, first.project, first.mode) == (
        "ben",
        "loans",
        "housing",
        Mode.QUERY,
    )
    assert (first.starts, first.ends, first.agreement_hash) == (*PERIOD.values(), application.agreement_hash)
    assert (second.person, second.application) == ("ana", application.id)
    assert store.grants.get(first.id) == first
    assert store.grants.of_person("ben") == (first,)
    assert store.grants.all(dataset="loans") == (grant, first, second)
    assert store.grants.under(application.id) == (first, second)


def test_a_signature_is_for_one_agreement_only(store: Store, grant: Grant) -> None:
    """What is agreed about anew has to be signed anew."""
    application = sign(store, approve(store, apply(store, members=("ana",))))
    back = store.access.move_application(application, DECLINE, answer="Not for me.", event=did(DECLINE.event))
    edited = store.access.edit_application(back, EDIT, wish("housing", "ana"), event=did(EDIT.event))
    again = store.access.move_application(edited, SUBMIT, event=did(SUBMIT.event))
    assert approve(store, again, b'{"agreement":2}').signed == ()


def test_a_second_decision_on_what_was_read_before_is_a_conflict(store: Store, grant: Grant) -> None:
    application = apply(store)
    approve(store, application)
    before = store.log.head()
    with pytest.raises(Conflict, match="it is approved now"):
        store.access.move_application(
            application, row(S.SUBMITTED, Verb.REJECT), event=did("application.rejected")
        )
    assert store.log.head() == before


def test_an_agreement_is_signed_once(store: Store, grant: Grant) -> None:
    application = sign(store, approve(store, apply(store)))
    begin(store, application)
    with pytest.raises(Conflict):
        sign(store, application)
    with pytest.raises(Conflict):
        begin(store, application)
    assert len(store.grants.of_person("ben")) == 1


def test_revoking_ends_all_grants_of_the_application(store: Store, grant: Grant) -> None:
    application = store.access.applications(applicant="ana")[0]
    moved = store.access.move_application(application, REVOKE, event=did(REVOKE.event))
    assert moved.state is ApplicationState.REVOKED
    ended = store.grants.get(grant.id)
    assert ended is not None
    assert ended.revoked


def test_one_grant_can_end_alone(store: Store, grant: Grant) -> None:
    application = sign(store, sign(store, approve(store, apply(store, members=("ana",)))), "ana")
    begin(store, application)
    active = store.access.application(application.id)
    assert active is not None
    ended = store.access.end_grant(active, LEAVE, "ana", event=did(LEAVE.event))
    assert (ended.person, ended.revoked) == ("ana", True)
    assert [g.revoked for g in store.grants.under(application.id)] == [False, True]
    now = store.access.application(application.id)
    assert now is not None
    with pytest.raises(Conflict):
        store.access.end_grant(now, LEAVE, "ana", event=did(LEAVE.event))


def test_members_are_all_who_had_a_grant_or_wait_for_one(store: Store, grant: Grant) -> None:
    refused = apply(store, "rosa", "credit risk")
    apply(store, "ben", "credit risk")
    assert store.access.members_of("credit risk") == ("ana", "ben", "rosa")
    reject = row(S.SUBMITTED, Verb.REJECT)
    store.access.move_application(refused, reject, event=did(reject.event))
    revoked = store.access.applications(applicant="ana")[0]
    store.access.move_application(revoked, REVOKE, event=did(REVOKE.event))
    assert store.access.members_of("credit risk") == ("ana", "ben")  # ana has worked on it
    assert store.access.members_of("another") == ()


def test_nobody_is_kept_from_reviewing_by_being_named(store: Store, grant: Grant) -> None:
    application = approve(store, apply(store, members=("rita",)))
    assert store.access.members_of("housing") == ("ben",)
    sign(store, application, "rita")  # the control: by their own hand they are
    assert store.access.members_of("housing") == ("ben", "rita")


def test_a_wrong_hash_and_an_edited_agreement_are_found(store: Store, grant: Grant) -> None:
    application = apply(store)
    with pytest.raises(Tampered):
        store.access.approve_application(
            application, APPROVE, agreement=BODY, agreement_hash="0" * 64, signature=b"", event=did()
        )
    approve(store, application)
    with store.database.engine.begin() as connection:
        connection.execute(
            text("UPDATE agreements SET body = :body WHERE application_id = :id"),
            {"body": b'{"agreement":2}', "id": application.id},
        )
    with pytest.raises(Tampered, match=f"application {application.id}"):
        store.access.agreement(application.id)


def test_what_is_not_there_is_not_found(store: Store) -> None:
    assert store.access.application(9) is None
    assert store.grants.get(9) is None
    with pytest.raises(NotFound):
        store.access.agreement(9)
    with pytest.raises(NotFound):
        store.access.agreement_by_hash("0" * 64)


def test_each_grant_has_its_own_application(store: Store, grant: Grant) -> None:
    assert grant_to(store, "ana", project="credit risk").id != grant.id
