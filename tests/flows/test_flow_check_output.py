"""Checking before submitting: the same engine, nothing kept, and nothing from rows for somebody who may only ask."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.domain.errors import BadInput
from sandbox.domain.findings import Verdict
from sandbox.domain.release import Status

GOOD = b"sex,n\nfemale,60\nmale,40\n"
SQL = "SELECT sex, COUNT(*) AS n FROM loans GROUP BY sex"
DECLARED = json.dumps(
    {"format": "sandbox-outputs-v1", "files": {"t.csv": {"kind": "frequency", "dims": ["sex"], "sql": SQL}}}
).encode()


def check(world: Any, *files: tuple[str, bytes], sql: dict[str, str] | None = None) -> Any:
    return world.sandbox.check_output.preview(world.person("ana"), world.grant, files=files, sql=sql or {})


def submit(world: Any, *files: tuple[str, bytes]) -> Any:
    return world.sandbox.review_release.submit(
        world.person("ana"),
        world.grant,
        files=files,
        context="Counts of applicants by sex, for the report.",
        sql={},
    )


def test_a_small_cell_is_found_before_anything_is_submitted(world: Any) -> None:
    checked = check(world, ("t.csv", b"sex,n\nfemale,60\nmale,4\n"))
    assert checked.verdict is Verdict.FAIL
    assert checked.threshold == 10
    assert world.sandbox.store.releases.in_status(tuple(Status)) == ()


def test_who_may_only_ask_gets_the_same_answer_for_a_right_and_a_wrong_count(world: Any) -> None:
    right, wrong = (
        check(world, ("t.csv", f"sex,n\nfemale,{n}\nmale,40\n".encode()), sql={"t.csv": SQL})
        for n in (60, 61)
    )
    assert right == wrong


def test_the_declaration_is_staged_with_the_file_and_does_not_leave(world: Any) -> None:
    submitted = submit(world, ("t.csv", GOOD), ("outputs.yaml", DECLARED))
    assert submitted.release.status is Status.SUBMITTED
    files = {f.name: f for f in submitted.release.files}
    assert files["t.csv"].sql == SQL
    assert set(files) == {"t.csv", "outputs.yaml"}
    assert "undeclared" not in {f.check for f in submitted.findings}


def test_a_declaration_about_a_file_that_is_not_there_is_refused(world: Any) -> None:
    with pytest.raises(BadInput, match=r"t\.csv"):
        check(world, ("u.csv", GOOD), ("outputs.yaml", DECLARED))


def test_two_files_are_subtracted_from_each_other(world: Any) -> None:
    checked = check(world, ("a.csv", GOOD), ("b.csv", GOOD.replace(b"60", b"59")))
    assert "differs_by_few" in {f.check for f in checked.findings}
