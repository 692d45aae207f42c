"""A raw file comes in as a stream and is closed as it comes: no row of it ever lies open on the disk.

It gets a name of chance in the raw store. What is open to everybody anyway goes where it is told, as it is.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sandbox.domain.errors import BadInput, NotFound, TooLarge
from sandbox.flows.data_keys import CloseData
from sandbox.privacy.at_rest.sealed import SealedWriter

HALF = ".taking-"  # how a file's name begins while it comes
HALF_KEPT_S = 24 * 3600  # no upload takes so long


@dataclass(frozen=True, slots=True)
class TakenFile:
    """A file that came in whole."""

    path: Path
    size_bytes: int
    sha256: str  # of what came


class RawStream:
    """Takes bytes until ``finish``. ``abandon`` leaves nothing behind, and may be called at any time.

    Args:
        target: where it will be, whole or not at all.
        most_bytes: more are refused.
    """

    def __init__(self, target: Path, *, public: bytes | None, most_bytes: int) -> None:
        self._target, self._most = target, most_bytes
        self._half = target.with_name(f"{HALF}{secrets.token_hex(8)}-{target.name}")
        self._half.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file: BinaryIO | SealedWriter
        if public is None:
            self._file = os.fdopen(os.open(self._half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        else:
            self._file = SealedWriter(self._half, public, label=target.name)
        self._digest, self._size = hashlib.sha256(), 0

    def write(self, data: bytes) -> None:
        """Raises TooLarge."""
        self._size += len(data)
        if self._size > self._most:
            raise TooLarge(
                f"The file is larger than {self._most:,} bytes.",
                fix="Publish a smaller one, or ask the operator for a higher limit.",
            )
        self._digest.update(data)
        self._file.write(data)

    def finish(self) -> TakenFile:
        """Raises BadInput when nothing came."""
        if not self._size:
            raise BadInput("The file is empty.", where="file", fix="Choose another one.")
        self._file.close()
        try:
            os.replace(self._half, self._target)
        except FileNotFoundError:
            raise NotFound("What the file was for is gone.", fix="Begin again, then send it.") from None
        return TakenFile(self._target, self._size, self._digest.hexdigest())

    def abandon(self) -> None:
        if not self._file.closed:
            self._file.close()
        self._half.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeRaw:
    """The journey's parts."""

    closing: CloseData
    raw_dir: Path
    hand_over: Callable[[Path], None]
    most_bytes: int

    def closed(self, dataset: str, kind: str, *, actor: str) -> RawStream:
        """Into the raw store, for a conditional dataset.

        Args:
            kind: the file's ending, with its dot.

        Raises:
            Conflict: its data were destroyed.
            OperatorError: the engine that keeps the keys does not answer.
        """
        key = self.closing.key_for(dataset, actor=actor)
        target = self.raw_dir / f"{dataset}-{secrets.token_hex(8)}{kind}"
        return RawStream(target, public=key.public if key else None, most_bytes=self.most_bytes)

    def open(self, target: Path) -> RawStream:
        """To where it waits to be opened to everybody."""
        return RawStream(target, public=None, most_bytes=self.most_bytes)

    def clear_halves(self, folder: Path) -> None:
        """Remove what a process that was killed took in half, in a folder of drafts and in the raw store."""
        old = time.time() - HALF_KEPT_S
        for half in (*self.raw_dir.glob(f"{HALF}*"), *folder.glob(f"*/{HALF}*")):
            with suppress(FileNotFoundError):
                if half.stat().st_mtime < old:
                    half.unlink()

    def remove(self, raw: str) -> None:
        """Take a file out of the raw store."""
        (self.raw_dir / raw).unlink(missing_ok=True)
