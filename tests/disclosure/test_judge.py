"""The one door of the checks, and tables that are private answers."""

from __future__ import annotations

import json

import pytest

from sandbox.disclosure.judge import judge
from sandbox.disclosure.private_answer import private_answer
from sandbox.domain.evidence import Evidence, EvidenceRow
from sandbox.domain.findings import Verdict, worst
from sandbox.domain.policy import (
    Column,
    ColumnType,
    DatasetPolicy,
    OpenClass,
    ReleaseTerms,
    Table,
    Unit,
)

TERMS = ReleaseTerms(threshold=10)
POLICY = DatasetPolicy(
    name="loans",
    title="Loans",
    open_class=OpenClass.CONDITIONAL,
    provider="a bank",
    source="a bank",
    licence="CC BY 4.0",
    owner="olga",
    unit=Unit(column="applicant_id", noun="applicant"),
    tables={
        "loans": Table(
            max_rows=1000,
            columns={
                "applicant_id": Column(type=ColumnType.INTEGER),
                "credits": Column(type=ColumnType.INTEGER, categories=(1, 2, 3)),
            },
        )
    },
)
ANSWER = json.dumps(
    {
        "columns": [
            {"name": "credits", "kind": "key"},
            {"name": "n", "kind": "count"},
            {"name": "mean", "kind": "avg"},
        ],
        "rows": [
            {"credits": 1, "n": {"value": 612, "low": 600, "high": 624}, "mean": {"value": 31.25, "low": 30.0, "high": 32.5}},
            {"credits": 2, "n": {"value": -3, "low": -15, "high": 9}, "mean": {"value": None, "low": None, "high": None}},
        ],
    }
).encode()  # fmt: skip


def test_a_table_goes_through_all_checks_and_comes_out_rebuilt() -> None:
    judged = judge("t.csv", b"credits,n\r\n1,120\r\n2,13.0\r\n", terms=TERMS, policy=POLICY)
    assert worst(judged.findings) is Verdict.REVIEW
    assert judged.rebuilt == b"credits,n\n1,120\n2,13\n"


@pytest.mark.parametrize("data", [b"", b"\x89PNG", b"a,b\n1\n", b"a,a\n1,2\n"])
def test_what_cannot_be_read_fails_and_nothing_leaves(data: bytes) -> None:
    judged = judge("t.csv", data, terms=TERMS)
    assert worst(judged.findings) is Verdict.FAIL
    assert (judged.table, judged.rebuilt) == (None, b"")


def test_without_the_policy_every_whole_number_is_a_count() -> None:
    data = b"credits,n\n1,120\n2,130\n"
    assert worst(judge("t.csv", data, terms=TERMS).findings) is Verdict.FAIL
    assert worst(judge("t.csv", data, terms=TERMS, policy=POLICY).findings) is Verdict.REVIEW


def test_the_terms_decide_the_threshold() -> None:
    data = b"sex,n\nf,12\nm,130\n"
    assert worst(judge("t.csv", data, terms=TERMS).findings) is Verdict.REVIEW
    assert worst(judge("t.csv", data, terms=ReleaseTerms(threshold=20)).findings) is Verdict.FAIL


def test_a_change_of_the_rebuilt_bytes_changes_no_verdict() -> None:
    data = b"credits,n\n1,120\n2,4\n"
    first = judge("t.csv", data, terms=TERMS, policy=POLICY)
    again = judge("t.csv", first.rebuilt, terms=TERMS, policy=POLICY)
    assert again == first


@pytest.mark.parametrize(
    "text",
    [
        "credits,n\n1,612\n2,-3\n",
        "credits,n,n_low,n_high\n1,612,600,624\n2,-3,-15,9\n",
        "mean,credits\n31.25,1\n,2\n",
        "credits,mean\n1,31.3\n",
        "credits,n\n1,610\n2,-5\n",
        "credits,n\n1,612\n2,\n",
    ],
)
def test_a_table_of_a_private_answer_needs_no_threshold(text: str) -> None:
    answer = private_answer(4, ANSWER)
    judged = judge("t.csv", text.encode(), terms=TERMS, policy=POLICY, private=answer)
    assert [f.check for f in judged.findings] == ["private_answer"]
    assert "question 4" in judged.findings[0].reason


@pytest.mark.parametrize(
    "text",
    [
        "credits,n\n1,613\n2,-3\n",  # another number
        "credits,n\n3,612\n",  # another group
        "n\n612\n",  # without its key
        "credits,n,deaths\n1,612,2\n2,-3,1\n",  # a column of one's own
        "credits,n\n1,612 of 613\n",
        "credits,n_low\n1,612\n",  # a number of another column
    ],
)
def test_a_table_with_any_other_number_is_judged_as_any_table(text: str) -> None:
    answer = private_answer(4, ANSWER)
    judged = judge("t.csv", text.encode(), terms=TERMS, policy=POLICY, private=answer)
    assert "private_answer" not in {f.check for f in judged.findings}
    assert worst(judged.findings) is not Verdict.PASS


def test_evidence_of_few_units_fails_a_table_that_looks_fine() -> None:
    few = Evidence(
        sql="", keys=("credits",), rows=(EvidenceRow(key=(1,), values={"n": 120}, units=3, rows=120),)
    )  # fmt: skip
    judged = judge("t.csv", b"credits,n\n1,120\n", terms=TERMS, policy=POLICY, evidence=few)
    assert {f.check for f in judged.findings if f.verdict is Verdict.FAIL} == {"small_cell"}
    assert "applicants" in judged.findings[0].reason
