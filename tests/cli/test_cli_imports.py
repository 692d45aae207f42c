"""``sandbox imports``: a researcher asks, the operator decides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sandbox.cli.commands import app
from sandbox.settings import Settings
from tests.cli.conftest import Terminal
from tests.wheels import wheel

WHY = "Unemployment by region, to lie beside the loans."


def run(terminal: Terminal, *words: str, name: str = "", fails: bool = False) -> str:
    environment = {
        "SANDBOX_URL": terminal.url,
        "SANDBOX_TOKEN": f"token-of-{name}" if name else "",
        "SANDBOX_HOME": str(terminal.world.home / "state"),
        "SANDBOX_POLICIES": str(terminal.world.home / "policies"),
        "HOME": str(terminal.world.home / "nobody"),
        "COLUMNS": "200",
    }
    done = CliRunner(env=environment).invoke(app, ["imports", *words])
    assert (done.exit_code != 0) == fails, done.output + repr(done.exception)
    return done.output + (str(done.exception) if fails else "")


@pytest.fixture
def table(tmp_path: Path, terminal: Terminal) -> Path:
    terminal.world.granted()
    file = tmp_path / "regions.csv"
    file.write_text("region,email\nnorth,a@example.org\n")
    return file


def test_a_researcher_asks_and_the_operator_lets_it_in(terminal: Terminal, table: Path) -> None:
    asked = run(terminal, "ask", str(table), "--why", WHY, name="ana")
    assert "Import request 1 is waiting" in asked
    assert "email" in asked
    assert "regions.csv" in run(terminal, "list")
    shown = run(terminal, "show", "1")
    for words in (WHY, "linkage", "waiting", "let_in, refuse"):
        assert words in shown
    assert "is let in" in run(terminal, "let-in", "1", "--days", "5")
    assert "regions.csv" not in run(terminal, "list")
    assert "regions.csv" in run(terminal, "list", "--in")
    assert "taken away" in run(terminal, "remove", "1", "--reason", "No longer needed.")


def test_the_operator_refuses_with_a_reason(terminal: Terminal, table: Path) -> None:
    run(terminal, "ask", str(table), "--why", WHY, name="ana")
    assert "is refused" in run(terminal, "refuse", "1", "--reason", "Without the addresses, please.")
    assert "Without the addresses" in run(terminal, "show", "1")
    assert "cannot be changed" in run(terminal, "let-in", "1", fails=True)


def test_what_a_file_is_called_cannot_rewrite_the_screen(terminal: Terminal, tmp_path: Path) -> None:
    grant = terminal.world.granted()
    package = wheel(
        files={"k/__init__.py": b"", "k/[red]x[/red].so": b"\x7fELF"}, metadata="Summary: \x1b[2J"
    )
    sandbox = terminal.world.sandbox
    sandbox.import_files.ask(
        sandbox.store.people.get("ana"), grant, files=[package], why=f"{WHY} [bold]x[/bold]"
    )  # type: ignore[arg-type]
    shown = run(terminal, "show", "1")
    assert "[red]x[/red].so" in shown
    assert "[bold]x[/bold]" in shown
    assert "\x1b[2J" not in shown


def test_packages_for_everybody_go_where_the_image_is_made(
    terminal: Terminal, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "wheels"
    monkeypatch.setattr(Settings, "extra_wheels_dir", property(lambda self: folder))
    name, data = wheel()
    (tmp_path / name).write_bytes(data)
    run(terminal, "ask", str(tmp_path / name), "--why", WHY, name="ana")
    assert "There is no import request 1 that was let in" in run(terminal, "for-everybody", "1", fails=True)
    run(terminal, "let-in", "1")
    run(terminal, "for-everybody", "1")
    assert (folder / name).read_bytes() == data
    run(terminal, "ask", str(table), "--why", WHY, name="ana")
    run(terminal, "let-in", "2")
    assert "has no package" in run(terminal, "for-everybody", "2", fails=True)


def test_the_folder_of_the_image_is_in_the_checkout() -> None:
    settings = replace(Settings())
    assert (settings.extra_wheels_dir / "README.md").is_file()
