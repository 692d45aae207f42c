"""What somebody could do with a form that anybody may send, and an owner with what it stopped."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

from sandbox.domain.errors import BadInput, Conflict, NotAllowed, NotFound, SandboxError, TooOften
from sandbox.domain.objection import Kind, Scope, State, Verb
from sandbox.flows import object as objecting
from tests.flows.objecting import ANSWER, ask, decided, objected


def test_one_address_sends_five_a_day(world: Any, clock: list[datetime]) -> None:
    for _ in range(5):
        objected(world, kind=Kind.ERROR, address="198.51.100.7")
    with pytest.raises(TooOften):
        objected(world, kind=Kind.ERROR, address="198.51.100.7")
    assert objected(world, kind=Kind.ERROR, address="198.51.100.8")  # the neighbour may
    clock[0] += timedelta(days=1)
    assert objected(world, kind=Kind.ERROR, address="198.51.100.7")


def test_a_household_of_ipv6_addresses_is_one_address(world: Any) -> None:
    for n in range(5):
        objected(world, kind=Kind.ERROR, address=f"2001:db8:1:2::{n}")
    with pytest.raises(TooOften):
        objected(world, kind=Kind.ERROR, address="2001:db8:1:2:ffff:ffff:ffff:ffff")
    assert objected(world, kind=Kind.ERROR, address="2001:db8:1:3::1")


def test_an_account_has_the_same_limit_as_an_address(world: Any) -> None:
    for _ in range(5):
        objected(world, kind=Kind.ERROR, person=world.person("ana"))
    with pytest.raises(TooOften):
        objected(world, kind=Kind.ERROR, person=world.person("ana"))
    assert objected(world, kind=Kind.ERROR, person=world.person("ben"))


def test_spam_about_one_dataset_ends_with_the_fiftieth_of_a_day(world: Any, clock: list[datetime]) -> None:
    for n in range(50):
        objected(world, kind=Kind.OTHER, address=f"10.0.{n}.1")
    with pytest.raises(TooOften):
        objected(world, kind=Kind.OTHER, address="10.0.99.1")
    assert ask(world)
    clock[0] += timedelta(hours=25)
    assert objected(world, kind=Kind.OTHER, address="10.0.99.1")


# stopping a competitor for ever


def test_nobody_stops_a_dataset_again_and_again_on_one_day(world: Any) -> None:
    """Three suspend by themselves; the fourth waits for the owner, and the data go on."""
    for _ in range(3):
        taken = objected(world)
        assert taken.objection.at_once
        decided(world, taken.objection, Verb.DISMISS)
    fourth = objected(world)
    assert not fourth.objection.at_once
    assert ask(world)
    decided(world, fourth.objection, Verb.SUSPEND)  # the owner finds that it may be right
    with pytest.raises(NotAllowed):
        ask(world)


def test_after_one_that_was_abuse_strangers_are_looked_at_first_and_accounts_are_not_silenced(
    world: Any, clock: list[datetime]
) -> None:
    first = objected(world)
    decided(world, first.objection, Verb.DISMISS_AS_ABUSE)
    clock[0] += timedelta(days=2)
    again = objected(world, name="Somebody else", contact="made-up@example.org")
    assert not again.objection.at_once  # a name that anybody can write is no name
    assert ask(world)
    named = objected(world, person=world.person("ben"))
    assert named.objection.at_once
    decided(world, named.objection, Verb.DISMISS_AS_ABUSE)
    assert not objected(world, person=world.person("ben")).objection.at_once  # it had its say
    assert objected(world, person=world.person("ana")).objection.at_once
    decided(world, world.sandbox.store.objections.get(5), Verb.DISMISS)
    clock[0] += timedelta(days=31)
    assert objected(world).objection.at_once  # and after a month strangers are heard at once again


def test_abuse_of_one_dataset_takes_no_right_from_the_people_of_another(world: Any, tmp_path: Any) -> None:
    policy, file = tmp_path / "other.yaml", tmp_path / "other.csv"
    policy.write_text(world.policy_file.read_text().replace("name: loans", "name: cards"))
    file.write_text(world.raw_file.read_text())
    world.sandbox.publish_dataset(world.person("olga"), policy_file=policy, files={"loans": file})
    decided(world, objected(world).objection, Verb.DISMISS_AS_ABUSE)
    assert not objected(world).objection.at_once
    assert objected(world, dataset="cards").objection.at_once


# the owner's side


def test_an_owner_does_not_resume_what_another_objection_holds(world: Any) -> None:
    first, second = objected(world), objected(world)
    decided(world, first.objection, Verb.DISMISS)
    with pytest.raises(NotAllowed):
        ask(world)
    with pytest.raises(NotAllowed) as caught:
        world.sandbox.suspend_dataset.resume(world.person("olga"), "loans", reason="Enough of this.")
    assert caught.value.clause == "objection"
    assert "objection 2" in caught.value.message
    decided(world, second.objection, Verb.DISMISS)
    assert ask(world)  # the control


def test_ending_ones_own_suspension_leaves_the_objections_in_force(world: Any) -> None:
    olga = world.person("olga")
    world.sandbox.suspend_dataset.suspend(olga, "loans", reason="A table was wrong.")
    taken = objected(world)
    left = world.sandbox.suspend_dataset.resume(olga, "loans", reason="It was mended.")
    assert [s.objection for s in left] == [1]
    with pytest.raises(NotAllowed):
        ask(world)
    decided(world, taken.objection, Verb.DISMISS)
    assert ask(world)


def test_two_decide_at_once_and_one_of_them_is_told(world: Any) -> None:
    objection = decided(world, objected(world).objection)
    start, said = threading.Barrier(2), []

    def decide(verb: Verb) -> None:
        start.wait()
        try:
            moved = world.sandbox.decide_objection(
                world.person("olga"), 1, verb, reason=ANSWER, version=objection.version
            )
            said.append(moved.state)
        except Conflict as late:
            said.append(late.code)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(decide, (Verb.UPHOLD, Verb.DISMISS)))
    assert sorted(map(str, said))[0] == "conflict"
    assert len(said) == 2
    world.sandbox.verify_books(world.person("ada"))


def test_an_answer_to_a_page_that_was_old_is_refused(world: Any) -> None:
    seen = objected(world).objection
    decided(world, seen)
    with pytest.raises(Conflict):
        world.sandbox.decide_objection(
            world.person("olga"), 1, Verb.DISMISS, reason=ANSWER, version=seen.version
        )


@pytest.mark.parametrize("name", ["ana", "ben", "rita", "ada"])
def test_nobody_else_decides(world: Any, name: str) -> None:
    objected(world)
    with pytest.raises(NotFound):
        world.sandbox.decide_objection(world.person(name), 1, Verb.LOOK)
    assert world.sandbox.decide_objection(world.person("olga"), 1, Verb.LOOK).state is State.UNDER_REVIEW


# the tracking word


def test_numbers_say_nothing_without_their_word(world: Any) -> None:
    taken = objected(world)
    other = objected(world)
    said = set()
    for number, word in (
        (1, other.word),
        (1, ""),
        (1, taken.word[:-1]),
        (2, taken.word),
        (3, taken.word),
        (0, taken.word),
        (-1, taken.word),
        (2**70, taken.word),
        (1, "\ud800"),
    ):
        with pytest.raises(NotFound) as caught:
            world.sandbox.object_to_data.track(number, word)
        said.add(str(caught.value))
    assert len(said) == 1  # a number that exists and one that does not are told the same
    assert world.sandbox.object_to_data.track(1, taken.word).id == 1


def test_a_word_is_compared_in_constant_time_also_where_there_is_none(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []

    def watched(one: str, other: str) -> bool:
        compared.append((len(one), len(other)))
        return one == other

    monkeypatch.setattr(objecting, "compare_digest", watched)
    taken = objected(world)
    for number in (1, 999):
        with pytest.raises(NotFound):
            world.sandbox.object_to_data.track(number, "wrong")
    assert world.sandbox.object_to_data.track(1, taken.word)
    assert compared == [(64, 64)] * 3  # hashes, never the words themselves


def test_words_are_long_and_never_twice_the_same() -> None:
    words = {objecting.tracking_word() for _ in range(500)}
    assert len(words) == 500
    assert len("".join(words)) == 500 * 29


# who is in the data


def test_nobody_learns_by_objecting_whether_somebody_is_in_the_data(world: Any) -> None:
    """The answer, the objection's state and the new version's name: all as if the unit had been there."""
    seen = []
    for unit in ("2", "90125090"):
        taken = objected(world, scope=Scope.UNIT, unit=unit)
        before = world.sandbox.store.datasets.get("loans")
        decided(world, taken.objection, Verb.WITHHOLD)
        after = world.sandbox.store.datasets.get("loans")
        tracked = world.sandbox.objection_views.tracked(
            world.sandbox.object_to_data.track(taken.objection.id, taken.word)
        )
        seen.append(
            (
                tracked.objection.state,
                tracked.suspended,
                before.snapshot != after.snapshot,
                after.version - before.version,
            )
        )
    assert seen == [(State.CORRECTED_RESUMED, False, True, 1)] * 2


def test_a_name_with_tricks_leads_to_no_other_file(world: Any) -> None:
    raw = world.sandbox.settings.raw_dir
    before = {path.name for path in raw.iterdir()}
    with pytest.raises(BadInput, match="whole number"):
        objected(world, scope=Scope.UNIT, unit="../../etc/passwd")
    world.sandbox.object_to_data.units.keep(
        "loans", "../../etc/passwd"
    )  # as where units have words for names
    (made,) = {path.name for path in raw.iterdir()} - before
    assert (raw / made).read_text() == "../../etc/passwd"
    world.sandbox.decide_objection.units.forget("../policies/loans.yaml")
    assert world.policy_file.exists()


def test_whatever_is_written_nothing_half_is_kept(world: Any) -> None:
    for more in (
        {"text": "x"},
        {"scope": Scope.COLUMN, "table": "loans", "column": "nothing"},
        {"scope": Scope.UNIT},
        {"evidence": [b"MZ\x90\x00"]},
        {"name": "x" * 300},
    ):
        with pytest.raises(SandboxError):
            objected(world, **more)
    store = world.sandbox.store
    assert store.objections.all() == ()
    assert store.suspensions.all() == ()
    assert not list(world.sandbox.settings.raw_dir.glob("*unit*"))
    assert "objection.received" not in world.actions()
