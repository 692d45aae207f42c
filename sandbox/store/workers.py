"""Which process runs a question, so that the next one knows whose questions were left behind."""

from __future__ import annotations

import os
import socket
from pathlib import Path

_PROC = Path("/proc")


def this_process() -> str:
    """``host/boot/pid/start``: no other process, before or after, has the same."""
    return _name(os.getpid()) or f"{socket.gethostname()}//{os.getpid()}/"


def is_gone(worker: str) -> bool:
    """True when the process surely runs no more. One on another machine is not known to be gone."""
    host, _, rest = worker.partition("/")
    boot, _, rest = rest.partition("/")
    pid, _, start = rest.partition("/")
    if host != socket.gethostname() or not boot or not pid.isdigit() or not start:
        return False
    return _name(int(pid)) != worker


def _name(pid: int) -> str:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()[:8]
        # Fields after the command's closing parenthesis; the 20th of them is the start time in clock ticks.
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else f"{socket.gethostname()}/{boot}/{pid}/{fields[19]}"
