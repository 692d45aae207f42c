"""What an asker may limit: how much of one unit is to count, where that is to be less than what is best."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.domain.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the asker wants at most of one unit. None: whatever is best."""

    max_rows_per_unit: int | None = None
    max_groups: int | None = None

    def __post_init__(self) -> None:
        for name in ("max_rows_per_unit", "max_groups"):
            value = getattr(self, name)
            if value is not None and (type(value) is not int or not 1 <= value <= 10**9):
                raise BadInput(f"{name} has to be a whole number from 1.", where=name, fix="Use 1, 2, 3 …")

    @property
    def text(self) -> str:
        """The limits in one form, empty for none: part of what makes two questions the same."""
        parts = [
            f"{name}={value}"
            for name in ("max_rows_per_unit", "max_groups")
            if (value := getattr(self, name)) is not None
        ]
        return ", ".join(parts)


NO_LIMITS = Limits()
