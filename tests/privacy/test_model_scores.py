"""What a model says of the rows, on both sides of a training that the first digits of pseudonyms tell apart."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sandbox.domain.errors import BadInput, Unanswered
from sandbox.domain.trained_model import LEAF, Feature, Model, Node
from sandbox.privacy.engine import LocalEngine
from tests.privacy.made_up import LIMITS, hospital, row, write_csv

TRAIN = "0123456789ab"
TREE = Model(
    features=(Feature("age"), Feature("sex", "female")),
    outcome="smoker",
    classes=("False", "True"),
    trees=(
        (
            Node(feature=0, threshold=40.5, left=1, right=2),
            Node(feature=LEAF, values=(0.9, 0.1)),
            Node(feature=1, threshold=0.5, left=3, right=4),
            Node(feature=LEAF, values=(0.4, 0.6)),
            Node(feature=LEAF, values=(0.2, 0.8)),
        ),
    ),
)


def visits() -> list[dict[str, Any]]:
    lot = random.Random(3)
    return [
        row(f"p{n // 2}", sex=lot.choice(["female", "male"]), age=lot.choice(["", *map(str, range(20, 60))]), smoker=lot.choice(["true", "false"]))
        for n in range(600)
    ]  # fmt: skip


@pytest.fixture
def engine(tmp_path: Path) -> tuple[LocalEngine, dict[str, str]]:
    made = LocalEngine(tmp_path / "views", limits=LIMITS, extracts=tmp_path / "extracts")
    (tmp_path / "extracts").mkdir()
    raw = write_csv(tmp_path / "raw.csv", visits())
    report = made.publish(policy=hospital(), table="visits", file=str(raw))
    return made, {"dataset": "hospital", "snapshot": report.snapshot}


def extracted(made: LocalEngine, where: dict[str, str], tmp_path: Path, target: str) -> list[tuple[Any, ...]]:
    made.extract(**where, tables={"visits": ["sex", "age", "smoker"]}, target=target, max_bytes=10**7)
    path = tmp_path / "extracts" / target / "visits.parquet"
    return duckdb.sql(f"SELECT patient_id, sex, age, smoker FROM read_parquet('{path}')").fetchall()


def test_members_are_those_whose_pseudonyms_begin_so_in_every_extract(
    engine: tuple[LocalEngine, dict[str, str]], tmp_path: Path
) -> None:
    made, where = engine
    scores = made.model_scores(**where, table="visits", model=TREE, train=TRAIN)
    for target in ("job-1", "room-7"):
        rows = [r for r in extracted(made, where, tmp_path, target) if r[2] is not None and r[1] is not None]
        members = [r for r in rows if r[0][0] in TRAIN]
        said = [TREE.probabilities((age, float(sex == "female"))) for _, sex, age, _ in members]
        assert sorted(scores.members) == sorted(said)
        right = [(said[i][1] > 0.5) == smoker for i, (*_, smoker) in enumerate(members)]
        assert sum(scores.members_right) == sum(right)
        assert len(scores.others) == len(rows) - len(members) > 50
        assert scores.reached[0] == len(members)
        assert scores.reached[1] == sum(age <= 40 for _, _, age, _ in members)
        assert scores.reached[2] == scores.reached[3] + scores.reached[4]


def test_all_other_digits_of_a_pseudonym_differ_from_extract_to_extract(
    engine: tuple[LocalEngine, dict[str, str]], tmp_path: Path
) -> None:
    made, where = engine
    first, second = (
        {r[0] for r in extracted(made, where, tmp_path, target)} for target in ("job-1", "job-2")
    )
    assert len(first) == len(second) == 300
    assert not {p[1:] for p in first} & {p[1:] for p in second}
    counts = {digit: sum(p[0] == digit for p in first) for digit in "0123456789abcdef"}
    assert counts == {digit: sum(p[0] == digit for p in second) for digit in counts}
    assert min(counts.values()) > 5, "every fold has units"


def test_a_column_that_is_not_there_and_a_table_that_is_not_there_are_refused(
    engine: tuple[LocalEngine, dict[str, str]],
) -> None:
    made, where = engine
    with pytest.raises(BadInput):
        made.model_scores(**where, table="other", model=TREE, train=TRAIN)
    for column in ("patient_id", "nothing"):
        model = Model(features=(Feature(column),), weights=(1.0,), outcome="smoker", classes=("0", "1"))
        with pytest.raises(Unanswered):
            made.model_scores(**where, table="visits", model=model, train=TRAIN)
