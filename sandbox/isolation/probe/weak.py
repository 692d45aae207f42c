"""Where every attack succeeds: a container with all that the profiles take away, and stand-ins that refuse nothing.

- Two containers. The first is the neighbour and the trap: it has no interface but loopback, takes the addresses that
  the attacks ask for as its own, and answers there as name server, engine, database, hub, portal and Jupyter server.
- The second is attacked. It shares network, processes and memory segments of the first, and has capabilities, no list
  of system calls and no covered files. Nothing of the host is mounted: a success reaches nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.domain.errors import OperatorError
from sandbox.isolation.container import ContainerSettings, Images, Part, Setting, bind
from sandbox.isolation.containers import Containers
from sandbox.isolation.lockdown import MIB, container, host
from sandbox.isolation.probe.attack import (
    BRIDGE,
    ENGINE_NAMES,
    INTERNET,
    INTERNET_6,
    METADATA,
    NAME_SERVER,
    NEIGHBOUR,
)

# Each is what some attack needs. An engine that lacks one cannot give it.
CAPABILITIES = (
    "SYS_ADMIN", "SYS_PTRACE", "SYS_TIME", "SYS_BOOT", "SYS_MODULE", "SYS_RAWIO", "SYS_NICE", "SYS_RESOURCE",
    "SYSLOG", "NET_ADMIN",
)  # fmt: skip
_ADDRESSES = (INTERNET, NAME_SERVER, METADATA, BRIDGE, NEIGHBOUR)
_SERVICES = (
    ("tcp", INTERNET, 443), ("udp", INTERNET, 9), ("tcp", INTERNET_6, 443), ("udp", INTERNET_6, 9),
    ("udp", NAME_SERVER, 53), ("tcp", NAME_SERVER, 53), ("udp", ENGINE_NAMES, 53), ("tcp", METADATA, 80),
    ("tcp", BRIDGE, 2375), ("tcp", BRIDGE, 5432), ("tcp", NEIGHBOUR, 8888), ("sctp", INTERNET, 9),
    ("web", "127.0.0.1", 8081), ("web", "127.0.0.1", 8888),
)  # fmt: skip
_STAND_IN = Path(__file__).with_name("stand_in.py")
MEMORY_MIB = 1024  # for each of the two


@dataclass(frozen=True, slots=True)
class WeakRoom:
    """The two containers, by name, and what this engine could not give."""

    attacked: str
    neighbour: str
    lacking: tuple[str, ...]


@contextmanager
def weak_room(containers: Containers, images: Images, *, folder: Path, name: str) -> Iterator[WeakRoom]:
    """Both, for as long as the block.

    Args:
        folder: an empty folder, closed to others; shared by the two, gone with the block's caller.
        name: first part of their names.
    """
    neighbour, attacked = f"{name}-weak-neighbour", f"{name}-weak"
    for part in ("imports", "home", "home/data", "tmp"):
        (folder / part).mkdir()
    (folder / "imports" / "list.txt").write_text("what was let in\n")
    (folder / "imports" / "program").write_text("")
    (folder / "home" / "data" / "rows.csv").write_text("not,a,row\n")
    program = _STAND_IN.read_text()
    alone = host("network_mode", "none", "all traffic stays in it")
    try:
        containers.start(
            _settings(images, folder, alone, ("NET_ADMIN",), neighbour=""),
            name=neighbour,
            command=["-c", program, "neighbour", repr((_ADDRESSES, INTERNET_6, _SERVICES))],
        )
        joined = host("network_mode", f"container:{neighbour}", "the trap")
        given = tuple(c for c in CAPABILITIES if _can_give(containers, images, folder, c, name))
        containers.start(
            _settings(images, folder, joined, given, neighbour=neighbour),
            name=attacked,
            command=["-c", program, "attacked"],
            environment={
                "JUPYTERHUB_USER": "ana",
                "JUPYTERHUB_SERVER_NAME": "grant-1",
                "JUPYTERHUB_API_TOKEN": "a stand-in's",
            },
        )
        yield WeakRoom(attacked, neighbour, tuple(c for c in CAPABILITIES if c not in given))
    finally:
        for one in (attacked, neighbour):
            containers.remove(one)


def _can_give(containers: Containers, images: Images, folder: Path, capability: str, name: str) -> bool:
    trial = f"{name}-{capability.lower()}"  # each has its own: the engine removes one when it gets to it
    alone = host("network_mode", "none", "nothing is asked there")
    try:
        settings = _settings(images, folder, alone, (capability,), neighbour="")
        containers.start(settings, name=trial, command=["-c", "pass"])
    except OperatorError:
        return False
    finally:
        containers.remove(trial)
    return True


def _settings(
    images: Images, folder: Path, network: Setting, capabilities: tuple[str, ...], *, neighbour: str
) -> ContainerSettings:
    """The opposite of ``lockdown``.

    Args:
        neighbour: whose processes and memory segments it shares; empty for its own.
    """
    of_neighbour = f"container:{neighbour}" if neighbour else ""
    rows = [
        container("image", images.notebook, "the same programs as in what is attacked"),
        container("user", "0:0", "weak"),
        container("entrypoint", ["python3"], "the stand-in instead of a notebook"),
        container("labels", {"sandbox.kind": "attack"}, "so that a left-over can be found and removed"),
        container("stop_timeout", 0, "nothing to finish"),
        network,
        host("cap_add", list(capabilities), "weak"),
        host(
            "security_opt",
            ["seccomp=unconfined", "apparmor=unconfined", "no-new-privileges:false"],
            "weak",
        ),
        host("ipc_mode", of_neighbour or "shareable", "weak"),
        host("cgroupns", "host", "weak"),
        host(
            "ulimits",
            [
                {"name": "core", "soft": -1, "hard": -1},
                {"name": "nofile", "soft": 8192, "hard": 8192},
            ],
            "weak",
        ),
        host("mem_limit", MEMORY_MIB * MIB, "the round itself is bounded"),
        host("memswap_limit", MEMORY_MIB * MIB, "the same"),
        host("pids_limit", 2_000, "the same"),
        host("cpu_shares", 8_192, "so that it gets more than one processor when it asks"),
        host("auto_remove", True, "nothing stays behind"),
        host(
            "mounts",
            [
                bind(folder / "home", "/home/researcher", read_only=False),
                bind(folder / "imports", "/imports", read_only=False),
                bind(folder / "tmp", "/tmp", read_only=False),
            ],
            "weak: all of it shared and writable",
        ),
        Setting(Part.PATHS, "MaskedPaths", [], "weak"),
        Setting(Part.PATHS, "ReadonlyPaths", [], "weak"),
    ]
    if neighbour:
        rows.append(host("pid_mode", of_neighbour, "weak"))
    else:
        rows += [
            host("dns", [NAME_SERVER], "the trap answers"),
            host("shm_size", 512 * MIB, "weak"),
            host("init", True, "ends what the attacks leave"),
        ]
    return ContainerSettings(tuple(rows))
