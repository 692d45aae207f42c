"""Breaches: what was done against an agreement, under which clause, and what followed. A public notice each.

- The dataset's owner or an administrator records it; nobody records one about themselves or their own project.
- A closure ends the project's grants (or the person's) on the dataset; that itself is the owner's verb.
- The notice names the project. A person is a pseudonym, unless the site's policy says otherwise.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sandbox.domain.canonical import content_hash
from sandbox.domain.errors import NotAllowed
from sandbox.domain.people import Person, Role
from sandbox.domain.plain_text import plain_text


class Measure(StrEnum):
    WARNING = "warning"
    LIMIT = "limit"  # the notice says of what
    CLOSURE = "closure"  # the grants are revoked


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What is said in public."""

    clause: str
    measure: Measure
    text: str

    @property
    def sha256(self) -> str:
        return content_hash({"clause": self.clause, "measure": str(self.measure), "text": self.text})


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A breach on record."""

    id: int
    dataset: str
    project: str
    person: str  # a name, never shown unless policy says so; empty when it is about the project
    notice: Notice
    lifted: str  # why it was taken back; empty while it stands
    recorded_at: str  # ISO 8601, UTC


def notice(*, clause: str, measure: Measure, text: str) -> Notice:
    """The notice in plain text.

    Raises:
        BadInput: names the field.
    """
    return Notice(
        clause=plain_text(clause, where="clause", least=3, most=120),
        measure=measure,
        text=plain_text(text, where="notice", least=20, most=2000, lines=True),
    )


def check_recording(person: Person, *, owner: str, members: Sequence[str], about: str) -> None:
    """Raise unless this person may record, or lift, a breach of a project on a dataset.

    Args:
        owner: of the dataset.
        members: everybody who has or had a grant in the project.
        about: the person it is about; empty when it is about the project.
    """
    if not ((person.name == owner and person.has(Role.OWNER)) or person.has(Role.ADMINISTRATOR)):
        raise NotAllowed("Only the dataset's owner or an administrator records a breach.", clause="role")
    if person.name == about or person.name in members:
        raise NotAllowed("Nobody judges their own project.", clause="separation of duties")


def pseudonym(person: str, *, project: str, key: bytes) -> str:
    """A person's name in notices: the same within a project, unknown without the installation's key.

    >>> pseudonym("ana", project="Fair credit", key=b"k") == pseudonym("ana", project="Other", key=b"k")
    False
    """
    if not person:
        return ""
    message = f"{project}\0{person}".encode()
    return f"person {hmac.new(key, message, hashlib.sha256).hexdigest()[:8]}"
