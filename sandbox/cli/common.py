"""What every command needs: the terminal, the system behind it, and who the operator is."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from sandbox.domain.audit import Event
from sandbox.domain.errors import NotFound
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


def platform_key(key: Path | None) -> Callable[[bytes, bytes], None]:
    """Checks (signature, message) against the platform's public key; this machine's when none is given.

    Raises:
        NotFound: there is no such key.
    """
    from sandbox.store.keys import PUBLIC, verify_signature

    key = key or Settings.from_environment().keys_dir / PUBLIC
    if not key.is_file():
        raise NotFound(f"There is no key {key}.", fix="Give the platform's public key by --key.")
    return partial(verify_signature, key.read_bytes())
