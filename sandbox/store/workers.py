"""Which process runs a question, so that the next one knows whose questions were left behind."""

from __future__ import annotations

import os
import socket
from pathlib import Path

_PROC = Path("/proc")


def this_process() -> str:
    """``host/boot and process space/pid/start``: no other process, before or after, has the same."""
    return _name(os.getpid()) or f"{socket.gethostname()}//{os.getpid()}/"


def is_gone(worker: str) -> bool:
    """True when the process surely runs no more. One that cannot be seen from here is not known to be gone.

    After a restart of the machine all of its earlier processes are gone; those of another machine or container
    never are.
    """
    host, _, rest = worker.partition("/")
    space, _, rest = rest.partition("/")
    pid, _, start = rest.partition("/")
    if host != socket.gethostname() or not pid.isdigit() or not start or not space:
        return False
    here = _space()
    boot, _, inside = space.partition(".")
    if boot != here.partition(".")[0]:
        return bool(here)
    return inside == here.partition(".")[2] and _name(int(pid)) != worker


def _space() -> str:
    """This boot of the machine, and the numbering of processes that this one lives in."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()[:8]
        return f"{boot}.{os.stat(_PROC / 'self/ns/pid').st_ino}"
    except OSError:
        return ""


def _name(pid: int) -> str:
    try:
        # Fields after the command's closing parenthesis; the 20th of them is the start time in clock ticks.
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    space = _space()
    return f"{socket.gethostname()}/{space}/{pid}/{fields[19]}" if space and fields[0] not in "ZX" else ""
