"""The real launcher, with grants that the tests write.

    python -m tests.e2e.fake_launcher

A file ``grants`` in the home holds lines such as ``alice 1``; what was put on the log is in ``log``.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.domain.access import Grant
from sandbox.domain.errors import NotFound
from sandbox.domain.site_policy import NotebookLimits, RoomLimits
from sandbox.isolation.containers import Containers
from sandbox.isolation.job_container import LocalJobRoom
from sandbox.isolation.job_launcher import JobLauncher
from sandbox.isolation.job_launcher import Opening as JobOpening
from sandbox.isolation.launcher import Authority, Launcher
from sandbox.isolation.launcher_service import run_launcher
from sandbox.isolation.lockdown import own_seccomp
from sandbox.isolation.notebooks import HubServers
from sandbox.isolation.profile import NOTHING
from sandbox.settings import Settings
from sandbox.store.secrets import secret
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


def runtime() -> str:
    """What a test wrote; runc where none did."""
    file = settings.home / "runtime"
    return file.read_text() if file.exists() else "runc"


def no_job(number: int) -> JobOpening:
    raise NotFound(f"There is no job {number}.")


def write(*words: object) -> None:
    with (settings.home / "log").open("a") as log:
        print(*words, file=log)


if __name__ == "__main__":
    launcher = Launcher(
        containers=Containers.of_this_host(),
        authority=Authority(
            allowed=allowed,
            goes_on=allowed,
            shown=lambda opening: NOTHING,
            hidden=lambda grant: None,
            swept=lambda servers: None,
            opened=lambda grant, container: write("opened", grant.id),
            closed=lambda grant, reason: write("closed", grant.id, reason),
            images=rooms.images,
            runtime=runtime,
            known=HubServers(settings.hub_url, lambda: secret(settings.keys_dir, "launcher-token")),
        ),
        gate_dir=settings.gate_dir,
        name=f"test-{settings.hub_port}",
    )
    room = LocalJobRoom(
        containers=launcher.containers,
        image=lambda language: rooms.images().of_jobs(language),
        seccomp=own_seccomp(),
        prefix=f"{launcher.name}-job-",
    )
    jobs = JobLauncher(room=room, opening=no_job)
    run_launcher(launcher, jobs, settings.launcher_socket, jobs_socket=settings.jobs_socket)
