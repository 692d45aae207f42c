"""The engine's container, for as long as the process that called lives."""

from __future__ import annotations

import logging
import signal
import threading
from pathlib import Path

from sandbox.domain.errors import OperatorError
from sandbox.isolation.container import Images
from sandbox.isolation.containers import Containers
from sandbox.isolation.lockdown import own_seccomp
from sandbox.isolation.profile import (
    ENGINE_EXTRACTS,
    ENGINE_KEYS,
    ENGINE_RAW,
    ENGINE_SOCKETS,
    ENGINE_VIEWS,
    engine_profile,
)

_LOOK_EVERY_S = 0.5
_log = logging.getLogger(__name__)


def run_engine(
    *,
    images: Images,
    raw_dir: Path,
    views_dir: Path,
    keys_dir: Path,
    extracts_dir: Path,
    socket: Path,
    memory_mib: int,
    timeout_s: int,
    user: tuple[int, int],
    name: str,
    cpus: int = 2,
    containers: Containers | None = None,
) -> int:
    """Run the engine in its container until it ends or this process is told to.

    A container engine that is away is waited for: what it left running goes on, what it ended is seen when it is back.

    Args:
        socket: where the host reaches it; its folder goes into the container.
        timeout_s: of one question, in seconds.
        user: uid and gid that own the folders.
        name: the container's; one that a crash left is removed first.

    Returns:
        0 when this process was told to end, 1 when the engine ended by itself.

    Raises:
        OperatorError: the image is gone, or the container engine refuses.
    """
    engine = containers or Containers.awaited()
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    settings = engine_profile(
        images=images,
        raw=raw_dir,
        views=views_dir,
        keys=keys_dir,
        extracts=extracts_dir,
        sockets=socket.parent,
        user=f"{user[0]}:{user[1]}",
        memory_mib=memory_mib,
        cpus=cpus,
        seccomp=own_seccomp(),
    )
    socket.unlink(missing_ok=True)  # of a killed one: nobody listens on it any more
    engine.start(
        settings,
        name=name,
        command=engine_command(socket=socket.name, timeout_s=timeout_s, memory_mib=memory_mib, cpus=cpus),
    )
    try:
        return 0 if _lasts(engine, name, told) else 1
    finally:
        engine.remove(name)


def _lasts(engine: Containers, name: str, told: threading.Event) -> bool:
    """Whether it runs until this process is told to end."""
    away = False
    while not told.wait(_LOOK_EVERY_S):
        try:
            if not engine.running(name):
                return False
            away = False
        except OperatorError as lost:
            if not away:
                _log.warning("%s", lost.message)
            away = True
    return True


def engine_command(*, socket: str, timeout_s: int, memory_mib: int, cpus: int) -> list[str]:
    """What runs in the engine's container, after the image's own entry.

    Args:
        socket: its name in the folder of sockets.
        memory_mib: of the container; the engine itself keeps below it.
    """
    return [
        *("python", "-m", "sandbox.privacy.service"),
        *("--socket", f"{ENGINE_SOCKETS}/{socket}"),
        *("--raw", ENGINE_RAW),
        *("--views", ENGINE_VIEWS),
        *("--keys", ENGINE_KEYS),
        *("--extracts", ENGINE_EXTRACTS),
        *("--timeout-s", str(timeout_s)),
        *("--memory-mib", str(memory_mib)),
        *("--threads", str(cpus)),
    ]
