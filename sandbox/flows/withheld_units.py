"""Whom an objection is about: kept where the engine alone reads it, and nowhere else.

The name of a person or firm is in no database, no log and no error. It lies in a file beside the raw files, closed as
these are, and goes when the objection ends without withholding the unit.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from sandbox.domain.data_key import DataKey
from sandbox.privacy.at_rest.sealed import seal


@dataclass(frozen=True, slots=True, kw_only=True)
class WithheldUnits:
    """The journey's parts.

    Args:
        hand_over: gives a file to the engine's user, for its eyes only.
        key_of: what the files of a dataset are closed with; None where they lie open.
    """

    raw_dir: Path
    hand_over: Callable[[Path], None]
    key_of: Callable[[str], DataKey | None]

    def keep(self, dataset: str, unit: str) -> str:
        """Write whom it is about, durably; returns the file's name, which says nothing of it."""
        self.raw_dir.mkdir(parents=True, exist_ok=True)
        name = f"{dataset}-unit-{secrets.token_hex(16)}.txt"
        half = self.raw_dir / f".{name}.part"
        key = self.key_of(dataset)
        try:
            self._write(half, unit.strip().encode(), key, label=name)
            self.hand_over(half)
            os.replace(half, self.raw_dir / name)
        finally:
            half.unlink(missing_ok=True)
        if self.key_of(dataset) != key:  # it was replaced meanwhile: the old one may be gone in a moment
            (self.raw_dir / name).unlink()
            return self.keep(dataset, unit)
        return name

    def forget(self, name: str) -> None:
        """Take the file away; nothing happens when it is gone."""
        if name:
            (self.raw_dir / Path(name).name).unlink(missing_ok=True)

    def _write(self, path: Path, unit: bytes, key: DataKey | None, *, label: str) -> None:
        if key is not None:
            seal(BytesIO(unit), path, key.public, label=label)
            return
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(unit)
            file.flush()
            os.fsync(file.fileno())
