"""Asking for access: apply, change, look, submit, withdraw."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sandbox.cli.access.portal import Number, Version, move, portal
from sandbox.cli.access.words import show_application, show_list, show_step
from sandbox.domain.errors import BadInput
from sandbox.domain.policy import Mode

if TYPE_CHECKING:
    from sandbox.client.connection import Connection

WishFile = Annotated[
    Path | None, typer.Argument(help="A YAML file with the fields of an application, as the API names them.")
]
Project = Annotated[str | None, typer.Option(help="The project's name.")]
Purpose = Annotated[str | None, typer.Option(help="What you want to find out.")]
Plan = Annotated[str | None, typer.Option(help="Which tables and figures you want to take home.")]
WishMode = Annotated[Mode | None, typer.Option(help="How you want to work.")]
Days = Annotated[int | None, typer.Option(help="How long.")]
Organisation = Annotated[str | None, typer.Option(help="For whom you do it.")]
LegalBasis = Annotated[str | None, typer.Option(help="What allows you to work with these data.")]
Member = Annotated[list[str] | None, typer.Option(help="Who works with you. May be given several times.")]
Column = Annotated[
    list[str] | None,
    typer.Option(
        help="A column that you need, as TABLE.COLUMN. May be given several times; all when left out."
    ),
]
WishEpsilon = Annotated[str | None, typer.Option(help="The budget wanted, such as 0.5.")]


def apply(
    file: WishFile = None,
    dataset: Annotated[str | None, typer.Option(help="What you apply for.")] = None,
    project: Project = None,
    purpose: Purpose = None,
    plan: Plan = None,
    mode: WishMode = None,
    days: Days = None,
    organisation: Organisation = None,
    legal_basis: LegalBasis = None,
    member: Member = None,
    column: Column = None,
    epsilon: WishEpsilon = None,
    draft: Annotated[
        bool, typer.Option("--draft", help="Keep it for yourself; submit it when it is complete.")
    ] = False,
    renews: Annotated[
        int | None, typer.Option(help="Your own application, active or expired, that this one continues.")
    ] = None,
) -> None:
    """Apply for a conditional dataset. What stands in the options goes before what stands in the file."""
    given = _wish(project, purpose, plan, mode, days, organisation, legal_basis, member, column, epsilon)
    more = {"dataset": dataset, "renews": renews, "draft": True if draft else None}
    wish = _from(file) | given | {name: value for name, value in more.items() if value is not None}
    with portal() as door:
        if wish.get("renews") and file is None:
            wish = _again(door, int(wish["renews"])) | wish
        show_step(door.post("applications", wish))


def edit(
    number: Number,
    file: WishFile = None,
    project: Project = None,
    purpose: Purpose = None,
    plan: Plan = None,
    mode: WishMode = None,
    days: Days = None,
    organisation: Organisation = None,
    legal_basis: LegalBasis = None,
    member: Member = None,
    column: Column = None,
    epsilon: WishEpsilon = None,
) -> None:
    """Change fields of a draft, or of an application that came back; the others stay. Submit it afterwards."""
    given = _wish(project, purpose, plan, mode, days, organisation, legal_basis, member, column, epsilon)
    with portal() as door:
        seen = door.get(f"applications/{number}")
        kept = {name: seen[name] for name in _FIELDS}
        body = kept | _from(file) | given | {"version": seen["version"]}
        show_step(door.put(f"applications/{number}", body))


def listed() -> None:
    """Your applications, those that name you, and those that you decide."""
    with portal() as door:
        show_list(door.get("applications"))


def show(number: Number) -> None:
    """One application: what is asked for, its turns, the agreement, what is owed, what happened."""
    with portal() as door:
        show_application(door.get(f"applications/{number}"))


def submit(number: Number, version: Version = None) -> None:
    """Hand in a draft, or what came back and was changed."""
    move(number, "submit", version=version)


def withdraw(number: Number, version: Version = None) -> None:
    """Take an application back."""
    move(number, "withdraw", version=version)


_FIELDS = (
    "project",
    "purpose",
    "output_plan",
    "mode",
    "days",
    "organisation",
    "legal_basis",
    "members",
    "tables",
    "epsilon",
)


def _wish(
    project: str | None,
    purpose: str | None,
    plan: str | None,
    mode: Mode | None,
    days: int | None,
    organisation: str | None,
    legal_basis: str | None,
    member: list[str] | None,
    column: list[str] | None,
    epsilon: str | None,
) -> dict[str, Any]:
    """The options that were given, as the API names them."""
    values = (
        project,
        purpose,
        plan,
        mode and str(mode),
        days,
        organisation,
        legal_basis,
        member or None,
        _tables(column) if column else None,
        epsilon,
    )
    return {name: value for name, value in zip(_FIELDS, values, strict=True) if value is not None}


def _tables(columns: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in columns:
        table, dot, column = name.partition(".")
        if not dot:
            raise BadInput(f"{name!r} names no column.", where="column", fix="Write TABLE.COLUMN.")
        found.setdefault(table, []).append(column)
    return found


def _from(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    from sandbox.store.application_files import read_application

    return read_application(file)


def _again(door: Connection, number: int) -> dict[str, Any]:
    """What is renewed is asked for again, but for what is said anew."""
    earlier = door.get(f"applications/{number}")
    return {name: earlier[name] for name in ("dataset", *_FIELDS)}
