"""Whether something answers: a port, a page, a lock that a process holds. Quick, and never an error."""

from __future__ import annotations

import fcntl
import os
import socket
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path


def listens(url: str) -> bool:
    """Whether something listens at an address."""
    parts = urllib.parse.urlsplit(url)
    try:
        with socket.create_connection((parts.hostname, parts.port or 80), timeout=1):
            return True
    except OSError:
        return False


def answers(url: str, *, host: str = "") -> bool:
    """Whether a page of ours is answered with 200.

    Args:
        host: the name that is asked for, where it is not the address's.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    asked = urllib.request.Request(url, headers={"Host": host} if host else {})  # noqa: S310 - ours, http
    try:
        with opener.open(asked, timeout=3) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def held(lock: Path) -> bool:
    """Whether a process holds a file's lock; False where there is no such file."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # nothing was ever started here
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
