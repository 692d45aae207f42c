"""The system's parts, as the hub needs them."""

from __future__ import annotations

from hub_config.authenticator import PasswordCheck
from hub_config.spawner import House
from sandbox.domain.audit import Event
from sandbox.domain.people import Person
from sandbox.isolation.container import Images
from sandbox.wiring import Sandbox


def house_of(sandbox: Sandbox) -> House:
    """What the spawner asks, and where it tells."""
    settings = sandbox.settings
    return House(
        allowed=sandbox.open_notebook.allowed,
        opened=lambda grant, container: sandbox.open_notebook.opened(grant, container=container),
        closed=lambda grant, reason: sandbox.open_notebook.closed(grant, reason=reason),
        images=lambda: Images.read(settings.images_file),
        gate_dir=settings.gate_dir,
        gate_port=settings.gate_port,
        name=f"sandbox-{settings.hub_port}",  # two installations on one machine have two ports
    )


def password_check_of(sandbox: Sandbox) -> PasswordCheck:
    """The store's own check, with its place on the log."""

    def check(name: str, password: str) -> Person | None:
        return sandbox.store.people.check_password(
            name, password, event=Event(name, "person.signed_in", f"person:{name}")
        )

    return check
