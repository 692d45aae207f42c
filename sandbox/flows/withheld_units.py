"""Whom an objection is about: kept where the engine alone reads it, and nowhere else.

The name of a person or firm is in no database, no log and no error. It lies in a file of the engine's user beside the
raw files, and goes when the objection ends without withholding the unit.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class WithheldUnits:
    """The journey's parts.

    Args:
        hand_over: gives a file to the engine's user, for its eyes only.
    """

    raw_dir: Path
    hand_over: Callable[[Path], None]

    def keep(self, dataset: str, unit: str) -> str:
        """Write whom it is about, durably; returns the file's name, which says nothing of it."""
        self.raw_dir.mkdir(parents=True, exist_ok=True)
        name = f"{dataset}-unit-{secrets.token_hex(16)}.txt"
        half = self.raw_dir / f".{name}.part"
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(unit.strip().encode())
                file.flush()
                os.fsync(file.fileno())
            self.hand_over(half)
            os.replace(half, self.raw_dir / name)
        finally:
            half.unlink(missing_ok=True)
        return name

    def forget(self, name: str) -> None:
        """Take the file away; nothing happens when it is gone."""
        if name:
            (self.raw_dir / Path(name).name).unlink(missing_ok=True)
