"""Who people are to the system."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from sandbox.domain.errors import BadInput, NotAllowed


class Role(StrEnum):
    """What a person may be asked to do. A person can have several; rules keep them apart per object."""

    RESEARCHER = "researcher"
    OWNER = "owner"
    REVIEWER = "reviewer"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


NAME = re.compile(r"[a-z][a-z0-9_]{1,31}")
RESERVED = frozenset({"operator", "system", "unknown"})  # actors on the log that are nobody's account


@dataclass(frozen=True, slots=True)
class Person:
    """A person with an account here. A closed account keeps its roles on paper, and may use none of them.

    >>> Person(name="ana", roles=frozenset({Role.RESEARCHER})).has(Role.OWNER)
    False
    >>> Person(name="ana", roles=frozenset({Role.RESEARCHER}), active=False).has(Role.RESEARCHER)
    False
    """

    name: str
    roles: frozenset[Role]
    active: bool = True

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise BadInput(
                f"{self.name!r} cannot be a user name.",
                where="name",
                fix="Use 2 to 32 of a-z, 0-9 and _, starting with a letter.",
            )

    def has(self, role: Role) -> bool:
        return self.active and role in self.roles


def check_new_name(name: str) -> None:
    """Raise when a new account would look like one of the system's own actors.

    Raises:
        NotAllowed: it would.
    """
    if name in RESERVED:
        raise NotAllowed(
            f"{name!r} is a name of the system's own.", clause="reserved name", fix="Choose another name."
        )


def check_active(person: Person) -> None:
    """Raise when the account is closed."""
    if not person.active:
        raise NotAllowed(
            f"The account of {person.name} is closed.",
            clause="account",
            fix="An administrator can open it again.",
        )


def check_role(person: Person, *roles: Role) -> None:
    """Raise unless the person has one of the roles, and an open account."""
    check_active(person)
    if not any(person.has(r) for r in roles):
        wanted = " or ".join(roles)
        raise NotAllowed(
            f"This needs the role {wanted}; you are {', '.join(sorted(person.roles)) or 'without a role'}.",
            clause="role",
            fix="Ask an administrator for the role if your work needs it.",
        )
