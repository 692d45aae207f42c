"""The public registers and the answers to demands, from the operator's terminal."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sandbox.cli import app
from sandbox.domain.errors import BadInput, NotFound
from sandbox.flows.visitors import Visitor
from sandbox.settings import CHECKOUT, Settings
from sandbox.wiring import Sandbox, build

WISH = {"data": "One row for each departure.", "holder": "", "purpose": "To see who waits."}


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    settings = Settings(home=tmp_path / "home", policies=CHECKOUT / "policies")
    for name, value in settings.as_environment().items():
        monkeypatch.setenv(name, value)
    opened = build(settings)
    opened.demand_data.ask(
        Visitor.at("192.0.2.7"), title="Bus delays [bold]", **WISH, contact="eva@example.org"
    )
    opened.demand_data.ask(Visitor.at("192.0.2.8"), title="Late buses", **WISH)
    yield opened
    opened.store.close()


@pytest.fixture
def run() -> Callable[..., str]:
    def typed(*arguments: str) -> str:
        done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    return typed


def test_demands_are_read_answered_and_hidden(sandbox: Sandbox, run: Callable[..., str]) -> None:
    listed = run("register", "demands")
    assert "Bus delays [bold]" in listed  # as it was written
    assert "2 of 2 demands" in listed
    assert "eva@example.org" not in listed
    assert "eva@example.org" in run("demand", "show", "1")
    assert "planned" in run("demand", "answer", "1", "plan", "--text", "In spring.")
    assert "merged" in run("demand", "answer", "2", "merge", "--into", "1")
    assert "1 of 1 demand\n" in run("register", "demands", "--state", "planned")
    run("demand", "hide", "2", "--reason", "An advertisement.")
    assert "1 of 1 demand\n" in run("register", "demands")
    run("demand", "unhide", "2")
    assert "2 of 2 demands" in run("register", "demands", "--newest")
    actions = [e.event.action for e in sandbox.store.log.newest(limit=4)]
    assert actions == ["demand.shown", "demand.hidden", "demand.merged", "demand.planned"]
    assert sandbox.store.log.newest(limit=1)[0].event.actor == "operator"


def test_a_refusal_without_a_reason_and_a_number_that_is_none_are_told(sandbox: Sandbox) -> None:
    runner = CliRunner()
    with pytest.raises(BadInput, match="too short"):
        runner.invoke(app, ["demand", "answer", "1", "refuse"], catch_exceptions=False)
    with pytest.raises(NotFound):
        runner.invoke(app, ["demand", "answer", "9", "plan"], catch_exceptions=False)


@pytest.mark.parametrize("name", ["results", "projects", "demands"])
def test_each_register_is_the_apis_document_too(sandbox: Sandbox, run: Callable[..., str], name: str) -> None:
    document = json.loads(run("register", name, "--json"))
    assert document["total"] == len(document[name]) == (2 if name == "demands" else 0)
    assert "eva@example.org" not in json.dumps(document)
    assert " of " in run("register", name)
