"""What was let in, laid out for a container: ``/imports/files`` and ``/imports/python``.

- The folder is named by the hash of what it holds, so that a later one never changes under a running notebook.
- At each opening it is looked through, file by file and by hash; what differs in anything is laid out anew.
- Its parents are closed to other users of the host; in a container everybody may read it, and nobody write.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from sandbox.domain.canonical import content_hash

FILES = "files"
PYTHON = "python"
_FOLDER, _FILE = 0o755, 0o444


def lay_out(root: Path, project: str, contents: Mapping[str, bytes]) -> Path:
    """The folder of a project, holding exactly these files.

    Args:
        root: of all projects; made when it is not there.
        project: a safe name.
        contents: relative path -> bytes; the paths were checked.
    """
    wanted = {path: hashlib.sha256(content).hexdigest() for path, content in contents.items()}
    parent = root / project
    for folder in (root, parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    place = parent / content_hash(dict(sorted(wanted.items())))[:32]
    if not holds_exactly(place, wanted):
        _lay(place, contents)
    return place


def holds_exactly(place: Path, wanted: Mapping[str, str]) -> bool:
    """True when the folder holds these files, unchanged, and nothing else: no link, no other name, no more rights.

    Args:
        wanted: relative path -> SHA-256.
    """
    if place.is_symlink() or not place.is_dir():
        return False
    folders = {"/".join(path.split("/")[:n]) for path in wanted for n in range(1, path.count("/") + 1)}
    seen = set()
    for at, names, files in os.walk(place, followlinks=False, onerror=_fail):
        for name in (*names, *files):
            path = Path(at, name)
            relative = path.relative_to(place).as_posix()
            found = path.lstat()
            if stat.S_ISDIR(found.st_mode):
                if relative not in folders or stat.S_IMODE(found.st_mode) != _FOLDER:
                    return False
            elif relative not in wanted or not _is_as_laid(path, found, wanted[relative]):
                return False
            else:
                seen.add(relative)
    return seen == wanted.keys()


def clashing(there: Mapping[str, bytes], more: Mapping[str, bytes]) -> str:
    """The first path that two sets of files would write in two ways; empty when they lie beside each other.

    >>> clashing({"a/b.py": b"1"}, {"a/b.py": b"1", "a/c.py": b"2"})
    ''
    >>> clashing({"a/b.py": b"1"}, {"a": b"2"})
    'a'
    """
    folders = {
        "/".join(path.split("/")[:n]) for path in (*there, *more) for n in range(1, path.count("/") + 1)
    }
    for path in sorted({*there, *more}):
        if path in folders or (path in there and path in more and there[path] != more[path]):
            return path
    return ""


def clear(root: Path) -> None:
    """Take every folder away, when no container runs: each is laid out again when it is asked for."""
    if root.is_symlink():
        root.unlink()
    elif root.is_dir():
        shutil.rmtree(root)


def _is_as_laid(path: Path, found: os.stat_result, sha256: str) -> bool:
    if not stat.S_ISREG(found.st_mode) or stat.S_IMODE(found.st_mode) != _FILE or found.st_nlink != 1:
        return False
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def _lay(place: Path, contents: Mapping[str, bytes]) -> None:
    """Written beside, then renamed: a container sees all of it or the one before."""
    half = place.with_name(f"{place.name}.{secrets.token_hex(8)}.part")
    half.mkdir(mode=0o700)
    try:
        for path, content in contents.items():
            target = half / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(
                os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb"
            ) as file:
                file.write(content)
                os.fchmod(file.fileno(), _FILE)
        for at, names, _ in os.walk(half):
            for name in names:
                Path(at, name).chmod(_FOLDER)
        half.chmod(_FOLDER)
        _set_aside(place)
        half.rename(place)
    finally:
        shutil.rmtree(half, ignore_errors=True)


def _set_aside(place: Path) -> None:
    """What stands in the way and is not what it should be."""
    if not place.is_symlink() and not place.exists():
        return
    aside = place.with_name(f"{place.name}.{secrets.token_hex(8)}.old")
    place.rename(aside)
    if aside.is_dir() and not aside.is_symlink():
        shutil.rmtree(aside, ignore_errors=True)
    else:
        aside.unlink(missing_ok=True)


def _fail(error: OSError) -> None:
    raise error
