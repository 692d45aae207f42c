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
    except Exception as error:
        if not isinstance(error, SandboxError):
            _tell_client_error(error)
            raise
        console = Console(stderr=True)
        console.print(f"[bold red]{error.code}[/]  {_plain(error.message)}", highlight=False)
        if isinstance(error, QuestionRefused) and error.position is not None:
            console.print(f"  at character {error.position + 1}", highlight=False)
        if error.fix:
            console.print(f"[bold]fix[/]  {_plain(error.fix)}", highlight=False)
        sys.exit(2 if error.status < 500 else 1)


def _tell_client_error(error: Exception) -> None:
    """An error of the notebook client is told in its own two lines; anything else is left to its traceback."""
    from sandbox.client.errors import SandboxClientError

    if isinstance(error, SandboxClientError):
        Console(stderr=True).print(f"[bold red]{error.code}[/]  {_plain(str(error))}", highlight=False)
        sys.exit(2)


def _plain(text: str) -> str:
    from rich.markup import escape

    from sandbox.terminal import plain

    return escape(plain(text))
