"""Asking from a terminal: the same client that notebooks use, with a token of one's own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from sandbox.domain.errors import NotSignedIn
from sandbox.settings import Settings

if TYPE_CHECKING:
    from sandbox.client import Sandbox

console = Console()


def _token_file() -> Path:
    return Path(os.path.expanduser("~/.config/sandbox/token.json"))


def login(
    name: str,
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, envvar="SANDBOX_PASSWORD")],
) -> None:
    """Sign in and keep a token for 'ask' and 'estimate' (8 hours)."""
    from sandbox.cli.hub_session import HubSession

    settings = Settings.from_environment()
    with HubSession(settings, name, password) as session:
        token = session.token
    file = _token_file()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600, exist_ok=True)
    file.write_text(json.dumps({"url": settings.portal_url, "token": token}))
    console.print(f"Signed in as {name} at {settings.portal_url}.", highlight=False)


def ask(
    sql: str,
    epsilon: Annotated[
        float, typer.Option(help="How much privacy to spend; stand-alone, at the policy's delta.")
    ] = 0.1,
    grant: Annotated[int | None, typer.Option(help="Which of your grants.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The answer as it is stored.")] = False,
) -> None:
    """Ask a question and print the answer with its 95 % intervals."""
    answer = _client(grant).ask(sql, epsilon=epsilon)
    if as_json:
        typer.echo(json.dumps(answer.raw, sort_keys=True))
        return
    table = Table(*[str(c) for c in answer.frame.columns])
    for row in answer.frame.itertuples(index=False):
        table.add_row(*[_cell(v) for v in row])
    console.print(table)
    console.print(answer.summary(), highlight=False)


def estimate(
    sql: str,
    epsilon: Annotated[float, typer.Option()] = 0.1,
    grant: Annotated[int | None, typer.Option()] = None,
) -> None:
    """Say what a question would cost and how exact it would be. Spends nothing."""
    console.print(str(_client(grant).estimate(sql, epsilon=epsilon)), highlight=False)


def _client(grant: int | None) -> Sandbox:
    from sandbox.client import connect

    url, token = os.environ.get("SANDBOX_URL", ""), os.environ.get("SANDBOX_TOKEN", "")
    if not token and _token_file().is_file():
        kept = json.loads(_token_file().read_text())
        url, token = url or kept["url"], kept["token"]
    if not token:
        raise NotSignedIn("You are not signed in.", fix="Run 'sandbox login NAME' first.")
    return connect(url or Settings.from_environment().portal_url, token=token, grant=grant)


def _cell(value: object) -> str:
    return f"{value:,.1f}" if isinstance(value, float) else str(value)
