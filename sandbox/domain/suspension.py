"""What is suspended of a dataset: all of it, or single columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PUBLIC = "public"  # who began it, when an objection did so at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """One suspension. Several may hold the same data; each ends by itself.

    Attributes:
        table, column: the column that may not be used; both empty when the whole dataset is suspended.
        reason: in words that everybody may read.
        objection: the number of the objection that it comes from; 0 when the owner suspended by hand.
        made_by: who began it; ``PUBLIC`` when an objection did so at once.
        ended: empty while it is in force.
    """

    dataset: str
    table: str = ""
    column: str = ""
    reason: str = ""
    since: str = ""  # ISO 8601, UTC
    objection: int = 0
    id: int = 0
    made_by: str = ""
    ended: str = ""  # ISO 8601, UTC

    @property
    def whole(self) -> bool:
        return not self.column

    @property
    def place(self) -> str:
        """``loans``, or ``loans.applicants.age``."""
        return self.dataset if self.whole else f"{self.dataset}.{self.table}.{self.column}"


def touching(
    suspensions: Iterable[Suspension], columns: Mapping[str, frozenset[str]] | None
) -> Suspension | None:
    """The first suspension that a use runs into.

    Args:
        columns: the columns that are looked at, by table; None: everything.
    """
    for suspension in suspensions:
        if suspension.whole or columns is None or suspension.column in columns.get(suspension.table, ()):
            return suspension
    return None
