"""Objections and suspensions, from the operator's terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sandbox.cli import app
from sandbox.domain.errors import BadInput, NotAllowed, NotFound
from sandbox.domain.objection import Kind
from sandbox.domain.people import Person, Role
from sandbox.flows.object import Wish
from sandbox.flows.open_data import FileFormat
from sandbox.flows.visitors import Visitor
from sandbox.settings import CHECKOUT, Settings
from sandbox.wiring import Sandbox, build
from tests.fake_notebooks import FakeNotebooks

TOWN = """\
name: town
title: Town
open_class: unconditional
provider: a town
source: a town
licence: CC0
owner: olga
tables: {visits: {max_rows: 5, columns: {place: {type: text}, score: {type: integer}}}}
"""


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    settings = Settings(home=tmp_path / "home", policies=CHECKOUT / "policies")
    for name, value in settings.as_environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "200")
    built = build(settings, notebooks=FakeNotebooks())
    policy, file = tmp_path / "town.yaml", tmp_path / "visits.csv"
    policy.write_text(TOWN)
    file.write_text("place,score\na,1\n")
    operator = Person("operator", frozenset({Role.ADMINISTRATOR}))
    built.publish_dataset(operator, policy_file=policy, files={"visits": file})
    yield built
    built.store.close()


def sandbox(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def objected(system: Sandbox, **more: str) -> str:
    wish = Wish(
        dataset="town", kind=Kind.PRIVACY, text=more.pop("text", "My own score is in this table."), **more
    )
    return system.object_to_data.receive(Visitor.at("203.0.113.1"), wish, evidence=[b"%PDF-1.7"]).word


def test_data_are_suspended_and_resumed(system: Sandbox) -> None:
    assert "town is suspended" in sandbox("dataset", "suspend", "town", "--reason", "A table was wrong.")
    with pytest.raises(NotAllowed):
        system.open_data.file("town", "visits", FileFormat.CSV)
    objected(system)
    left = sandbox("dataset", "resume", "town", "--reason", "It was mended.")
    assert "still suspended: town by objection 1" in left
    sandbox("objection", "decide", "1", "look")
    sandbox("objection", "decide", "1", "dismiss", "--reason", "It is another town.")
    assert system.open_data.file("town", "visits", FileFormat.CSV)
    for column in ("score", "visits.score"):  # names no table; is handed out with the others
        with pytest.raises(BadInput):
            sandbox("dataset", "suspend", "town", "--column", column, "--reason", "Scores are wrong.")


def test_an_objection_is_listed_shown_and_decided(system: Sandbox) -> None:
    word = objected(system, name="Zoë", contact="zoe@example.org")
    assert "privacy" in sandbox("objection", "list")
    shown = sandbox("objection", "show", "1")
    for words in ("My own score", "zoe@example.org", "pdf", "by objection 1", "you may", "look"):
        assert words in shown
    assert word not in shown
    assert "under review" in sandbox("objection", "decide", "1", "look")
    with pytest.raises(BadInput):
        sandbox("objection", "decide", "1", "dismiss")
    assert "suspended: town by objection 1" in sandbox(
        "objection", "decide", "1", "uphold", "--reason", "It is quite right."
    )
    with pytest.raises(NotAllowed):
        sandbox("dataset", "resume", "town", "--reason", "I want it back.")
    assert system.object_to_data.track(1, word).answer == "It is quite right."
    with pytest.raises(NotFound):
        sandbox("objection", "show", "2")


def test_what_a_stranger_wrote_does_not_write_on_the_screen(system: Sandbox) -> None:
    objected(system, text="A line.\n[bold red]Not markup[/] and [link=x]more[/link].", name="[blink]x")
    shown = sandbox("objection", "show", "1")
    assert "[bold red]Not markup[/]" in shown
    assert "[blink]x" in shown
    assert "\x1b" not in shown
