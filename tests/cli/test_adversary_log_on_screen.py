"""The log holds words that strangers wrote, down to refused addresses; on the operator's screen they are only words."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.errors import MarkupError
from rich.text import Text
from typer.testing import CliRunner

from sandbox.cli.commands import app
from sandbox.domain.audit import Event
from sandbox.settings import Settings
from sandbox.wiring import build

HOSTILE = [
    "[/foo]",
    "[/]",
    "[bold red on white]x",
    "[link=https://a.example]x",
    "\x1b]0;x\x07",
    "\x1b[2J",
    "a\rb",
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SANDBOX_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("text", HOSTILE)
def test_no_word_on_the_log_breaks_or_rewrites_the_screen(home: Path, text: str) -> None:
    sandbox = build(Settings.from_environment())
    sandbox.store.log.record(Event("ana", "gate.refused", f"notebook:{text[:0]}x", {"path": text}))
    sandbox.store.close()
    shown = CliRunner().invoke(app, ["audit", "show"])
    assert shown.exit_code == 0, shown.exception
    assert text.translate({27: "?", 7: "?", 13: "?"}) in shown.output
    assert not {"\x1b", "\x07", "\r"} & set(shown.output)


def test_such_a_word_would_stop_a_screen_that_takes_it_for_markup() -> None:
    with pytest.raises(MarkupError):
        Text.from_markup(HOSTILE[0])
