"""The launcher, put together of the system's parts."""

from __future__ import annotations

from sandbox.flows.work_jobs import rows_of
from sandbox.isolation.container import Images
from sandbox.isolation.containers import Containers
from sandbox.isolation.job_container import LocalJobRoom
from sandbox.isolation.job_launcher import JobLauncher, Opening
from sandbox.isolation.launcher import Authority, Launcher
from sandbox.isolation.lockdown import own_seccomp
from sandbox.isolation.notebooks import HubServers
from sandbox.settings import Settings
from sandbox.store.secrets import secret
from sandbox.wiring import Sandbox


def jobs_of(sandbox: Sandbox) -> JobLauncher:
    """What runs jobs.

    Raises:
        OperatorError: no container engine answers.
    """
    settings = sandbox.settings

    def opening(job_id: int) -> Opening:
        found = sandbox.run_job.opening(job_id)
        return Opening(
            package=sandbox.run_job.package(found.job),
            limits=found.limits,
            data=settings.extracts_dir / rows_of(job_id),
            imports=sandbox.import_files.folder(found.grant),
        )

    room = LocalJobRoom(
        containers=Containers.of_this_host(),
        image=lambda: Images.read(settings.images_file).notebook,
        seccomp=own_seccomp(),
        prefix=f"{_name(settings)}-job-",
    )
    return JobLauncher(room=room, opening=opening)


def _name(settings: Settings) -> str:
    """First part of the containers' names: two installations on one machine have two ports."""
    return f"sandbox-{settings.hub_port}"


def launcher_of(sandbox: Sandbox) -> Launcher:
    """What runs notebooks.

    Raises:
        OperatorError: no container engine answers.
    """
    settings, notebook = sandbox.settings, sandbox.open_notebook
    return Launcher(
        containers=Containers.of_this_host(),
        authority=Authority(
            allowed=notebook.allowed,
            goes_on=notebook.goes_on,
            shown=notebook.shown,
            hidden=notebook.hidden,
            swept=notebook.swept,
            opened=lambda grant, container: notebook.opened(grant, container=container),
            closed=lambda grant, reason: notebook.closed(grant, reason=reason),
            images=lambda: Images.read(settings.images_file),
            runtime=lambda: "runc",
            known=HubServers(settings.hub_url, lambda: secret(settings.keys_dir, "launcher-token")),
        ),
        gate_dir=settings.gate_dir,
        name=_name(settings),
    )
