"""Applications, agreements and grants, and what two people at once do to them."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import text

from sandbox.domain.access import STEPS, Application, ApplicationState, Grant, Step
from sandbox.domain.canonical import sha256_hex
from sandbox.domain.errors import Conflict, NotFound, Tampered
from sandbox.domain.policy import Mode
from sandbox.store import Store
from tests.store.world import did, grant_to

BODY = b'{"agreement":1}'
PERIOD = {"starts": date(2026, 3, 2), "ends": date(2026, 3, 31)}


def row(start: ApplicationState, verb: str) -> Step:
    return next(s for s in STEPS if s.start is start and s.verb == verb)


APPROVE = row(ApplicationState.SUBMITTED, "approve")
SIGN = row(ApplicationState.APPROVED, "sign")
REVOKE = row(ApplicationState.ACTIVE, "revoke")


def apply(store: Store, applicant: str = "ben", project: str = "housing") -> Application:
    return store.access.add_application(
        dataset="loans",
        applicant=applicant,
        project=project,
        purpose="to see how it goes",
        legal_basis="contract",
        mode=Mode.QUERY,
        days=30,
        output_plan="one table",
        event=did("application.submitted", "application:new"),
    )


def approve(store: Store, application: Application, body: bytes = BODY) -> Application:
    return store.access.move_application(
        application,
        APPROVE,
        agreement=body,
        agreement_hash=sha256_hex(body),
        signature=store.signer.sign(body),
        event=did(APPROVE.event),
    )


def test_an_application_is_kept_as_it_was_handed_in(store: Store, grant: Grant) -> None:
    application = apply(store)
    assert (application.applicant, application.state) == ("ben", ApplicationState.SUBMITTED)
    assert store.access.application(application.id) == application
    assert store.access.applications(applicant="ben") == (application,)
    assert len(store.access.applications(dataset="loans")) == 2
    entry = store.log.newest(limit=1)[0]
    assert entry.event.object == f"application:{application.id}"


def test_an_agreement_is_kept_with_its_signature(store: Store, grant: Grant) -> None:
    application = approve(store, apply(store))
    assert application.agreement_hash == sha256_hex(BODY)
    kept = store.access.agreement(application.id)
    assert (kept.body, kept.document()) == (BODY, {"agreement": 1})
    store.signer.check(kept.signature, kept.body)
    assert store.access.agreement_by_hash(application.agreement_hash) == kept


def test_signing_begins_the_grant(store: Store, grant: Grant) -> None:
    application = approve(store, apply(store))
    begun = store.access.sign_application(application, SIGN, **PERIOD, event=did(SIGN.event))
    assert (begun.person, begun.dataset, begun.project, begun.mode) == ("ben", "loans", "housing", Mode.QUERY)
    assert (begun.starts, begun.ends, begun.agreement_hash) == (*PERIOD.values(), application.agreement_hash)
    assert store.access.grant(begun.id) == begun
    assert store.access.grants_of("ben") == (begun,)
    assert store.access.grants_on("loans") == (grant, begun)


def test_a_second_decision_on_what_was_read_before_is_a_conflict(store: Store, grant: Grant) -> None:
    application = apply(store)
    approve(store, application)
    before = store.log.head()
    with pytest.raises(Conflict, match="approved, no longer submitted"):
        store.access.move_application(
            application, row(ApplicationState.SUBMITTED, "reject"), event=did("application.rejected")
        )
    assert store.log.head() == before


def test_an_agreement_is_signed_once(store: Store, grant: Grant) -> None:
    application = approve(store, apply(store))
    store.access.sign_application(application, SIGN, **PERIOD, event=did(SIGN.event))
    with pytest.raises(Conflict):
        store.access.sign_application(application, SIGN, **PERIOD, event=did(SIGN.event))
    assert len(store.access.grants_of("ben")) == 1


def test_only_an_agreement_that_was_written_can_be_signed(store: Store, grant: Grant) -> None:
    with pytest.raises(Conflict, match="agreement"):
        store.access.sign_application(apply(store), SIGN, **PERIOD, event=did(SIGN.event))


def test_revoking_ends_the_grant_with_the_application(store: Store, grant: Grant) -> None:
    application = store.access.applications(applicant="ana")[0]
    moved = store.access.move_application(application, REVOKE, event=did(REVOKE.event))
    assert moved.state is ApplicationState.REVOKED
    ended = store.access.grant(grant.id)
    assert ended is not None
    assert ended.revoked


def test_members_are_all_who_had_a_grant_or_wait_for_one(store: Store, grant: Grant) -> None:
    refused = apply(store, "rosa", "credit risk")
    apply(store, "ben", "credit risk")
    assert store.access.members_of("credit risk") == ("ana", "ben", "rosa")
    reject = row(ApplicationState.SUBMITTED, "reject")
    store.access.move_application(refused, reject, event=did(reject.event))
    revoked = store.access.applications(applicant="ana")[0]
    store.access.move_application(revoked, REVOKE, event=did(REVOKE.event))
    assert store.access.members_of("credit risk") == ("ana", "ben")  # ana has worked on it
    assert store.access.members_of("another") == ()


def test_a_wrong_hash_and_an_edited_agreement_are_found(store: Store, grant: Grant) -> None:
    application = apply(store)
    with pytest.raises(Tampered):
        store.access.move_application(
            application, APPROVE, agreement=BODY, agreement_hash="0" * 64, signature=b"", event=did()
        )
    approve(store, application)
    with store.database.engine.begin() as connection:
        connection.execute(text("UPDATE agreements SET body = :body"), {"body": b'{"agreement":2}'})
    with pytest.raises(Tampered, match=f"application {application.id}"):
        store.access.agreement(application.id)


def test_what_is_not_there_is_not_found(store: Store) -> None:
    assert store.access.application(9) is None
    assert store.access.grant(9) is None
    with pytest.raises(NotFound):
        store.access.agreement(9)
    with pytest.raises(NotFound):
        store.access.agreement_by_hash("0" * 64)


def test_each_grant_has_its_own_application(store: Store, grant: Grant) -> None:
    assert grant_to(store, "ana", project="credit risk").id != grant.id
