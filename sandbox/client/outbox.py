"""The one folder that files are sent from. What is read is a plain file in it, and nothing else.

The platform trusts none of this; it is here so that a mistake is named before anything is sent.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path

from sandbox.client.errors import BadInput, TooLarge

MAX_BYTES = 8 * 2**20  # of one request; the platform's limits are lower, and its own
_ARCHIVES = re.compile(r"\.(zip|gz|tgz|bz2|xz|7z|zst|tar|rar|jar|whl|xlsx?|pkl|pickle|joblib|npz)$", re.I)
_ARCHIVE_STARTS = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ",
    b"7z\xbc\xaf",
    b"\x28\xb5\x2f\xfd",
)


def make_outbox(path: Path) -> Path:
    """Make the folder if it is missing.

    Raises:
        BadInput: something else stands in its place.
    """
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise _bad(str(path), "is not a folder", "Remove it; the outbox has to be a folder of its own.")
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def read_outbox(
    outbox: Path, wanted: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
) -> list[tuple[str, bytes]]:
    """Read files from the outbox.

    Args:
        wanted: one file or several, as bare names or as paths into the outbox.

    Returns:
        (name, content) of each.

    Raises:
        BadInput: a link, a folder, an archive, a file elsewhere, or none at all.
        TooLarge: together above ``MAX_BYTES``.
    """
    several = [wanted] if isinstance(wanted, (str, os.PathLike)) else list(wanted)
    if not several:
        raise BadInput("No file was named.", fix=f"Write a table to {outbox} and name it.")
    folder = os.open(outbox, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        files = [(name, _content(folder, name)) for name in (_bare_name(outbox, one) for one in several)]
    finally:
        os.close(folder)
    total = sum(len(data) for _, data in files)
    if total > MAX_BYTES:
        raise TooLarge(
            f"The files have {total:,} bytes together; {MAX_BYTES:,} can be sent.", fix="Send less."
        )
    return files


def _bare_name(outbox: Path, one: str | os.PathLike[str]) -> str:
    path = Path(one)
    if ".." in path.parts:
        raise _bad(str(one), "leads out of its folder", f"Give the bare name of a file in {outbox}.")
    if path.parent in (Path("."), outbox, Path(outbox.name)):
        return path.name
    raise _bad(str(one), "is not in the outbox", f"Copy it to {outbox}, without folders, and give its name.")


def _content(folder: int, name: str) -> bytes:
    try:
        # NONBLOCK: a pipe under a file's name must not hang the notebook.
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError as missing:
        raise _bad(name, "is not in the outbox", "Write it there first.") from missing
    except (OSError, ValueError) as refused:
        raise _bad(name, "is a link or cannot be opened", "Put the file itself into the outbox.") from refused
    try:
        _check_plain(name, os.fstat(opened))
        with os.fdopen(opened, "rb", closefd=False) as file:
            data = file.read(MAX_BYTES + 1)
    finally:
        os.close(opened)
    if _ARCHIVES.search(name) or data.startswith(_ARCHIVE_STARTS):
        raise _bad(name, "is an archive or a binary format", "Send each table as its own CSV file.")
    return data


def _check_plain(name: str, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise _bad(name, "is a folder", "Name the files in it, one by one, in the outbox itself.")
    if not stat.S_ISREG(status.st_mode):
        raise _bad(name, "is no plain file", "Write a plain file.")
    if status.st_size > MAX_BYTES:
        raise TooLarge(f"{name} has {status.st_size:,} bytes; {MAX_BYTES:,} can be sent.", fix="Send less.")


def _bad(name: str, problem: str, fix: str) -> BadInput:
    return BadInput(f"{name} {problem}.", fix=fix)
