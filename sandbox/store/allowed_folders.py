"""Folders of this machine from which owners may publish without an upload: each from the subfolder with their name.

A file is opened first and looked at then: whatever stands behind a link, or is put there meanwhile, is refused by where
the opened file really lies.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sandbox.domain.errors import NotAllowed
from sandbox.store.drafts import kind_of

SHOWN = 200  # files


class AllowedFolders:
    """What the operator allowed; nothing by default."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)

    def listed(self, person: str) -> tuple[str, ...]:
        """The raw files of a person's own subfolders, as full paths."""
        found: list[str] = []
        for own in self._own(person):
            for folder, names, files in os.walk(own):  # follows no link
                names.sort()
                found += [f"{folder}/{name}" for name in sorted(files) if kind_of(name)]
                if len(found) >= SHOWN:
                    return tuple(found[:SHOWN])
        return tuple(found)

    @contextmanager
    def opened(self, person: str, path: str) -> Iterator[BinaryIO]:
        """A file, open for reading.

        Raises:
            NotAllowed: it is not below the person's own subfolder, or no file; the same words for both.
        """
        refused = NotAllowed(
            "This file is not in a folder that you may publish from.",
            clause="publish from",
            fix="Choose one of those that are listed, or upload it.",
        )
        try:
            number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, ValueError):
            raise refused from None
        try:
            really = Path(os.readlink(f"/proc/self/fd/{number}"))
            own = any(really.is_relative_to(folder) for folder in self._own(person))
            if not own or not stat.S_ISREG(os.fstat(number).st_mode):
                raise refused
        except BaseException:
            os.close(number)
            raise
        with os.fdopen(number, "rb") as file:
            yield file

    def _own(self, person: str) -> list[Path]:
        """Each allowed folder's subfolder of the person, where that is no link out of it."""
        own = [(folder / person) for folder in self._folders]
        return [path for path in own if path.is_dir() and path.resolve() == path]
