"""What stored answers spare, through the ledger: refined for the difference, derived for nothing, all of it told."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from sandbox.domain.answer import stored, to_bytes
from sandbox.domain.errors import Conflict, QuestionRefused, Unanswered
from sandbox.domain.limits import NO_LIMITS, Limits
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.privacy_loss import Loss
from sandbox.flows.answer_question import Answered
from sandbox.flows.verify_books import VerifyBooks
from sandbox.privacy.answering.assemble import assemble
from sandbox.privacy.answering.measured import measured_by, measured_bytes, measured_of
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.mechanisms.noise import draw
from sandbox.privacy.planning.plan import plan
from sandbox.privacy.planning.refining import topped_up
from tests.flows.test_flow_questions import SQL


@dataclass
class Measuring:
    """Plans and draws as the engine does, on 100 rows in each cell; counts how often it is asked."""

    policy: DatasetPolicy
    calls: int = 0
    fails: bool = False

    def __call__(
        self,
        *,
        dataset: str,
        snapshot: str,
        sql: str,
        nano: int,
        atto_delta: int = 0,
        profile: str = "",
        limits: Limits = NO_LIMITS,
        planned_at: int = 0,
    ) -> bytes:
        self.calls += 1
        if self.fails:
            raise Unanswered
        ready = plan(parse(sql, self.policy), self.policy, target=Loss(planned_at or nano), limits=limits)
        if planned_at:
            ready = topped_up(ready, Loss(nano))
        assert ready.loss.fits_in(Loss(nano))
        noisy = {
            m.target.name: draw([100] * (len(ready.cells) * m.target.per_cell), m.noise)
            for m in ready.measurements
        }
        kept = measured_by(ready, noisy, planned_at=planned_at or nano, profile=profile, limits=limits)
        answer = assemble(ready, noisy, dataset=dataset, snapshot=snapshot)
        return stored(to_bytes(answer), measured_bytes(kept))


@pytest.fixture
def engine(world: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Measuring]:
    policy = world.sandbox.store.datasets.get("loans").policy
    measuring = Measuring(policy)
    monkeypatch.setattr(world.engine, "answer", measuring)
    return measuring


def ask(world: Any, sql: str = SQL, *, epsilon: float = 0.5, key: str = "", free: bool = False) -> Answered:
    answered: Answered = world.sandbox.answer_question.ask(
        world.person("ana"), world.grant, sql=sql, epsilon=epsilon, idempotency_key=key, free=free
    )
    return answered


def test_a_better_price_is_charged_the_difference_and_told_so(world: Any, engine: Measuring) -> None:
    first = ask(world, epsilon=0.3)
    paid = world.spent()
    flow = world.sandbox.answer_question
    estimate = flow.estimate(world.person("ana"), world.grant, sql=SQL, epsilon=0.9)
    assert estimate.charge.nano == estimate.plan.loss.nano - paid
    better = ask(world, epsilon=0.9)
    assert world.spent() == estimate.plan.loss.nano
    assert (first.cached, better.cached, engine.calls) == (False, False, 2)
    assert b'"measured"' not in better.body
    kept = measured_of(world.sandbox.store.ledger.answer(better.id))
    assert kept is not None
    assert len(kept.vectors["rows"].noise.scales) == 2
    assert ask(world, epsilon=0.9).body == better.body
    assert ask(world, epsilon=0.6).body == better.body  # dearer bytes for a cheaper question
    assert ask(world, epsilon=0.3).body == first.body
    assert flow.estimate(world.person("ana"), world.grant, sql=SQL, epsilon=0.8).charge.nano == 0
    assert (world.spent(), engine.calls) == (estimate.plan.loss.nano, 2)
    VerifyBooks(store=world.sandbox.store)(world.person("ada"))


def test_a_failed_refinement_stays_charged_and_is_paid_again(world: Any, engine: Measuring) -> None:
    ask(world, epsilon=0.3)
    before, engine.fails = world.spent(), True
    with pytest.raises(Unanswered):
        ask(world, epsilon=0.9)
    lost, engine.fails = world.spent() - before, False
    assert lost > 0
    ask(world, epsilon=0.9)
    assert world.spent() == before + 2 * lost


def test_an_engine_that_measured_something_else_is_not_believed(
    world: Any, engine: Measuring, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(world, epsilon=0.3)
    before = world.spent()
    monkeypatch.setattr(
        world.engine, "answer", lambda **more: engine(**{**more, "planned_at": 0})[:-1] + b"}"
    )
    monkeypatch.setattr(world.engine, "answer", lambda **_: b'{"rows":[],"columns":[]}')
    with pytest.raises(Unanswered):
        ask(world, epsilon=0.9)
    assert world.spent() > before
    assert world.actions()[-1] == "question.failed"


def test_parallel_refinements_to_one_price_are_one_and_to_two_are_both_paid_for(
    world: Any, engine: Measuring
) -> None:
    ask(world, epsilon=0.2)
    start = world.spent()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda e: ask(world, epsilon=e), [0.5, 0.5, 0.5, 0.5]))
    assert len({a.body for a in answers}) == 1
    one = world.spent() - start
    flow = world.sandbox.answer_question
    whole = flow.estimate(world.person("ana"), world.grant, sql=SQL, epsilon=0.5).plan.loss.nano
    assert one == whole - start
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda e: ask(world, epsilon=e), [0.7, 0.9]))
    best = flow.estimate(world.person("ana"), world.grant, sql=SQL, epsilon=0.9).plan.loss.nano
    assert world.spent() >= best  # whichever was first, no accuracy was had for less than its price


def test_a_part_of_a_stored_answer_is_free_and_kept_in_the_history(world: Any, engine: Measuring) -> None:
    paid = ask(world, epsilon=0.9)
    before = world.spent()
    women = "SELECT COUNT(*) AS n FROM loans WHERE sex = 'female'"
    part = ask(world, women, epsilon=0.5, key="k")
    assert (part.cached, engine.calls, world.spent()) == (True, 1, before)
    assert part.document()["rows"][0]["n"]["value"] == paid.document()["rows"][0]["n"]["value"]
    assert f"answer {paid.id}" in " ".join(part.document()["notes"])
    assert world.actions()[-1] == "question.derived"
    again = ask(world, women, epsilon=0.5, key="k")
    assert (again.id, again.body) == (part.id, part.body)
    with pytest.raises(Conflict):
        ask(world, "SELECT COUNT(*) AS n FROM loans WHERE sex = 'male'", key="k")
    assert ask(world, women, epsilon=0.4).body == part.body
    line = world.sandbox.store.ledger.line(part.id)
    assert (line.cost.nano, line.canonical) == (0, women)
    assert ask(world, women, epsilon=1.5).cached is False  # the control: a better price is paid for, in full
    assert engine.calls == 2
    VerifyBooks(store=world.sandbox.store)(world.person("ada"))


def test_only_free_answers_are_had_for_free(world: Any, engine: Measuring) -> None:
    with pytest.raises(QuestionRefused, match="No stored answer"):
        ask(world, free=True)
    assert (world.spent(), engine.calls) == (0, 0)
    paid = ask(world, epsilon=0.3)
    assert ask(world, free=True, epsilon=1.5).document()["rows"] == paid.document()["rows"]
    assert engine.calls == 1
    # What was derived serves nobody who pays for more.
    assert ask(world, epsilon=1.5).document()["rows"] != paid.document()["rows"]
    assert engine.calls == 2
