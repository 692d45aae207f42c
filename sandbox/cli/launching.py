"""The launcher, put together of the system's parts."""

from __future__ import annotations

from sandbox.domain.access import Grant
from sandbox.isolation.container import Images
from sandbox.isolation.containers import Containers
from sandbox.isolation.launcher import Authority, Launcher
from sandbox.isolation.notebooks import HubServers
from sandbox.isolation.runtimes import choose
from sandbox.store.secrets import secret
from sandbox.wiring import Sandbox


def launcher_of(sandbox: Sandbox) -> Launcher:
    """The real one.

    Raises:
        OperatorError: no container engine answers.
    """
    settings, notebook = sandbox.settings, sandbox.open_notebook
    containers, wanted = Containers.of_this_host(), sandbox.site.containers.runtime

    def images() -> Images:
        return Images.read(settings.images_file)

    def opened(grant: Grant, container: str) -> None:
        image, runtime = containers.made_of(container)
        notebook.opened(grant, container=container, image=image, runtime=runtime)

    return Launcher(
        containers=containers,
        authority=Authority(
            allowed=notebook.allowed,
            goes_on=notebook.goes_on,
            shown=notebook.shown,
            hidden=notebook.hidden,
            opened=opened,
            closed=lambda grant, reason: notebook.closed(grant, reason=reason),
            images=images,
            runtime=lambda: choose(containers.client, wanted, image=images().gate),
            known=HubServers(settings.hub_url, lambda: secret(settings.keys_dir, "launcher-token")),
        ),
        gate_dir=settings.gate_dir,
        name=f"sandbox-{settings.hub_port}",  # two installations on one machine have two ports
    )
