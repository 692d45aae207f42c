"""A policy's field with its reference text: ``policies/README.md`` is made from these."""

from __future__ import annotations

from dataclasses import field
from typing import Any


def doc(text: str, **more: Any) -> Any:
    """A dataclass field that says what it is for; ``more`` goes to ``dataclasses.field``."""
    return field(metadata={"doc": text}, **more)
