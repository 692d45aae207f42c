"""Runs in a notebook's pod before anything of a person's does: are the walls there?

    python walls.py CARRIER:PORT HOST:PORT …

A cluster whose network plug-in does not know network policies takes them without a word, and enforces none. So: the one
way has to be open, and each other address has to be shut. Policies may come a moment after the pod, so it looks for a
while. Ends with 1, and the pod with it, when a wall is not there. On one machine nothing runs it.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor

ANSWERS_WITHIN_S = 1.0
LOOKS_FOR_S = 20.0
METADATA = "169.254.169.254:80"  # where clouds hand credentials to whoever asks


def opens(target: str) -> bool:
    """Whether a connection can be made."""
    host, _, port = target.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWERS_WITHIN_S):
            return True
    except OSError:
        return False


def wrong(way: str, walls: list[str]) -> list[str]:
    """What is not as it has to be, in words; empty when all is."""
    with ThreadPoolExecutor(len(walls) + 1) as at_once:
        found = list(at_once.map(opens, [way, *walls]))
    shut = [] if found[0] else [f"the way out is shut: {way}"]
    return shut + [
        f"this can be reached: {wall}" for wall, is_open in zip(walls, found[1:], strict=True) if is_open
    ]


def main(arguments: list[str], *, looks_for_s: float = LOOKS_FOR_S) -> int:
    """Look until all is well, or for so long."""
    way, walls = arguments[0], [*arguments[1:], METADATA]
    server = os.environ.get("KUBERNETES_SERVICE_HOST")
    if server:
        walls.append(f"{server}:{os.environ.get('KUBERNETES_SERVICE_PORT', '443')}")
    until = time.monotonic() + looks_for_s
    while True:
        found = wrong(way, walls)
        if not found:
            return 0
        if time.monotonic() >= until:
            sys.stderr.write("".join(f"{line}\n" for line in found))
            return 1
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
