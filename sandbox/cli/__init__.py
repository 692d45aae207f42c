"""``sandbox …``: the door for operators and for people at a terminal."""

from __future__ import annotations

import sys

from rich.console import Console

from sandbox.cli.commands import app
from sandbox.domain.errors import QuestionRefused, SandboxError

__all__ = ["app", "main"]


def main() -> None:
    """Run a command; an error is two lines, not a traceback."""
    try:
        app()
    except SandboxError as error:
        console = Console(stderr=True)
        console.print(f"[bold red]{error.code}[/]  {_plain(error.message)}", highlight=False)
        if isinstance(error, QuestionRefused) and error.position is not None:
            console.print(f"  at character {error.position + 1}", highlight=False)
        if error.fix:
            console.print(f"[bold]fix[/]  {_plain(error.fix)}", highlight=False)
        sys.exit(2 if error.status < 500 else 1)


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)
