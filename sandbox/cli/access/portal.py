"""The portal as the person who signed in at this terminal reaches it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sandbox.cli.access.words import show_step
from sandbox.cli.ask import signed_in

if TYPE_CHECKING:
    from sandbox.client.connection import Connection

Number = Annotated[int, typer.Argument(help="The application's number.")]
Reason = Annotated[str, typer.Option(help="What the other side should know.")]
Version = Annotated[
    int | None, typer.Option(help="The version that you looked at: refused when it was changed since.")
]


@contextmanager
def portal() -> Iterator[Connection]:
    """A line to the API, for as long as the block."""
    from sandbox.client.connection import Connection

    url, token = signed_in()
    line = Connection(url, token=token)
    try:
        yield line
    finally:
        line.close()


def move(number: int, verb: str, **said: Any) -> None:
    """Do one of an application's ``allowed_actions``, and show the log's entry about it."""
    with portal() as line:
        show_step(line.post(f"applications/{number}/{verb}", said))
