"""The journey of an objection: handed in without an account, stops at once, decided with a reason, resumed as it was."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox.domain.errors import BadInput, Conflict, NotAllowed, NotFound, TooLarge
from sandbox.domain.objection import Kind, Scope, State, Verb
from sandbox.domain.people import Person, Role
from sandbox.domain.release import Status
from tests.flows.objecting import ANSWER, SUM, TEXT, ask, decided, everything, objected, submit, vote


def test_a_rights_holder_stops_the_data_at_once_and_a_dismissal_brings_back_exactly_what_was(
    world: Any,
) -> None:
    world.notebooks.open = {world.grant.id}
    half, out = submit(world), submit(world)
    vote(world, half, "rita")
    vote(world, out, "rita")
    vote(world, out, "ravi")
    before = everything(world)
    taken = objected(world)
    assert taken.objection.at_once
    with pytest.raises(NotAllowed) as caught:
        ask(world)
    assert (caught.value.clause, "objection 1" in caught.value.message) == ("suspension", True)
    assert world.notebooks.open == set()
    states = [r.status for r in world.sandbox.store.releases.of_dataset("loans")]
    assert states == [Status.ON_HOLD, Status.RELEASED]
    view = world.sandbox.objection_views.objection(world.person("olga"), 1)
    assert [d.release.id for d in view.depending] == [out.id]  # listed for recall
    assert "recall" in view.depending[0].allowed_actions
    decided(world, taken.objection, Verb.DISMISS)
    assert everything(world) == before
    assert ask(world)
    assert vote(world, half, "ravi").status is Status.RELEASED
    world.sandbox.verify_books(world.person("ada"))


@pytest.mark.parametrize("kind", [Kind.ERROR, Kind.OTHER])
def test_a_report_of_an_error_stops_nothing_and_is_answered(world: Any, kind: Kind) -> None:
    taken = objected(world, kind=kind)
    assert not taken.objection.at_once
    assert ask(world)
    assert decided(world, taken.objection, Verb.DISMISS).state is State.DISMISSED


def test_what_the_objector_gets_is_a_number_and_a_word_and_the_word_is_kept_as_a_hash(world: Any) -> None:
    taken = objected(world)
    assert taken.objection.id == 1
    assert re.fullmatch(r"([a-z2-9]{5}-){4}[a-z2-9]{5}", taken.word)
    with world.sandbox.store.database.reading() as connection:
        stored = str(connection.exec_driver_sql("SELECT * FROM objections").all())
    assert taken.word not in stored
    box = world.sandbox.object_to_data
    assert box.track(1, taken.word).state is State.RECEIVED
    assert box.track(1, taken.word.upper().replace("-", " ")).id == 1  # as people type it
    decided(world, taken.objection, Verb.DISMISS)
    assert box.track(1, taken.word).answer == ANSWER


def test_the_objector_takes_it_back_and_what_it_stopped_goes_on(world: Any) -> None:
    before = everything(world)
    taken = objected(world)
    moved = world.sandbox.object_to_data.withdraw(1, taken.word)
    assert moved.state is State.WITHDRAWN_BY_OBJECTOR
    assert everything(world) == before
    with pytest.raises(Conflict):
        world.sandbox.object_to_data.withdraw(1, taken.word)


def test_what_the_owner_stopped_over_an_error_report_is_not_undone_when_it_is_taken_back(world: Any) -> None:
    taken = objected(world, kind=Kind.ERROR)
    decided(world, taken.objection, Verb.SUSPEND)
    with pytest.raises(NotAllowed):
        ask(world)
    world.sandbox.object_to_data.withdraw(1, taken.word)
    with pytest.raises(NotAllowed):
        ask(world)
    world.sandbox.suspend_dataset.resume(world.person("olga"), "loans", reason="It was nothing.")
    assert ask(world)


def test_upheld_data_stay_withdrawn_until_they_are_corrected(world: Any) -> None:
    taken = objected(world, scope=Scope.COLUMN, table="loans", column="amount")
    assert ask(world)
    with pytest.raises(NotAllowed):
        ask(world, SUM)
    upheld = decided(world, taken.objection, Verb.UPHOLD)
    with pytest.raises(NotAllowed) as caught:
        world.sandbox.suspend_dataset.resume(
            world.person("olga"), "loans", reason="I want it back.", table="loans", column="amount"
        )
    assert caught.value.clause == "objection"
    decide = world.sandbox.decide_objection
    with pytest.raises(Conflict, match="as it was"):
        decide(world.person("olga"), 1, Verb.CORRECT, reason=ANSWER)
    world.raw_file.write_text("id,sex,amount\n1,female,10\n2,male,20\n")
    world.sandbox.publish_dataset(
        world.person("olga"), policy_file=world.policy_file, files={"loans": world.raw_file}
    )
    with pytest.raises(NotAllowed):  # a new version alone resumes nothing
        ask(world, SUM)
    corrected = decide(world.person("olga"), 1, Verb.CORRECT, reason=ANSWER, version=upheld.version)
    assert corrected.state is State.CORRECTED_RESUMED
    assert ask(world, SUM)


def test_an_upheld_error_report_withdraws_the_data(world: Any) -> None:
    taken = objected(world, kind=Kind.ERROR)
    world.notebooks.open = {world.grant.id}
    decided(world, taken.objection, Verb.UPHOLD)
    with pytest.raises(NotAllowed):
        ask(world)
    assert world.notebooks.open == set()


def test_who_it_was_is_for_owner_and_administrators_alone(world: Any) -> None:
    objected(
        world, name="Zoë Zimmer", contact="zoe@example.org", text="Zoë's rows are in here, which is wrong."
    )
    views = world.sandbox.objection_views
    operator = Person("operator", frozenset({Role.ADMINISTRATOR}))
    for person in (world.person("olga"), operator):
        assert views.objection(person, 1).contact.contact == "zoe@example.org"
    for name in ("ana", "rita", "ada"):
        with pytest.raises(NotFound):
            views.objection(world.person(name), 1)
    log = str(world.sandbox.store.log.newest(limit=50))
    assert "objection.received" in log
    assert "zoe@" not in log
    assert "Zo" not in log  # neither name nor text


def test_evidence_is_kept_by_hash_and_handed_to_who_decides_under_a_name_of_ours(world: Any) -> None:
    objected(world, evidence=[b"%PDF-1.7 proof", "Größe;1\n".encode()])
    decide = world.sandbox.decide_objection
    assert decide.evidence(world.person("olga"), 1, 1) == ("objection-1-evidence-1.pdf", b"%PDF-1.7 proof")
    assert decide.evidence(world.person("olga"), 1, 2)[0] == "objection-1-evidence-2.txt"
    assert world.actions()[-1] == "objection.evidence_read"
    with pytest.raises(NotFound):
        decide.evidence(world.person("olga"), 1, 3)
    with pytest.raises(NotFound):
        decide.evidence(world.person("ana"), 1, 1)


def test_evidence_that_is_refused_leaves_nothing_behind(world: Any) -> None:
    files = world.sandbox.store.vault.verify()
    for evidence, error in (
        ([b"%PDF-1.7", b"MZ\x90\x00"], BadInput),
        ([b"%PDF-1.7" + b"x" * 5 * 2**20], TooLarge),
        ([b"%PDF"] * 6, BadInput),
    ):
        with pytest.raises(error):
            objected(world, evidence=evidence)
    assert world.sandbox.store.vault.verify() == files
    assert world.sandbox.store.objections.all() == ()
    assert ask(world)


def test_the_owner_sees_what_waits_by_its_deadline_and_what_is_overdue(
    world: Any, clock: list[datetime]
) -> None:
    objected(world)
    objected(world, kind=Kind.ERROR)
    view = world.sandbox.objection_views.objections(world.person("olga"))
    assert [v.objection.id for v in view] == [1, 2]
    assert view[0].objection.due.isoformat() == "2026-01-12"  # five working days after a Monday
    assert view[0].others == (2,)
    clock[0] += timedelta(days=9)
    assert view[0].objection.due < clock[0].date()
    decided(world, view[0].objection, Verb.DISMISS)
    assert [v.objection.id for v in world.sandbox.objection_views.objections(world.person("olga"))] == [2, 1]
    with pytest.raises(NotAllowed):
        world.sandbox.objection_views.objections(world.person("ana"))


# one unit's rows


def test_a_unit_is_named_in_a_file_for_the_engine_and_nowhere_else(world: Any) -> None:
    objected(world, scope=Scope.UNIT, unit="  90125090 ")
    (file,) = list(world.sandbox.settings.raw_dir.glob("*-unit-*.txt"))
    assert file.read_text() == "90125090"
    assert file.stat().st_mode & 0o777 == 0o400
    assert "90125090" not in file.name
    with world.sandbox.store.database.engine.connect() as connection:
        dump = "".join(connection.connection.driver_connection.iterdump())  # type: ignore[union-attr]
    assert file.name in dump  # the control: the dump holds what is stored
    assert "90125090" not in dump
    assert world.sandbox.store.suspensions.of("loans")[0].whole


@pytest.mark.parametrize("verb", [Verb.DISMISS, Verb.DISMISS_AS_ABUSE, None])
def test_whom_it_was_about_is_forgotten_when_nothing_is_withheld(world: Any, verb: Verb | None) -> None:
    taken = objected(world, scope=Scope.UNIT, unit="4711")
    assert list(world.sandbox.settings.raw_dir.glob("*-unit-*"))
    if verb is None:
        world.sandbox.object_to_data.withdraw(1, taken.word)
    else:
        decided(world, taken.objection, verb)
    assert not list(world.sandbox.settings.raw_dir.glob("*-unit-*"))
    assert world.sandbox.store.objections.get(1).unit_file == ""
    assert ask(world)


def test_an_objection_that_cannot_be_kept_leaves_no_name_behind(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise Conflict("the database is full")

    monkeypatch.setattr(world.sandbox.store.objections, "add", full)
    with pytest.raises(Conflict):
        objected(world, scope=Scope.UNIT, unit="4711")
    assert not list(world.sandbox.settings.raw_dir.glob("*unit*"))


def test_a_withheld_unit_is_left_out_of_a_new_version_and_of_every_later_one(world: Any) -> None:
    given: list[tuple[str, ...]] = []
    publish = world.engine.publish

    def watched(**words: Any) -> Any:
        given.append(tuple(words.get("withheld", ())))
        return publish(**words)

    world.engine.publish = watched
    spent, version = world.spent(), world.sandbox.store.datasets.get("loans").version
    taken = objected(world, scope=Scope.UNIT, unit="2")
    moved = decided(world, taken.objection, Verb.WITHHOLD)
    assert moved.state is State.CORRECTED_RESUMED
    now = world.sandbox.store.datasets.get("loans")
    assert (now.version, now.suspended) == (version + 1, False)
    assert given == [(moved.unit_file,)]
    assert world.spent() == spent  # the same lineage, the same budget, nothing of it given back or taken
    second = objected(world, scope=Scope.UNIT, unit="3")
    decided(world, second.objection, Verb.WITHHOLD)
    world.sandbox.publish_dataset(
        world.person("olga"), policy_file=world.policy_file, files={"loans": world.raw_file}
    )
    both = {o.unit_file for o in world.sandbox.store.objections.all()}
    assert set(given[-1]) == both
    assert len(both) == 2
    assert ask(world)
    world.sandbox.verify_books(world.person("ada"))


def test_what_was_made_of_unknown_files_is_published_by_hand_first(world: Any) -> None:
    taken = objected(world, scope=Scope.UNIT, unit="2")
    with world.sandbox.store.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE dataset_versions SET raw_files = '{}'")
    olga = world.person("olga")
    world.sandbox.decide_objection(olga, 1, Verb.LOOK)
    with pytest.raises(Conflict, match="raw files"):
        world.sandbox.decide_objection(olga, 1, Verb.WITHHOLD, reason=ANSWER)
    assert world.sandbox.store.objections.get(1).state is State.UNDER_REVIEW
    with pytest.raises(NotAllowed):
        ask(world)
    world.sandbox.publish_dataset(olga, policy_file=world.policy_file, files={"loans": world.raw_file})
    moved = world.sandbox.decide_objection(olga, 1, Verb.WITHHOLD, reason=ANSWER)
    assert moved.id == taken.objection.id
    assert ask(world)


def test_a_closed_and_an_unknown_dataset_get_one_answer(world: Any, tmp_path: Path) -> None:
    policy = tmp_path / "taxes.yaml"
    policy.write_text(
        "name: taxes\ntitle: Taxes\nopen_class: closed\nprovider: a\nsource: a\nlicence: none\nowner: olga\n"
    )
    world.sandbox.publish_dataset(world.person("olga"), policy_file=policy, files={})
    said = set()
    for name in ("taxes", "axes", "../taxes", "x" * 500, "loans; DROP TABLE objections"):
        with pytest.raises(NotFound) as caught:
            objected(world, dataset=name)
        said.add((caught.value.message.replace(name[:64].__repr__(), "…"), caught.value.fix))
        with pytest.raises(NotFound):
            world.sandbox.objection_views.to_object_to(name)
    assert len(said) == 1
    assert objected(world, text=TEXT)  # the control
