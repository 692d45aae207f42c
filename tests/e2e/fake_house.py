"""JupyterHub's configuration for the tests of notebooks: the real hub and spawner, with grants that the tests write.

``jupyterhub -f`` reads this file. A file ``grants`` in the home holds lines such as ``alice 1``; what was put on the
log is in ``log``.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hub_config.authenticator import LocalDoor
from hub_config.configure import configure
from hub_config.spawner import House
from sandbox.domain.access import Grant
from sandbox.domain.errors import NotFound, NotSignedIn
from sandbox.domain.people import Person, Role
from sandbox.domain.site_policy import NotebookLimits, RoomLimits
from sandbox.settings import Settings
from tests.e2e import rooms

settings = Settings.from_environment()


@dataclass(frozen=True)
class Opening:
    grant: Grant
    limits: NotebookLimits
    room: RoomLimits


def allowed(person: str, server: str) -> Opening:
    grants = (settings.home / "grants").read_text().splitlines()
    number = server.removeprefix("grant-")
    if f"{person} {number}" not in grants:
        raise NotFound("No grant of yours opens this notebook.", fix="Choose another.")
    return Opening(rooms.grant(int(number), person), NotebookLimits(), RoomLimits())


def write(*words: object) -> None:
    with (settings.home / "log").open("a") as log:
        print(*words, file=log)


def check_password(name: str, password: str, code: str) -> Person:
    if password != "right":
        raise NotSignedIn("Name or password is wrong.")
    return Person(name, frozenset({Role.RESEARCHER}))


c = get_config()  # type: ignore[name-defined]  # noqa: F821
configure(
    c,
    settings=settings,
    house=House(
        allowed=allowed,
        opened=lambda grant, container: write("opened", grant.id),
        closed=lambda grant, reason: write("closed", grant.id, reason),
        images=rooms.images,
        gate_dir=settings.gate_dir,
        gate_port=settings.gate_port,
        name=f"test-{settings.hub_port}",
    ),
    door=LocalDoor(check_password=check_password, still_open=lambda name: True),
)
c.Spawner.poll_interval = 1  # second: the tests wait for it
if (settings.home / "shared-origin").exists():  # the control of tests/e2e/test_origins.py
    c.JupyterHub.subdomain_host = ""
