"""What every command needs: the terminal, the system behind it, and who the operator is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from rich.console import Console

from sandbox.domain.audit import Event
from sandbox.domain.people import Person, Role
from sandbox.domain.proposal import OPERATOR
from sandbox.settings import Settings

if TYPE_CHECKING:
    from sandbox.wiring import Sandbox

console = Console()


def system() -> Sandbox:
    """The system as this machine is set up."""
    from sandbox.wiring import build

    return build(Settings.from_environment())


def operator(sandbox: Sandbox) -> Person:
    """The operator at the machine's own terminal: an administrator by access to the files."""
    return Person(name=OPERATOR, roles=frozenset({Role.ADMINISTRATOR}))


def person_named(sandbox: Sandbox, name: str) -> Person:
    """A person who signs in at this terminal.

    Raises:
        NotSignedIn: name and password do not belong together.
    """
    password = typer.prompt(f"Password of {name}", hide_input=True)
    event = Event(name, "person.signed_in", f"person:{name}", {"at": "terminal"})
    return sandbox.store.people.check_password(name, password, event=event)
