"""A text file of questions → questions with their target errors.

One question a line, ``target | SQL``; ``## name`` begins a session, other lines with # are comments. A target is
``±500`` for counts and sums, ``±5%`` of the real value for all else; ``n ±500, mean ±5%`` says it by column.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
_PART = re.compile(r"(?:(\w+) )?±([0-9.]+)(%?)")


@dataclass(frozen=True, slots=True)
class Target:
    """How far 95 of 100 cells may be from the real answer.

    Attributes:
        relative: ``error`` is a part of the real value.
    """

    error: float
    relative: bool

    def width(self, truth: float) -> float:
        """In the column's own unit."""
        return self.error * abs(truth) if self.relative else self.error


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One question of a project."""

    number: int
    session: str
    sql: str
    target: str

    def target_of(self, column: str) -> Target:
        """Of one column of the answer."""
        for part in self.target.split(","):
            found = _PART.fullmatch(part.strip())
            if found is None:
                raise ValueError(f"question {self.number}: {part!r} is not a target")
            name, number, percent = found.groups()
            if name in (None, column):
                return Target(float(number) / (100 if percent else 1), bool(percent))
        raise ValueError(f"question {self.number}: no target for {column}")


def questions(name: str) -> tuple[Wanted, ...]:
    """Those of a dataset, in the order in which they were asked."""
    session, found = "", []
    for line in (HERE / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            session = line.removeprefix("## ")
        elif line and not line.startswith("#"):
            target, sql = line.split(" | ", 1)
            found.append(Wanted(number=len(found) + 1, session=session, sql=sql, target=target))
    return tuple(found)
