"""Planted outputs, from the operator's terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sandbox.cli import app
from sandbox.domain.errors import NotAllowed
from sandbox.domain.release import Decision, Status
from tests.portal import example_world
from tests.portal.example_world import found_world, open_world


def sandbox(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_an_output_is_planted_listed_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example_world, "SITE", example_world.SITE + "review: {planted: allowed}\n")
    found_world(tmp_path)
    world = open_world(tmp_path)
    for name, value in world.sandbox.settings.as_environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "200")
    release = world.submitted(world.granted())
    word = world.sandbox.plant_output.word(world.person("ana"), release.id)
    plant = (
        "review",
        "plant",
        "1",
        "The second count\x1b[2J is about three people.",
        "--flaw",
        "small_count",
    )
    with pytest.raises(NotAllowed):
        sandbox(*plant, "--word", "aaaa-bbbb-cccc-dddd")
    with pytest.raises(Exception, match="invisible"):
        sandbox(*plant, "--word", word)
    clean = [text.replace("\x1b[2J", "") for text in plant]
    said = sandbox(*clean, "--word", word, "--file", "by_sex.csv", "--place", "row 2, column n")
    assert "Request 1 is planted" in said
    assert "1 planted outputs" in sandbox("audit", "verify")
    listed = sandbox("review", "planted")
    assert "by_sex.csv, row 2, column n" in listed
    assert "share that is missed" not in listed  # nothing is decided yet
    decided = world.voted(release, ("rita", Decision.APPROVE, ""), ("ravi", Decision.APPROVE, ""))
    assert decided.status is Status.PLANTED
    listed = sandbox("review", "planted")
    assert "missed" in listed
    assert "2.5 to 100.0 %" in listed
    world.close()
