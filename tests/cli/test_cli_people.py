"""People, from the operator's terminal."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
from typer.testing import CliRunner

from sandbox.cli import app
from sandbox.settings import CHECKOUT, Settings
from sandbox.wiring import build


def sandbox(*arguments: str, typed: str = "", ends: int = 0) -> str:
    """What a command prints."""
    done = CliRunner().invoke(app, list(arguments), input=typed)
    assert done.exit_code == ends, done.output
    return done.output if not done.exception or ends == 0 else f"{done.output}{done.exception}"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    settings = Settings(home=tmp_path / "home", policies=CHECKOUT / "policies")
    for name, value in settings.as_environment().items():
        monkeypatch.setenv(name, value)
    return settings


def test_a_person_is_added_given_other_roles_and_a_new_password(settings: Settings) -> None:
    sandbox("user", "add", "maria", "--role", "researcher", typed="a first password\na first password\n")
    sandbox("user", "roles", "maria", "--role", "reviewer", "--role", "researcher")
    sandbox("user", "password", "maria", typed="another password\nanother password\n")
    assert "researcher, reviewer" in sandbox("user", "list")
    store = build(settings).store
    actions = [e.event.action for e in store.log.newest(limit=10)][::-1]
    assert actions[-3:] == ["person.added", "person.roles_set", "person.password_set"]
    assert "password" not in str([dict(e.event.facts) for e in store.log.newest(limit=10)])
    store.close()


def test_a_second_factor_is_enrolled_beside_the_operator_and_taken_away(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox("user", "add", "maria", "--role", "owner", "--password", "a first password")

    def prompt(*words: object, **more: object) -> str:
        del words, more
        store = build(settings).store
        secret = store.second_factors.pending("maria")
        store.close()
        return pyotp.TOTP(secret).now()

    monkeypatch.setattr("typer.prompt", prompt)
    said = sandbox("user", "totp", "maria")
    assert len(re.findall(r"[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}", said)) == 10
    assert "▄" in said  # the QR picture
    assert re.search(r"maria +owner +open +on +never", sandbox("user", "list"))
    sandbox("user", "totp", "maria", "--reset")
    assert re.search(r"maria +owner +open +off +never", sandbox("user", "list"))


def test_an_account_is_closed_and_opened_again(settings: Settings) -> None:
    sandbox("user", "add", "maria", "--role", "owner", "--no-password")
    sandbox("user", "deactivate", "maria")
    assert "closed" in sandbox("user", "list")
    sandbox("user", "activate", "maria")
    assert "closed" not in sandbox("user", "list")


def test_roles_that_stay_apart_are_refused_at_the_terminal_too(settings: Settings) -> None:
    said = sandbox(
        "user",
        "add",
        "maria",
        "--role",
        "auditor",
        "--role",
        "owner",
        "--password",
        "a first password",
        ends=1,
    )
    assert "One person cannot be auditor and owner." in said


def test_training_is_recorded_listed_and_reminded_of(settings: Settings) -> None:
    sandbox("user", "add", "maria", "--role", "researcher", "--no-password")
    assert "Nobody's course ends" in sandbox("training", "due")
    assert re.search(r"maria +safe_data +yes +never +missing", sandbox("training", "list"))
    soon = (datetime.now(UTC).date() + timedelta(days=20)).isoformat()
    sandbox("training", "add", "maria", "safe_data", "--until", soon)
    assert soon in sandbox("training", "due")
    assert re.search(rf"maria +safe_data +yes +{soon} +ends soon", sandbox("training", "list", "maria"))
    assert "There is no course" in sandbox("training", "add", "maria", "unknown", "--until", soon, ends=1)
