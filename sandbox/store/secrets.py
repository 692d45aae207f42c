"""Secrets that the processes of one installation share, each in a file of its own, made at the first use."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def secret(folder: Path, name: str) -> str:
    """64 hex digits; the same ones at every call, in every process. The file is readable by its owner only."""
    path = folder / name
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        half = folder / f".{name}.{os.getpid()}"
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
        try:
            os.link(half, path)  # when two processes make it at once, the first one's stays
        except FileExistsError:
            pass
        finally:
            half.unlink()
    return path.read_text().strip()
