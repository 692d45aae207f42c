"""The one home of all container settings.

- A grant's notebook gets its settings from ``profile`` and from nowhere else.
- Each setting has its reason beside it; a test reads them, and ``docker inspect`` is compared with them.
- Sizes come from the site's policy; what a researcher can send never changes a setting.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sandbox.domain.access import Grant
from sandbox.domain.errors import NotAllowed
from sandbox.domain.policy import Mode
from sandbox.domain.site_policy import NotebookLimits
from sandbox.isolation.container import ContainerSettings, Images, Setting, bind
from sandbox.isolation.lockdown import MIB, container, cut_off, host, locked, sized, tmpfs

NOTEBOOK_USER = "1000:1000"
CARRIER_USER = "65532:65532"
HOME = "/home/researcher"
JUPYTER_PORT = 8888  # on the container's loopback
HUB_PORT = 8081  # on the container's loopback: where the hub and the portal seem to be
CARRIER_SOCKETS = "/gate"
DATA = "/data"  # in a container that is shown rows
IMPORTS = "/imports"

ENGINE_RAW = "/data/raw"
ENGINE_VIEWS = "/data/views"
ENGINE_KEYS = "/data/keys"
ENGINE_EXTRACTS = "/data/extracts"
ENGINE_SOCKETS = "/run/engine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Folders of the host that a container may read, and no more.

    Attributes:
        data: an extract of the raw rows: the tables and columns that the agreement opens. In mode room only.
        imports: files and packages that were let in for the project; None when there are none.
    """

    data: Path | None = None
    imports: Path | None = None


NOTHING = Shown()


def profile(
    grant: Grant,
    *,
    limits: NotebookLimits,
    images: Images,
    seccomp: str,
    shown: Shown = NOTHING,
    runtime: str = "runc",
) -> ContainerSettings:
    """The settings of a grant's notebook, in each mode.

    Args:
        seccomp: the allow-list of system calls, as JSON text.
        runtime: the name by which the container engine knows it: runc, or runsc (gVisor).

    Raises:
        NotAllowed: rows would be shown in a mode that shows none, or are missing in the one that does.
    """
    if (grant.mode is Mode.ROOM) is (shown.data is None):
        raise NotAllowed(
            f"Grant {grant.id} has mode {grant.mode}; only mode {Mode.ROOM} shows rows, and needs them.",
            clause="mode",
        )
    return ContainerSettings(
        (
            container("image", images.notebook, "named by the operator; user options are not looked at"),
            container("user", NOTEBOOK_USER, "not root, also not inside"),
            container("hostname", "notebook", "the host's name is nobody's business"),
            container("stop_timeout", 5, "seconds until a server that ignores the stop is killed"),
            container(
                "labels",
                {"sandbox.kind": "notebook", "sandbox.person": grant.person, "sandbox.grant": str(grant.id)},
                "so that a left-over can be found and removed",
            ),
            *cut_off(),
            *locked(seccomp, runtime=runtime),
            *sized(
                memory_mib=limits.memory_mib,
                cpu_percent=100 * limits.cpus,
                processes=limits.processes,
                open_files=limits.open_files,
                # No file can be larger than the place it would have to lie in.
                file_bytes=max(limits.home_mib, limits.tmp_mib) * MIB,
                shm_mib=64,
            ),
            host(
                "tmpfs",
                {
                    HOME: tmpfs(limits.home_mib, inodes=16_384, more="uid=1000,gid=1000,mode=0700"),
                    "/tmp": tmpfs(limits.tmp_mib, inodes=4_096, more="mode=1777"),  # noqa: S108
                    "/run": tmpfs(8, inodes=1_024, more="mode=0755"),
                    "/dev/shm": tmpfs(64, inodes=4_096, more="mode=1777"),  # noqa: S108
                },
                "the only places to write: in memory, gone at the end, nothing in them can be executed",
            ),
            *_shown(shown),
        )
    )


def _shown(shown: Shown) -> tuple[Setting, ...]:
    mounts = []
    if shown.data is not None:
        mounts.append(bind(shown.data, DATA, read_only=True))
    if shown.imports is not None:
        mounts.append(bind(shown.imports, IMPORTS, read_only=True))
    if not mounts:
        return ()
    return (host("mounts", mounts, "rows that the agreement opens, files that were let in: read-only"),)


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
            container("image", images.gate, "named by the operator"),
            container("user", CARRIER_USER, "another user than the notebook's: neither can touch the other"),
            container("stop_timeout", 1, "it has nothing to finish"),
            container(
                "labels",
                {"sandbox.kind": "carrier", "sandbox.notebook": notebook, **(labels or {})},
                "so that a left-over can be found and removed",
            ),
            host("network_mode", f"container:{notebook}", "shares the notebook's loopback and nothing else"),
            host(
                "mounts",
                [bind(sockets, CARRIER_SOCKETS, read_only=False)],
                "its two sockets, in a folder that the notebook does not have",
            ),
            *locked(seccomp),
            *sized(
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
    keys: Path,
    extracts: Path,
    sockets: Path,
    user: str,
    memory_mib: int,
    cpus: int,
    seccomp: str,
) -> ContainerSettings:
    """The settings of the engine: the only process that opens raw data.

    Args:
        raw: folder of the raw files, which it closes anew when their key is replaced.
        views: folder of the private views that it makes.
        keys: folder of the datasets' keys; no other container has it.
        extracts: folder, in memory, of the rows that jobs and rooms read.
        sockets: folder of the socket that questions come through.
        user: ``uid:gid`` that owns these folders on the host.
    """
    return ContainerSettings(
        (
            container("image", images.engine, "named by the operator"),
            container("user", user, "the owner of the folders it works in; root has no use here"),
            container("hostname", "engine", "the host's name is nobody's business"),
            container("stop_timeout", 5, "seconds until it is killed"),
            container("labels", {"sandbox.kind": "engine"}, "so that a left-over can be found and removed"),
            *cut_off(),
            host(
                "mounts",
                [
                    bind(raw, ENGINE_RAW, read_only=False),
                    bind(views, ENGINE_VIEWS, read_only=False),
                    bind(keys, ENGINE_KEYS, read_only=False),
                    bind(extracts, ENGINE_EXTRACTS, read_only=False),
                    bind(sockets, ENGINE_SOCKETS, read_only=False),
                ],
                "the closed files and their keys, which no other container has; rows it hands out; its socket's folder",
            ),
            *locked(seccomp),
            *sized(
                memory_mib=memory_mib,
                cpu_percent=100 * cpus,
                processes=256,
                open_files=4_096,
                file_bytes=64 * 1024 * MIB,
                shm_mib=64,
            ),
            host(
                "tmpfs",
                {"/tmp": tmpfs(256, inodes=4_096, more="mode=1777")},  # noqa: S108
                "the rest is read-only; intermediate rows never reach a disk",
            ),
        )
    )
