"""Suspended: every way in is closed at once. Resumed: everything is as it was."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.domain.access import Grant
from sandbox.domain.application import Wish
from sandbox.domain.errors import BadInput, Conflict, NotAllowed, NotFound, Tampered
from sandbox.domain.objection import Scope, Verb
from sandbox.domain.people import Person, Role
from sandbox.domain.release import Status
from sandbox.flows.open_data import FileFormat
from sandbox.isolation.notebooks import StopNotebooks
from tests.flows.objecting import ASK, SUM, ask, decided, everything, objected, submit, vote

REASON = "A table was wrong."


@dataclass
class Numbered:
    """As much of a grant as is looked at."""

    id: int


def suspend(world: Any, by: str = "olga", **more: Any) -> None:
    world.sandbox.suspend_dataset.suspend(world.person(by), "loans", reason=REASON, **more)


def resume(world: Any, by: str = "olga", **more: Any) -> Any:
    return world.sandbox.suspend_dataset.resume(world.person(by), "loans", reason="It was mended.", **more)


def ways(world: Any) -> dict[str, Callable[[], object]]:
    """Every use of the data, by who may do it."""
    box, ana, olga = world.sandbox, world.person("ana"), world.person("olga")
    wish = Wish(project="other", purpose="To see something else.", output_plan="Counts by sex.")
    return {
        "ask": lambda: ask(world, epsilon=0.01),
        "estimate": lambda: box.answer_question.estimate(ana, world.grant, sql=ASK),
        "open a notebook": lambda: box.open_notebook.allowed("ana", world.grant.server_name),
        "sample": lambda: box.buy_base.sample_under(ana, world.grant),
        "sample for the owner": lambda: box.buy_base.sample("loans"),
        "buy a base": lambda: box.buy_base(olga, "loans"),
        "submit": lambda: submit(world),
        "apply": lambda: box.request_access.apply(ana, dataset="loans", wish=wish),
    }


def test_every_use_of_a_suspended_dataset_is_refused_by_the_clause(world: Any) -> None:
    suspend(world)
    for way, use in ways(world).items():
        with pytest.raises(NotAllowed) as caught:
            use()
        assert caught.value.clause == "suspension", way
    resume(world)
    for way, use in ways(world).items():
        # The control: the same call, resumed, goes through, or finds that no base was bought.
        with pytest.raises((NotFound, BadInput)) if "sample" in way or "base" in way else nullcontext():
            use()


def test_open_notebooks_of_the_dataset_are_ended_and_no_others(world: Any) -> None:
    world.granted(name="ben", project="housing")
    world.notebooks.open = {1, 2, 99}
    suspend(world)
    assert world.notebooks.open == {99}
    assert sorted(world.notebooks.asked) == [1, 2]


def test_a_suspended_column_ends_no_notebook_in_which_only_questions_are_asked(world: Any) -> None:
    suspend(world, table="loans", column="amount")
    assert world.notebooks.asked == []
    assert world.sandbox.open_notebook.allowed("ana", world.grant.server_name)


def test_a_hub_that_is_down_undoes_nothing(world: Any) -> None:
    world.notebooks.down = True
    suspend(world)
    with pytest.raises(NotAllowed):
        ask(world)
    with pytest.raises(NotAllowed):  # what the spawner asks at its next look, and ends the notebook by
        world.sandbox.open_notebook.allowed("ana", world.grant.server_name)


def test_slow_notebooks_do_not_hold_up_who_suspends() -> None:
    """Sixty notebooks, a hub that hangs: the caller goes on, and the rest goes on behind."""
    let_go, done = threading.Event(), []

    class Hanging:
        def stop(self, grant: Grant) -> bool:
            let_go.wait(10)
            done.append(grant)
            return True

    stop = StopNotebooks(Hanging(), wait_s=0.1)
    began = time.monotonic()
    assert stop([Numbered(n) for n in range(60)]) == ()  # type: ignore[misc]
    assert time.monotonic() - began < 2
    let_go.set()
    for _ in range(500):
        if len(done) == 60:
            break
        time.sleep(0.01)
    assert len(done) == 60


def test_what_raises_in_one_notebook_stops_no_other() -> None:
    class Broken:
        def stop(self, grant: Grant) -> bool:
            if grant.id == 1:
                raise RuntimeError("the hub went mad")
            return True

    assert StopNotebooks(Broken())([Numbered(1), Numbered(2)]) == (2,)  # type: ignore[list-item]


# requests under way


def test_requests_under_way_are_held_and_go_on_from_exactly_where_they_were(world: Any) -> None:
    submitted, half, out = submit(world), submit(world), submit(world)
    vote(world, half, "rita")
    vote(world, out, "rita")
    vote(world, out, "ravi")
    world.sandbox.review_release.withdraw(world.person("ana"), submit(world).id)
    before = everything(world)
    suspend(world)
    states = [r.status for r in world.sandbox.store.releases.of_dataset("loans")]
    assert states == [Status.ON_HOLD, Status.ON_HOLD, Status.RELEASED, Status.WITHDRAWN]
    assert everything(world) != before
    assert resume(world) == ()
    assert everything(world) == before
    assert vote(world, half, "ravi").status is Status.RELEASED
    assert vote(world, submitted, "rita").status is Status.PARTIALLY_REVIEWED


def test_a_held_request_takes_no_vote_and_does_not_leave(world: Any) -> None:
    release = submit(world)
    vote(world, release, "rita")
    suspend(world)
    with pytest.raises(NotAllowed) as caught:
        vote(world, release, "ravi")
    assert caught.value.clause == "hold"
    assert world.sandbox.review_release.finish_approved() == ()
    with pytest.raises(Conflict):
        world.sandbox.review_release.withdraw(world.person("ana"), release.id)
    assert world.sandbox.views.review_queue(world.person("ravi")) == ()
    resume(world)
    assert vote(world, release, "ravi").status is Status.RELEASED  # the control


def test_what_was_approved_and_had_not_left_leaves_when_it_is_resumed(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = submit(world)
    vote(world, release, "rita")
    with monkeypatch.context() as patch:
        patch.setattr(type(world.sandbox.review_release), "let_out", lambda self, release: release)
        vote(world, release, "ravi")
    suspend(world)
    held = world.sandbox.store.releases.get(release.id)
    assert (held.status, held.held_from) == (Status.ON_HOLD, Status.APPROVED)
    assert world.sandbox.review_release.finish_approved() == ()
    resume(world)
    assert world.sandbox.store.releases.get(release.id).status is Status.RELEASED


def test_a_request_that_was_handed_in_while_the_data_were_suspended_waits_too(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checks run before the request is kept; the suspension comes in between."""
    flow = type(world.sandbox.review_release.look)
    looked = flow.__call__

    def meanwhile(self: Any, *given: Any, **named: Any) -> Any:
        found = looked(self, *given, **named)
        suspend(world)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(flow, "__call__", meanwhile)
        release = submit(world)
    assert (release.status, release.held_from) == (Status.ON_HOLD, Status.SUBMITTED)


def test_a_column_holds_the_requests_that_use_it_and_those_of_which_nothing_is_known(world: Any) -> None:
    of_sex, unknown = submit(world, sql=ASK), submit(world)
    suspend(world, table="loans", column="amount")
    assert world.sandbox.store.releases.get(of_sex.id).status is Status.SUBMITTED
    assert world.sandbox.store.releases.get(unknown.id).status is Status.ON_HOLD
    suspend(world, table="loans", column="sex")
    assert world.sandbox.store.releases.get(of_sex.id).status is Status.ON_HOLD
    resume(world, table="loans", column="amount")
    assert world.sandbox.store.releases.get(unknown.id).status is Status.ON_HOLD  # sex holds it as well
    resume(world, table="loans", column="sex")
    states = {r.status for r in world.sandbox.store.releases.of_dataset("loans")}
    assert states == {Status.SUBMITTED}


# by hand


def test_owners_and_administrators_suspend_and_nobody_else(world: Any) -> None:
    operator = Person("operator", frozenset({Role.ADMINISTRATOR}))
    for name in ("ana", "rita", "ada"):
        for dataset in ("loans", "nothing"):  # the same words: nobody learns what there is
            with pytest.raises(NotAllowed) as caught:
                world.sandbox.suspend_dataset.suspend(world.person(name), dataset, reason=REASON)
            assert caught.value.message.replace(dataset, "…") == (
                "You are neither the owner of a dataset '…' nor an administrator of one."
            )
        with pytest.raises(NotAllowed):
            resume(world, name)
    world.sandbox.suspend_dataset.suspend(operator, "loans", reason=REASON)
    assert resume(world) == ()  # what one of them stopped, the other may let go


def test_nobody_suspends_twice_or_without_a_reason_or_what_is_not_there(world: Any) -> None:
    suspend(world)
    with pytest.raises(Conflict):
        suspend(world)
    with pytest.raises(BadInput):
        world.sandbox.suspend_dataset.suspend(world.person("olga"), "loans", reason=" ")
    for column in ("salary", "id", ""):
        with pytest.raises(BadInput):
            suspend(world, table="loans", column=column)
    resume(world)
    with pytest.raises(Conflict):
        resume(world)


def test_both_are_on_the_log_with_the_reason_and_the_books_agree(world: Any) -> None:
    suspend(world)
    resume(world)
    told = [e.event for e in world.sandbox.store.log.newest(limit=2)]
    assert [(e.actor, e.action, e.facts["suspension"]) for e in reversed(told)] == [
        ("olga", "dataset.suspended", 1),
        ("olga", "dataset.resumed", 1),
    ]
    assert told[1].facts["reason"] == REASON
    submit(world)
    suspend(world, table="loans", column="sex")
    world.sandbox.verify_books(world.person("ada"))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE suspensions SET ended = '2026-01-05'",  # somebody lets the data be used again
        "DELETE FROM suspensions",
        "UPDATE suspensions SET \"table\" = 'loans', \"column\" = 'sex'",
        "UPDATE releases SET status = 'submitted', held_from = ''",
    ],
)
def test_a_suspension_that_is_undone_in_the_database_is_found(world: Any, statement: str) -> None:
    submit(world)
    suspend(world)
    world.sandbox.verify_books(world.person("ada"))  # the control
    with world.sandbox.store.database.engine.begin() as connection:
        connection.exec_driver_sql(statement)
    with pytest.raises(Tampered):
        world.sandbox.verify_books(world.person("ada"))


# the owner's own holds, and recalls


def test_an_owner_holds_one_request_by_hand_and_no_resumption_lets_it_go(world: Any) -> None:
    holds, olga = world.sandbox.hold_releases, world.person("olga")
    release = submit(world)
    holds.hold(olga, release.id, reason="I have a question about it.")
    with pytest.raises(NotAllowed):
        vote(world, release, "rita")
    suspend(world)
    with pytest.raises(NotAllowed) as caught:
        holds.let_go(olga, release.id)
    assert caught.value.clause == "suspension"
    resume(world)
    assert world.sandbox.store.releases.get(release.id).status is Status.ON_HOLD
    assert holds.let_go(olga, release.id).status is Status.SUBMITTED
    assert vote(world, release, "rita").status is Status.PARTIALLY_REVIEWED
    with pytest.raises(NotFound):
        holds.hold(world.person("ana"), release.id, reason="mine")


def test_a_recalled_crate_is_not_handed_out_any_more_and_says_why(world: Any) -> None:
    release = submit(world)
    vote(world, release, "rita")
    vote(world, release, "ravi")
    crate = world.sandbox.see_release.crate
    assert crate(world.person("ana"), release.id)  # the control
    called = world.sandbox.hold_releases.recall(
        world.person("olga"), release.id, reason="Its rows were wrong."
    )
    assert called.status is Status.RECALLED
    for name in ("ana", "olga"):
        with pytest.raises(NotAllowed) as caught:
            crate(world.person(name), release.id)
        assert caught.value.clause == "recall"
        assert "Its rows were wrong." in caught.value.message
    told = world.sandbox.store.log.newest(limit=1)[0].event
    assert (told.action, told.facts["lineage"], told.facts["reason"]) == (
        "release.recalled",
        "loans",
        "Its rows were wrong.",
    )
    with pytest.raises(Conflict):
        world.sandbox.hold_releases.recall(world.person("olga"), release.id, reason="And again.")
    world.sandbox.verify_books(world.person("ada"))
    world.sandbox.end_access.close(world.person("ana"), world.grant.application)  # nothing is under way


def test_a_released_crate_is_not_handed_out_while_what_it_is_made_of_is_suspended(world: Any) -> None:
    release = submit(world, sql=ASK)
    vote(world, release, "rita")
    vote(world, release, "ravi")
    crate, ana = world.sandbox.see_release.crate, world.person("ana")
    suspend(world, table="loans", column="amount")
    assert crate(ana, release.id)  # it does not use this one
    suspend(world, table="loans", column="sex")
    with pytest.raises(NotAllowed) as caught:
        crate(ana, release.id)
    assert caught.value.clause == "suspension"


def test_open_data_are_not_handed_out_when_somebody_objects_to_a_column(world: Any, tmp_path: Path) -> None:
    policy, file = tmp_path / "open.yaml", tmp_path / "open.csv"
    policy.write_text(
        "name: town\ntitle: Town\nopen_class: unconditional\nprovider: a\nsource: a\nlicence: CC0\nowner: olga\n"
        "tables: {t: {max_rows: 5, columns: {a: {type: integer}, b: {type: integer}}}}\n"
    )
    file.write_text("a,b\n1,2\n")
    olga = world.person("olga")
    world.sandbox.publish_dataset(olga, policy_file=policy, files={"t": file})
    open_data = world.sandbox.open_data
    assert open_data.file("town", "t", FileFormat.CSV)
    with pytest.raises(BadInput):  # by hand it is all or nothing
        world.sandbox.suspend_dataset.suspend(olga, "town", reason=REASON, table="t", column="b")
    objection = objected(world, dataset="town", scope=Scope.COLUMN, table="t", column="b").objection
    for way in (
        lambda: open_data.file("town", "t", FileFormat.CSV),
        lambda: open_data.rows("town", "t", columns="a"),
    ):
        with pytest.raises(NotAllowed) as caught:
            way()
        assert caught.value.clause == "suspension"
    assert world.sandbox.browse_catalogue.dataset("town").allowed_actions == ()
    decided(world, objection, Verb.DISMISS)
    assert open_data.file("town", "t", FileFormat.CSV)


def test_a_question_about_other_columns_is_answered(world: Any) -> None:
    suspend(world, table="loans", column="amount")
    assert ask(world, epsilon=0.01)
    with pytest.raises(NotAllowed) as caught:
        ask(world, SUM, epsilon=0.01)
    assert caught.value.clause == "suspension"
    assert "loans.loans.amount" in caught.value.message
