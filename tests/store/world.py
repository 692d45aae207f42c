"""A small world for the store's tests: one dataset, two researchers, their grant. Shared by the child processes."""

from __future__ import annotations

import itertools
import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from argon2 import PasswordHasher

from sandbox.domain.access import Grant
from sandbox.domain.application import STEPS, ApplicationState, Step, Verb, Wish
from sandbox.domain.audit import Event
from sandbox.domain.canonical import canonical_json, content_hash, sha256_hex
from sandbox.domain.people import Person, Role
from sandbox.domain.policy import (
    BudgetTerms,
    Column,
    ColumnType,
    DatasetPolicy,
    OpenClass,
    ReleaseTerms,
    Table,
    Unit,
)
from sandbox.domain.policy_change import Approval
from sandbox.domain.policy_document import policy_to_document
from sandbox.domain.privacy_loss import Guarantee, Loss
from sandbox.store import Reservation, Store

LIGHT = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
COST = Loss(nano=1000)
_TURN = itertools.count()


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    moment: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, **time: float) -> None:
        self.moment += timedelta(**time)


def did(action: str = "test.happened", object: str = "test:1", **facts: str | int) -> Event:
    return Event("tester", action, object, facts)


def open_store(url: str, home: Path, **more: object) -> Store:
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return Store(url, home, hasher=LIGHT, **more)  # type: ignore[arg-type]


def policy(name: str = "loans", **more: object) -> DatasetPolicy:
    values: dict[str, object] = {
        "name": name,
        "title": "Loans",
        "open_class": OpenClass.CONDITIONAL,
        "provider": "A bank",
        "source": "A bank, 2026",
        "licence": "On conditions",
        "owner": "olga",
        "unit": Unit(column="firm", noun="firm"),
        "tables": {
            "loans": Table(
                max_rows=100,
                columns={"firm": Column(type=ColumnType.INTEGER), "amount": Column(type=ColumnType.INTEGER)},
            )
        },
        "budget": BudgetTerms(epsilon="1"),
        "release": ReleaseTerms(pool=("rita", "rosa")),
    }
    return DatasetPolicy(**{**values, **more})  # type: ignore[arg-type]


APPLIED, APPROVED = ApplicationState.SUBMITTED, ApplicationState.APPROVED


def publish(store: Store, of: DatasetPolicy, snapshot: str = "snapshot-1") -> None:
    store.datasets.publish(
        of,
        policy_hash=content_hash(policy_to_document(of)),
        snapshot=snapshot,
        public_files={},
        event=did("dataset.published", f"dataset:{of.name}"),
    )


def second_person(by: str = "ada") -> Approval:
    """A second person's yes to what olga proposed."""
    return Approval(
        proposal=1,
        about="dataset:loans",
        base_hash="a" * 64,
        policy_hash="b" * 64,
        proposed_by="olga",
        approved_by=by,
    )


def furnish(store: Store, *, cap: Loss, project_cap: Loss | None = None) -> Grant:
    """People, a dataset, an account of ``cap``, and ana's grant in the project ``credit risk``."""
    for name, roles in {
        "ana": (Role.RESEARCHER,),
        "ben": (Role.RESEARCHER,),
        "olga": (Role.OWNER,),
        "rita": (Role.REVIEWER,),
        "rosa": (Role.REVIEWER,),
    }.items():
        store.people.add(
            Person(name, frozenset(roles)),
            password=f"{name}-secret",
            event=did("person.added", f"person:{name}"),
        )
    publish(store, policy())
    store.ledger.open_account("loans", cap=cap, project_cap=project_cap or cap, event=did("budget.opened"))
    return grant_to(store, "ana", project="credit risk")


def grant_to(store: Store, person: str, *, project: str) -> Grant:
    application = store.access.add_application(
        dataset="loans",
        applicant=person,
        wish=wish(project),
        event=did("application.submitted", "application:new"),
    )
    body = canonical_json({"application": application.id})
    approve, sign, begin = row(APPLIED, Verb.APPROVE), row(APPROVED, Verb.SIGN), row(APPROVED, Verb.BEGIN)
    application = store.access.approve_application(
        application,
        approve,
        agreement=body,
        agreement_hash=sha256_hex(body),
        signature=store.signer.sign(body),
        event=did(approve.event),
    )
    application = store.access.sign_application(application, sign, person, event=did(sign.event))
    (grant,) = store.access.begin_grants(
        application, begin, starts=date(2026, 3, 2), ends=date(2026, 3, 31), event=did(begin.event)
    )
    return grant


def wish(project: str = "housing", *members: str) -> Wish:
    return Wish(
        project=project,
        purpose="to see how it goes",
        legal_basis="contract",
        days=30,
        output_plan="one table",
        members=members,
    )


def row(start: ApplicationState, verb: str) -> Step:
    """The step of the application's table."""
    return next(s for s in STEPS if s.start is start and s.verb == verb)


def ask(
    store: Store,
    grant: Grant,
    canonical: str = "",
    *,
    cost: Loss = COST,
    price: Loss | None = None,
    key: str = "",
    wait_s: float = 0,
    snapshot: str = "snapshot-1",
    policy_hash: str = "p" * 64,
) -> Reservation:
    """Reserve a question; one that nobody asked before when no text is given."""
    return store.ledger.reserve(
        grant=grant,
        lineage="loans",
        snapshot=snapshot,
        policy_hash=policy_hash,
        canonical=canonical or f"question {next(_TURN)}",
        cost=cost,
        price=price,
        guarantee=Guarantee(1e-6),
        idempotency_key=key,
        wait_s=wait_s,
        event=did("question.reserved", "question:new"),
    )


def answer(store: Store, question_id: int, body: bytes = b"{}") -> None:
    store.ledger.start(question_id, event=did("question.started", f"question:{question_id}"))
    store.ledger.settle(question_id, body, event=did("question.answered", f"question:{question_id}"))
