"""The manual of questions: every example runs, nothing of the grammar is left out, and the page is fresh."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.domain.evidence import MeasureKind
from sandbox.domain.key_forms import Bins, Cases, Extracted, Holds, Truncated
from sandbox.domain.question import canonical_sql
from sandbox.privacy import PrivateData
from sandbox.privacy.asking.aggregates import AGGREGATES
from sandbox.privacy.asking.parse import read
from sandbox.privacy.asking.sql_reference import CHAPTERS, POLICY, reference_markdown
from tests.privacy.made_up import LIMITS, many_visits, write_csv

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = [feature.example for features in CHAPTERS.values() for feature in features]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PrivateData:
    folder = tmp_path_factory.mktemp("reference")
    raw = {"visits": write_csv(folder / "visits.csv", many_visits(400))}
    patients = [
        {"patient_id": f"p{n}", "born": 1920 + n % 90, "insured": n % 3 == 0} for n in range(0, 400, 2)
    ]
    raw["patients"] = write_csv(folder / "patients.csv", patients, list(POLICY.tables["patients"].columns))
    return PrivateData.publish(raw, POLICY, folder=folder / "private", limits=LIMITS)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda sql: sql[:60])
def test_every_example_is_answered_with_the_columns_it_shows(data: PrivateData, example: str) -> None:
    epsilon = None if "OPTIONS" in example else 1.0
    answer = data.ask(example, epsilon=epsilon)
    asked = read(example, POLICY)
    shown = asked.question.select if asked.finish is None else [name for name, _ in asked.finish.columns]
    assert [column["name"] for column in answer["columns"]] == list(shown)
    assert answer["question"] == canonical_sql(asked.question)
    assert answer["rows"] or "HAVING" in example


def test_the_manual_leaves_nothing_of_the_grammar_out() -> None:
    questions = [read(example, POLICY) for example in EXAMPLES]
    assert {m.kind for asked in questions for m in asked.question.measures} == set(MeasureKind)
    forms = {type(key.form) for asked in questions for key in asked.question.keys}
    assert forms == {type(None), Bins, Truncated, Extracted, Cases, Holds}
    finishes = [asked.finish for asked in questions if asked.finish is not None]
    assert any(f.having for f in finishes)
    assert any(f.order and f.limit for f in finishes)
    for name in AGGREGATES:
        assert f"{name}(" in reference_markdown()


def test_the_manual_in_docs_is_the_one_the_program_writes() -> None:
    committed = (ROOT / "docs" / "reference" / "sql.md").read_text()
    assert committed == reference_markdown(), (
        "docs/reference/sql.md is stale: python -m sandbox.privacy.asking.sql_reference > docs/reference/sql.md"
    )
