"""The keys of the datasets, in a folder that the engine alone has.

    <keys>/masters/<number>.key        a master key (X25519): the one with the highest number holds
    <keys>/datasets/<dataset>/<id>     a data key: its private half wrapped for a master key; the public half as it is
    <keys>/destroyed/<dataset>         there is no key any more, and there will be none

- One key per dataset is in use; while it is being replaced there are two, the newer one last.
- A key is destroyed by writing over it, then removing its file. What backups hold is the operator's to destroy.
- Every step may be broken off: what is written is whole or not there, and the same step goes on from where it was.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import threading
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from sandbox.domain.data_key import DataKey, key_id
from sandbox.domain.errors import BadInput, Conflict, NotFound, OperatorError, Tampered
from sandbox.privacy.at_rest.sealed import HPKE

_DATASET = re.compile(r"[a-z][a-z0-9_]{0,62}")


class Keyring:
    """The keys of one installation; made as they are needed.

    Args:
        folder: readable by the engine's user alone.
    """

    def __init__(self, folder: Path) -> None:
        self._masters, self._datasets = folder / "masters", folder / "datasets"
        self._destroyed = folder / "destroyed"
        for part in (self._masters, self._datasets, self._destroyed):
            part.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = threading.RLock()
        if not self._numbers():
            self._new_master(1)

    def __repr__(self) -> str:
        return "Keyring()"  # nothing of the keys

    def current(self, dataset: str) -> DataKey:
        """The key that new files are sealed for; made when there is none.

        Raises:
            Conflict: the dataset's keys were destroyed.
        """
        with self._lock:
            found = self.all(dataset)
            return found[-1] if found else self.make(dataset)

    def all(self, dataset: str) -> tuple[DataKey, ...]:
        """The dataset's keys, the newest last; more than one while one takes another's place."""
        documents = [self._document(path) for path in self._folder(dataset).glob("[0-9a-f]*")]
        documents.sort(key=lambda document: int(document["number"]))
        return tuple(DataKey(document["id"], bytes.fromhex(document["public"])) for document in documents)

    def make(self, dataset: str) -> DataKey:
        """A new key, which is the current one from now on. Raises as ``current``."""
        with self._lock:
            if self.is_destroyed(dataset):
                raise Conflict(
                    f"The data of {dataset} were destroyed, and its keys with them.",
                    fix="Publish other data under another name, on the same lineage.",
                )
            private = X25519PrivateKey.generate()
            public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
            name = key_id(public)
            numbers = [
                int(self._document(path)["number"]) for path in self._folder(dataset).glob("[0-9a-f]*")
            ]
            self._write(dataset, name, public, _raw(private), number=max(numbers, default=0) + 1)
            return DataKey(name, public)

    def check_there(self, dataset: str, name: str) -> None:
        """Raise unless a dataset has this key.

        Raises:
            NotFound: it has not, or not any more.
        """
        path = self._folder(dataset) / name
        if not re.fullmatch(r"[0-9a-f]{32}", name) or not path.is_file():
            raise NotFound(
                f"{dataset} has no key {name[:12]}….",
                fix="It was destroyed, or never was this installation's: what it closed stays closed.",
            )

    def private(self, dataset: str, name: str) -> X25519PrivateKey:
        """The secret half of one of a dataset's keys.

        Raises:
            NotFound: this dataset has no such key, or not any more.
            Tampered: it is not what it says it is.
        """
        self.check_there(dataset, name)
        document = self._document(self._folder(dataset) / name)
        try:
            wrapped = bytes.fromhex(document["private"])
            raw = HPKE.decrypt(wrapped, self._master(int(document["master"])), info=_info(dataset, name))
        except (InvalidTag, ValueError):
            raise Tampered(f"A key of {dataset} does not open.", place=f"key {name}") from None
        private = X25519PrivateKey.from_private_bytes(raw)
        if key_id(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)) != name:
            raise Tampered(f"A key of {dataset} is another than its name says.", place=f"key {name}")
        return private

    def retire(self, dataset: str) -> tuple[str, ...]:
        """Destroy all keys but the current one; returns their ids. Nothing may be sealed for them any more."""
        with self._lock:
            old = self.all(dataset)[:-1]
            for key in old:
                shred(self._folder(dataset) / key.id)
            return tuple(key.id for key in old)

    def destroy(self, dataset: str) -> tuple[str, ...]:
        """Destroy all keys, for ever; returns the ids of all that were destroyed, also by a call that broke off."""
        with self._lock:
            marker = self._destroyed / self._named(dataset)
            if not marker.exists():
                named = " ".join(key.id for key in self.all(dataset))
                _write_once(marker, named.encode())
            for path in self._folder(dataset).glob("[0-9a-f]*"):
                shred(path)
            return tuple(marker.read_text().split())

    def is_destroyed(self, dataset: str) -> bool:
        return (self._destroyed / self._named(dataset)).exists()

    def datasets(self) -> tuple[str, ...]:
        """Those that have keys."""
        return tuple(sorted(path.name for path in self._datasets.iterdir() if any(path.iterdir())))

    def renew_master(self) -> int:
        """Wrap every key for a new master key, then destroy the older ones; returns the number of keys."""
        with self._lock:
            number = max(self._numbers()) + 1
            self._new_master(number)
            count = 0
            for dataset in self.datasets():
                for key in self.all(dataset):
                    document = self._document(self._folder(dataset) / key.id)
                    raw = _raw(self.private(dataset, key.id))
                    self._write(dataset, key.id, key.public, raw, number=int(document["number"]))
                    count += 1
            for old in self._numbers():
                if old != number:
                    shred(self._masters / f"{old}.key")
            return count

    def _write(self, dataset: str, name: str, public: bytes, raw: bytes, *, number: int) -> None:
        master = max(self._numbers())
        wrapped = HPKE.encrypt(raw, self._master(master).public_key(), info=_info(dataset, name))
        document = {
            "id": name,
            "number": str(number),
            "public": public.hex(),
            "master": str(master),
            "private": wrapped.hex(),
        }
        folder = self._folder(dataset)
        folder.mkdir(mode=0o700, exist_ok=True)
        half = folder / f".{name}.{secrets.token_hex(8)}"
        _write_new(half, json.dumps(document, sort_keys=True).encode())
        os.replace(half, folder / name)
        _flush(folder)

    def _document(self, path: Path) -> dict[str, str]:
        try:
            document = json.loads(path.read_bytes())
            return {name: str(document[name]) for name in ("id", "number", "public", "master", "private")}
        except (OSError, ValueError, KeyError, TypeError):
            raise Tampered("A key's file cannot be read.", place=f"key {path.name}") from None

    def _master(self, number: int) -> X25519PrivateKey:
        try:
            return X25519PrivateKey.from_private_bytes((self._masters / f"{number}.key").read_bytes())
        except (OSError, ValueError):
            raise OperatorError(
                f"The master key {number} is missing or broken.",
                fix="Restore the folder of the data keys from its backup; without it the data stay closed.",
            ) from None

    def _new_master(self, number: int) -> None:
        _write_once(self._masters / f"{number}.key", _raw(X25519PrivateKey.generate()))

    def _numbers(self) -> Sequence[int]:
        return [int(path.stem) for path in self._masters.glob("[0-9]*.key")]

    def _folder(self, dataset: str) -> Path:
        return self._datasets / self._named(dataset)

    def _named(self, dataset: str) -> str:
        if not _DATASET.fullmatch(dataset):
            raise BadInput("This names no dataset.", where="dataset", fix="Use a-z, 0-9 and _.")
        return dataset


def _info(dataset: str, name: str) -> bytes:
    return f"sandbox data key 1\n{dataset}\n{name}".encode()


def _raw(private: X25519PrivateKey) -> bytes:
    return private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())


def shred(path: Path) -> None:
    """Write over a secret, then remove it. A disk may keep what was there: of a data key only its wrapped form."""
    size = path.stat().st_size
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.write(secrets.token_bytes(size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    _flush(path.parent)


def _write_once(path: Path, data: bytes) -> None:
    """Durably, at once, and only if there is none."""
    half = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    _write_new(half, data)
    try:
        os.link(half, path)
    except FileExistsError:
        pass
    finally:
        half.unlink()
    _flush(path.parent)


def _write_new(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
