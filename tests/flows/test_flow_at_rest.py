"""Data at rest, from the platform's side: closing, replacing keys, extracts, destruction. With a real engine."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sandbox.domain.data_key import DataKey
from sandbox.domain.destruction import signed_bytes
from sandbox.domain.errors import BadInput, Conflict, NotAllowed, NotFound, OperatorError, Tampered
from sandbox.domain.objection import Scope, Verb
from sandbox.domain.policy import Mode
from sandbox.privacy.at_rest.keyring import Keyring
from sandbox.privacy.at_rest.sealed import sealed_for
from sandbox.privacy.engine import LocalEngine
from sandbox.privacy.publishing.extracting import FORMAT
from sandbox.settings import Settings
from sandbox.store import verify_signature
from sandbox.wiring import build
from tests.flows.conftest import ALMA, POLICY, World
from tests.flows.objecting import decided, objected

JOBS = POLICY + "access: {modes: [query, job]}\n"
DONE = "The contract says so."


@pytest.fixture
def closed(world: World, tmp_path: Path, clock: list[datetime]) -> World:
    """The small world with a real engine that has keys; its data were published before there were any."""
    before = world.sandbox
    settings = Settings(
        home=before.settings.home, policies=before.settings.policies, extracts=tmp_path / "extracts"
    )
    (tmp_path / "extracts").mkdir(mode=0o700)
    settings.raw_dir.mkdir(exist_ok=True)
    engine = LocalEngine(
        settings.views_dir, settings.raw_dir, keys=settings.data_keys_dir, extracts=settings.extracts_dir
    )
    world.policy_file.write_text(JOBS)
    site = before.settings.policies / "site.yaml"
    site.write_text("name: Test\n")
    world.agreed()
    world.sandbox = build(
        settings, engine=engine, store=before.store, notebooks=world.notebooks, clock=lambda: clock[0]
    )
    engine.close_all()
    publish(world)
    return world


def publish(world: World) -> None:
    world.sandbox.publish_dataset(
        world.person("olga"), policy_file=world.policy_file, files={"loans": world.raw_file}
    )


def raw_files(world: World) -> list[Path]:
    return sorted(world.sandbox.settings.raw_dir.iterdir())


def key_of(world: World) -> DataKey:
    key = world.sandbox.store.data_keys.current("loans")
    assert key is not None
    return key


def destroyed(world: World, **more: str) -> object:
    named = {"typed": "loans", "reason": DONE, **more}
    return world.sandbox.destroy_data(world.person("olga"), "loans", **named)


# closing


def test_a_raw_file_is_taken_closed_and_the_log_says_with_which_key(closed: World) -> None:
    for file in raw_files(closed):
        assert sealed_for(file) == key_of(closed).id
        assert b"female" not in file.read_bytes()
    (event,) = [e.event for e in closed.sandbox.store.log.newest(action="data_key.in_use")]
    assert event.facts == {"key": key_of(closed).id}


def test_whom_an_objection_is_about_is_closed_as_well_and_still_left_out(closed: World) -> None:
    taken = objected(closed, scope=Scope.UNIT, unit="2")
    (file,) = [f for f in raw_files(closed) if "-unit-" in f.name]
    assert sealed_for(file) == key_of(closed).id
    decided(closed, closed.sandbox.store.objections.get(taken.objection.id), Verb.WITHHOLD)
    made = closed.sandbox.extracts.make(job(closed), target="job-1")
    assert sorted(pq.read_table(made / "loans.parquet")["amount"].to_pylist()) == [10, 30]


def test_a_key_that_was_changed_in_the_database_closes_nothing(closed: World) -> None:
    from sqlalchemy import text

    with closed.sandbox.store.database.transaction() as connection:
        connection.execute(text("UPDATE data_keys SET public = :p"), {"p": "00" * 32})
    with pytest.raises(Tampered, match="public key"):
        objected(closed, scope=Scope.UNIT, unit="2")


def test_a_key_is_replaced_and_the_log_says_what_went(closed: World) -> None:
    old = key_of(closed)
    done = closed.sandbox.close_data.rotate(closed.person("olga"), "loans")
    assert (done.key, done.retired) == (key_of(closed), (old.id,))
    assert {sealed_for(file) for file in raw_files(closed)} == {done.key.id}
    assert closed.actions()[-2:] == ["data_key.in_use", "data_key.retired"]
    publish(closed)
    known = closed.sandbox.close_data.keys(ALMA)
    assert [(k.key.id, bool(k.ended_at)) for k in known] == [(old.id, True), (done.key.id, False)]


def test_a_rotation_that_broke_off_before_the_platform_knew_goes_on(closed: World) -> None:
    old = key_of(closed)
    halfway = closed.sandbox.engine.rotate_key(dataset="loans")  # then this process was killed
    assert key_of(closed) == old
    objected(closed, scope=Scope.UNIT, unit="2")  # closed with the old key
    done = closed.sandbox.close_data.rotate(closed.person("olga"), "loans")
    assert (done.key, done.retired) == (halfway, (old.id,))
    assert {sealed_for(file) for file in raw_files(closed)} == {halfway.id}


@pytest.mark.parametrize("name", ["ana", "rita", "ada"])
def test_attack_nobody_else_replaces_keys_or_destroys_data(closed: World, name: str) -> None:
    for dataset in ("loans", "nothing_here"):
        with pytest.raises(NotAllowed) as refused:
            closed.sandbox.close_data.rotate(closed.person(name), dataset)
        assert refused.value.clause == "role"
        with pytest.raises(NotAllowed) as refused:
            closed.sandbox.destroy_data(closed.person(name), dataset, typed=dataset, reason=DONE)
        assert refused.value.clause == "role"
        assert "olga" not in str(refused.value)
    with pytest.raises(NotAllowed):
        closed.sandbox.close_data.renew_master(closed.person(name))
    assert closed.sandbox.close_data.renew_master(ALMA) == 1, "the control: an administrator may"


def test_data_published_before_there_were_keys_are_learned_at_the_start(world: World) -> None:
    world.sandbox.close_data.learn()
    assert world.sandbox.store.data_keys.all() == (), "this engine has none"


# extracts


def job(world: World, **words: object) -> object:
    return world.granted(project="job", mode=Mode.JOB, **words)


def test_an_extract_holds_what_the_agreement_opens(closed: World) -> None:
    grant = job(closed, tables={"loans": ("amount",)})
    assert closed.sandbox.extracts.columns_open(grant) == {"loans": {"amount"}}
    made = closed.sandbox.extracts.make(grant, target="job-1")
    assert made == closed.sandbox.settings.extracts_dir / "job-1"
    assert pq.read_table(made / "loans.parquet").column_names == ["id", "amount"]
    event = closed.sandbox.store.log.newest(limit=1)[0].event
    assert (event.action, event.facts["columns"]) == ("extract.made", ["loans.amount"])


def test_attack_a_column_outside_the_agreement(closed: World) -> None:
    grant = job(closed, tables={"loans": ("amount",)})
    for tables in (
        {"loans": frozenset({"amount", "sex"})},
        {"other": frozenset({"amount"})},
        {"loans": frozenset()},
    ):
        with pytest.raises(NotAllowed) as refused:
            closed.sandbox.extracts.make(grant, target="job-1", tables=tables)
        assert refused.value.clause == "data"
    assert list(closed.sandbox.settings.extracts_dir.iterdir()) == []
    closed.sandbox.extracts.make(
        grant, target="job-1", tables={"loans": frozenset({"amount"})}
    )  # the control


def test_attack_a_suspended_column_is_in_no_extract(closed: World) -> None:
    grant = job(closed)
    closed.sandbox.suspend_dataset.suspend(
        closed.person("olga"), "loans", reason="A mistake in it.", table="loans", column="sex"
    )
    made = closed.sandbox.extracts.make(grant, target="job-1")
    assert pq.read_table(made / "loans.parquet").column_names == ["id", "amount"]
    with pytest.raises(NotAllowed):
        closed.sandbox.extracts.make(grant, target="job-2", tables={"loans": frozenset({"sex"})})
    closed.sandbox.suspend_dataset.suspend(closed.person("olga"), "loans", reason="All of it.")
    with pytest.raises(NotAllowed):
        closed.sandbox.extracts.make(grant, target="job-2")


def test_attack_a_column_that_is_suspended_while_the_extract_is_made(
    closed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = job(closed)
    real = closed.sandbox.engine.extract

    def meanwhile(**named: object) -> object:
        made = real(**named)  # type: ignore[arg-type]
        closed.sandbox.suspend_dataset.suspend(
            closed.person("olga"), "loans", reason="A mistake in it.", table="loans", column="sex"
        )
        return made

    monkeypatch.setattr(LocalEngine, "extract", lambda self, **named: meanwhile(**named))
    with pytest.raises(NotAllowed, match=r"loans\.sex is not open"):
        closed.sandbox.extracts.make(grant, target="job-1")
    assert list(closed.sandbox.settings.extracts_dir.iterdir()) == []


def test_what_a_crash_left_is_swept_and_what_is_in_use_stays(closed: World) -> None:
    grant, extracts = job(closed), closed.sandbox.extracts
    for target in ("job-1", "job-2"):
        extracts.make(grant, target=target)
    (extracts.extracts_dir / "job-3.part").mkdir()
    assert extracts.sweep("job-", {"job-2"}) == ("job-1", "job-3.part")
    assert [p.name for p in extracts.extracts_dir.iterdir()] == ["job-2"]
    extracts.remove("job-2")
    extracts.remove("job-2")
    assert list(extracts.extracts_dir.iterdir()) == []


@pytest.mark.parametrize("target", ["..", "../home", "a/b", ""])
def test_attack_removing_leaves_the_folder_alone(closed: World, target: str) -> None:
    with pytest.raises(BadInput):
        closed.sandbox.extracts.remove(target)
    assert closed.sandbox.settings.home.is_dir()


def test_a_sample_is_made_without_the_engine(closed: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def touched(*_: object, **__: object) -> None:
        raise AssertionError("a raw row was touched")

    grant = job(closed, tables={"loans": ("sex",)})
    for verb in ("extract", "answer", "evidence", "base"):
        monkeypatch.setattr(LocalEngine, verb, touched)
    made = closed.sandbox.extracts.make_sample(grant, target="sample-1", rows=50)
    table = pq.read_table(made / "loans.parquet")
    assert table.column_names == ["id", "sex"]
    assert set(table["sex"].to_pylist()) == {"female", "male"}
    said = json.loads((made / "schema.json").read_bytes())
    assert (said["format"], said["sample"], said["snapshot"]) == (FORMAT, True, "")


# destruction


def test_destroyed_data_are_gone_and_certified(closed: World) -> None:
    key, snapshot = key_of(closed), closed.sandbox.store.datasets.get("loans").snapshot
    made = closed.sandbox.extracts.make(job(closed), target="job-1")
    destroyed(closed)
    assert raw_files(closed) == []
    assert not made.exists()
    paper = closed.sandbox.destroy_data.certificate("loans")
    said = json.loads(paper["certificate"])
    assert (said["dataset"], said["asked_by"], said["reason"]) == ("loans", "olga", DONE)
    assert said["keys"] == [key.id]
    assert snapshot in said["snapshots"]
    (entry,) = closed.sandbox.store.log.newest(action="dataset.destroyed")
    assert said["log"] == {"entry": entry.seq, "hash": entry.hash}
    signature = bytes.fromhex(paper["signature"])
    verify_signature(paper["public_key"].encode(), signature, signed_bytes(said))
    with pytest.raises(Tampered):
        verify_signature(paper["public_key"].encode(), signature, signed_bytes({**said, "dataset": "others"}))
    with pytest.raises(NotFound):
        closed.sandbox.destroy_data.certificate("nothing_here")


def test_every_use_ends_with_the_data(closed: World) -> None:
    sql = "SELECT sex, COUNT(*) AS n FROM loans GROUP BY sex"
    ana, grant = closed.person("ana"), closed.granted(project="other")
    closed.sandbox.answer_question.ask(ana, grant, sql=sql)  # the control: before, it answers
    destroyed(closed)
    with pytest.raises(NotAllowed, match="suspended") as refused:
        closed.sandbox.answer_question.ask(ana, grant, sql=sql)
    assert refused.value.clause == "suspension"
    with pytest.raises(NotAllowed, match="nothing resumes") as refused:
        closed.sandbox.suspend_dataset.resume(closed.person("olga"), "loans", reason="We want it back.")
    assert refused.value.clause == "destruction"
    with pytest.raises(Conflict, match="destroyed"):
        publish(closed)
    with pytest.raises(Conflict, match="destroyed"):
        destroyed(closed)
    (suspension,) = closed.sandbox.store.suspensions.of("loans")
    assert suspension.reason == f"Its data were destroyed: {DONE}"


def test_data_that_are_suspended_by_hand_are_destroyed_as_well(closed: World) -> None:
    closed.sandbox.suspend_dataset.suspend(closed.person("olga"), "loans", reason="First a look at it.")
    destroyed(closed)
    (suspension,) = closed.sandbox.store.suspensions.of("loans")
    assert "destroyed" in suspension.reason


def test_another_name_destroys_nothing(closed: World) -> None:
    with pytest.raises(BadInput, match="not the dataset's"):
        destroyed(closed, typed="Loans")
    assert raw_files(closed)
    assert closed.sandbox.destroy_data.of("loans") is None


def test_a_destruction_that_broke_off_goes_on_and_nothing_uses_the_data_meanwhile(
    closed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant, real = job(closed), LocalEngine.destroy

    def stopped(self: LocalEngine, *, dataset: str) -> tuple[str, ...]:
        raise OperatorError("The engine does not answer.")

    monkeypatch.setattr(LocalEngine, "destroy", stopped)
    with pytest.raises(OperatorError):
        destroyed(closed)
    assert closed.sandbox.destroy_data.go_on() == (), "it does not answer yet"
    with pytest.raises(NotAllowed):
        closed.sandbox.extracts.make(grant, target="job-1")
    with pytest.raises(NotFound):
        closed.sandbox.destroy_data.certificate("loans")
    monkeypatch.setattr(LocalEngine, "destroy", real)
    (done,) = closed.sandbox.destroy_data.go_on()
    assert done.finished
    assert closed.sandbox.destroy_data.go_on() == ()
    assert Keyring(closed.sandbox.settings.data_keys_dir).all("loans") == ()
    assert len(closed.sandbox.store.log.newest(action="dataset.destroyed")) == 1


def test_an_engine_that_leaves_files_open_cannot_promise_destruction(world: World) -> None:
    with pytest.raises(OperatorError, match="as they are"):
        world.sandbox.destroy_data(world.person("olga"), "loans", typed="loans", reason=DONE)
    assert world.sandbox.destroy_data.of("loans") is None


def test_attack_a_raw_file_put_back_after_destruction_opens_no_more(closed: World, tmp_path: Path) -> None:
    (file,) = raw_files(closed)[:1]
    shutil.copyfile(file, tmp_path / file.name)
    destroyed(closed)
    shutil.copyfile(tmp_path / file.name, file)
    policy = closed.sandbox.store.datasets.get("loans").policy
    with pytest.raises(NotFound, match="no key"):
        closed.sandbox.engine.publish(policy=policy, table="loans", file=file.name)
