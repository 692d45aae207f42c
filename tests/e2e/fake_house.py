"""JupyterHub's configuration for the tests of notebooks: the real hub and spawner, with grants that the tests write.

``jupyterhub -f`` reads this file. Their launcher is ``fake_launcher``.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hub_config.authenticator import LocalDoor
from hub_config.configure import configure
from hub_config.spawner import House
from sandbox.domain.errors import NotSignedIn
from sandbox.domain.people import Person, Role
from sandbox.isolation.launcher_client import LauncherClient
from sandbox.settings import Settings

settings = Settings.from_environment()


def check_password(name: str, password: str, code: str) -> Person:
    if password != "right":
        raise NotSignedIn("Name or password is wrong.")
    return Person(name, frozenset({Role.RESEARCHER}))


c = get_config()  # type: ignore[name-defined]  # noqa: F821
configure(
    c,
    settings=settings,
    house=House(launcher=LauncherClient(settings.launcher_socket), gate_url=settings.gate_url),
    door=LocalDoor(check_password=check_password, still_open=lambda name: True),
)
c.Spawner.poll_interval = 1  # second: the tests wait for it
if (settings.home / "shared-origin").exists():  # the control of tests/e2e/test_origins.py
    c.JupyterHub.subdomain_host = ""
