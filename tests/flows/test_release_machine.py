"""Random people, random verbs: never a release without n distinct independent approvals of exactly those bytes.

What was done is kept beside the program by a few lines that share nothing with it, and is held against every crate.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from sandbox.domain.audit import Event
from sandbox.domain.errors import SandboxError
from sandbox.domain.release import OUT, WAITING, Decision, Status
from tests.flows.reviewing import ANSWER, CONTEXT, SQL, with_fast_lane

POOL = ("rita", "ravi", "rosa")
NEEDED = 2
TABLES = tuple(f"sex,n\nfemale,{60 + n}\nmale,{40 + n}\n".encode() for n in range(3))
BACK = frozenset({Status.BLOCKED, Status.RETURNED})
HELD = frozenset({Status.ON_HOLD})
PEOPLE = st.sampled_from((*POOL, *POOL, *POOL, "ana", "ben", "olga"))
AGAINST = (Decision.RETURN, Decision.RETURN, Decision.REJECT)
DECISIONS = st.sampled_from(tuple(Decision))
TRIES: dict[str, Any] = {
    "deadline": None,
    "database": None,
    "derandomize": True,
    "stateful_step_count": 20,
    "suppress_health_check": list(HealthCheck),
    "phases": [Phase.generate],
}


@dataclass
class Done:
    """What was done to one request, as this test saw it."""

    content: bytes
    fast: bool  # sent as the private answer under the agreement that opens the lane
    approved: dict[str, bytes] = field(default_factory=dict)  # by whom, and what they saw
    out: bool = False


def machine_of(world: Any, lane: Any) -> type[RuleBasedStateMachine]:
    """A machine over one installation; every run makes requests of its own."""
    review = world.sandbox.review_release

    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.done: dict[int, Done] = {}
            self.closed: set[str] = set()
            for name in POOL:
                self._account(name, True)

        # what people do

        @precondition(lambda self: len(self.done) < 3)
        @rule(content=st.sampled_from((*TABLES, ANSWER)), fast=st.booleans())
        def submit(self, content: bytes, fast: bool) -> None:
            def send() -> None:
                release = review.submit(
                    world.person("ana"),
                    lane if fast else world.grant,
                    files=[("t.csv", content)],
                    context=CONTEXT,
                    sql={"t.csv": SQL} if fast else {},
                ).release
                self.done[release.id] = Done(content, fast and content == ANSWER)

            self._try(send)

        @precondition(lambda self: self._in(BACK))
        @rule(data=st.data(), content=st.sampled_from(TABLES))
        def resubmit(self, data: Any, content: bytes) -> None:
            number, release = self._one(data, BACK)

            def send() -> None:
                review.resubmit(
                    world.person("ana"),
                    number,
                    version=release.version,
                    files=[("t.csv", content)],
                    context=CONTEXT,
                    sql={},
                )
                self.done[number] = Done(content, False)

            self._try(send)

        @precondition(lambda self: self._in(WAITING))
        @rule(data=st.data(), name=PEOPLE, decision=DECISIONS)
        def vote(self, data: Any, name: str, decision: Decision) -> None:
            self._vote(*self._one(data, WAITING), name, decision)

        @precondition(lambda self: self._in(WAITING))
        @rule(data=st.data(), names=st.lists(PEOPLE, min_size=2, max_size=3))
        def approve(self, data: Any, names: list[str]) -> None:
            number, _ = self._one(data, WAITING)
            for name in names:
                self._vote(number, world.sandbox.store.releases.get(number), name, Decision.APPROVE)

        @precondition(lambda self: self._in(WAITING))
        @rule(data=st.data(), names=st.permutations(POOL), decision=st.sampled_from(AGAINST))
        def send_back(self, data: Any, names: list[str], decision: Decision) -> None:
            number, _ = self._one(data, WAITING)
            for name in names:
                self._vote(number, world.sandbox.store.releases.get(number), name, decision)

        @precondition(lambda self: self.done)
        @rule(data=st.data(), name=PEOPLE, behind=st.integers(0, 1))
        def vote_out_of_turn(self, data: Any, name: str, behind: int) -> None:
            number, release = self._one(data, frozenset(Status))
            self._vote(number, release, name, Decision.APPROVE, behind=behind)

        def _vote(self, number: int, release: Any, name: str, decision: Decision, *, behind: int = 0) -> None:

            def cast() -> None:
                saw = self.done[number].content
                kept = self.done[number].approved
                earlier = dict(kept)
                if decision is Decision.APPROVE:
                    kept[name] = saw  # before: the last vote lets it out
                try:
                    review.vote(
                        world.person(name),
                        number,
                        version=release.version - behind,
                        decision=decision,
                        comment="what I think of it",
                    )
                except SandboxError:
                    self.done[number].approved = earlier
                    raise

            self._try(cast)

        @precondition(lambda self: self.done)
        @rule(data=st.data(), name=st.sampled_from(("ben", "ben", "ana")))
        def withdraw(self, data: Any, name: str) -> None:
            number, _ = self._one(data, frozenset(Status))
            self._try(lambda: review.withdraw(world.person(name), number))

        @precondition(lambda self: self.done)
        @rule(data=st.data(), name=st.sampled_from(("olga", "ana")))
        def hold(self, data: Any, name: str) -> None:
            number, _ = self._one(data, frozenset(Status))
            holds = world.sandbox.hold_releases
            self._try(lambda: holds.hold(world.person(name), number, reason="To be looked at."))

        @precondition(lambda self: self._in(HELD))
        @rule(data=st.data())
        def let_go(self, data: Any) -> None:
            number, _ = self._one(data, HELD)
            self._try(lambda: world.sandbox.hold_releases.let_go(world.person("olga"), number))
            self._try(review.finish_approved)

        @precondition(lambda self: self._voters() and not self.closed)
        @rule(data=st.data())
        def leave(self, data: Any) -> None:
            """Somebody who voted on what still waits has their account closed."""
            self._account(data.draw(st.sampled_from(self._voters())), False)

        @precondition(lambda self: self.closed)
        @rule()
        def come_back(self) -> None:
            self._account(min(self.closed), True)

        # what is held against it

        def teardown(self) -> None:
            self._look()

        def _try(self, do: Callable[[], object]) -> None:
            with suppress(SandboxError):  # much is refused; what is not has to hold
                do()
            self._look()

        def _look(self) -> None:
            for number, done in self.done.items():
                release = world.sandbox.store.releases.get(number)
                if done.out or release.status not in OUT:
                    continue
                done.out = True
                body = world.sandbox.store.vault.get(release.crate_sha256)
                with zipfile.ZipFile(io.BytesIO(body)) as crate:
                    left = [crate.read(n) for n in crate.namelist() if n.startswith("files/")]
                assert left == [done.content], "other bytes left than were handed in last"
                independent = {
                    name
                    for name, saw in done.approved.items()
                    if name in POOL and name not in self.closed and saw == done.content
                }
                assert len(independent) >= NEEDED or done.fast, f"out by {sorted(done.approved)} alone"

        def _voters(self) -> list[str]:
            found = [world.sandbox.store.releases.get(n) for n in self._in(WAITING)]
            return sorted({v.reviewer for r in found for v in r.votes if v.reviewer in POOL})

        def _in(self, statuses: frozenset[Status]) -> list[int]:
            return [n for n in self.done if world.sandbox.store.releases.get(n).status in statuses]

        def _one(self, data: Any, statuses: frozenset[Status]) -> tuple[int, Any]:
            number = data.draw(st.sampled_from(self._in(statuses)))
            return number, world.sandbox.store.releases.get(number)

        def _account(self, name: str, active: bool) -> None:
            action = "person.activated" if active else "person.deactivated"
            event = Event("alma", action, f"person:{name}")
            if world.person(name).active is not active:
                world.sandbox.store.people.set_active(name, active, event=event)
            (self.closed.discard if active else self.closed.add)(name)

    return Machine


def test_nothing_leaves_without_n_independent_approvals_of_exactly_those_bytes(world: Any) -> None:
    machine = machine_of(world, with_fast_lane(world))
    run_state_machine_as_test(machine, settings=settings(max_examples=12, **TRIES))
    statuses = {r.status for r in world.sandbox.store.releases.of_requester("ana")}
    assert statuses >= {Status.RELEASED, Status.RETURNED, Status.PARTIALLY_REVIEWED, Status.ON_HOLD}
    lanes = [r for r in world.sandbox.store.releases.of_requester("ana") if r.status in OUT]
    assert {bool(r.votes) for r in lanes} == {True, False}  # both ways out were walked


def anybody_votes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("sandbox.domain.release.check_vote", lambda *_, **__: None)
    patch.setattr("sandbox.domain.release.lost_votes", lambda *_, **__: ())


def votes_outlive_their_reviewers(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("sandbox.domain.release.lost_votes", lambda *_, **__: ())


@pytest.mark.parametrize("fault", [anybody_votes, votes_outlive_their_reviewers])
def test_a_planted_fault_is_found(world: Any, monkeypatch: pytest.MonkeyPatch, fault: Any) -> None:
    fault(monkeypatch)
    machine = machine_of(world, with_fast_lane(world))
    with pytest.raises(AssertionError, match="out by"):
        run_state_machine_as_test(machine, settings=settings(max_examples=60, **TRIES))
