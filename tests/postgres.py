"""A PostgreSQL server of the tests' own, on a unix socket in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def binaries() -> Path | None:
    """Where PostgreSQL's programs are; None where they are not."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


@contextmanager
def server(programs: Path) -> Iterator[str]:
    """The URL of a server, with ``{}`` for a database's name; its mighty role is ``tests``. Removed at the end."""
    # PostgreSQL refuses to run as root; its own user has to reach the folder, and a socket's path is short.
    base = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    as_other: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(base, "postgres", "postgres")
        as_other = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]

    def run(*command: str) -> None:
        subprocess.run([*as_other, *command], check=True, stdout=subprocess.DEVNULL, cwd=base)

    data = str(base / "data")
    # Durability is not what these tests kill: the server itself is never killed.
    options = f"-k {base} -c listen_addresses='' -c fsync=off -c max_connections=200"
    new = ["-U", "tests", "-A", "trust", "--no-sync", "-E", "UTF8", "--no-locale"]
    try:
        run(str(programs / "initdb"), "-D", data, *new)
        run(str(programs / "pg_ctl"), "-D", data, "-l", str(base / "log"), "-o", options, "-w", "start")
        try:
            yield f"postgresql://tests@/{{}}?host={base}"
        finally:
            run(str(programs / "pg_ctl"), "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(base, ignore_errors=True)
