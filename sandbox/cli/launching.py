"""The launcher, put together of the system's parts."""

from __future__ import annotations

from sandbox.isolation.container import Images
from sandbox.isolation.containers import Containers
from sandbox.isolation.launcher import Authority, Launcher
from sandbox.isolation.notebooks import HubServers
from sandbox.isolation.profile import NOTHING
from sandbox.store.secrets import secret
from sandbox.wiring import Sandbox


def launcher_of(sandbox: Sandbox) -> Launcher:
    """The real one.

    Raises:
        OperatorError: no container engine answers.
    """
    settings, notebook = sandbox.settings, sandbox.open_notebook
    return Launcher(
        containers=Containers.of_this_host(),
        authority=Authority(
            allowed=notebook.allowed,
            shown=lambda opening: NOTHING,
            hidden=lambda grant: None,
            opened=lambda grant, container: notebook.opened(grant, container=container),
            closed=lambda grant, reason: notebook.closed(grant, reason=reason),
            images=lambda: Images.read(settings.images_file),
            runtime=lambda: "runc",
            known=HubServers(settings.hub_url, lambda: secret(settings.keys_dir, "launcher-token")),
        ),
        gate_dir=settings.gate_dir,
        name=f"sandbox-{settings.hub_port}",  # two installations on one machine have two ports
    )
