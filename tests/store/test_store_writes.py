"""Nothing is changed without a word on the log: seen in the signatures, and in what a broken event undoes."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from datetime import date
from typing import Any

import pyotp
import pytest

from sandbox.domain.access import Grant
from sandbox.domain.application import ApplicationState
from sandbox.domain.audit import Event
from sandbox.domain.canonical import canonical_json, content_hash, sha256_hex
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.import_request import ImportedFile, ImportVerb, step
from sandbox.domain.objection import STEPS, Kind, Objection, ObjectorContact, Scope
from sandbox.domain.people import Person, Role
from sandbox.domain.policy_document import policy_to_document
from sandbox.domain.privacy_loss import Guarantee, Loss
from sandbox.domain.proposal import STEPS as PROPOSAL_STEPS
from sandbox.domain.release import Decision, StagedFile, Verb, Vote, transition
from sandbox.domain.site_policy import SitePolicy
from sandbox.domain.suspension import Suspension
from sandbox.store import Store
from sandbox.store.access import Access
from sandbox.store.contacts import Contacts
from sandbox.store.database import Database
from sandbox.store.datasets import Datasets
from sandbox.store.duties import Duties
from sandbox.store.identities import Identities
from sandbox.store.imports import Imports
from sandbox.store.ledger import Ledger
from sandbox.store.log import Log
from sandbox.store.objections import Objections
from sandbox.store.people import People
from sandbox.store.planted_outputs import PlantedOutputs
from sandbox.store.policies import Policies
from sandbox.store.profiles import Profiles
from sandbox.store.releases import Releases
from sandbox.store.review_comments import ReviewComments
from sandbox.store.schema import metadata
from sandbox.store.second_factors import SecondFactors
from sandbox.store.suspensions import Suspensions
from sandbox.store.training import Training
from tests.store.world import (
    APPLIED,
    APPROVED,
    answer,
    ask,
    furnish,
    grant_to,
    policy,
    row,
    second_person,
    wish,
)

WRITERS = (
    People,
    SecondFactors,
    Identities,
    Training,
    Contacts,
    Datasets,
    Profiles,
    Access,
    Duties,
    Releases,
    ReviewComments,
    PlantedOutputs,
    Imports,
    Ledger,
    Policies,
    Suspensions,
    Objections,
)


def calls_of(function: Callable[..., Any]) -> set[str]:
    """The names of all it calls."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }


def reaches(kind: type[Any], name: str, wanted: str) -> bool:
    """True when a method, or one of its own class that it calls, calls ``wanted``."""
    seen: set[str] = set()
    todo = [name]
    while todo:
        method = todo.pop()
        seen.add(method)
        called = calls_of(getattr(kind, method))
        if wanted in called:
            return True
        todo.extend(c for c in called - seen if inspect.isfunction(getattr(kind, c, None)))
    return False


def silent_writes(kind: type[Any], appends: str = "append") -> list[str]:
    """Public methods that open a writing transaction and take no event, or never append it."""
    public = [n for n, m in inspect.getmembers(kind, inspect.isfunction) if not n.startswith("_")]
    return [
        name
        for name in public
        if reaches(kind, name, "transaction")
        and (
            "event" not in inspect.signature(getattr(kind, name)).parameters
            or not reaches(kind, name, appends)
        )
    ]


@pytest.mark.parametrize("kind", WRITERS, ids=lambda kind: kind.__name__)
def test_every_changing_call_takes_an_event_and_writes_it(kind: type[Any]) -> None:
    assert silent_writes(kind) == []
    assert any(
        reaches(kind, n, "transaction") for n in vars(kind) if not n.startswith("_")
    )  # it found the writers


def test_the_log_itself_is_written_with_an_event_only() -> None:
    assert silent_writes(Log, appends="_write") == [
        "found"
    ]  # the head of an empty log, when the database is made


class Planted:
    """What the two tests above have to catch."""

    def __init__(self, database: Database, log: Log) -> None:
        self._database, self._log = database, log

    def rename(self, name: str) -> None:
        with self._database.transaction() as connection:
            connection.exec_driver_sql("UPDATE people SET name = 'x'")

    def remove(self, name: str, *, event: Event) -> None:
        self._quietly(name)

    def _quietly(self, name: str) -> None:
        with self._database.transaction() as connection:
            connection.exec_driver_sql("DELETE FROM people")

    def add(self, name: str, *, event: Event) -> None:
        with self._database.transaction() as connection:
            self._log.append(connection, event)


def test_a_planted_silent_write_is_caught() -> None:
    assert silent_writes(Planted) == ["remove", "rename"]


# The same transaction: when the event cannot be written, nothing else is.

BROKEN = Event("tester", "test.broken", "test:1", {"mean": 0.5})  # type: ignore[dict-item] # no floats on the log


def changes(store: Store, grant: Grant, event: Event) -> dict[str, Callable[[], object]]:
    """Every changing call, on something it can change."""
    applied = store.access.applications()[0]
    asked: dict[str, Any] = {"dataset": "loans", "applicant": "ben", "wish": wish("p")}
    quiet = Event("t", "a.b", "c")
    waiting = store.access.add_application(**asked, event=quiet)
    approved = store.access.add_application(**asked, event=quiet)
    body = canonical_json({"application": approved.id})
    approve, sign = row(APPLIED, "approve"), row(APPROVED, "sign")
    draft = store.access.add_application(**asked, state=ApplicationState.DRAFT, event=quiet)
    approved = store.access.approve_application(
        approved, approve, agreement=body, agreement_hash=sha256_hex(body), signature=b"s", event=quiet
    )
    grant_to(store, "rosa", project="of rosa")
    (alone,) = store.access.applications(applicant="rosa")
    other = store.access.add_application(**asked, event=quiet)
    body = canonical_json({"application": other.id})
    other = store.access.approve_application(
        other, approve, agreement=body, agreement_hash=sha256_hex(body), signature=b"s", event=quiet
    )
    signed = store.access.sign_application(other, sign, "ben", event=quiet)
    blocked: dict[str, Any] = {
        "person": "ben",
        "lineage": "loans",
        "clause": "purpose",
        "reason": "Used for something else.",
        "until": date(2027, 1, 1),
        "by": "olga",
    }
    block = store.duties.block(**blocked, event=quiet)
    file = StagedFile(name="t.csv", sha256="a" * 64, size_bytes=1)
    staged: dict[str, Any] = {
        "grant": grant,
        "context": "c",
        "files": [file],
        "findings": [],
        "reviewers_needed": 2,
    }
    checking = store.releases.create(**staged, event=quiet)
    passed = transition(checking.status, Verb.PASS_CHECKS)
    submitted = store.releases.move(store.releases.create(**staged, event=quiet), passed, event=quiet)
    incoming: dict[str, Any] = {
        "grant": grant,
        "why": "w",
        "files": [ImportedFile(name="t.csv", sha256="a" * 64, size_bytes=1)],
    }
    unchecked = store.imports.create(**incoming, event=quiet)
    pass_checks = step(unchecked.state, ImportVerb.PASS_CHECKS)
    waiting_import = store.imports.checked(
        store.imports.create(**incoming, event=quiet), pass_checks, (), event=quiet
    )
    reserved, running, failing = ask(store, grant), ask(store, grant), ask(store, grant)
    store.ledger.start(running.question_id, event=quiet)
    known = ask(store, grant, "known")
    answer(store, known.question_id)
    stopped = store.suspensions.begin(
        Suspension(dataset="loans", table="loans", column="amount", made_by="olga"), event=quiet
    )
    objected = Objection(
        id=0, dataset="loans", kind=Kind.PRIVACY, scope=Scope.DATASET, text="These are my own rows."
    )
    received = store.objections.add(objected, contact=ObjectorContact(), secret_sha256="0" * 64, event=quiet)
    of = policy()
    secret = store.second_factors.begin("olga", event=quiet)
    olgas = pyotp.TOTP(secret).at(int(store.now().timestamp()))
    store.second_factors.begin("rita", event=quiet)
    store.identities.bind("https://id.example", "s-ana", "ana", event=quiet)
    proposed: dict[str, Any] = {
        "about": "dataset:x",
        "base_hash": "o" * 64,
        "policy": {},
        "difference": (),
        "reason": "",
    }
    waiting_proposal = store.policies.propose(**proposed, event=quiet)
    store.policies.propose(**{**proposed, "about": "dataset:loans"}, event=quiet)
    rita = Vote(reviewer="rita", decision=Decision.APPROVE, comment="")

    def reserve(canonical: str) -> object:
        return store.ledger.reserve(
            grant=grant,
            lineage="loans",
            snapshot="snapshot-1",
            policy_hash="p" * 64,
            canonical=canonical,
            cost=Loss(1000),
            guarantee=Guarantee(1e-6),
            event=event,
        )

    return {
        "people.add": lambda: store.people.add(Person("new", frozenset()), password="x" * 10, event=event),
        "people.set_roles": lambda: store.people.set_roles("ana", [Role.AUDITOR], event=event),
        "people.check_password": lambda: store.people.check_password("ana", "ana-secret", event=event),
        "people.confirm": lambda: store.people.confirm("ana", "ana-secret", event=event),
        "people.signed_in": lambda: store.people.signed_in("ben", event=event),
        "people.set_active": lambda: store.people.set_active("ana", False, event=event),
        "second_factors.begin": lambda: store.second_factors.begin("ben", event=event),
        "second_factors.confirm": lambda: store.second_factors.confirm("olga", olgas, event=event),
        "second_factors.reset": lambda: store.second_factors.reset("rita", event=event),
        "identities.bind": lambda: store.identities.bind("https://id.example", "s-ben", "ben", event=event),
        "identities.release": lambda: store.identities.release("ana", event=event),
        "training.add": lambda: store.training.add(
            "ana", "safe_data", until=date(2026, 12, 31), by="ada", event=event
        ),
        "people.set_password": lambda: store.people.set_password("ana", "x" * 10, event=event),
        "datasets.publish": lambda: store.datasets.publish(
            of, policy_hash=content_hash(policy_to_document(of)), snapshot="n", public_files={}, event=event
        ),
        "suspensions.begin": lambda: store.suspensions.begin(
            Suspension(dataset="loans", reason="A mistake.", made_by="olga"), event=event
        ),
        "suspensions.end": lambda: store.suspensions.end(stopped, event=event),
        "objections.add": lambda: store.objections.add(
            objected, contact=ObjectorContact(), secret_sha256="0" * 64, event=event
        ),
        "objections.move": lambda: store.objections.move(
            received, next(s for s in STEPS if s.start is received.state), event=event
        ),
        "access.add_application": lambda: store.access.add_application(**asked, event=event),
        "access.edit_application": lambda: store.access.edit_application(
            draft, row(ApplicationState.DRAFT, "edit"), wish("q"), event=event
        ),
        "access.approve_application": lambda: store.access.approve_application(
            waiting, approve, agreement=b"[]", agreement_hash=sha256_hex(b"[]"), signature=b"s", event=event
        ),
        "access.move_application (revoke)": lambda: store.access.move_application(
            applied, row(ApplicationState.ACTIVE, "revoke"), event=event
        ),
        "access.end_grant": lambda: store.access.end_grant(
            alone, row(ApplicationState.ACTIVE, "leave"), "rosa", event=event
        ),
        "access.sign_application": lambda: store.access.sign_application(approved, sign, "ben", event=event),
        "access.begin_grants": lambda: store.access.begin_grants(
            signed,
            row(APPROVED, "begin"),
            starts=date(2026, 1, 1),
            ends=date(2026, 1, 2),
            event=event,
        ),
        "duties.report": lambda: store.duties.report(
            application=applied.id,
            due=date(2026, 5, 1),
            person="ana",
            usefulness=4,
            text="It was of use.",
            event=event,
        ),
        "duties.block": lambda: store.duties.block(**blocked, event=event),
        "duties.lift": lambda: store.duties.lift(block.id, event=event),
        "releases.create": lambda: store.releases.create(**staged, event=event),
        "releases.move": lambda: store.releases.move(checking, passed, event=event),
        "releases.add_vote": lambda: store.releases.add_vote(
            submitted, rita, row=transition(submitted.status, Verb.VOTE), event=event
        ),
        "imports.create": lambda: store.imports.create(**incoming, event=event),
        "imports.checked": lambda: store.imports.checked(
            unchecked,
            pass_checks,
            [Finding(file="t.csv", check="linkage", verdict=Verdict.REVIEW)],
            event=event,
        ),
        "imports.move": lambda: store.imports.move(
            waiting_import, step(waiting_import.state, ImportVerb.WITHDRAW), event=event
        ),
        "ledger.open_account (new)": lambda: store.ledger.open_account(
            "new", cap=Loss(1), project_cap=Loss(1), event=event
        ),
        "ledger.open_account (lower)": lambda: store.ledger.open_account(
            "loans", cap=Loss(1), project_cap=Loss(1), event=event
        ),
        "ledger.raise_cap": lambda: store.ledger.raise_cap(
            "loans", cap=Loss(10**6), project_cap=Loss(10**6), approval=second_person(), event=event
        ),
        "policies.publish_site": lambda: store.policies.publish_site(SitePolicy(), base_hash="", event=event),
        "policies.propose": lambda: store.policies.propose(**proposed, event=event),
        "policies.move": lambda: store.policies.move(waiting_proposal, PROPOSAL_STEPS[1], event=event),
        "policies.void_others": lambda: store.policies.void_others(
            "dataset:loans", policy_hash="n" * 64, event=event
        ),
        "ledger.reserve (charged)": lambda: reserve("unknown"),
        "ledger.reserve (stored)": lambda: reserve("known"),
        "ledger.keep_derived": lambda: store.ledger.keep_derived(
            grant=grant,
            lineage="loans",
            snapshot="snapshot-1",
            policy_hash="p" * 64,
            canonical="derived",
            answer=b"derived",
            event=event,
        ),
        "ledger.start": lambda: store.ledger.start(reserved.question_id, event=event),
        "ledger.settle": lambda: store.ledger.settle(running.question_id, b"x", event=event),
        "ledger.fail": lambda: store.ledger.fail(failing.question_id, event=event),
        "ledger.recover": lambda: store.ledger.recover(event=event, older_than_s=-1),
        "log.record": lambda: store.log.record(event),
        "log.accept_restored": lambda: store.log.accept_restored(event),
    }


UNCHANGING = {"people.confirm", "log.record", "log.accept_restored"}  # they only say that it happened


def everything(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the database."""
    with store.database.reading() as connection:
        return {
            table.name: [
                tuple(row) for row in connection.execute(table.select().order_by(*table.primary_key))
            ]
            for table in metadata.sorted_tables
        }


def test_a_change_whose_event_cannot_be_written_does_not_happen(store: Store) -> None:
    grant = furnish(store, cap=Loss(100_000))
    for name, call in changes(store, grant, BROKEN).items():
        before = everything(store)
        with pytest.raises(ValueError, match="float"):
            call()
        assert everything(store) == before, name


def test_the_same_changes_with_an_event_that_can_be_written_happen_and_are_told(store: Store) -> None:
    """The control of the test above."""
    grant = furnish(store, cap=Loss(100_000))
    for name, call in changes(store, grant, Event("tester", "test.good", "test:1")).items():
        before, head = everything(store), store.log.head().seq
        call()
        after = everything(store)
        changed = {table for table in after if after[table] != before[table]} - {"audit_log", "audit_head"}
        assert changed or name in UNCHANGING, name
        assert store.log.head().seq == head + 1, name
