"""Whom an OpenID Connect provider speaks of, in our names.

The provider's ``sub`` is the only thing that stays one person's (OpenID Connect Core, 5.7); the configured claim says
who that is here, once. From then on the two are bound: a name that the provider gives to somebody else later opens
nothing. Values are compared exactly: what looks alike is not the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.domain.errors import NotAllowed
from sandbox.domain.people import NAME, RESERVED, Person
from sandbox.domain.people_policy import OidcTerms

_MOST = 255  # characters of a ``sub`` (OpenID Connect Core, section 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A name here, and whether the site's policy lists it."""

    name: str
    listed: bool


def subject_of(claims: Mapping[str, Any]) -> str:
    """The provider's own name for somebody.

    Raises:
        NotAllowed: it says none.
    """
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= _MOST or not subject.isprintable():
        raise _refused("The provider did not say who you are.", "subject")
    return subject


def claimed_name(claims: Mapping[str, Any], terms: OidcTerms) -> Claimed:
    """The name here that the configured claim stands for.

    Raises:
        NotAllowed: no such claim, an e-mail address that nobody verified, or a value that can be no name here.
    """
    value = claims.get(terms.claim)
    if not isinstance(value, str) or not value:
        raise _refused(f"The provider did not send the claim {terms.claim!r}.", "claim")
    if terms.claim == "email" and claims.get("email_verified") is not True:
        raise _refused("The provider has not verified your e-mail address.", "verified e-mail")
    if value in terms.names:
        return Claimed(name=terms.names[value], listed=True)
    if not NAME.fullmatch(value):
        raise _refused("Your name at the provider is nobody's here.", "known name")
    return Claimed(name=value, listed=False)


def check_binding(person: Person | None, claimed: Claimed, terms: OidcTerms, *, bound: bool) -> None:
    """Raise unless a subject that was never here may become this person.

    Args:
        person: who has the name here; None when nobody has.
        bound: another subject is this person already.
    """
    if person is None:
        if not terms.add_unknown or claimed.listed or claimed.name in RESERVED:
            raise _refused("Your name at the provider is nobody's here.", "known name")
        return
    if terms.add_unknown and not claimed.listed:
        raise _refused("Your name at the provider is somebody else's here.", "listed name")
    if bound:
        raise _refused("Your name at the provider is somebody else's here.", "one subject")


def _refused(message: str, clause: str) -> NotAllowed:
    return NotAllowed(message, clause=f"sign-in: {clause}", fix="Ask an administrator of this installation.")
