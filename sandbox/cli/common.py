"""What every command needs: the terminal, the system behind it, and who the operator is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from sandbox.domain.people import Person, Role
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
    return Person(name="operator", roles=frozenset({Role.ADMINISTRATOR}))
