"""Files that lie open are closed, and files of an old key are closed with the new one; each by itself, at once.

Both may be broken off anywhere: a file is there as it was, or as it is to be. Doing it again does the rest.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from sandbox.privacy.at_rest.files import SealedFiles
from sandbox.privacy.at_rest.keyring import Keyring
from sandbox.privacy.at_rest.sealed import Segments, seal, sealed_for

_RAW = re.compile(r"([a-z][a-z0-9_]{0,62})-(?:[0-9a-f]{16}\..+|unit-[0-9a-f]{32}\.txt)")
_HALF = ".sealing-"


def files_of(dataset: str, *, raw: Path | None, views: Path) -> Iterator[Path]:
    """All files with rows of a dataset: its raw files, the units that it withholds, its views."""
    for path in sorted(raw.iterdir()) if raw is not None and raw.is_dir() else ():
        named = _RAW.fullmatch(path.name)
        if named is not None and named[1] == dataset and path.is_file() and not path.is_symlink():
            yield path
    for path in sorted((views / dataset).rglob("*")):
        inside = path.relative_to(views / dataset).parts
        if path.is_file() and not any(part.startswith(".") for part in inside):
            yield path


def datasets_in(*, raw: Path | None, views: Path) -> tuple[str, ...]:
    """Those that have files."""
    found = {path.name for path in views.iterdir() if path.is_dir() and not path.name.startswith(".")}
    for path in raw.iterdir() if raw is not None and raw.is_dir() else ():
        named = _RAW.fullmatch(path.name)
        if named is not None:
            found.add(named[1])
    return tuple(sorted(found))


def close_all(keyring: Keyring, segments: Segments, *, raw: Path | None, views: Path) -> int:
    """Close what lies open: of an installation made before there were keys, or of a program that was killed.

    To be called while nothing is published.

    Returns:
        How many files were closed.
    """
    closed = 0
    for dataset in datasets_in(raw=raw, views=views):
        for left in (views / dataset).glob(".publishing-*"):
            shutil.rmtree(left)
        for folder in {path.parent for path in files_of(dataset, raw=raw, views=views)}:
            for half in folder.glob(f"{_HALF}*"):
                half.unlink()
        if keyring.is_destroyed(dataset):
            remove_all(dataset, raw=raw, views=views)  # a destruction that was broken off
            continue
        files = SealedFiles(keyring, dataset, segments)
        for path in files_of(dataset, raw=raw, views=views):
            if sealed_for(path) is None:
                _seal_again(path, files)
                closed += 1
    return closed


def close_anew(files: SealedFiles, dataset: str, *, raw: Path | None, views: Path) -> int:
    """Close again, with the dataset's current key, what is not; returns how many files that were."""
    current, count = files.key.id, 0
    for path in files_of(dataset, raw=raw, views=views):
        if sealed_for(path) != current:
            _seal_again(path, files)
            count += 1
    return count


def remove_all(dataset: str, *, raw: Path | None, views: Path) -> None:
    """Take a dataset's files away, once nothing opens them any more."""
    for path in files_of(dataset, raw=raw, views=views):
        path.unlink()
    shutil.rmtree(views / dataset, ignore_errors=True)


def _seal_again(path: Path, files: SealedFiles) -> None:
    half = path.with_name(f"{_HALF}{path.name}")
    half.unlink(missing_ok=True)
    try:
        with files.open(path) as content:
            seal(content, half, files.key.public, label=path.name)
        half.chmod(path.stat().st_mode & 0o777)
        os.replace(half, path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        half.unlink(missing_ok=True)
