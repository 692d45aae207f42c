"""The signed heads that were kept: a folder of small files, each written once, for others to copy.

The operator mirrors the folder where this machine cannot write: another machine, a repository, a newspaper. From then
on the log cannot be rewritten unnoticed, not even by somebody who has this machine and its key.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from sandbox.domain.canonical import canonical_json
from sandbox.domain.errors import BadInput, Tampered
from sandbox.domain.tree_head import TreeHead, head_from

_NAME = "head-{:012d}.json"
_MAX_BYTES = 4096


class Heads:
    """The folder.

    Args:
        folder: ``heads``; made at the first head.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def all(self) -> tuple[TreeHead, ...]:
        """Every kept head, the smallest first.

        Raises:
            Tampered: a file cannot be read as a head.
        """
        return tuple(_read(path) for path in self._paths())

    def newest(self) -> TreeHead | None:
        paths = self._paths()
        return _read(paths[-1]) if paths else None

    def of_size(self, size: int) -> TreeHead | None:
        """The kept head of a log of so many entries."""
        path = self.folder / _NAME.format(size)
        return _read(path) if path.is_file() else None

    def keep(self, head: TreeHead) -> None:
        """Write a head; one of this size that is there already stays as it is."""
        self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        half = self.folder / f".{secrets.token_hex(8)}.part"
        with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "wb") as file:
            file.write(canonical_json(head.document()) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(half, self.folder / _NAME.format(head.size))
        except FileExistsError:
            pass
        finally:
            half.unlink()

    def set_aside(self, name: str) -> None:
        """Move every head to a folder of its own: the operator has said that a restored database is meant."""
        for path in self._paths():
            aside = self.folder / name
            aside.mkdir(mode=0o755, exist_ok=True)
            os.replace(path, aside / path.name)

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("head-*.json"))


def _read(path: Path) -> TreeHead:
    try:
        with path.open("rb") as file:
            head = head_from(json.loads(file.read(_MAX_BYTES)))
    except (BadInput, ValueError, RecursionError) as broken:
        raise Tampered(f"The kept head {path.name} cannot be read.", place=path.name) from broken
    if path.name != _NAME.format(head.size):
        raise Tampered(f"The kept head {path.name} is another's.", place=path.name)
    return head
