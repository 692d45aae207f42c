"""A database of the version before agreements were signed by several people, with rows in it, is upgraded: nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

from sandbox.domain.application import ApplicationState
from sandbox.domain.canonical import content_hash, sha256_hex
from sandbox.domain.policy_document import policy_to_document
from sandbox.store import migrations
from sandbox.store.database import Database
from tests.store.world import open_store, policy

AT = "2026-01-05T12:00:00.000000+00:00"
BODIES = {number: f'{{"application":{number}}}'.encode() for number in (1, 2, 4)}
HASHES = {number: sha256_hex(body) for number, body in BODIES.items()}
POLICY = policy_to_document(policy())
PURPOSE = 'Model the "default" risk of löans.\nAnd more.'


@pytest.fixture
def earlier(new_url: str) -> Iterator[Database]:
    """A database of revision 0005: an active, an approved, a submitted and a revoked application, with what came of them."""
    database = Database(new_url)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with database.engine.connect() as connection, connection.begin():
        migrations._run(config, ScriptDirectory.from_config(config), connection, "0005")
        for statement, rows in ROWS:
            connection.execute(text(statement), rows)
    yield database
    database.close()


def _insert(table: str, *rows: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    names = list(rows[0])
    columns, values = ", ".join(names), ", ".join(f":{name}" for name in names)
    return f"INSERT INTO {table} ({columns}) VALUES ({values})", list(rows)


def _application(number: int, applicant: str, state: str) -> dict[str, Any]:
    return {
        "dataset": "loans",
        "applicant": applicant,
        "project": f"project {number}",
        "purpose": PURPOSE,
        "legal_basis": "§ 3",
        "mode": "query",
        "days": 30,
        "output_plan": "Counts by sex.",
        "state": state,
        "agreement_hash": HASHES.get(number, ""),
        "submitted_at": AT,
        "changed_at": AT,
    }


def _grant(application: int, person: str, revoked: bool) -> dict[str, Any]:
    return {
        "application_id": application,
        "person": person,
        "dataset": "loans",
        "project": f"project {application}",
        "purpose": PURPOSE,
        "mode": "query",
        "starts": "2026-01-05",
        "ends": "2026-02-03",
        "agreement_hash": HASHES[application],
        "revoked": revoked,
    }


_SPENT = {"cap_nano": 100, "cap_atto_delta": 0, "spent_nano": 7, "spent_atto_delta": 0}
_QUESTION = {
    "grant_id": 1,
    "person": "ana",
    "project": "project 1",
    "lineage": "loans",
    "dataset": "loans",
    "snapshot": "s",
    "policy_hash": "p",
    "canonical": "SELECT 1",
    "question_hash": "q",
    "price_nano": 7,
    "price_atto_delta": 0,
    "charged_nano": 7,
    "charged_atto_delta": 0,
    "state": "failed",
    "worker": "w",
    "asked_at": AT,
    "ended_at": AT,
    "answer_sha256": "",
}
ROWS = (
    _insert("people", *({"name": n, "password_hash": "", "roles": '["researcher"]', "added_at": AT} for n in ("ana", "ben"))),
    _insert("datasets", {"name": "loans", "owner": "olga", "lineage": "loans", "status": "published", "version": 1}),
    _insert(
        "dataset_versions",
        {
            "dataset": "loans",
            "version": 1,
            "policy": json.dumps(POLICY),
            "policy_hash": content_hash(POLICY),
            "snapshot": "s",
            "report": "{}",
            "public_files": "{}",
            "published_at": AT,
        },
    ),
    _insert(
        "applications",
        _application(1, "ana", "active"),
        _application(2, "ben", "approved"),
        _application(3, "ben", "submitted"),
        _application(4, "ben", "revoked"),
    ),
    _insert(
        "agreements",
        *(
            {"application_id": n, "sha256": HASHES[n], "body": body, "signature": b"s", "written_at": AT}
            for n, body in BODIES.items()
        ),
    ),
    _insert("grants", _grant(1, "ana", False), _grant(4, "ben", True)),
    _insert("lineage_accounts", {"lineage": "loans", **_SPENT, "project_cap_nano": 100, "project_cap_atto_delta": 0}),
    _insert("project_accounts", {"lineage": "loans", "project": "project 1", **_SPENT}),
    _insert("questions", _QUESTION),
    _insert(
        "releases",
        {
            "grant_id": 2,
            "dataset": "loans",
            "project": "project 4",
            "requester": "ben",
            "context": "c",
            "status": "submitted",
            "version": 2,
            "reviewers_needed": 2,
            "crate_sha256": "",
            "staged_at": AT,
            "changed_at": AT,
        },
    ),
)  # fmt: skip


def test_nothing_is_lost_on_the_way_to_agreements_of_several_people(
    earlier: Database, new_url: str, home: Path
) -> None:
    store = open_store(new_url, home)
    states = {a.id: a.state for a in store.access.applications()}
    assert states == {
        1: ApplicationState.ACTIVE,
        2: ApplicationState.APPROVED,
        3: ApplicationState.SUBMITTED,
        4: ApplicationState.REVOKED,
    }
    first = store.access.application(1)
    assert first is not None
    assert (first.wish.purpose, first.wish.days, first.signed, first.submitted_at) == (
        PURPOSE,
        30,
        ("ana",),
        AT,
    )
    assert {n: store.access.agreement(n).body for n in BODIES} == BODIES
    assert [(g.id, g.application, g.person, g.revoked) for g in store.grants.all()] == [
        (1, 1, "ana", False),
        (2, 4, "ben", True),
    ]
    assert [(line.grant_id, line.cost.nano) for line in store.ledger.lines()] == [(1, 7)]
    assert store.ledger.check_sums() == 1
    assert [r.grant_id for r in store.releases.of_requester("ben")] == [2]
    store.close()


def test_what_hangs_on_a_grant_still_does(earlier: Database) -> None:
    migrations.upgrade(earlier.engine)
    with earlier.engine.connect() as connection:
        orphans = connection.execute(
            text("SELECT COUNT(*) FROM questions WHERE grant_id NOT IN (SELECT id FROM grants)")
        ).scalar_one()
        assert orphans == 0
        if earlier.is_sqlite:
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
    with pytest.raises(Exception, match=r"(?i)foreign key"), earlier.engine.begin() as connection:
        connection.execute(text("DELETE FROM grants WHERE id = 1"))  # the control: it is held


def test_the_next_grant_takes_no_old_number(earlier: Database) -> None:
    migrations.upgrade(earlier.engine)
    grant = {**_grant(2, "ben", False)}
    with earlier.engine.begin() as connection:
        connection.execute(text(_insert("grants", grant)[0]), [grant])
        newest = connection.execute(text("SELECT MAX(id) FROM grants")).scalar_one()
    assert newest == 3
