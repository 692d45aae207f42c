"""Files by what they hold: a file's name is the SHA-256 of its bytes.

- A file is whole or not there: written beside, flushed to the disk, then renamed.
- It is hashed again whenever it is read, so that bytes changed on the disk are never let out.
- The same bytes are kept once.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, NamedTuple

from sandbox.domain.errors import NotFound, OperatorError, Tampered, TooLarge

_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHUNK_BYTES = 1 << 20
_LEFT_BEHIND_S = 24 * 3600
_FULL = {errno.ENOSPC: "is full", errno.EDQUOT: "is at its quota", errno.EFBIG: "takes no file of this size"}


class Stored(NamedTuple):
    """A file as the vault knows it."""

    sha256: str
    size_bytes: int


def _create(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb")


class Vault:
    """A folder of files by SHA-256.

    Args:
        folder: made when it is not there, readable by its owner only.
        create: opens a new file for writing; handed in by tests of full disks.
    """

    def __init__(self, folder: Path, *, create: Callable[[Path], BinaryIO] = _create) -> None:
        self._folder, self._create = folder, create
        self._incoming = folder / "incoming"
        self._incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        for half in self._incoming.iterdir():  # left by processes that were killed
            if half.stat().st_mtime < time.time() - _LEFT_BEHIND_S:
                half.unlink(missing_ok=True)

    def put(self, data: bytes | BinaryIO, *, max_bytes: int | None = None) -> Stored:
        """Keep bytes, or a stream read to its end.

        Raises:
            TooLarge: more than ``max_bytes``; nothing is kept.
            OperatorError: the disk is full or cannot be written; nothing is kept.
        """
        half = self._incoming / f"{os.getpid()}-{secrets.token_hex(8)}.part"
        try:
            stored = self._write(half, _chunks(data), max_bytes)
            target = self._path(stored.sha256)
            target.parent.mkdir(mode=0o700, exist_ok=True)
            # Also over a file that is there: what is renamed is known to be right, what lies there is not.
            os.replace(half, target)
            _flush_folder(target.parent)
        except OSError as failure:
            reason = _FULL.get(failure.errno or 0, "cannot be written")
            raise OperatorError(
                f"The vault's disk {reason}; the file was not kept.", fix="Make room on it, then try again."
            ) from failure
        finally:
            half.unlink(missing_ok=True)
        return stored

    def get(self, sha256: str) -> bytes:
        """The file's bytes, hashed again.

        Raises:
            NotFound: never kept, or no SHA-256.
            Tampered: its bytes are not those that were kept.
        """
        with self._opened(sha256) as file:
            data = file.read()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise _changed(sha256)
        return data

    def checked_path(self, sha256: str) -> Path:
        """Where the file lies, for sending a large one, after hashing it. Raises as ``get``."""
        with self._opened(sha256) as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise _changed(sha256)
        return self._path(sha256)

    def size(self, sha256: str) -> int:
        """Bytes. Raises NotFound."""
        with self._opened(sha256) as file:
            return os.fstat(file.fileno()).st_size

    def verify(self) -> int:
        """Hash every file again.

        Returns:
            The number of files.

        Raises:
            Tampered: names the first that was changed.
        """
        count = 0
        for path in sorted(self._folder.glob("[0-9a-f][0-9a-f]/*")):
            self.checked_path(path.parent.name + path.name)
            count += 1
        return count

    def _write(self, half: Path, chunks: Iterator[bytes], max_bytes: int | None) -> Stored:
        digest, size = hashlib.sha256(), 0
        with self._create(half) as file:
            for chunk in chunks:
                size += len(chunk)
                if max_bytes is not None and size > max_bytes:
                    raise TooLarge(f"More than {max_bytes} bytes.", fix="Send less.")
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        half.chmod(0o400)
        return Stored(digest.hexdigest(), size)

    def _opened(self, sha256: str) -> BufferedReader:
        if not _SHA256.fullmatch(sha256):
            raise NotFound("That is no SHA-256 of a file.")
        try:
            # A link put in the file's place would lead out of the vault.
            return os.fdopen(os.open(self._path(sha256), os.O_RDONLY | os.O_NOFOLLOW), "rb")
        except FileNotFoundError:
            raise NotFound(f"There is no file {sha256[:12]}….") from None
        except OSError as failure:
            if failure.errno == errno.ELOOP:
                raise _changed(sha256) from failure
            raise OperatorError(
                "The vault cannot be read.", fix="Check the rights of its folder and its disk."
            ) from failure

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256[2:]


def _chunks(data: bytes | BinaryIO) -> Iterator[bytes]:
    if isinstance(data, bytes):
        yield data
        return
    while chunk := data.read(_CHUNK_BYTES):
        yield chunk


def _flush_folder(folder: Path) -> None:
    """Make a rename survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _changed(sha256: str) -> Tampered:
    return Tampered(f"The file {sha256[:12]}… was changed on the disk.", place=f"file {sha256}")
