"""The one home of all container settings.

- A grant's notebook gets its settings from ``profile`` and from nowhere else.
- Each setting has its reason beside it; a test reads them, and ``docker inspect`` is compared with them.
- Sizes come from the site's policy; what a researcher can send never changes a setting.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.domain.access import Grant
from sandbox.domain.errors import NotAllowed
from sandbox.domain.policy import Mode
from sandbox.domain.site_policy import NotebookLimits
from sandbox.isolation.container import ContainerSettings, Images, Part, Setting, bind

MIB = 1024 * 1024

NOTEBOOK_USER = "1000:1000"
CARRIER_USER = "65532:65532"
HOME = "/home/researcher"
JUPYTER_PORT = 8888  # on the container's loopback
HUB_PORT = 8081  # on the container's loopback: where the hub and the portal seem to be
CARRIER_SOCKETS = "/gate"

ENGINE_RAW = "/data/raw"
ENGINE_VIEWS = "/data/views"
ENGINE_SOCKETS = "/run/engine"

_CPU_PERIOD_US = 100_000


@cache
def own_seccomp() -> str:
    """The allow-list of system calls as the engine's API takes it: JSON on one line."""
    return json.dumps(json.loads(Path(__file__).with_name("seccomp.json").read_text()))


def profile(grant: Grant, *, limits: NotebookLimits, images: Images, seccomp: str) -> ContainerSettings:
    """The settings of a grant's notebook.

    Args:
        seccomp: the allow-list of system calls, as JSON text.

    Raises:
        NotAllowed: the grant's mode opens no notebook.
    """
    if grant.mode is not Mode.QUERY:
        raise NotAllowed(
            f"Grant {grant.id} has mode {grant.mode}; only mode {Mode.QUERY} opens a notebook.", clause="mode"
        )
    return ContainerSettings(
        (
            _container("image", images.notebook, "named by the operator; user options are not looked at"),
            _container("user", NOTEBOOK_USER, "not root, also not inside"),
            _container("hostname", "notebook", "the host's name is nobody's business"),
            _container("stop_timeout", 5, "seconds until a server that ignores the stop is killed"),
            _container(
                "labels",
                {"sandbox.kind": "notebook", "sandbox.person": grant.person, "sandbox.grant": str(grant.id)},
                "so that a left-over can be found and removed",
            ),
            _host("network_mode", "none", "loopback only: nothing to scan, no DNS to tunnel through"),
            _host("dns", ["127.0.0.1"], "the host's name servers are not copied into the container"),
            _host("dns_search", ["."], "nor its search domains"),
            *_locked(seccomp),
            *_sized(
                memory_mib=limits.memory_mib,
                cpu_percent=100 * limits.cpus,
                processes=limits.processes,
                open_files=limits.open_files,
                # No file can be larger than the place it would have to lie in.
                file_bytes=max(limits.home_mib, limits.tmp_mib) * MIB,
                shm_mib=64,
            ),
            _host(
                "tmpfs",
                {
                    HOME: _tmpfs(limits.home_mib, inodes=16_384, more="uid=1000,gid=1000,mode=0700"),
                    "/tmp": _tmpfs(limits.tmp_mib, inodes=4_096, more="mode=1777"),  # noqa: S108
                    "/run": _tmpfs(8, inodes=1_024, more="mode=0755"),
                },
                "the only places to write: in memory, gone at the end, nothing in them can be executed",
            ),
        )
    )


def carrier_profile(
    notebook: str, *, images: Images, sockets: Path, seccomp: str, labels: dict[str, str] | None = None
) -> ContainerSettings:
    """The settings of the carrier beside a notebook: it moves bytes and understands none of them.

    Args:
        notebook: the id of the notebook's container.
        sockets: the folder with the two sockets, made by the gate.
    """
    return ContainerSettings(
        (
            _container("image", images.gate, "named by the operator"),
            _container("user", CARRIER_USER, "another user than the notebook's: neither can touch the other"),
            _container("stop_timeout", 1, "it has nothing to finish"),
            _container(
                "labels",
                {"sandbox.kind": "carrier", "sandbox.notebook": notebook, **(labels or {})},
                "so that a left-over can be found and removed",
            ),
            _host("network_mode", f"container:{notebook}", "shares the notebook's loopback and nothing else"),
            _host(
                "mounts",
                [bind(sockets, CARRIER_SOCKETS, read_only=False)],
                "its two sockets, in a folder that the notebook does not have",
            ),
            *_locked(seccomp),
            *_sized(
                memory_mib=64,
                cpu_percent=100,
                processes=160,  # one small process a connection; the gate opens at most 96
                open_files=256,
                file_bytes=0,  # it writes to sockets only: it cannot fill the folder it shares with the host
                shm_mib=1,
            ),
        )
    )


def engine_profile(
    *,
    images: Images,
    raw: Path,
    views: Path,
    sockets: Path,
    user: str,
    memory_mib: int,
    cpus: int,
    seccomp: str,
) -> ContainerSettings:
    """The settings of the engine: the only process that opens raw data.

    Args:
        raw: folder of the raw files; read only.
        views: folder of the private views that it makes.
        sockets: folder of the socket that questions come through.
        user: ``uid:gid`` that owns these folders on the host.
    """
    return ContainerSettings(
        (
            _container("image", images.engine, "named by the operator"),
            _container("user", user, "the owner of the folders it works in; root has no use here"),
            _container("hostname", "engine", "the host's name is nobody's business"),
            _container("stop_timeout", 5, "seconds until it is killed"),
            _container("labels", {"sandbox.kind": "engine"}, "so that a left-over can be found and removed"),
            _host("network_mode", "none", "raw rows have no way out but the answers on its socket"),
            _host("dns", ["127.0.0.1"], "the host's name servers are not copied into the container"),
            _host("dns_search", ["."], "nor its search domains"),
            _host(
                "mounts",
                [
                    bind(raw, ENGINE_RAW, read_only=True),
                    bind(views, ENGINE_VIEWS, read_only=False),
                    bind(sockets, ENGINE_SOCKETS, read_only=False),
                ],
                "the raw files read-only, the views it makes, and the folder of its socket",
            ),
            *_locked(seccomp),
            *_sized(
                memory_mib=memory_mib,
                cpu_percent=100 * cpus,
                processes=256,
                open_files=4_096,
                file_bytes=64 * 1024 * MIB,
                shm_mib=64,
            ),
            _host(
                "tmpfs",
                {"/tmp": _tmpfs(256, inodes=4_096, more="mode=1777")},  # noqa: S108
                "the rest is read-only; intermediate rows never reach a disk",
            ),
        )
    )


def _locked(seccomp: str) -> tuple[Setting, ...]:
    """What every container of ours has."""
    return (
        _host("read_only", True, "programs and libraries cannot be changed from inside"),
        _host("cap_drop", ["ALL"], "no privilege of root is left, whatever becomes root"),
        _host(
            "security_opt",
            ["no-new-privileges:true", f"seccomp={seccomp}"],
            "set-uid programs gain nothing; system calls outside our own list are refused",
        ),
        _host("ipc_mode", "private", "no shared memory with other containers"),
        _host("cgroupns", "private", "the host's tree of groups is not shown"),
        _host("oom_score_adj", 500, "when memory ends, containers end before the host's services"),
        _host("auto_remove", True, "nothing of a stopped container stays behind"),
        _host(
            "log_config",
            {"type": "json-file", "config": {"max-size": "1m", "max-file": "2"}},
            "printing without end fills no disk",
        ),
    )


def _sized(
    *, memory_mib: int, cpu_percent: int, processes: int, open_files: int, file_bytes: int, shm_mib: int
) -> tuple[Setting, ...]:
    return (
        _host("mem_limit", memory_mib * MIB, "bytes; more than this and the program is ended"),
        _host("memswap_limit", memory_mib * MIB, "memory and swap together: the same, so no swap"),
        _host("cpu_period", _CPU_PERIOD_US, "microseconds over which the quota counts"),
        _host(
            "cpu_quota", _CPU_PERIOD_US * cpu_percent // 100, "processor time within a period, microseconds"
        ),
        _host("pids_limit", processes, "a fork bomb ends here"),
        _host("shm_size", shm_mib * MIB, "bytes of /dev/shm, which also counts as memory"),
        _host(
            "ulimits",
            [
                # The engine cannot give more than it has itself; these are far below common hard limits.
                {"name": "nofile", "soft": open_files, "hard": open_files},
                {"name": "core", "soft": 0, "hard": 0},
                {"name": "fsize", "soft": file_bytes, "hard": file_bytes},
            ],
            "open files; no core dumps, which would hold data; the largest single file, in bytes",
        ),
    )


def _tmpfs(mib: int, *, inodes: int, more: str) -> str:
    # Without nr_inodes, empty files cost kernel memory without end.
    return f"rw,noexec,nosuid,nodev,size={mib}m,nr_inodes={inodes},{more}"


def _container(key: str, value: Any, reason: str) -> Setting:
    return Setting(Part.CONTAINER, key, value, reason)


def _host(key: str, value: Any, reason: str) -> Setting:
    return Setting(Part.HOST, key, value, reason)
