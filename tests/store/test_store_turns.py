"""Turns in the store: earlier rows stay, and a database from before has its votes in the first turn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

from sandbox.domain.access import Grant
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.release import Decision, StagedFile, Status, Verb, Vote, transition
from sandbox.store import Store, migrations
from sandbox.store.database import Database
from tests.store.world import did

AT = "2026-01-05T12:00:00.000000+00:00"


def staged(name: str, mark: str) -> dict[str, Any]:
    return {
        "files": (StagedFile(name=name, sha256=mark * 64, size_bytes=1),),
        "findings": (Finding(file=name, check=mark, verdict=Verdict.REVIEW),),
    }


def step(store: Store, release: Any, verb: Verb) -> Any:
    row = transition(release.status, verb)
    return store.releases.move(release, row, event=did(row.event, f"release:{release.id}"))


def test_the_next_turn_has_its_own_files_findings_and_votes_and_deletes_none(
    store: Store, grant: Grant
) -> None:
    release = store.releases.create(
        grant=grant,
        context="the first table",
        reviewers_needed=1,
        event=did("release.staged", "release:new"),
        **staged("a.csv", "a"),
    )
    release = step(store, release, Verb.PASS_CHECKS)
    voted = Vote(reviewer="rita", decision=Decision.RETURN, comment="say more")
    row = transition(release.status, Verb.VOTE)
    release = store.releases.add_vote(release, voted, row=row, event=did(row.event, f"release:{release.id}"))
    for verb in (Verb.COMPLETE, Verb.RETURN):
        release = step(store, release, verb)
    row = transition(release.status, Verb.RESUBMIT)
    again = store.releases.stage_again(
        release,
        row,
        context="the second table",
        event=did(row.event, f"release:{release.id}"),
        **staged("b.csv", "b"),
    )
    assert (again.turn, again.status, again.context) == (2, Status.CHECKING, "the second table")
    assert [f.name for f in again.files] == ["b.csv"]
    assert [f.check for f in store.releases.findings(again.id)] == ["b"]
    assert again.votes == ()
    assert [(v.reviewer, v.comment, v.turn) for v in again.early] == [("rita", "say more", 1)]
    assert [(t.turn, t.decision) for t in store.releases.turns(["loans"])] == [(1, Verb.RETURN)]
    assert (again.waiting_since, step(store, again, Verb.PASS_CHECKS).waiting_since != "") == ("", True)


def test_votes_from_before_are_of_the_first_turn_and_none_is_lost(new_url: str) -> None:
    database = Database(new_url)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    script = ScriptDirectory.from_config(config)
    with database.engine.connect() as connection, connection.begin():
        migrations._run(config, script, connection, "0015")
        if database.is_sqlite:
            connection.execute(text("PRAGMA defer_foreign_keys = ON"))
        else:
            connection.execute(text("SET session_replication_role = replica"))
        connection.execute(
            text(
                "INSERT INTO people (name, password_hash, roles, added_at, active)"
                f" VALUES ('ana', '', '[]', '{AT}', TRUE), ('rita', '', '[]', '{AT}', TRUE)"
            )
        )
        connection.execute(
            text(
                "INSERT INTO releases (id, grant_id, dataset, project, requester, context, status, version,"
                " reviewers_needed, crate_sha256, staged_at, changed_at)"
                f" VALUES (7, 1, 'loans', 'p', 'ana', 'c', 'partially_reviewed', 3, 2, '', '{AT}', '{AT}')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO votes (release_id, reviewer, position, decision, comment, cast_at)"
                f" VALUES (7, 'rita', 0, 'approve', 'fine', '{AT}')"
            )
        )
        migrations._run(config, script, connection, "0016")
        votes = connection.execute(
            text("SELECT release_id, turn, reviewer, comment, voided FROM votes")
        ).all()
        turns = connection.execute(text("SELECT release_id, turn, context, waiting_since FROM release_turns"))
        assert [tuple(v) for v in votes] == [(7, 1, "rita", "fine", "")]
        assert [tuple(t) for t in turns] == [(7, 1, "c", AT)]
        for table in ("votes", "release_turns", "releases", "people"):
            connection.execute(text(f"DELETE FROM {table}"))  # their grant is in no other table
    database.close()
