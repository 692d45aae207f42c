"""People, from the operator's terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sandbox.cli import app
from sandbox.settings import CHECKOUT, Settings
from sandbox.wiring import build


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    settings = Settings(home=tmp_path / "home", policies=CHECKOUT / "policies")
    for name, value in settings.as_environment().items():
        monkeypatch.setenv(name, value)
    return settings


def test_a_person_is_added_given_other_roles_and_a_new_password(settings: Settings) -> None:
    run = CliRunner()

    def sandbox(*arguments: str, typed: str = "") -> str:
        done = run.invoke(app, list(arguments), input=typed, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    sandbox("user", "add", "maria", "--role", "researcher", typed="a first password\na first password\n")
    sandbox("user", "roles", "maria", "--role", "reviewer", "--role", "researcher")
    sandbox("user", "password", "maria", typed="another password\nanother password\n")
    assert "researcher, reviewer" in sandbox("user", "list")
    store = build(settings).store
    actions = [e.event.action for e in store.log.newest(limit=10)][::-1]
    assert actions[-3:] == ["person.added", "person.roles_set", "person.password_set"]
    assert "password" not in str([dict(e.event.facts) for e in store.log.newest(limit=10)])
    store.close()
