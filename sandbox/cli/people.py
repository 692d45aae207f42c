"""``sandbox user``: people and their roles."""

from __future__ import annotations

from typing import Annotated

import typer

from sandbox.cli.common import console, system
from sandbox.domain.audit import Event
from sandbox.domain.people import Person, Role
from sandbox.terminal import plain_table

app = typer.Typer(no_args_is_help=True, help="People and their roles.")


@app.command("add")
def user_add(
    name: Annotated[str, typer.Argument(help="a-z, 0-9 and _, starting with a letter.")],
    role: Annotated[list[Role], typer.Option(help="May be given several times.")],
    password: Annotated[
        str,
        typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, help="Asked for when left out."),
    ],
) -> None:
    """Add a person."""
    sandbox = system()
    person = Person(name=name, roles=frozenset(role))
    sandbox.store.people.add(
        person,
        password=password,
        event=Event("operator", "person.added", f"person:{name}", {"roles": sorted(str(r) for r in role)}),
    )
    console.print(f"Added {name}: {', '.join(sorted(role))}.")


@app.command("password")
def user_password(
    name: str,
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)],
) -> None:
    """Set a person's password anew, and lift a lock after wrong tries."""
    event = Event("operator", "person.password_set", f"person:{name}")
    system().store.people.set_password(name, password, event=event)
    console.print(f"{name} has a new password.")


@app.command("roles")
def user_roles(
    name: str, role: Annotated[list[Role], typer.Option(help="May be given several times.")]
) -> None:
    """Replace a person's roles."""
    roles = sorted(str(r) for r in role)
    event = Event("operator", "person.roles_set", f"person:{name}", {"roles": roles})
    system().store.people.set_roles(name, role, event=event)
    console.print(f"{name}: {', '.join(roles)}.")


@app.command("list")
def user_list() -> None:
    """List people and roles."""
    table = plain_table("name", "roles")
    for person in system().store.people.all():
        table.add_row(person.name, ", ".join(sorted(person.roles)))
    console.print(table)
