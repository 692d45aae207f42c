"""Asking from a terminal: the same client that notebooks use, with a token of one's own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from sandbox.domain.errors import NotSignedIn
from sandbox.settings import Settings
from sandbox.terminal import plain_table

if TYPE_CHECKING:
    from sandbox.client import Sandbox

console = Console()

Sql = Annotated[str, typer.Argument(help="The question, in quotes.")]
Epsilon = Annotated[
    float | None,
    typer.Option(
        help="How much privacy to spend: more is exacter and dearer. At the policy's delta. When left out: what the "
        "question says; nothing where the base release can say; else 0.1."
    ),
]
Share = Annotated[
    str | None, typer.Option("--budget", help="Instead: a share of the agreement's budget, such as '1%'.")
]
Accuracy = Annotated[
    str | None,
    typer.Option(help="Instead: how exact it has to be, such as '±50 at 95%', or 'n ±50, total ±1000'."),
]
GrantNumber = Annotated[int | None, typer.Option(help="Which of your grants; needed when several would fit.")]


def _token_file() -> Path:
    return Path(os.path.expanduser("~/.config/sandbox/token.json"))


def login(
    name: Annotated[str, typer.Argument(help="Your user name.")],
    password: Annotated[
        str,
        typer.Option(
            prompt=True, hide_input=True, envvar="SANDBOX_PASSWORD", help="Asked for when left out."
        ),
    ],
    code: Annotated[str, typer.Option(help="The code of your second factor, if you set one up.")] = "",
) -> None:
    """Sign in and keep a token for 'ask', 'estimate' and 'access' (8 hours)."""
    from sandbox.hub_session import HubSession

    settings = Settings.from_environment()
    with HubSession(settings, name, password, code=code) as session:
        token = session.token
    file = _token_file()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600, exist_ok=True)
    file.write_text(json.dumps({"url": settings.portal_url, "token": token}))
    console.print(f"Signed in as {name} at {settings.portal_url}.", highlight=False)


def ask(
    sql: Sql,
    epsilon: Epsilon = None,
    budget: Share = None,
    accuracy: Accuracy = None,
    grant: GrantNumber = None,
    free: Annotated[
        bool,
        typer.Option(
            "--free",
            help="Spend nothing: what follows from stored answers, however exact, or from the base release.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The answer as it is stored.")] = False,
    save: Annotated[
        Path | None, typer.Option(help="Write it with its receipt to this file; see 'verify-answer'.")
    ] = None,
) -> None:
    """Ask a question and print the answer with its 95 % intervals."""
    answer = _client(grant).ask(sql, epsilon=epsilon, budget=budget, accuracy=accuracy, free=free)
    if save is not None:
        answer.save(save)
    if as_json:
        typer.echo(json.dumps(answer.raw, sort_keys=True))
        return
    measures = frozenset(i for i, c in enumerate(answer.columns) if c["kind"] != "key")
    table = plain_table(*[escape(str(c["name"])) for c in answer.columns], numeric=measures)
    for row in answer.shown():
        table.add_row(*[escape(cell) for cell in row])
    console.print(table)
    console.print(answer.summary(), highlight=False, markup=False)


def estimate(
    sql: Sql,
    epsilon: Epsilon = None,
    budget: Share = None,
    accuracy: Accuracy = None,
    grant: GrantNumber = None,
) -> None:
    """Say what a question would cost and how exact it would be. Spends nothing."""
    found = _client(grant).estimate(sql, epsilon=epsilon, budget=budget, accuracy=accuracy)
    console.print(str(found), highlight=False)


def signed_in() -> tuple[str, str]:
    """Where the portal is, and the token of who signed in at this terminal.

    Raises:
        NotSignedIn: nobody did.
    """
    url, token = os.environ.get("SANDBOX_URL", ""), os.environ.get("SANDBOX_TOKEN", "")
    if not token and _token_file().is_file():
        kept = json.loads(_token_file().read_text())
        url, token = url or kept["url"], kept["token"]
    if not token:
        raise NotSignedIn("You are not signed in.", fix="Run 'sandbox login NAME' first.")
    return url or Settings.from_environment().portal_url, token


def _client(grant: int | None) -> Sandbox:
    from sandbox.client import connect

    url, token = signed_in()
    return connect(url, token=token, grant=grant)
