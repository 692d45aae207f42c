"""The settings of a job's container, in both phases: no way in or out but its own standard streams.

Nothing of the host is mounted but the rows, read-only, and what was let in for the project. Code and inputs come in by
standard input, outputs leave by standard output (``job_stream``): no file of the container ever lies on the host.
"""

from __future__ import annotations

from pathlib import Path

from sandbox.domain.site_policy import JobLimits
from sandbox.isolation.container import ContainerSettings, bind
from sandbox.isolation.lockdown import MIB, container, cut_off, host, locked, sized, tmpfs
from sandbox.isolation.profile import DATA, HOME, IMPORTS, NOTEBOOK_USER

OUTBOX = f"{HOME}/outbox"
_OWN = frozenset({"auto_remove", "log_config"})  # rows of ``locked`` that a job has otherwise


def job_profile(
    job_id: int,
    *,
    image: str,
    limits: JobLimits,
    seccomp: str,
    data: Path,
    imports: Path | None = None,
    runtime: str = "runc",
) -> ContainerSettings:
    """The settings of one run.

    Args:
        image: named by the operator.
        seccomp: the allow-list of system calls, as JSON text.
        data: an extract of raw or synthetic rows: the tables and columns that the agreement opens.
        imports: files and packages that were let in for the project; None when there are none.
        runtime: the name by which the container engine knows it: runc, or runsc (gVisor).
    """
    mounts = [bind(data, DATA, read_only=True)]
    if imports is not None:
        mounts.append(bind(imports, IMPORTS, read_only=True))
    kept = (row for row in locked(seccomp, runtime=runtime) if row.key not in _OWN)
    return ContainerSettings(
        (
            container("image", image, "named by the operator; nothing in a package is looked at for it"),
            container("user", NOTEBOOK_USER, "not root, also not inside"),
            container("hostname", "job", "the host's name is nobody's business"),
            container("stop_timeout", 1, "it has nothing to finish"),
            container("stdin_open", True, "code and inputs come in by it"),
            container("tty", False, "its two streams are told apart, and nothing reads control characters"),
            container(
                "labels",
                {"sandbox.kind": "job", "sandbox.job": str(job_id)},
                "so that a left-over can be found and removed",
            ),
            *cut_off(),
            *kept,
            host("auto_remove", False, "how it ended is read first; whoever started it removes it"),
            host(
                "log_config",
                {"type": "none", "config": {}},
                "what it prints is read from its stream, counted, and kept in no file of the engine's",
            ),
            *sized(
                memory_mib=limits.memory_mib,
                cpu_percent=100 * limits.cpus,
                processes=limits.processes,
                open_files=limits.open_files,
                file_bytes=max(limits.work_mib, limits.output_mib) * MIB,
                shm_mib=64,
            ),
            host(
                "tmpfs",
                {
                    HOME: tmpfs(limits.work_mib, inodes=16_384, more="uid=1000,gid=1000,mode=0700"),
                    OUTBOX: tmpfs(limits.output_mib, inodes=256, more="uid=1000,gid=1000,mode=0700"),
                    "/tmp": tmpfs(limits.work_mib, inodes=4_096, more="mode=1777"),  # noqa: S108
                    "/run": tmpfs(8, inodes=1_024, more="mode=0755"),
                    "/dev/shm": tmpfs(64, inodes=4_096, more="mode=1777"),  # noqa: S108
                },
                "the only places to write: in memory, gone at the end, nothing in them can be executed",
            ),
            host("mounts", mounts, "the rows that the agreement opens, and what was let in: read-only"),
        )
    )
