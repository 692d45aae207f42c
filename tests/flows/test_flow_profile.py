"""A contribution profile is bought once for a lineage: charged first, with its events, and never given back."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.domain.errors import BadInput, Unanswered
from sandbox.domain.limits import Limits
from sandbox.privacy.planning.profile import offer
from sandbox.privacy.publishing.views import table_snapshot
from sandbox.store.policy_files import read_dataset_policy
from tests.flows.conftest import POLICY, World


def publish(world: World, *, rows: int = 3, percent: int = 5, new: bool = False) -> tuple[str, ...]:
    """Publish the loans with up to three rows per applicant; other rows make another version."""
    text = POLICY.replace("max_rows: 1000", "max_rows: 1000\n    max_rows_per_unit: 3")
    text = text.replace("project_percent: 100", f"project_percent: 100, profile_percent: {percent}")
    world.policy_file.write_text(text)
    if world.sandbox.change_policy.compare(world.policy_file).loosens:
        world.agreed()
    world.raw_file.write_text("id,sex,amount\n" + "".join(f"{i},female,10\n" for i in range(rows)))
    report = world.sandbox.publish_dataset(
        world.person("olga"),
        policy_file=world.policy_file,
        files={"loans": world.raw_file},
        new_profile=new,
    )
    return report.lines


def cost(policy_file: Path) -> int:
    offered = offer(read_dataset_policy(policy_file), "loans")
    assert offered is not None
    return offered.loss.nano


def test_it_is_charged_before_it_is_drawn_and_the_log_tells_both(world: World) -> None:
    lines = publish(world)
    assert "was learned for 5 % of the budget" in lines[-1]
    assert world.spent() == cost(world.policy_file)
    assert world.actions()[-2:] == ["profile.reserved", "profile.released"]
    assert world.sandbox.store.ledger.check_sums() == 1


def test_the_same_file_again_buys_nothing_also_when_a_new_one_is_asked_for(world: World) -> None:
    publish(world)
    spent = world.spent()
    for new in (False, True):
        assert "nothing was spent" in publish(world, new=new)[-1]
    assert (world.spent(), len(world.engine.profiled)) == (spent, 1)


def test_a_new_version_buys_again_only_when_the_owner_says_so(world: World) -> None:
    publish(world)
    once = world.spent()
    publish(world, rows=4)
    assert world.spent() == once
    publish(world, rows=5, new=True)  # the control
    assert world.spent() == 2 * once
    assert len(world.engine.profiled) == 2


def test_several_tables_are_one_version_with_a_profile_for_each_that_needs_one(world: World) -> None:
    columns = "columns: {id: {type: integer}, paid: {type: integer, lower: 0, upper: 9}}"
    text = POLICY.replace(
        "budget:",
        f"  payments: {{max_rows: 90, max_rows_per_unit: 3, {columns}}}\n"
        f"  calls: {{max_rows: 90, max_rows_per_unit: 2, {columns}}}\nbudget:",
    )
    world.policy_file.write_text(text)
    world.agreed()
    files = {"loans": world.raw_file}
    for table in ("payments", "calls"):
        files[table] = world.raw_file.with_name(f"{table}.csv")
        files[table].write_text(f"id,paid\n{len(files)},1\n")
    report = world.sandbox.publish_dataset(
        world.person("olga"), policy_file=world.policy_file, files=files, new_profile=False
    )
    assert [line.partition(":")[0] for line in report.lines[1:]] == ["payments", "calls"]
    policy = read_dataset_policy(world.policy_file)
    named = [table_snapshot(policy, report.snapshot, table) for table in ("payments", "calls")]
    assert world.engine.profiled == named
    assert policy.budget is not None
    assert 0 < world.spent() <= policy.budget.profile.nano
    assert world.actions()[-4:] == ["profile.reserved", "profile.released"] * 2
    bought = world.sandbox.store.profiles.released("loans", "calls")
    assert bought is not None
    grant = world.granted()  # the first agreement names the tables there were
    for sql, by in (
        ("SELECT SUM(paid) AS s FROM loans JOIN calls USING (id)", bought.id),
        ("SELECT SUM(calls.paid) AS s FROM payments JOIN calls USING (id)", ""),
        ("SELECT AVG(n) AS m FROM (SELECT id, COUNT(*) AS n FROM calls GROUP BY id)", ""),
    ):
        world.sandbox.answer_question.ask(world.person("ana"), grant, sql=sql, epsilon=0.1)
        assert world.engine.planned_by[-1][0] == by
    again = world.sandbox.publish_dataset(
        world.person("olga"), policy_file=world.policy_file, files=files, new_profile=False
    )
    assert "no new version" in again.lines[0]
    assert all("nothing was spent" in line for line in again.lines[1:])
    with pytest.raises(BadInput, match="files came for loans"):
        world.sandbox.publish_dataset(
            world.person("olga"), policy_file=world.policy_file, files={"loans": world.raw_file}
        )


def test_what_broke_off_stays_charged_and_is_asked_for_again_free(world: World) -> None:
    world.engine.fails = True
    with pytest.raises(Unanswered):
        publish(world)
    spent = world.spent()
    assert spent == cost(world.policy_file)
    assert world.sandbox.store.profiles.released("loans", "loans") is None
    world.engine.fails = False
    assert "was learned" in publish(world)[-1]
    assert world.spent() == spent


def test_a_budget_that_is_short_leaves_the_dataset_without_a_profile(world: World) -> None:
    for n in range(4):  # a quarter of the cap each
        sql = f"SELECT COUNT(*) AS n{n} FROM loans"
        world.sandbox.answer_question.ask(world.person("ana"), world.grant, sql=sql, epsilon=1.7)
    spent = world.spent()
    assert "not known" in publish(world, percent=25)[-1]
    assert world.spent() == spent
    assert world.engine.profiled == []


def test_a_question_is_planned_by_the_profile_and_by_what_its_asker_limits(world: World) -> None:
    publish(world)
    ask, ana = world.sandbox.answer_question.ask, world.person("ana")
    sql = "SELECT sex, COUNT(*) AS n FROM loans GROUP BY sex"
    bought = world.sandbox.store.profiles.released("loans", "loans")
    assert bought is not None
    free = ask(ana, world.grant, sql=sql, epsilon=0.1)
    limited = ask(ana, world.grant, sql=sql, epsilon=0.1, limits=Limits(max_groups=1))
    again = ask(ana, world.grant, sql=sql, epsilon=0.1, limits=Limits(max_groups=1))
    assert world.engine.planned_by == [(bought.id, Limits()), (bought.id, Limits(max_groups=1))]
    assert limited.body != free.body  # other bounds are another question
    assert (again.body, again.cached) == (limited.body, True)
    written = "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS(max_groups_contributed = 1) " + sql.removeprefix(
        "SELECT "
    )
    assert ask(ana, world.grant, sql=written, epsilon=0.1).body == limited.body
