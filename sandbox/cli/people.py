"""``sandbox user``: people, their roles, and what they show at the door."""

from __future__ import annotations

from typing import Annotated

import typer

from sandbox.cli.common import console, operator, system
from sandbox.domain.people import Role
from sandbox.terminal import plain_table

app = typer.Typer(no_args_is_help=True, help="People and their roles.")


@app.command("add")
def user_add(
    name: Annotated[str, typer.Argument(help="a-z, 0-9 and _, starting with a letter.")],
    role: Annotated[list[Role], typer.Option(help="May be given several times.")],
    password: Annotated[str, typer.Option(help="Asked for when left out.")] = "",
    no_password: Annotated[
        bool, typer.Option("--no-password", help="For somebody who signs in through a provider.")
    ] = False,
) -> None:
    """Add a person."""
    if not password and not no_password:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    sandbox = system()
    sandbox.look_after_people.add(operator(sandbox), name, role, password=None if no_password else password)
    console.print(f"Added {name}: {', '.join(sorted(role))}.")


@app.command("password")
def user_password(
    name: str,
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)],
) -> None:
    """Set a person's password anew, and lift a lock after wrong tries."""
    sandbox = system()
    sandbox.look_after_people.set_password(operator(sandbox), name, password)
    console.print(f"{name} has a new password.")


@app.command("roles")
def user_roles(
    name: str, role: Annotated[list[Role], typer.Option(help="May be given several times.")]
) -> None:
    """Replace a person's roles."""
    sandbox = system()
    sandbox.look_after_people.set_roles(operator(sandbox), name, role)
    console.print(f"{name}: {', '.join(sorted(role))}.")


@app.command("list")
def user_list() -> None:
    """List people: roles, account, second factor, last sign-in (UTC)."""
    sandbox = system()
    table = plain_table("name", "roles", "account", "second factor", "last sign-in")
    for view in sandbox.look_after_people.people(operator(sandbox)):
        person = view.account.person
        table.add_row(
            person.name,
            ", ".join(sorted(person.roles)),
            "open" if person.active else "closed",
            "on" if view.factor.enrolled else "needed" if view.must_enrol else "off",
            view.account.last_sign_in_at[:16].replace("T", " ") or "never",
        )
    console.print(table)


@app.command("deactivate")
def user_deactivate(name: str) -> None:
    """Close an account: sign-in, tokens and notebooks refuse at once. Nothing is deleted."""
    sandbox = system()
    sandbox.look_after_people.deactivate(operator(sandbox), name)
    console.print(f"The account of {name} is closed.")


@app.command("activate")
def user_activate(name: str) -> None:
    """Open a closed account again, as it was."""
    sandbox = system()
    sandbox.look_after_people.activate(operator(sandbox), name)
    console.print(f"The account of {name} is open again.")


@app.command("totp")
def user_totp(
    name: str,
    reset: Annotated[
        bool, typer.Option("--reset", help="Take a lost second factor away instead; a new one can be set up.")
    ] = False,
) -> None:
    """Enrol a person's second factor here, with them beside you: a QR picture, a code, recovery codes."""
    import segno

    from sandbox.domain.second_factor import enrolment_address

    sandbox = system()
    who = operator(sandbox)
    if reset:
        sandbox.look_after_people.reset_second_factor(who, name)
        console.print(f"{name} has no second factor now.")
        return
    secret = sandbox.look_after_people.begin_second_factor(who, name)
    address = enrolment_address(secret, name=name, site=sandbox.site.name)
    segno.make(address, micro=False).terminal(compact=True)
    console.print(f"Or type into the app: [bold]{secret}[/]", highlight=False)
    code = typer.prompt("Code that the app shows now")
    recovery = sandbox.look_after_people.confirm_second_factor(who, name, code=code)
    console.print("On. Recovery codes, each good once, shown now and never again:")
    for line in recovery:
        console.print(f"  {line}", highlight=False)


@app.command("unbind")
def user_unbind(name: str) -> None:
    """For somebody with a new account at the identity provider: it is bound at the next sign-in."""
    sandbox = system()
    sandbox.look_after_people.release_identity(operator(sandbox), name)
    console.print(f"{name} is bound anew at the next sign-in.")
