"""The states of a job, what may be sent, and how little is told of one on raw rows."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest

from sandbox.domain.errors import BadInput, Conflict, NotAllowed, NotFound
from sandbox.domain.job import (
    FAILURE_TEXTS,
    LIVE,
    MAX_CODE_BYTES,
    PYTHON_LANGUAGES,
    STEPS,
    By,
    Failure,
    Job,
    JobFile,
    JobState,
    Language,
    Package,
    Phase,
    RowFiles,
    Verb,
    allowed_verbs,
    check_own,
    check_package,
    check_runs_here,
    check_shown,
    package_hash,
    step,
    told_time,
)
from sandbox.domain.people import Person, Role
from sandbox.domain.site_policy import JobLimits
from sandbox.domain.ticks import leaves_after_ms

ANA = Person("ana", frozenset({Role.RESEARCHER}))
BEN = Person("ben", frozenset({Role.RESEARCHER}))
CODE = JobFile(name="analysis.py", sha256="a" * 64, size_bytes=3)


def job(state: JobState = JobState.QUEUED, phase: Phase = Phase.SAMPLE, **more: Any) -> Job:
    values: dict[str, Any] = {
        "id": 1,
        "grant_id": 1,
        "dataset": "loans",
        "project": "model",
        "person": "ana",
        "phase": phase,
        "code": CODE,
        "inputs": (),
        "outputs": ("t.csv",),
        "package_sha256": "b" * 64,
        "context": "",
        "state": state,
        "version": 1,
    }
    return Job(**{**values, **more})


# states


def test_every_pair_of_states_has_the_steps_of_the_table_and_no_other() -> None:
    ways = {(row.start, row.end): row.verb for row in STEPS if row.verb is not Verb.STOP}
    for start, end in product(JobState, JobState):
        leads = (start, end) in ways
        assert leads == any(row.start is start and row.end is end for row in STEPS)
        if start not in LIVE:
            assert not leads


def test_what_has_ended_stays_as_it_is() -> None:
    for state, verb in product(set(JobState) - LIVE, Verb):
        with pytest.raises(Conflict):
            step(state, verb)
    assert step(JobState.QUEUED, Verb.START).end is JobState.RUNNING  # the control


def test_its_requester_can_cancel_and_nothing_else() -> None:
    assert {row.verb for row in STEPS if row.by is By.REQUESTER} == {Verb.CANCEL}


# packages


def package(**more: Any) -> Package:
    values: dict[str, Any] = {"code": ("analysis.py", b"print(1)"), "inputs": (), "outputs": ("t.csv",)}
    return Package(**{**values, **more})


BOOK = json.dumps({"cells": []}).encode()


@pytest.mark.parametrize("code", [("analysis.py", b"1"), ("study.ipynb", BOOK), ("analysis.R", b"1")])
def test_python_notebooks_and_r_can_be_sent(code: tuple[str, bytes]) -> None:
    check_package(package(code=code))


def test_a_language_without_an_image_is_refused_with_what_the_operator_does() -> None:
    with pytest.raises(NotAllowed) as refused:
        check_runs_here(Language.R, PYTHON_LANGUAGES)
    assert refused.value.clause == "image r"
    assert "sandbox images build r" in refused.value.fix
    for language in Language:
        check_runs_here(language, frozenset(Language))  # the control


def test_r_reads_csv_and_python_parquet() -> None:
    assert {language: language.row_files for language in Language} == {
        Language.PYTHON: RowFiles.PARQUET,
        Language.NOTEBOOK: RowFiles.PARQUET,
        Language.R: RowFiles.CSV,
    }


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no code that runs": ({"code": ("analysis.sh", b"ls")}, "code"),
    "a name with a folder": ({"code": ("../a.py", b"1")}, "file"),
    "a name with a newline": ({"code": ("a\n.py", b"1")}, "file"),
    "empty code": ({"code": ("a.py", b" \n")}, "code"),
    "large code": ({"code": ("a.py", b"#" * (MAX_CODE_BYTES + 1))}, "code"),
    "code that is no text": ({"code": ("a.py", b"\xff")}, "code"),
    "code that reads otherwise than it runs": ({"code": ("a.py", "x = 1 # \u202e".encode())}, "code"),
    "a NUL": ({"code": ("a.py", b"x\0")}, "code"),
    "no notebook": ({"code": ("a.ipynb", b"[1]")}, "code"),
    "a notebook nested without end": ({"code": ("a.ipynb", b"[" * 100_000)}, "code"),
    "too many inputs": ({"inputs": tuple((f"f{i}.txt", b"") for i in range(21))}, "inputs"),
    "R in small letters": ({"code": ("a.r", b"1")}, "code"),
    "R that reads otherwise than it runs": ({"inputs": (("a.R", "x <- 1 # \u202e".encode()),)}, "code"),
    "R's own files, which can hold code": ({"inputs": (("model.RData", b"RDX3"),)}, "inputs"),
    "a file that R would run by itself": ({"inputs": ((".Rprofile", b"q()"),)}, "file"),
    "an input in the code's place": ({"inputs": (("ANALYSIS.py", b"2"),)}, "inputs"),
    "too many bytes": ({"inputs": (("a.bin", b"0" * (8 << 20)),)}, "inputs"),
    "no output": ({"outputs": ()}, "outputs"),
    "too many outputs": ({"outputs": tuple(f"t{i}.csv" for i in range(21))}, "outputs"),
    "an output twice": ({"outputs": ("t.csv", "T.csv")}, "outputs"),
    "an output's name with a newline": ({"outputs": ("t\n.csv",)}, "file"),
    "an output's name that leads out": ({"outputs": ("../t.csv",)}, "file"),
}


@pytest.mark.parametrize("mistake", list(BAD))
def test_what_cannot_be_sent_is_named(mistake: str) -> None:
    wrong, where = BAD[mistake]
    with pytest.raises(BadInput) as refused:
        check_package(package(**wrong))
    assert refused.value.where == where
    assert refused.value.fix


def test_one_changed_byte_makes_another_package_and_the_order_none() -> None:
    a, b = (
        JobFile(name="a.txt", sha256="1" * 64, size_bytes=1),
        JobFile(name="b.txt", sha256="2" * 64, size_bytes=1),
    )
    whole = package_hash(CODE, (a, b), ("x.csv", "y.csv"))
    assert whole == package_hash(CODE, (b, a), ("y.csv", "x.csv"))
    others = {
        package_hash(JobFile(name="analysis.py", sha256="c" * 64, size_bytes=3), (a, b), ("x.csv", "y.csv")),
        package_hash(CODE, (a,), ("x.csv", "y.csv")),
        package_hash(CODE, (a, JobFile(name="c.txt", sha256="2" * 64, size_bytes=1)), ("x.csv", "y.csv")),
        package_hash(CODE, (a, b), ("x.csv",)),
    }
    assert len(others | {whole}) == 5


# what is told


def test_each_failure_has_a_constant_text_without_a_figure() -> None:
    assert set(FAILURE_TEXTS) == set(Failure)
    for text in FAILURE_TEXTS.values():
        assert not any(c.isdigit() for c in text)


def test_the_ends_of_a_job_tell_less_than_six_bits() -> None:
    """The figure in docs/how-to/run-a-job.md: six ends, and the ticks up to the longest run."""
    limits = JobLimits()
    ticks = {leaves_after_ms(s * 1000, tick_ms=1000 * limits.tick_s) for s in range(60 * limits.minutes + 1)}
    assert (len(Failure) + 1) * len(ticks) <= 2**6


@pytest.mark.parametrize("state", sorted(set(JobState) - LIVE))
def test_what_a_job_made_of_raw_rows_is_not_shown_in_any_state(state: JobState) -> None:
    with pytest.raises(NotAllowed) as refused:
        check_shown(job(state, Phase.RAW))
    assert refused.value.clause == "review"
    check_shown(job(state, Phase.SAMPLE))  # the control
    assert "read" not in allowed_verbs(job(state, Phase.RAW), ANA)


def test_the_same_words_for_somebody_elses_job_and_for_none() -> None:
    with pytest.raises(NotFound) as others:
        check_own(job(), BEN, 1)
    with pytest.raises(NotFound) as none:
        check_own(None, BEN, 1)
    assert str(others.value) == str(none.value)
    assert allowed_verbs(job(), BEN) == ()


def test_times_of_a_job_on_raw_rows_are_whole_minutes() -> None:
    first, last = "2026-01-05T12:00:00.000001+00:00", "2026-01-05T12:01:00+00:00"
    assert told_time(first, Phase.RAW) == told_time(last, Phase.RAW) == "2026-01-05T12:01+00:00"
