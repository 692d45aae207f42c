"""A base release is bought once, by its owner; then counts are free, and who names a price still pays."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sandbox.domain.errors import BadInput, NotAllowed, NotFound, OverBudget, QuestionRefused, Unanswered
from sandbox.domain.limits import Limits
from sandbox.privacy.base.offer import offer
from sandbox.privacy.base.release import BaseRelease, NoisyTable
from sandbox.store.policy_files import read_dataset_policy
from tests.flows.conftest import POLICY, FakeEngine, World

BY_SEX = "SELECT sex, COUNT(*) AS n FROM loans GROUP BY sex"


@dataclass
class Drawing:
    """Draws bases as the engine does: one for a snapshot, with counts by how often it was asked."""

    policy_file: Path
    fails: bool = False
    drawn: int = 0

    def __call__(
        self, *, dataset: str, snapshot: str, profile: str = "", progress: object = None
    ) -> BaseRelease:
        if self.fails:
            raise Unanswered
        self.drawn += 1
        offered = offer(read_dataset_policy(self.policy_file), "loans")
        assert offered is not None
        progress(1.0, "all tables counted")  # type: ignore[operator]
        sizes = [c.size for c in offered.columns]
        tables = []
        for wanted in offered.wanted:
            cells = 1
            for axis in wanted.axes:
                cells *= sizes[axis]
            tables.append(NoisyTable(axes=wanted.axes, counts=(self.drawn + 6,) * cells, scale=2.0))
        return BaseRelease(
            table="loans",
            snapshot=snapshot,
            nano=offered.loss.nano,
            rows_per_unit=1,
            lost_percent="0",
            columns=offered.columns,
            tables=tuple(tables),
        )


@pytest.fixture
def drawing(world: World, monkeypatch: pytest.MonkeyPatch) -> Drawing:
    """A new version whose policy sets a share for a base."""
    world.policy_file.write_text(
        POLICY.replace("project_percent: 100", "project_percent: 100, base_percent: 20")
    )
    world.sandbox.publish_dataset(
        world.person("olga"), policy_file=world.policy_file, files={"loans": world.raw_file}
    )
    found = Drawing(world.policy_file)
    monkeypatch.setattr(FakeEngine, "base", staticmethod(found), raising=False)
    return found


def cost(world: World) -> int:
    budget = read_dataset_policy(world.policy_file).budget
    assert budget is not None
    return budget.base.nano


def test_a_base_is_charged_drawn_and_kept_once(world: World, drawing: Drawing) -> None:
    said: list[tuple[float, str]] = []
    first = world.sandbox.buy_base(
        world.person("olga"), "loans", progress=lambda f, words: said.append((f, words))
    )
    assert (first.before, first.percent, world.spent()) == (False, 20, cost(world))
    assert said == [(1.0, "all tables counted")]
    assert world.actions()[-2:] == ["base.reserved", "base.released"]
    again = world.sandbox.buy_base(world.person("olga"), "loans")
    assert (again.before, again.base, drawing.drawn, world.spent()) == (True, first.base, 1, cost(world))
    world.sandbox.verify_books(world.person("ada"))


def test_a_base_that_broke_off_stays_charged_and_is_drawn_later(world: World, drawing: Drawing) -> None:
    drawing.fails = True
    with pytest.raises(Unanswered):
        world.sandbox.buy_base(world.person("olga"), "loans")
    assert world.spent() == cost(world)
    drawing.fails = False
    assert world.sandbox.buy_base(world.person("olga"), "loans").before
    assert world.spent() == cost(world)


def test_only_the_owner_buys_and_only_what_the_policy_sells(world: World, drawing: Drawing) -> None:
    with pytest.raises(NotAllowed):
        world.sandbox.buy_base(world.person("ana"), "loans")
    world.policy_file.write_text(POLICY)
    world.sandbox.publish_dataset(
        world.person("olga"), policy_file=world.policy_file, files={"loans": world.raw_file}
    )
    with pytest.raises(BadInput, match="sets no share"):
        world.sandbox.buy_base(world.person("olga"), "loans")
    assert world.spent() == 0


def test_a_budget_that_is_short_buys_no_base(world: World, drawing: Drawing) -> None:
    for n in range(4):  # a quarter of the cap each
        sql = f"SELECT COUNT(*) AS n{n} FROM loans"
        world.sandbox.answer_question.ask(world.person("ana"), world.grant, sql=sql, epsilon=1.7)
    spent = world.spent()
    with pytest.raises(OverBudget):
        world.sandbox.buy_base(world.person("olga"), "loans")
    assert (world.spent(), drawing.drawn) == (spent, 0)


def test_counts_without_a_price_are_free_and_with_one_are_paid(world: World, drawing: Drawing) -> None:
    ask, ana = world.sandbox.answer_question.ask, world.person("ana")
    before = ask(ana, world.grant, sql=BY_SEX, epsilon=None)  # nothing was bought: it costs the usual
    spent = world.spent()
    assert spent > 0
    world.sandbox.buy_base(world.person("olga"), "loans")
    spent = world.spent()
    free = ask(ana, world.grant, sql=BY_SEX, epsilon=None)
    again = ask(ana, world.grant, sql="select sex, count(*) as n from loans group by 1", epsilon=None)
    assert world.spent() == spent
    assert free.body != before.body
    assert (again.body, again.cached, free.cached) == (free.body, True, False)
    document = json.loads(free.body)
    assert document["price"]["nano"] == 0
    assert all(row["n"]["low"] <= row["n"]["value"] <= row["n"]["high"] for row in document["rows"])
    assert len(world.engine.asked) == 1
    for more in ({"epsilon": 0.2}, {"epsilon": None, "limits": Limits(max_groups=1)}):
        ask(ana, world.grant, sql=BY_SEX, **more)  # type: ignore[arg-type]
        assert world.spent() > spent
        spent = world.spent()
    ask(ana, world.grant, sql="SELECT AVG(amount) AS a FROM loans", epsilon=None)  # no count: paid
    assert world.spent() > spent
    world.sandbox.verify_books(world.person("ada"))


def test_free_asks_the_base_alone(world: World, drawing: Drawing) -> None:
    ask, ana = world.sandbox.answer_question.ask, world.person("ana")
    with pytest.raises(QuestionRefused, match="No base release"):
        ask(ana, world.grant, sql=BY_SEX, epsilon=None, free=True)
    world.sandbox.buy_base(world.person("olga"), "loans")
    spent = world.spent()
    with pytest.raises(QuestionRefused, match="holds counts alone"):
        ask(ana, world.grant, sql="SELECT AVG(amount) AS a FROM loans", epsilon=None, free=True)
    ask(ana, world.grant, sql=BY_SEX, epsilon=None, free=True, idempotency_key="once")
    shown = ask(
        ana, world.grant, sql=BY_SEX + " ORDER BY n LIMIT 1", epsilon=None, free=True, idempotency_key="two"
    )
    assert len(json.loads(shown.body)["rows"]) == 1
    assert (world.spent(), world.engine.asked) == (spent, [])


def test_a_new_version_is_not_answered_from_the_old_base(world: World, drawing: Drawing) -> None:
    world.sandbox.buy_base(world.person("olga"), "loans")
    assert world.sandbox.buy_base.sample("loans", 5).columns == ("id", "sex", "amount")
    spent = world.spent()
    world.raw_file.write_text("id,sex,amount\n1,female,10\n2,male,20\n3,male,31\n")
    world.sandbox.publish_dataset(
        world.person("olga"), policy_file=world.policy_file, files={"loans": world.raw_file}
    )
    world.sandbox.answer_question.ask(world.person("ana"), world.grant, sql=BY_SEX, epsilon=None)
    assert world.spent() > spent
    with pytest.raises(NotFound):
        world.sandbox.buy_base.sample("loans")


def test_only_who_may_ask_is_answered_free(world: World, drawing: Drawing) -> None:
    world.sandbox.buy_base(world.person("olga"), "loans")
    with pytest.raises(NotAllowed):
        world.sandbox.answer_question.ask(world.person("ben"), world.grant, sql=BY_SEX, epsilon=None)
    over = replace(world.grant, revoked=True)
    with pytest.raises(NotAllowed):
        world.sandbox.answer_question.ask(world.person("ana"), over, sql=BY_SEX, epsilon=None)


def test_a_suspended_column_is_not_reached_through_the_base(world: World, drawing: Drawing) -> None:
    """Neither by its free counts, nor by rows made of it, nor by buying one anew. Other counts go on."""
    box, ana, olga = world.sandbox, world.person("ana"), world.person("olga")
    box.buy_base(olga, "loans")

    def free(sql: str) -> bytes:
        return box.answer_question.ask(ana, world.grant, sql=sql, free=True).body

    assert free(BY_SEX)  # the control: open before
    assert box.buy_base.sample_under(ana, world.grant)
    box.suspend_dataset.suspend(olga, "loans", reason="An objection.", table="loans", column="sex")
    for way in (
        lambda: free(BY_SEX),
        lambda: free("SELECT COUNT(*) AS n FROM loans WHERE sex = 'male'"),
        lambda: box.buy_base.sample_under(ana, world.grant),
        lambda: box.buy_base.sample("loans"),
        lambda: box.buy_base(olga, "loans"),
    ):
        with pytest.raises(NotAllowed) as caught:
            way()
        assert caught.value.clause == "suspension"
    assert free("SELECT COUNT(*) AS n FROM loans")
