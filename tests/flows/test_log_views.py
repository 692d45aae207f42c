"""The log through each person's eyes, and what leaves with a proof."""

from __future__ import annotations

import json
from datetime import datetime
from functools import partial
from typing import Any

import pytest

from sandbox.domain.errors import NotAllowed, NotFound
from sandbox.domain.people import Person, Role
from sandbox.domain.tree_head import entry_proof_from, head_from
from sandbox.store import verify_signature
from tests.flows.conftest import World
from tests.flows.test_flow_releases import submit, vote
from tests.flows.working import working

QUESTION = "SELECT sex, COUNT(*) AS n FROM loans GROUP BY sex"


def seen(world: World, name: str) -> list[tuple[str, str, str]]:
    person = world.person(name)
    return [
        (e.event.actor, e.event.action, e.event.object)
        for e in world.sandbox.log_views.page(person, limit=500)
    ]


def released(world: World) -> int:
    release = submit(world).release
    for name in ("rita", "ravi"):
        vote(world, release, name)
    return int(release.id)


def test_auditors_see_all_of_it(world: World) -> None:
    assert len(seen(world, "ada")) == world.sandbox.store.log.head().seq


def test_a_researcher_sees_their_own_and_nobody_else_s(world: World) -> None:
    world.sandbox.answer_question.ask(world.person("ana"), world.grant, sql=QUESTION, epsilon=0.5)
    number = released(world)
    world.granted(project="other", name="ben")
    mine = seen(world, "ana")
    assert ("ana", "question.reserved", "dataset:loans") in mine
    assert ("system:release", "release.released", f"release:{number}") in mine
    assert ("olga", "application.approved", "application:1") in mine  # done by somebody else, about her own
    assert not [row for row in mine if row[0] in ("ben", "rita", "ravi")]
    assert not [row for row in mine if row[2].startswith("person:") and row[2] != "person:ana"]
    assert ("ben", "agreement.signed", "application:2") in seen(world, "ben")  # the control


def test_no_requester_and_no_owner_learns_who_reviewed(world: World) -> None:
    released(world)
    everything = str(world.sandbox.log_views.page(world.person("ada"), limit=500))
    assert "rita" in everything  # the control
    for name in ("ana", "olga"):
        page = world.sandbox.log_views.page(world.person(name), limit=500)
        assert page
        assert not [e for e in page if "rita" in str(e) or "ravi" in str(e)]


def test_how_long_rows_were_read_is_not_told_to_who_asked(world: World) -> None:
    world.sandbox.answer_question.ask(world.person("ana"), world.grant, sql=QUESTION, epsilon=0.5)
    timed = {"question.started", "question.answered"}
    assert not timed & {action for _, action, _ in seen(world, "ana")}
    assert timed <= {action for _, action, _ in seen(world, "olga")}  # the control: the owner may


def test_a_sender_learns_neither_when_a_job_ended_nor_a_hash_of_what_it_made(
    world: World, clock: list[datetime]
) -> None:
    at_work = working(world, clock)
    at_work.handed_in()
    handed = list(world.sandbox.log_views.page(world.person("ada"), limit=500, action="release.staged"))
    assert handed  # the control: it is on the log, in the sender's name
    assert handed[0].event.actor == "ana"
    mine = {action for _, action, _ in seen(world, "ana")}
    assert "job.sent" in mine
    assert not mine & {"release.staged", "release.submitted", "job.started", "job.handed_in", "job.finished"}


def test_an_owner_sees_their_own_datasets_only(world: World) -> None:
    store = world.sandbox.store
    assert ("olga", "dataset.published", "dataset:loans") in seen(world, "olga")
    other = Person("otto", frozenset({Role.OWNER}))
    assert not [
        e for e in world.sandbox.log_views.page(other, limit=500) if e.event.object.startswith("dataset:")
    ]
    assert store.datasets.get("loans") is not None


def test_a_closed_account_sees_nothing(world: World) -> None:
    with pytest.raises(NotAllowed):
        world.sandbox.log_views.page(Person("ana", frozenset({Role.RESEARCHER}), active=False))


def test_an_entry_is_proved_to_who_may_see_it_and_to_nobody_else(world: World) -> None:
    world.sandbox.answer_question.ask(world.person("ana"), world.grant, sql=QUESTION, epsilon=0.5)
    world.sandbox.store.log_tree.keep_head()
    views = world.sandbox.log_views
    own = views.page(world.person("ana"), action="question.reserved")[0]
    proved = views.prove(world.person("ana"), own.seq)
    verify = partial(verify_signature, world.sandbox.store.signer.public_pem)
    proved.proof.check(proved.head, verify)
    answered = views.page(world.person("ada"), action="question.answered")[0]
    views.prove(world.person("ada"), answered.seq)  # the control
    for seq in (answered.seq, 0, 10**9, 2**70):
        with pytest.raises(NotFound):
            views.prove(world.person("ana"), seq)


def test_an_export_is_one_s_view_with_a_proof_for_each_line(world: World) -> None:
    released(world)
    with pytest.raises(NotFound, match="No head"):
        world.sandbox.log_views.export(world.person("ana"))
    world.sandbox.store.log_tree.keep_head()
    verify = partial(verify_signature, world.sandbox.store.signer.public_pem)
    for name in ("ana", "olga", "ada"):
        lines: list[Any] = [json.loads(line) for line in world.sandbox.log_views.export(world.person(name))]
        head = head_from(lines[0])
        proofs = [entry_proof_from(line) for line in lines[1:]]
        for proof in proofs:
            proof.check(head, verify)
        assert [(p.actor, p.action, p.object) for p in reversed(proofs)] == seen(world, name)
        assert "previous" not in str(lines)  # a chain's hashes would let a reader guess what lies between
