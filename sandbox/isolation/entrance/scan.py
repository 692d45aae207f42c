"""The malware scanner of the machine. That there is none is said with every file, never silently."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable

from sandbox.domain.findings import Finding
from sandbox.isolation.entrance.found import Refused, fine, look

CHECK = "malware"
TIMEOUT_S = 60

Scan = Callable[[str, bytes], Finding]


def clamav(command: str = "clamdscan", *, timeout_s: float = TIMEOUT_S) -> Scan:
    """A scan by ClamAV's daemon.

    Args:
        command: found on the path, or a path; the file's bytes go to its standard input.
    """

    def scan(name: str, data: bytes) -> Finding:
        """What the scanner says.

        Raises:
            Refused: it found something.
        """
        program = shutil.which(command)
        if program is None:
            return look(
                name,
                CHECK,
                "Not scanned for malware: this machine has no ClamAV (clamdscan).",
                "Look more closely, or ask the operator to install it.",
            )
        try:
            done = subprocess.run(  # noqa: S603 - a fixed program, no word of the caller's
                [program, "--no-summary", "--stream", "-"],
                input=data,
                capture_output=True,
                timeout=timeout_s,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return _unscanned(name)
        if done.returncode == 1:
            raise Refused(CHECK, f"ClamAV found {_signature(done.stdout)}.", "Do not use this file anywhere.")
        if done.returncode != 0:
            return _unscanned(name)
        return fine(name, CHECK, "ClamAV found nothing.")

    return scan


def _unscanned(name: str) -> Finding:
    return look(
        name,
        CHECK,
        "Not scanned for malware: ClamAV did not answer.",
        "Look more closely, or ask the operator to mend it.",
    )


def _signature(output: bytes) -> str:
    found = re.search(r": (\S{1,100}) FOUND", output.decode("utf-8", errors="replace"))
    return found[1] if found else "malware"
