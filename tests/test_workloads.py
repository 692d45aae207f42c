"""The recorded questions are questions: as many as promised, in the grammar, each with a target for each column."""

from __future__ import annotations

from types import ModuleType

import pytest

from benchmarks.replay.facts import shown_columns
from benchmarks.workloads import credit, health
from benchmarks.workloads.told import Wanted, questions
from sandbox.domain.policy_rules import check
from sandbox.privacy.asking.parse import read

MADE = {"health": health, "credit": credit}
ALL = [(name, wanted) for name in MADE for wanted in questions(name)]


def test_there_are_at_least_300() -> None:
    assert len(ALL) >= 300


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_the_policy_can_be_published(made: ModuleType) -> None:
    assert [m for m in check(made.policy()) if m.path[0] != "release"] == []


@pytest.mark.parametrize(("name", "wanted"), ALL, ids=[f"{name}-{w.number}" for name, w in ALL])
def test_each_is_read_and_has_its_targets(name: str, wanted: Wanted) -> None:
    asked = read(wanted.sql, MADE[name].policy())
    for column, _ in shown_columns(asked).columns:
        assert wanted.target_of(column).error > 0
