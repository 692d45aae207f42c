"""Deciding and signing: the owner's answers, and everybody's own yes or no."""

from __future__ import annotations

from typing import Annotated

import typer

from sandbox.cli.access.portal import Number, Reason, Version, move, portal
from sandbox.cli.access.words import say, show_clauses, show_step


def approve(
    number: Number,
    condition: Annotated[
        list[str] | None, typer.Option(help="Beyond the policy's. May be given several times.")
    ] = None,
    epsilon: Annotated[str | None, typer.Option(help="Less budget than was asked for.")] = None,
    days: Annotated[int | None, typer.Option(help="Fewer days than were asked for.")] = None,
    version: Version = None,
) -> None:
    """Say yes, as the owner: the agreement is written, and waits for signatures."""
    move(number, "approve", conditions=condition, epsilon=epsilon, days=days, version=version)


def send_back(number: Number, reason: Reason, version: Version = None) -> None:
    """Ask for changes, as the owner."""
    move(number, "return", reason=reason, version=version)


def reject(number: Number, reason: Reason, version: Version = None) -> None:
    """Say no, as the owner."""
    move(number, "reject", reason=reason, version=version)


def sign(
    number: Number,
    yes: Annotated[bool, typer.Option("--yes", help="You have read it: do not ask.")] = False,
) -> None:
    """Read the agreement, clause by clause, and accept it for yourself."""
    with portal() as door:
        seen = door.get(f"applications/{number}")
        show_clauses(seen)
        if seen["clauses"] and not yes and not typer.confirm("Do you accept this agreement for yourself?"):
            say("Not signed.")
            raise typer.Exit(1)
        body = {"agreement_sha256": seen["agreement_sha256"]}
        show_step(door.post(f"applications/{number}/sign", body), since=seen["events"][-1]["entry"])


def decline(number: Number, reason: Reason) -> None:
    """Do not accept the agreement: the application goes back to the applicant."""
    move(number, "decline", reason=reason)
