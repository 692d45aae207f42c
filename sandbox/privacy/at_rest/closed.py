"""An engine's data as they lie: the files of each dataset, its keys, and the secret of publishing.

Without a folder of keys all of it lies open, as for an engine in a process of one's own.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from sandbox.domain.data_key import DataKey
from sandbox.domain.errors import OperatorError
from sandbox.privacy.at_rest.closing import close_all, close_anew, remove_all
from sandbox.privacy.at_rest.files import AS_THEY_ARE, Files, SealedFiles
from sandbox.privacy.at_rest.keyring import Keyring, shred
from sandbox.privacy.at_rest.sealed import Segments

_SALT = ".salt"  # among the views, where these lie open
_SALT_BESIDE_KEYS = "salt"


class ClosedData:
    """The data of an engine.

    Args:
        keys: the folder of keys; None: files lie as they are.
        raw: the folder of raw files; None where these are named as they are.
        views: the folder of private views.
        kept_mib: how much of opened files is kept in memory.
    """

    def __init__(self, keys: Path | None, *, raw: Path | None, views: Path, kept_mib: int) -> None:
        self._keys, self._raw, self._views = keys, raw, views
        self._ring = Keyring(keys) if keys is not None else None
        self._segments = Segments(kept_mib << 20)

    def keyring(self) -> Keyring:
        """Raises OperatorError where there is none."""
        if self._ring is None:
            raise OperatorError("This engine has no keys.", fix="Start it with a folder for them.")
        return self._ring

    def files(self, dataset: str) -> Files:
        """How a dataset's files are opened and made."""
        return AS_THEY_ARE if self._ring is None else SealedFiles(self._ring, dataset, self._segments)

    def current(self, dataset: str) -> DataKey | None:
        """The key that new files are closed with; None where they lie open."""
        return None if self._ring is None else self._ring.current(dataset)

    def rotate(self, dataset: str) -> DataKey:
        """Make a new key and close everything with it. Broken off, the next call goes on with the key it made."""
        ring = self.keyring()
        if len(ring.all(dataset)) < 2:
            ring.current(dataset)
            ring.make(dataset)
        close_anew(self._sealed(dataset), dataset, raw=self._raw, views=self._views)
        return ring.current(dataset)

    def retire(self, dataset: str) -> tuple[str, ...]:
        """Destroy the keys before the current one, with which nothing is closed any more."""
        close_anew(self._sealed(dataset), dataset, raw=self._raw, views=self._views)
        retired = self.keyring().retire(dataset)
        self._segments.forget()
        return retired

    def destroy(self, dataset: str) -> tuple[str, ...]:
        """Destroy all keys of a dataset, forget what was opened, remove the files."""
        destroyed = self.keyring().destroy(dataset)
        self._segments.forget()
        remove_all(dataset, raw=self._raw, views=self._views)
        return destroyed

    def close_all(self) -> int:
        """Close what lies open; returns how many files."""
        if self._ring is None or self._keys is None:
            return 0
        self._views.mkdir(parents=True, exist_ok=True)
        open_salt = self._views / _SALT
        if open_salt.exists():
            _write_once(self._keys / _SALT_BESIDE_KEYS, open_salt.read_bytes())
            shred(open_salt)
        return close_all(self._ring, self._segments, raw=self._raw, views=self._views)

    def salt(self) -> bytes:
        """The secret of publishing, made once."""
        path = self._views / _SALT if self._keys is None else self._keys / _SALT_BESIDE_KEYS
        if not path.exists():
            _write_once(path, secrets.token_bytes(32))
        return path.read_bytes()

    def _sealed(self, dataset: str) -> SealedFiles:
        return SealedFiles(self.keyring(), dataset, self._segments)


def _write_once(path: Path, data: bytes) -> None:
    """Whole or not at all, and only if there is none: where another process was first, its secret is as good."""
    fresh = path.with_name(f"{path.name}-{secrets.token_hex(8)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
