"""Objections and suspensions as they are kept: one place for each, changes that name the version they saw."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

from sandbox.domain.errors import Conflict, NotFound
from sandbox.domain.evidence_file import EvidenceFile, EvidenceKind
from sandbox.domain.objection import STEPS, Kind, Objection, ObjectorContact, Scope, State, Verb
from sandbox.domain.privacy_loss import Loss
from sandbox.domain.release import Status, transition
from sandbox.domain.release import Verb as ReleaseVerb
from sandbox.domain.suspension import Suspension
from sandbox.store import Store, migrations
from sandbox.store.database import Database
from tests.store.test_store_releases import move, stage
from tests.store.world import Clock, did, furnish, open_store, policy, publish

MADE = Objection(
    id=0,
    dataset="loans",
    kind=Kind.PRIVACY,
    scope=Scope.COLUMN,
    table="loans",
    column="amount",
    text="These rows are about me.",
    at_once=True,
    evidence=(
        EvidenceFile(sha256="a" * 64, kind=EvidenceKind.PDF, size_bytes=9),
        EvidenceFile(sha256="b" * 64, kind=EvidenceKind.TEXT, size_bytes=1),
    ),
)
ZOE = ObjectorContact(name="Zoë", contact="zoe@example.org")


def add(store: Store, made: Objection = MADE, contact: ObjectorContact = ZOE) -> Objection:
    return store.objections.add(
        made, contact=contact, secret_sha256="c" * 64, event=did("objection.received", "objection:new")
    )


def take(store: Store, objection: Objection, verb: Verb, **more: Any) -> Objection:
    row = next(s for s in STEPS if s.start is objection.state and s.verb is verb)
    return store.objections.move(objection, row, event=did(row.event), **more)


def test_an_objection_comes_back_as_it_was_and_its_contact_apart(store: Store) -> None:
    publish(store, policy())
    kept = add(store)
    assert kept == replace(MADE, id=1, received_at=kept.received_at, changed_at=kept.changed_at)
    assert store.objections.get(1) == kept
    assert store.objections.contact(1) == ZOE
    assert "Zoë" not in repr(kept)
    assert store.objections.secret_sha256(1) == "c" * 64
    assert store.objections.secret_sha256(2) == ""
    assert store.objections.get(2) is None
    with pytest.raises(NotFound):
        store.objections.contact(2)
    assert store.log.newest(limit=1)[0].event.object == "objection:1"


def test_each_step_names_the_version_it_saw(store: Store) -> None:
    publish(store, policy())
    seen = add(store)
    looked = take(store, seen, Verb.LOOK, decided_by="olga")
    with pytest.raises(Conflict):
        take(store, seen, Verb.LOOK)
    upheld = take(store, looked, Verb.UPHOLD, answer="It is right.")
    assert (upheld.state, upheld.version, upheld.decided_by, upheld.answer) == (
        State.UPHELD_WITHDRAWN,
        3,
        "olga",
        "It is right.",
    )
    assert take(store, upheld, Verb.CORRECT).answer == "It is right."  # what was said stays said


def test_of_two_decisions_at_once_one_counts(store: Store) -> None:
    publish(store, policy())
    looked = take(store, add(store), Verb.LOOK)

    def decide(verb: Verb) -> str:
        try:
            return str(take(store, looked, verb).state)
        except Conflict:
            return "conflict"

    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(decide, (Verb.UPHOLD, Verb.DISMISS)))
    assert said.count("conflict") == 1


def test_counts_are_by_dataset_day_account_and_outcome(store: Store, clock: Clock) -> None:
    publish(store, policy())
    began = clock().isoformat(timespec="microseconds")
    add(store)
    clock.forward(days=2)
    later = clock().isoformat(timespec="microseconds")
    second = add(store, replace(MADE, at_once=False, named=True), ObjectorContact(person="ben"))
    count = store.objections.count
    assert (count(since=began), count(since=later)) == (2, 1)
    assert (count(since=began, dataset="loans"), count(since=began, dataset="cards")) == (2, 0)
    assert count(since=began, at_once=True) == 1
    assert (count(since=began, person="ben"), count(since=began, person="ana")) == (1, 0)
    assert count(since=began, state=State.DISMISSED_AS_ABUSE) == 0
    take(store, take(store, second, Verb.LOOK), Verb.DISMISS_AS_ABUSE)
    assert count(since=later, state=State.DISMISSED_AS_ABUSE, person="ben") == 1
    assert count(since="9999", state=State.DISMISSED_AS_ABUSE) == 0


def test_a_unit_is_withheld_when_it_is_decided_so_and_forgotten_otherwise(store: Store) -> None:
    publish(store, policy())
    unit = replace(MADE, scope=Scope.UNIT, table="", column="", unit_file="loans-unit-1.txt")
    first, second = add(store, unit), add(store, replace(unit, unit_file="loans-unit-2.txt"))
    assert store.objections.withheld("loans") == ()
    take(store, take(store, first, Verb.LOOK), Verb.WITHHOLD)
    take(store, take(store, second, Verb.LOOK), Verb.DISMISS, forget_unit=True)
    assert store.objections.withheld("loans") == ("loans-unit-1.txt",)
    assert store.objections.withheld("cards") == ()


# suspensions


def begin(store: Store, **more: Any) -> Suspension:
    made = Suspension(**{"dataset": "loans", "reason": "r", "made_by": "olga", **more})
    return store.suspensions.begin(made, event=did("dataset.suspended", "dataset:loans"))


def test_a_dataset_is_suspended_as_long_as_one_row_says_so(store: Store) -> None:
    publish(store, policy())
    number = add(store).id
    whole, column, by_objection = (
        begin(store),
        begin(store, table="loans", column="amount"),
        begin(store, objection=number),
    )
    assert store.suspensions.of("loans") == (whole, column, by_objection)
    assert store.suspensions.by_objection(number) == (by_objection,)
    for suspension in (whole, by_objection):
        assert store.datasets.all()[0].suspended
        ended = store.suspensions.end(suspension, event=did("dataset.resumed"))
        assert ended.ended
    assert not store.datasets.all()[0].suspended  # a column alone suspends no dataset
    assert store.suspensions.of("loans") == (column,)
    assert len(store.suspensions.all()) == 3  # nothing is deleted


def test_one_place_is_not_suspended_twice_by_the_same(store: Store) -> None:
    publish(store, policy())
    first = begin(store)
    with pytest.raises(Conflict):
        begin(store)
    store.suspensions.end(first, event=did())
    with pytest.raises(Conflict):
        store.suspensions.end(first, event=did())
    assert begin(store).id != first.id
    with pytest.raises(NotFound):
        store.suspensions.end(replace(first, id=99), event=did())


def test_a_held_release_keeps_where_it_was_and_who_holds_it(store: Store) -> None:
    release = move(store, stage(store, furnish(store, cap=Loss(10))), ReleaseVerb.PASS_CHECKS)
    row = transition(release.status, ReleaseVerb.HOLD)
    held = store.releases.move(replace(release, held_by="olga", reason="why"), row, event=did())
    assert (held.status, held.held_from, held.held_by, held.reason) == (
        Status.ON_HOLD,
        Status.SUBMITTED,
        "olga",
        "why",
    )
    back = transition(held.status, ReleaseVerb.RESUME, held_from=held.held_from)
    resumed = store.releases.move(held, back, event=did())
    assert resumed == replace(release, version=release.version + 2)


# the migration


def upgraded_to(url: str, revision: str) -> None:
    """A database as an earlier version left it."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    scripts, database = ScriptDirectory.from_config(config), Database(url)

    def steps(now: Any, _context: Any) -> Any:
        return scripts._upgrade_revs(revision, now)

    with (
        database.engine.connect() as connection,
        connection.begin(),
        EnvironmentContext(config, scripts, fn=steps, destination_rev=revision) as environment,
    ):
        environment.configure(connection=connection, transactional_ddl=True)
        environment.run_migrations()
    database.close()


EARLIER = """
INSERT INTO people VALUES ('ana', 'x', '[]', 't');
INSERT INTO datasets VALUES ('loans', 'olga', 'loans', 'suspended', 2), ('cards', 'olga', 'cards', 'published', 1);
INSERT INTO dataset_versions VALUES
  ('loans', 1, '{}', 'h', 's1', '{}', '{}', '2026-01-01'), ('loans', 2, '{}', 'h', 's2', '{}', '{}', '2026-02-01'),
  ('cards', 1, '{}', 'h', 's3', '{}', '{}', '2026-01-01');
INSERT INTO applications VALUES (1, 'loans', 'ana', 'p', 'active', '', 't', 't', 1, 1, NULL, '');
INSERT INTO grants VALUES (1, 1, 'ana', 'loans', 'p', 'w', 'query', '2026-01-01', '2026-02-01', 'h', 0);
INSERT INTO releases VALUES (1, 1, 'loans', 'p', 'ana', 'c', 'submitted', 2, 2, '', 't', 't');
INSERT INTO release_files VALUES (1, 0, 't.csv', 'h', 1, '');
"""


def test_what_was_suspended_before_the_table_was_made_stays_suspended(tmp_path: Path) -> None:
    file = tmp_path / "old.db"
    upgraded_to(f"sqlite:///{file}", "0006")
    with sqlite3.connect(file) as old:
        columns = [row[1] for row in old.execute("PRAGMA table_info(applications)")]
        assert columns[-1] == "certificate_sha256"
        old.executescript("PRAGMA foreign_keys = ON;" + EARLIER)
    store = open_store(f"sqlite:///{file}", tmp_path / "home")
    (held,) = store.suspensions.all()
    assert (held.dataset, held.whole, held.made_by, held.since) == ("loans", True, "olga", "2026-02-01")
    release = store.releases.get(1)
    assert release is not None
    assert (release.status, release.held_from, release.files[0].name) == (Status.SUBMITTED, None, "t.csv")
    with store.database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        assert connection.exec_driver_sql("SELECT count(*) FROM datasets").scalar_one() == 2
    store.close()
