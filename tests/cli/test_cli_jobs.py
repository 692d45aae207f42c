"""``sandbox jobs`` before a served portal: sent, tried, sent on, taken back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sandbox.cli.commands import app
from sandbox.domain.job import Failure, JobEnd
from sandbox.domain.policy import Mode
from sandbox.flows.work_jobs import WorkJobs
from tests.cli.conftest import Terminal
from tests.flows.working import FakeRoom, FakeRows
from tests.portal.example_world import LOANS, loans_csv

CONTEXT = "Applicants by sex, for the yearly report."
TABLE = b"sex,n\nfemale,11111\nmale,22222\n"


class Shell:
    """Ana at a terminal, and a worker that runs what she sends when she is told to wait no longer."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal, sandbox = terminal, terminal.world.sandbox
        self.room = FakeRoom(JobEnd(failure=None, outputs=(("t.csv", TABLE),), log=b"printed\n"))
        self.worker = WorkJobs(
            store=sandbox.store,
            run_job=sandbox.run_job,
            hold_jobs=sandbox.hold_jobs,
            review=sandbox.review_release,
            rows=FakeRows(),
            room=self.room,
            worker="worker-1",
            rest=lambda lost, seconds: None,  # the world's clock goes on by itself
        )

    def __call__(self, *words: str, fails: bool = False) -> str:
        environment = {
            "SANDBOX_URL": self.terminal.url,
            "SANDBOX_TOKEN": "token-of-ana",
            "HOME": str(self.terminal.world.home / "nobody"),
            "COLUMNS": "200",
        }
        done = CliRunner(env=environment).invoke(app, ["jobs", *words])
        assert (done.exit_code != 0) == fails, done.output + repr(done.exception)
        return done.output + (str(done.exception) if fails else "")


@pytest.fixture
def shell(terminal: Terminal) -> Shell:
    loans = LOANS.replace("modes: [query]", "modes: [query, job]")
    terminal.world.publish("loans", loans, {"applications": loans_csv()})
    terminal.world.granted(project="Code", mode=Mode.JOB)
    return Shell(terminal)


@pytest.fixture
def code(tmp_path: Path) -> str:
    file = tmp_path / "analysis.py"
    file.write_text("print('hello')\n")
    return str(file)


def test_code_goes_from_the_sample_to_the_reviewers(shell: Shell, code: str, tmp_path: Path) -> None:
    assert "job 1 on the sample: queued" in shell("send", code, "--output", "t.csv")
    shell.worker.once()
    assert "printed" in shell("show", "1")
    shell("fetch", "1", "--folder", str(tmp_path))
    assert (tmp_path / "t.csv").read_bytes() == TABLE
    assert "job 2 on raw rows: queued" in shell("raw", "1", "--context", CONTEXT)
    shell.worker.once()
    told = shell("wait", "2")
    assert "handed in" in told
    assert "printed" not in told
    assert "t.csv" not in told
    found: list[dict[str, Any]] = json.loads(shell("list", "--json"))
    assert [(j["id"], j["state"], j["release"]) for j in found] == [
        (2, "handed_in", 1),
        (1, "finished", None),
    ]
    assert "analysis.py" in shell("list")


def test_raw_rows_before_the_sample_are_refused(shell: Shell, code: str) -> None:
    told = shell("send", code, "--output", "t.csv", "--raw", "--context", CONTEXT, fails=True)
    assert "has not run to its end on the sample" in told


def test_a_job_that_ended_early_ends_the_command_with_1(shell: Shell, code: str) -> None:
    shell.room.end = JobEnd(failure=Failure.PROGRAM, log=b"Traceback\n")
    shell("send", code, "--output", "t.csv")
    shell.worker.once()
    told = shell("wait", "1", fails=True)
    assert "The program ended with an error." in told
    assert "Traceback" in told


def test_a_job_is_taken_back(shell: Shell, code: str) -> None:
    shell("send", code, "--output", "t.csv")
    assert "cancelled" in shell("cancel", "1")
    assert "cannot be changed by 'cancel'" in shell("cancel", "1", fails=True)


def test_a_file_that_is_not_there_is_named(shell: Shell) -> None:
    assert "cannot be read" in shell("send", "/nowhere/analysis.py", "--output", "t.csv", fails=True)
