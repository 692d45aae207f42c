"""``sandbox keys`` and ``sandbox dataset destroy``, and the certificate that is checked with a key alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from sandbox.cli.commands import app
from sandbox.privacy.engine import LocalEngine
from sandbox.wiring import build
from tests.portal.example_world import World, open_world

Run = Callable[..., Result]


@pytest.fixture
def run(founded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A terminal of the example world, whose engine has keys."""
    import shutil

    shutil.copytree(founded, tmp_path / "world")
    world: World = open_world(tmp_path / "world")
    settings = world.sandbox.settings
    engine = LocalEngine(raw=settings.raw_dir, views=settings.views_dir, keys=settings.data_keys_dir)
    engine.close_all()
    sandbox = build(
        settings, store=world.sandbox.store, engine=engine, notebooks=world.notebooks, clock=world.clock
    )
    sandbox.close_data.learn()
    monkeypatch.setattr("sandbox.cli.data_keys.system", lambda: sandbox)
    environment = {"SANDBOX_HOME": str(settings.home), "COLUMNS": "200"}

    def command(*words: str, typed: str = "") -> Result:
        return CliRunner(env=environment).invoke(app, list(words), input=typed)

    return command


def test_keys_are_listed_replaced_and_renewed(run: Run) -> None:
    first = run("keys", "list").output
    assert "loans" in first
    assert "in use" in first
    done = run("keys", "rotate", "loans")
    assert done.exit_code == 0, done.output
    assert "is closed with key" in done.output
    assert "1 keys are wrapped" in run("keys", "renew-master").output
    assert run("keys", "list").output.count("loans") == 2


def test_data_are_destroyed_when_the_name_is_typed_and_the_certificate_holds(
    run: Run, tmp_path: Path
) -> None:
    paper = tmp_path / "paper.json"
    words = ("dataset", "destroy", "loans", "--reason", "The contract ended.", "--certificate", str(paper))
    assert run(*words, typed="loan\n").exit_code != 0
    assert not paper.exists()
    done = run(*words, typed="loans\n")
    assert "No byte of loans can be opened any more" in done.output
    checked = run("dataset", "verify-destruction", str(paper))
    assert checked.exit_code == 0, checked.output
    assert "The contract ended." in checked.output
    document = json.loads(paper.read_text())
    forged = {**document, "certificate": document["certificate"].replace("loans", "taxes")}
    paper.write_text(json.dumps(forged))
    assert run("dataset", "verify-destruction", str(paper)).exit_code != 0
    paper.write_text("[]")
    assert run("dataset", "verify-destruction", str(paper)).exit_code != 0
