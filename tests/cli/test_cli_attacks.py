"""``sandbox doctor --attack`` and ``--report``, as far as they need no container."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from sandbox.cli.attacks import notebook_container
from sandbox.cli.commands import app
from sandbox.isolation.probe.report import Control, Ended, Report, Row, Verdict
from sandbox.settings import Settings
from sandbox.wiring import build


def a_report(*verdicts: Verdict, control: Control = Control.CAUGHT) -> Report:
    rows = tuple(
        Row(
            "kernel",
            f"attack {n} [x]",
            "win",
            "seccomp",
            control,
            "it said no",
            {"query, runc": Ended(v, "so")},
        )
        for n, v in enumerate(verdicts)
    )
    return Report("2026-01-02T03:04:05+00:00", {"kernel": "6.1"}, rows, ("runtime runsc: not there",))


def doctor(home: Path, *words: str) -> Result:
    environment = {"SANDBOX_HOME": str(home), "COLUMNS": "160"}
    return CliRunner(env=environment).invoke(app, ["doctor", *words])


def kept(home: Path, report: Report) -> None:
    sandbox = build(Settings.from_environment({"SANDBOX_HOME": str(home)}))
    sandbox.record_attacks(report, actor="system:doctor")
    sandbox.store.close()


def test_the_last_report_is_shown_with_what_is_open_and_what_is_allowed_and_why(tmp_path: Path) -> None:
    kept(tmp_path, a_report(Verdict.BLOCKED, Verdict.BY_DESIGN, Verdict.OPEN))
    done = doctor(tmp_path, "--report")
    assert done.exit_code == 1
    for words in (
        "3 attacks: 1 times blocked, 1 allowed by design, 1 open",
        "allowed by design attack 1 [x] (query, runc): so",
        "open attack 2 [x] (query, runc): so",
        "kernel: 6.1",
        "left out: runtime runsc: not there",
    ):
        assert words in done.output


def test_a_report_without_anything_open_ends_with_0(tmp_path: Path) -> None:
    kept(tmp_path, a_report(Verdict.OPEN))
    kept(tmp_path, a_report(Verdict.BLOCKED))
    assert doctor(tmp_path, "--report").exit_code == 0


def test_a_failed_control_is_named_and_ends_with_1(tmp_path: Path) -> None:
    kept(tmp_path, a_report(Verdict.BLOCKED, control=Control.FAILED))
    done = doctor(tmp_path, "--report")
    assert done.exit_code == 1
    assert "control failed attack 0 [x]: it said no" in done.output


def test_before_the_first_attack_there_is_no_report(tmp_path: Path) -> None:
    done = doctor(tmp_path, "--report")
    assert done.exit_code != 0
    assert "not attacked yet" in str(done.exception)


def test_one_place_to_attack_from_is_enough(tmp_path: Path) -> None:
    done = doctor(tmp_path, "--attack", "--fresh", "--notebook", "ana/grant-1")
    assert done.exit_code != 0
    assert "Both" in str(done.exception)


@pytest.mark.parametrize("port", [8000, 9300])
def test_a_notebooks_container_is_named_as_the_launcher_names_it(tmp_path: Path, port: int) -> None:
    settings = Settings(home=tmp_path, hub_port=port)
    assert notebook_container(settings, "ana", "grant-1") == f"sandbox-{port}-notebook-ana-grant-1"
