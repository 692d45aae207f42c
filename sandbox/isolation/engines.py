"""Which container engine answers, what it has, and what keeps it from running our containers.

Reading (``facts``) and judging (``findings``) are apart: every combination of kinds, versions and switches is judged in
tests without an engine. Whether our containers start is tried, not concluded from a version.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import docker

from sandbox.domain.errors import OperatorError
from sandbox.domain.site_policy import Runtime
from sandbox.isolation import runtimes
from sandbox.isolation.containers import answering
from sandbox.isolation.lockdown import GVISOR

LEAST_DOCKER = (20, 10)  # private groups' namespaces (cgroupns) and API 1.41
LEAST_API = (1, 41)
SAFE_STORAGE = frozenset({"overlay2", "overlayfs", "fuse-overlayfs", "overlay", "btrfs", "zfs", "vfs"})


class Kind(StrEnum):
    DOCKER = "Docker"
    PODMAN = "Podman"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What an engine says of itself."""

    kind: Kind
    version: str
    api: str
    rootless: bool
    remapped_to: int | None  # host uid that uid 0 of a container is; None: without a mapping, or not told
    cgroup_version: str
    storage: str
    seccomp: bool
    live_restore: bool
    limits: Mapping[str, bool]  # memory, processor, processes: whether they can be set
    runtimes: tuple[str, ...]
    gvisor_platform: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about an engine."""

    good: bool
    state: str
    fix: str = ""


def facts(client: docker.APIClient) -> Facts:
    """Ask the engine.

    Raises:
        OperatorError: it went away meanwhile.
    """
    with answering():
        info, version = client.info(), client.version()
    return read(info, version)


def read(info: Mapping[str, Any], version: Mapping[str, Any]) -> Facts:
    """The facts in an engine's two answers. What is missing in them counts as not there."""
    parts = {str(p.get("Name", "")) for p in version.get("Components") or ()}
    options = tuple(map(str, info.get("SecurityOptions") or ()))
    mapped = re.search(r"/(\d+)\.\d+$", str(info.get("DockerRootDir", "")))
    podman = any(p.startswith("Podman") for p in parts)
    remapped = any(o.startswith("name=userns") for o in options)
    return Facts(
        kind=Kind.PODMAN if podman else Kind.DOCKER,
        version=str(version.get("Version", "")),
        api=str(version.get("ApiVersion", "")),
        rootless=bool(info.get("Rootless")) or any(o.startswith("name=rootless") for o in options),
        remapped_to=int(mapped.group(1)) if remapped and mapped else None,
        cgroup_version=str(info.get("CgroupVersion", "")),
        storage=str(info.get("Driver", "")),
        seccomp=any(o.startswith("name=seccomp") for o in options),
        live_restore=bool(info.get("LiveRestoreEnabled")),
        limits=runtimes.bounds(info),
        runtimes=runtimes.offered(info),
        # Podman names runtimes that are not installed.
        gvisor_platform=runtimes.platform(info) if GVISOR in runtimes.offered(info) and not podman else "",
    )


def findings(engine: Facts, *, remapped_to: int = 0) -> Iterator[Finding]:
    """What is good and what is not, from what the engine says; the first line names it.

    Args:
        remapped_to: where this installation thinks that the engine maps root to.
    """
    how = "rootless" if engine.rootless else "as root"
    yield Finding(
        True, f"{engine.kind} {engine.version}, {how}, {engine.storage}, cgroup v{engine.cgroup_version}"
    )
    if engine.kind is Kind.DOCKER and _number(engine.version) < LEAST_DOCKER:
        yield Finding(False, f"Docker {engine.version} is too old", "Install 20.10 or newer.")
    elif _number(engine.api) < LEAST_API:
        yield Finding(False, f"its API {engine.api} is too old", "Install an engine with API 1.41 or newer.")
    if not engine.seccomp:
        yield Finding(
            False,
            "no filter of system calls (seccomp)",
            "Use a kernel and an engine with seccomp; without it a container reaches the whole kernel.",
        )
    unbounded = [name for name, can in engine.limits.items() if not can]
    if unbounded:
        yield Finding(
            False,
            f"cannot bound {', '.join(unbounded)}",
            "For a rootless engine: use cgroup v2 and delegate these controllers to your user."
            if engine.rootless
            else "Turn these cgroup controllers on in the kernel's command line.",
        )
    if engine.storage not in SAFE_STORAGE:
        yield Finding(False, f"storage driver {engine.storage} is unknown", "Set overlay2 in daemon.json.")
    if engine.rootless or engine.remapped_to is not None:
        yield Finding(True, "root of a container is nobody on the host (own user namespace)")
    if engine.kind is Kind.DOCKER and not engine.rootless and (engine.remapped_to or 0) != remapped_to:
        yield Finding(
            False,
            f"maps root to user {engine.remapped_to or 0}, and the folders of the data are made for {remapped_to}",
            f"Set SANDBOX_REMAPPED_TO={engine.remapped_to or 0}, and start again.",
        )
    if engine.gvisor_platform:
        slow = " (slow: 'auto' leaves it)" if engine.gvisor_platform == runtimes.SLOW_PLATFORM else ""
        yield Finding(True, f"gVisor on {engine.gvisor_platform}{slow}")


def starts_ours(client: docker.APIClient, wanted: Runtime, *, image: str) -> Finding:
    """Whether a container with our settings runs, under the runtime that the policy asks for."""
    try:
        engine = facts(client)
        runtime = runtimes.choose(client, wanted, image=image)
        why = runtimes.trial(client, runtime, image=image, engine=str(client.info().get("ID", "")))
    except OperatorError as error:
        return Finding(False, error.message, error.fix)
    if not why:
        return Finding(True, f"a locked container runs under {runtime}")
    if engine.kind is Kind.PODMAN:
        return Finding(
            False, f"Podman cannot start our containers: {why}", "Use Docker, rootless where you can."
        )
    return Finding(False, why, "See the engine's log; then run 'sandbox doctor' again.")


def _number(version: str) -> tuple[int, ...]:
    found = re.match(r"(\d+)\.(\d+)", version)
    return tuple(map(int, found.groups())) if found else (0, 0)
