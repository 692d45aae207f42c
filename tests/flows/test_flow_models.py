"""A trained model's way out: attacked beside the raw rows, with the folds of its training named in outputs.yaml."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.policy import Mode
from sandbox.domain.release import Status
from tests.flows.conftest import sides
from tests.flows.reviewing import submit

TREE = b"""node,feature,threshold,left,right,samples,p_female,p_male
0,amount,500.5,1,2,90,,
1,,,,,40,0.8,0.2
2,sex=female,0.5,3,4,50,,
3,,,,,20,0.3,0.7
4,,,,,30,0.6,0.4
"""
SAID = b"""format: sandbox-outputs-v1
files:
  model.csv: {kind: model, method: decision tree, dims: [node, feature, left, right], train: 0123456789ab, outcome: sex}
"""
SIDES = sides(60, 60, 90, 40, 50, 20, 30)


def opened(world: Any, mode: Mode = Mode.ROOM) -> Any:
    text = world.policy_file.read_text()
    if "access:" not in text:
        text = text.replace("budget: {", "access: {modes: [query, job, room]}\nbudget: {")
        world.policy_file.write_text(text)
        world.agreed()
    return world.granted(project=f"models {mode}", mode=mode)


def found(
    world: Any, *, model: bytes = TREE, said: bytes = SAID, mode: Mode = Mode.ROOM
) -> tuple[Finding, ...]:
    """All that reviewers are told of the model."""
    release = submit(world, files=[("model.csv", model), ("outputs.yaml", said)], grant=opened(world, mode))
    return tuple(
        f
        for f in world.sandbox.store.releases.findings(release.id)
        if f.check.startswith(("membership", "training"))
    )


@pytest.mark.parametrize(
    ("auc", "verdict"),
    [(0.5, Verdict.PASS), (0.65, Verdict.PASS), (0.651, Verdict.FAIL), (0.97, Verdict.FAIL)],
)
def test_a_model_that_remembers_its_training_better_than_agreed_fails(
    world: Any, auc: float, verdict: Verdict
) -> None:
    world.engine.auc, world.engine.scores = auc, SIDES
    (one,) = found(world)
    assert (one.check, one.verdict, one.from_rows) == ("membership_attack", verdict, True)
    assert "97" not in one.reason
    assert world.engine.asked[-1] == "loans 0123456789ab"


def test_the_agreements_limit_is_the_one_that_holds(world: Any) -> None:
    text = world.policy_file.read_text()
    world.policy_file.write_text(text.replace("release: {", "release: {checks: {attack_auc_percent: 90}, "))
    world.agreed()
    world.engine.auc = 0.85
    assert [f.verdict for f in found(world)] == [Verdict.PASS]


def test_it_is_stopped_for_whoever_reads_rows_and_a_secret_for_whoever_may_only_ask(world: Any) -> None:
    world.engine.auc = 0.97
    files = [("model.csv", TREE), ("outputs.yaml", SAID)]
    assert submit(world, files=files, grant=opened(world)).status is Status.BLOCKED
    asking = opened(world, Mode.QUERY)
    release = submit(world, files=files, grant=asking)
    assert release.status is Status.SUBMITTED
    checked = world.sandbox.check_output.preview(world.person("ana"), asking, files=files, sql={})
    assert not [f for f in checked.findings if f.check.startswith("membership")]
    told = world.sandbox.store.releases.findings(release.id)
    assert [f.verdict for f in told if f.check == "membership_attack"] == [Verdict.FAIL]


def test_a_tree_that_counts_other_rows_than_those_named_was_not_trained_on_them(world: Any) -> None:
    world.engine.auc, world.engine.scores = 0.5, SIDES
    assert [f.check for f in found(world)] == ["membership_attack"]  # the control
    forged = TREE.replace(b"1,,,,,40", b"1,,,,,41")
    checks = {f.check: f.verdict for f in found(world, model=forged)}
    assert checks == {"training_not_reproduced": Verdict.FAIL, "membership_attack": Verdict.PASS}


NOT_ATTACKED = {
    "no folds": {"said": SAID.replace(b", train: 0123456789ab", b"")},
    "no outcome": {"said": SAID.replace(b", outcome: sex", b"")},
    "an outcome that is no column": {"said": SAID.replace(b"outcome: sex", b"outcome: fate")},
    "the unit as outcome": {"said": SAID.replace(b"outcome: sex", b"outcome: id")},
    "all folds": {"said": SAID.replace(b"0123456789ab", b"0123456789abcdef")},
    "no such folds": {"said": SAID.replace(b"0123456789ab", b"xyz")},
    "a feature that is no column": {"model": TREE.replace(b"sex=female", b"religion=other")},
    "the unit as a feature": {"model": TREE.replace(b"sex=female", b"id")},
    "words as numbers": {"model": TREE.replace(b"sex=female", b"sex")},
    "a tree without end": {"model": TREE.replace(b"2,sex=female,0.5,3,4", b"2,sex=female,0.5,0,4")},
    "a node twice": {"model": TREE.replace(b"\n4,", b"\n3,")},
    "no classes": {"model": TREE.replace(b"p_female,p_male", b"female,male")},
    "something else": {"model": b"layer,weight\none,0.5\n"},
}


@pytest.mark.parametrize("case", NOT_ATTACKED)
def test_what_cannot_be_attacked_is_for_a_person_and_says_why(world: Any, case: str) -> None:
    world.engine.auc = 0.5
    (one,) = found(world, **NOT_ATTACKED[case])
    assert (one.check, one.verdict, one.from_rows) == ("membership_not_attacked", Verdict.REVIEW, False)
    assert world.engine.asked == []


def test_an_attack_that_is_not_set_up_passes_nothing(world: Any) -> None:
    assert [(f.check, f.verdict) for f in found(world)] == [("membership_not_attacked", Verdict.REVIEW)]


def test_a_failure_beside_the_rows_is_told_to_reviewers_alone(world: Any) -> None:
    world.engine.auc, world.engine.fails = 0.5, True
    (one,) = found(world)
    assert (one.verdict, one.from_rows) == (Verdict.REVIEW, True)


def test_too_few_rows_on_a_side_say_nothing(world: Any) -> None:
    world.engine.auc = 0.5
    world.engine.scores = sides(60, 49)
    assert [(f.check, f.verdict, f.from_rows) for f in found(world)] == [
        ("membership_not_attacked", Verdict.REVIEW, True)
    ]


def test_a_table_that_is_no_model_is_not_attacked(world: Any) -> None:
    world.engine.auc = 0.97
    assert found(world, said=SAID.replace(b"kind: model", b"kind: frequency")) == ()
