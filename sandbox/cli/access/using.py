"""While there are grants, and how they end: report, leave, close, remove, revoke; blocks."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from sandbox.cli.access.portal import Number, Reason, move, portal
from sandbox.cli.access.words import say
from sandbox.cli.common import console
from sandbox.terminal import plain, plain_table


def report(
    number: Number,
    usefulness: Annotated[int, typer.Option(min=1, max=5, help="1: of no use; 5: very useful.")],
    text: Annotated[str, typer.Option(help="What was found, where it appeared, what was wrong.")],
) -> None:
    """Say what came of the data."""
    move(number, "report", usefulness=usefulness, text=text)


def leave(number: Number) -> None:
    """Give your own grant back; the others go on."""
    move(number, "leave")


def close(number: Number) -> None:
    """Say that the work is done: all grants end, and there is a certificate."""
    move(number, "close")


def remove(
    number: Number, member: Annotated[str, typer.Argument(help="Whose grant ends.")], reason: Reason
) -> None:
    """Take one member's grant back, as the owner; the others go on."""
    move(number, "remove_member", member=member, reason=reason)


def revoke(
    number: Number,
    reason: Reason,
    clause: Annotated[str, typer.Option(help="The clause that was broken.")] = "breach",
    block_days: Annotated[
        int, typer.Option(min=0, help="For so many days its people may not apply for these data.")
    ] = 0,
) -> None:
    """Take all grants of an application back, as the owner."""
    move(number, "revoke", reason=reason, clause=clause, block_days=block_days)


def blocks() -> None:
    """Who may not apply for a time: you, and others for your data."""
    with portal() as door:
        found = door.get("blocks")
    if not found:
        say("Nobody is blocked.")
        return
    table = plain_table("no.", "person", "data", "until", "clause", "reason")
    for one in found:
        cells = (one["id"], one["person"], one["lineage"], one["until"], one["clause"], one["reason"])
        table.add_row(*(escape(plain(cell)) for cell in cells))
    console.print(table)


def lift(block: Annotated[int, typer.Argument(help="The block's number.")]) -> None:
    """Let somebody apply for your data again, before the block's last day."""
    with portal() as door:
        lifted = door.post(f"blocks/{block}/lift", {})
    say(f"{lifted['person']} may apply for {lifted['lineage']} again.  [clause: {lifted['clause']}]")
