"""A grant: a person's right to use a dataset for a purpose within a period.

It comes only of an agreement that everybody it names has signed, and ends with its period. What it permits is said by
the agreement and judged in ``permission``, nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sandbox.domain.policy import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A person's right to use a dataset for a purpose within a period.

    Attributes:
        application: the number of the application that it comes of.
        revoked: taken back from this person, or given back; also when the application ended.
    """

    id: int
    person: str
    dataset: str
    project: str
    purpose: str
    mode: Mode
    starts: date
    ends: date  # the last day it holds
    agreement_hash: str
    application: int = 0
    revoked: bool = False

    @property
    def server_name(self) -> str:
        """The name of the grant's own notebook server."""
        return f"grant-{self.id}"

    def holds_on(self, today: date) -> bool:
        return not self.revoked and self.starts <= today <= self.ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A person who may not apply for a lineage's data any more, until a day.

    Attributes:
        until: the last day it holds.
        clause: the clause that was broken.
    """

    id: int
    person: str
    lineage: str
    clause: str
    reason: str
    until: date
    lifted: bool = False

    def holds_on(self, today: date) -> bool:
        return not self.lifted and today <= self.until
