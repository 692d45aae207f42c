"""How files are opened and made: as they are, or sealed for a dataset.

DuckDB reads and writes sealed files through Python, segment by segment: no opened file lies anywhere. To it, such a
file is called ``sealed:///…``, and only files that a connection was allowed can be opened by that name too.
"""

from __future__ import annotations

import io
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

import duckdb
from fsspec.spec import AbstractFileSystem

from sandbox.domain.data_key import DataKey
from sandbox.domain.errors import SandboxError
from sandbox.privacy.at_rest.keyring import Keyring
from sandbox.privacy.at_rest.sealed import (
    SEGMENT,
    SealedReader,
    SealedWriter,
    Segments,
    content_size,
    sealed_for,
)

_SCHEME = "sealed"


class Files:
    """Files as they are."""

    def open(self, path: Path) -> BinaryIO:
        """A file's content, to be read."""
        return path.open("rb")

    def create(self, path: Path) -> BinaryIO:
        """A new file; it is on the disk when it is closed.

        Raises:
            FileExistsError: there is one.
        """
        return io.BufferedWriter(_Durable(path))

    def source(self, path: Path) -> str:
        """What DuckDB calls a file that is there."""
        return str(path)

    def target(self, path: Path) -> str:
        """What DuckDB calls a file that it is to make."""
        return str(path)

    def attach(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Let a connection open files by these names."""

    def check(self) -> None:
        """Raise what went wrong with a file while DuckDB read it, which DuckDB's own error hides."""


AS_THEY_ARE = Files()


class SealedFiles(Files):
    """Files of one dataset: what is made is sealed for its key; what is there is opened by it, or as it is.

    A file that is not sealed is read as it is: an installation that was made before is closed while it goes on.

    Args:
        segments: where opened parts are kept.
    """

    def __init__(self, keyring: Keyring, dataset: str, segments: Segments) -> None:
        self._keyring, self._dataset, self._segments = keyring, dataset, segments
        self._trouble: SandboxError | None = None

    @property
    def key(self) -> DataKey:
        """What new files are sealed for."""
        return self._keyring.current(self._dataset)

    def open(self, path: Path) -> BinaryIO:
        """A file's content.

        Raises:
            NotFound: the key is gone.
            Tampered: the file was changed.
        """
        return io.BufferedReader(self.opened(path), SEGMENT)

    def opened(self, path: Path) -> io.RawIOBase:
        """The same without a buffer, for a program that reads in large pieces. Raises as ``open``."""
        name = sealed_for(path)
        if name is None:
            return path.open("rb", buffering=0)
        try:
            self._keyring.check_there(self._dataset, name)  # also for a file whose own key is still in memory
            return SealedReader(
                path,
                lambda: self._keyring.private(self._dataset, name),
                label=path.name,
                segments=self._segments,
                alarm=self._troubled,
            )
        except SandboxError as trouble:
            self._troubled(trouble)
            raise

    def size(self, path: Path) -> int:
        return path.stat().st_size if sealed_for(path) is None else content_size(path)

    def create(self, path: Path) -> BinaryIO:
        return cast(BinaryIO, SealedWriter(path, self.key.public, label=path.name))

    def source(self, path: Path) -> str:
        return f"{_SCHEME}://{path.absolute()}" if sealed_for(path) is not None else str(path)

    def target(self, path: Path) -> str:
        return f"{_SCHEME}://{path.absolute()}"

    def attach(self, connection: duckdb.DuckDBPyConnection) -> None:
        connection.register_filesystem(Door(_SCHEME, self))

    def _troubled(self, trouble: SandboxError) -> None:
        self._trouble = trouble

    def check(self) -> None:
        if self._trouble is not None:
            raise self._trouble


class Opener(Protocol):
    """What stands behind a door."""

    def opened(self, path: Path) -> io.RawIOBase: ...

    def create(self, path: Path) -> BinaryIO: ...

    def size(self, path: Path) -> int: ...


class Door(AbstractFileSystem):  # type: ignore[misc]  # fsspec ships no types
    """The little of a file system that DuckDB asks for, under a scheme of its own.

    Args:
        scheme: files are called ``<scheme>:///path``.
    """

    cachable = False  # one for each connection, with the keys of its dataset

    def __init__(self, scheme: str, behind: Opener) -> None:
        super().__init__()
        self.protocol, self._behind = scheme, behind

    def _open(self, path: str, mode: str = "rb", **options: Any) -> io.RawIOBase | BinaryIO:
        place = _path(path)
        return self._behind.opened(place) if "r" in mode else self._behind.create(place)

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        return {"name": path, "type": "file", "size": self._behind.size(_path(path))}

    def exists(self, path: str, **options: Any) -> bool:
        return _path(path).is_file()

    def isfile(self, path: str) -> bool:
        return _path(path).is_file()

    def isdir(self, path: str) -> bool:
        return _path(path).is_dir()

    def glob(self, path: str, **options: Any) -> list[str]:
        return [path] if _path(path).is_file() else []

    def modified(self, path: str) -> datetime:
        return datetime.fromtimestamp(_path(path).stat().st_mtime, UTC)


class _Durable(io.FileIO):
    """A new file that is on the disk when it is closed."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600))

    def close(self) -> None:
        if not self.closed:
            os.fsync(self.fileno())
        super().close()


def _path(name: str) -> Path:
    return Path(name.partition("://")[2] or name)
