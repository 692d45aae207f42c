"""The launcher, put together of the system's parts."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.domain.access import Grant
from sandbox.flows.work_jobs import rows_of
from sandbox.isolation.container import Images
from sandbox.isolation.containers import Containers
from sandbox.isolation.job_container import LocalJobRoom
from sandbox.isolation.job_launcher import JobLauncher, Opening
from sandbox.isolation.launcher import Authority, Launcher
from sandbox.isolation.lockdown import own_seccomp
from sandbox.isolation.notebooks import HubServers
from sandbox.isolation.runtimes import choose
from sandbox.settings import Settings
from sandbox.store.secrets import secret
from sandbox.wiring import Sandbox


def jobs_of(sandbox: Sandbox) -> JobLauncher:
    """What runs jobs. A container engine that is away is waited for."""
    settings = sandbox.settings
    containers = Containers.awaited()

    def opening(job_id: int) -> Opening:
        found = sandbox.run_job.opening(job_id)
        return Opening(
            package=sandbox.run_job.package(found.job),
            limits=found.limits,
            data=settings.extracts_dir / rows_of(job_id),
            imports=sandbox.import_files.folder(found.grant),
        )

    room = LocalJobRoom(
        containers=containers,
        image=lambda language: Images.read(settings.images_file).of_jobs(language),
        seccomp=own_seccomp(),
        prefix=f"{_name(settings)}-job-",
        runtime=_runtime(sandbox, containers),
    )
    return JobLauncher(room=room, opening=opening)


def _runtime(sandbox: Sandbox, containers: Containers) -> Callable[[], str]:
    """What the site's policy asks for, as far as the engine has it; chosen at each start."""
    wanted, file = sandbox.site.containers.runtime, sandbox.settings.images_file
    return lambda: choose(containers.client, wanted, image=Images.read(file).gate)


def _name(settings: Settings) -> str:
    """First part of the containers' names: two installations on one machine have two ports."""
    return f"sandbox-{settings.hub_port}"


def launcher_of(sandbox: Sandbox) -> Launcher:
    """What runs notebooks. A container engine that is away is waited for."""
    settings, notebook = sandbox.settings, sandbox.open_notebook
    containers = Containers.awaited()

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
            swept=notebook.swept,
            opened=opened,
            closed=lambda grant, reason: notebook.closed(grant, reason=reason),
            images=lambda: Images.read(settings.images_file),
            runtime=_runtime(sandbox, containers),
            known=HubServers(settings.hub_url, lambda: secret(settings.keys_dir, "launcher-token")),
        ),
        gate_dir=settings.gate_dir,
        name=_name(settings),
    )
