"""Somebody who can write to the database changes one thing at a time; ``sandbox audit verify`` names it."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date
from typing import Any

import pyotp
import pytest

from sandbox.domain.application import Wish
from sandbox.domain.canonical import content_hash
from sandbox.domain.errors import NotAllowed, SandboxError, Tampered
from sandbox.domain.people import Person, Role
from sandbox.domain.people_policy import Course, TrainingTerms
from sandbox.domain.release import Decision

ADA = Person(name="ada", roles=frozenset({Role.AUDITOR}))
TRAINING = TrainingTerms(courses={"privacy": Course(title="Privacy")})
SQL = "SELECT sex, COUNT(*) AS n FROM loans GROUP BY sex"


@pytest.fixture
def busy(world: Any) -> Any:
    """Some of everything has happened."""
    box, ana = world.sandbox, world.person("ana")
    for epsilon in (0.1, 0.1, 0.2):
        box.answer_question.ask(ana, world.grant, sql=SQL, epsilon=epsilon)
    world.engine.fails = True
    with pytest.raises(SandboxError):
        box.answer_question.ask(ana, world.grant, sql=SQL, epsilon=0.3)
    people_come_and_go(world)
    for content in (
        b"sex,n\nfemale,60\nmale,40\n",
        b"sex,n\nfemale,60\nmale,4\n",
        b"sex,n\nfemale,61\nmale,41\n",
    ):
        release = box.review_release.submit(
            ana, world.grant, files=[("t.csv", content)], context="Counts of applicants by sex.", sql={}
        ).release
        for name in ("rita", "ravi") if release.id == 1 else ():
            now = box.store.releases.get(release.id)
            box.review_release.vote(
                world.person(name), release.id, version=now.version, decision=Decision.APPROVE, comment=""
            )
    return world


def people_come_and_go(world: Any) -> None:
    """Accounts, second factors, courses; an application that was revoked with a block, and one that came back."""
    box, olga, alma = world.sandbox, world.person("olga"), Person("alma", frozenset({Role.ADMINISTRATOR}))
    look = replace(box.look_after_people, site=replace(box.site, training=TRAINING))
    look.add(alma, "eve", [Role.RESEARCHER], password="a long password")
    secret = look.begin_second_factor(alma, "rosa")
    code = pyotp.TOTP(secret).at(box.store.now())
    look.confirm_second_factor(alma, "rosa", code=code)
    look.record_training(alma, "ana", "privacy", until=date(2026, 6, 1))
    other = world.granted(project="other", name="eve", epsilon="0.5")
    box.end_access.report(
        world.person("eve"), other.application, usefulness=2, text="Not of much use to us, sadly."
    )
    box.end_access.revoke(olga, other.application, reason="she broke it", block_days=9)
    wish = Wish(
        project="third", purpose="Model the default risk.", output_plan="Counts by sex.", members=("ana",)
    )
    made = box.request_access.apply(world.person("ben"), dataset="loans", wish=wish)
    box.request_access.approve(olga, made.id, epsilon="0.5")
    box.request_access.sign(world.person("ana"), made.id)
    box.request_access.decline(world.person("ben"), made.id, reason="too little")
    box.request_access.edit(world.person("ben"), made.id, replace(wish, days=9))
    box.request_access.submit(world.person("ben"), made.id)
    box.request_access.approve(olga, made.id, epsilon="0.5")
    look.deactivate(alma, "eve")


def looser_policy(db: sqlite3.Connection) -> None:
    (text,) = db.execute("SELECT policy FROM dataset_versions").fetchone()
    policy = json.loads(text)
    policy["release"]["pool"] = ["ana", "ben", "rita"]
    db.execute(
        "UPDATE dataset_versions SET policy = ?, policy_hash = ?", (json.dumps(policy), content_hash(policy))
    )


def another_answer(db: sqlite3.Connection) -> None:
    body = b'{"draw": 99}'
    db.execute(
        "UPDATE questions SET answer = ?, answer_sha256 = ? WHERE id = 1",
        (body, hashlib.sha256(body).hexdigest()),
    )


FORGERIES: dict[str, tuple[Any, str]] = {
    "a looser policy": (looser_policy, "dataset loans"),
    "another snapshot": ("UPDATE dataset_versions SET snapshot = 'x'", "dataset loans"),
    "a larger budget": ("UPDATE lineage_accounts SET cap_nano = cap_nano * 2", "lineage loans"),
    "budget given back": ("UPDATE lineage_accounts SET spent_nano = 0", "account loans"),
    "a quota given back": ("UPDATE project_accounts SET spent_nano = 0", "account loans / model"),
    "a charge and its account made smaller": (
        "UPDATE questions SET charged_nano = charged_nano - 1 WHERE id = 1;"
        "UPDATE lineage_accounts SET spent_nano = spent_nano - 1;"
        "UPDATE project_accounts SET spent_nano = spent_nano - 1",
        "question 1",
    ),
    "a free question forgotten": ("DELETE FROM questions WHERE id = 2", "question 2"),
    "another answer": (another_answer, "question 1"),
    "a longer grant": ("UPDATE grants SET ends = '2099-01-01'", "grant 1"),
    "a grant for somebody else": ("UPDATE grants SET person = 'ben'", "grant 1"),
    "a grant taken back": ("UPDATE grants SET revoked = 1", "grant 1"),
    "an approved release": ("UPDATE releases SET status = 'approved' WHERE id = 3", "release 3"),
    "a release let through its checks": (
        "UPDATE releases SET status = 'submitted' WHERE id = 2",
        "release 2",
    ),
    "another voter": ("UPDATE votes SET reviewer = 'rosa' WHERE reviewer = 'rita'", "release 1"),
    "no votes": ("DELETE FROM votes", "release 1"),
    "another file": ("UPDATE release_files SET sha256 = 'x' WHERE release_id = 3", "release 3"),
    "a reviewer who may decide all": (
        """UPDATE people SET roles = '["administrator"]' WHERE name = 'rita'""",
        "person rita",
    ),
    "an account opened again": ("UPDATE people SET active = 1 WHERE name = 'eve'", "person eve"),
    "a person out of nowhere": (
        "INSERT INTO people (name, password_hash, roles, added_at, active, last_sign_in_at) "
        "VALUES ('mal', '', '[]', '', 1, '')",
        "person mal",
    ),
    "no second factor": ("UPDATE second_factors SET secret = x'', enrolled_at = ''", "person rosa"),
    "a course that lasts": ("UPDATE training_records SET until = '2099-01-01'", "person ana"),
    "a course out of nowhere": (
        "INSERT INTO training_records (person, course, until, recorded_at, recorded_by) "
        "VALUES ('eve', 'privacy', '2099-01-01', '', 'alma')",
        "person eve",
    ),
    "an application that is active again": (
        "UPDATE applications SET state = 'active' WHERE id = 2",
        "application 2",
    ),
    "another applicant": ("UPDATE applications SET applicant = 'eve' WHERE id = 3", "application 3"),
    "another purpose": (
        "UPDATE application_turns SET wish = REPLACE(wish, 'default risk', 'neighbours') WHERE application_id = 3",
        "application 3",
    ),
    "no signature": ("DELETE FROM signatures WHERE application_id = 1", "application 1"),
    "a signature under what was never read": (
        "INSERT INTO signatures SELECT id, 'eve', agreement_hash, '' FROM applications WHERE id = 3",
        "application 3",
    ),
    "a block that is over": ("UPDATE blocks SET until = '2020-01-01'", "block 1"),
    "a block that was lifted": ("UPDATE blocks SET lifted_at = '2026-01-05'", "block 1"),
    "a block forgotten": ("DELETE FROM blocks", "block 1"),
    "a kinder report": ("UPDATE feedback SET usefulness = 5", "application 2"),
    "no report": ("DELETE FROM feedback", "application 2"),
    "another crate": ("UPDATE releases SET crate_sha256 = 'x' WHERE id = 1", "release 1"),
}


def test_whatever_is_changed_in_the_database_is_named(busy: Any) -> None:
    file = busy.sandbox.settings.home / "state.db"
    found: dict[str, str] = {}
    with closing(sqlite3.connect(file)) as db, closing(sqlite3.connect(":memory:")) as kept:
        db.backup(kept)
        for forgery, (change, _) in FORGERIES.items():
            with db:
                if callable(change):
                    change(db)
                else:
                    for statement in change.split(";"):
                        assert db.execute(statement).rowcount > 0, forgery
            try:
                busy.sandbox.verify_books(ADA)
            except Tampered as told:
                found[forgery] = told.place
            kept.backup(db)
            busy.sandbox.verify_books(ADA)  # the control: put back, it holds
    assert found == {forgery: place for forgery, (_, place) in FORGERIES.items()}


def test_books_that_nobody_touched_hold(busy: Any) -> None:
    books = busy.sandbox.verify_books(ADA)
    assert (books.datasets, books.questions, books.grants, books.releases) == (1, 4, 2, 3)
    assert books.files == 4  # three outputs and a crate
    assert books.entries == busy.sandbox.store.log.head().seq


def test_they_hold_after_a_revocation_too(busy: Any) -> None:
    busy.sandbox.end_access.revoke(busy.person("olga"), 1, reason="It ended.")
    assert busy.sandbox.verify_books(ADA).grants == 2


def test_a_file_changed_in_the_vault_is_found(busy: Any) -> None:
    busy.sandbox.verify_books(ADA)  # the control
    file = next(p for p in (busy.sandbox.settings.home / "vault").glob("[0-9a-f][0-9a-f]/*") if p.is_file())
    file.chmod(0o600)
    file.write_bytes(b"other bytes")
    with pytest.raises(Tampered):
        busy.sandbox.verify_books(ADA)


def test_only_auditors_and_administrators_open_the_books(busy: Any) -> None:
    with pytest.raises(NotAllowed):
        busy.sandbox.verify_books(busy.person("ana"))


def test_what_is_done_while_the_books_are_read_is_no_forgery(
    busy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, ask = type(busy.sandbox.store.ledger), busy.sandbox.answer_question.ask
    read, busy.engine.fails = ledger.check_sums, False
    prices = iter((0.15,))

    def and_meanwhile(self: Any) -> int:
        for epsilon in prices:
            ask(busy.person("ana"), busy.grant, sql=SQL, epsilon=epsilon)
        return int(read(self))

    monkeypatch.setattr(ledger, "check_sums", and_meanwhile)
    assert busy.sandbox.verify_books(ADA).questions == 5
