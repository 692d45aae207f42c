"""The system's parts, as the hub needs them."""

from __future__ import annotations

from hub_config.authenticator import LocalDoor
from hub_config.oidc import ProviderDoor, client_secret
from hub_config.spawner import House
from sandbox.domain.people_policy import Method
from sandbox.isolation.launcher_client import LauncherClient
from sandbox.wiring import Sandbox


def house_of(sandbox: Sandbox) -> House:
    """Where the spawner asks."""
    settings = sandbox.settings
    return House(launcher=LauncherClient(settings.launcher_socket), gate_url=settings.gate_url)


def door_of(sandbox: Sandbox) -> LocalDoor | ProviderDoor:
    """How the site's policy wants people to sign in."""
    sign_in, terms = sandbox.sign_in, sandbox.site.sign_in
    if terms.method is Method.OIDC:
        return ProviderDoor(
            terms=terms.oidc,
            secret=client_secret(sandbox.settings.keys_dir, terms.oidc),
            recognise=sign_in.by_provider,
            still_open=sign_in.still_open,
        )
    return LocalDoor(check_password=sign_in.by_password, still_open=sign_in.still_open)
