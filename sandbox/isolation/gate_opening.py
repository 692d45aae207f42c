"""What a door is opened with: who its token is, which mode, how much may be shown. Kept for a gate that was killed."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from sandbox.domain.policy import Mode
from sandbox.domain.site_policy import RoomLimits

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One notebook's door.

    Attributes:
        token_sha256: of the container's own token; it is also what tells one session from the next.
        display: what may be shown; given in mode room, and in no other.
    """

    token_sha256: str
    mode: Mode
    display: RoomLimits | None = None

    def __post_init__(self) -> None:
        if not _SHA256.fullmatch(self.token_sha256):
            raise ValueError("token_sha256 has to be 64 hexadecimal digits")
        if (self.mode is Mode.ROOM) is (self.display is None):
            raise ValueError(f"mode {self.mode} and what may be shown do not fit together")

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "token_sha256": self.token_sha256,
            "mode": str(self.mode),
            "display": asdict(self.display) if self.display else None,
        }

    @classmethod
    def read(cls, document: Any) -> Self:
        """The opposite.

        Raises:
            ValueError: it is none.
        """
        if not isinstance(document, dict):
            raise ValueError("an opening is a JSON object")
        token, mode, display = (document.get(name) for name in ("token_sha256", "mode", "display"))
        if not isinstance(token, str) or not isinstance(mode, str):
            raise ValueError("an opening has a token_sha256 and a mode")
        return cls(token_sha256=token, mode=Mode(mode), display=_limits(display) if display else None)


def _limits(display: Any) -> RoomLimits:
    names = {field.name for field in fields(RoomLimits)}
    if not isinstance(display, dict) or set(display) != names:
        raise ValueError(f"display needs {', '.join(sorted(names))}")
    for name, value in display.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise ValueError(f"display.{name} has to be a whole number")
    return RoomLimits(**display)
