"""The second factor: a code that an app makes from a shared secret and the time (TOTP, RFC 6238).

- A code counts in its own 30 seconds, and 30 before and after: clocks differ.
- A code serves once, and after it none of the same or an earlier time: one that was looked at is worth nothing.
- A recovery code stands in for the app, once.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from sandbox.domain.errors import NotAllowed
from sandbox.domain.people import Person, Role
from sandbox.domain.people_policy import Method, SignInTerms

CLAUSE = "second factor"
STEP_S = 30  # RFC 6238, section 5.2
STEPS_AROUND = 1  # before and after the present one; the same section
RECOVERY_CODES = 10
NEVER = -1  # no code was used yet


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorState:
    """What may be told of a person's second factor."""

    enrolled_at: str = ""  # ISO time; empty: not enrolled
    recovery_left: int = 0

    @property
    def enrolled(self) -> bool:
        return bool(self.enrolled_at)


def steps_around(second: int) -> range:
    """The numbers of the time steps whose codes count at this moment.

    Args:
        second: since 1970, UTC.
    """
    now = second // STEP_S
    return range(now - STEPS_AROUND, now + STEPS_AROUND + 1)


def accepted_step(code: str, expected: Mapping[int, str], *, last: int) -> int | None:
    """The time step a code belongs to, when it may still be used; else None.

    Args:
        expected: step -> its code.
        last: the step of the last code that was used, or ``NEVER``.

    >>> accepted_step("123456", {7: "123456"}, last=NEVER), accepted_step("123456", {7: "123456"}, last=7)
    (7, None)
    """
    found = None
    for step, right in expected.items():  # all of them, whichever is right: time says nothing
        if hmac.compare_digest(right.encode(), code.encode("utf-8", "replace")) and step > last:
            found = step
    return found


def typed(code: str) -> str:
    """A code as people type it, without spaces and hyphens.

    >>> typed(" 123 456 "), typed("ABCD-EFGH")
    ('123456', 'abcdefgh')
    """
    return "".join(c for c in code if not c.isspace() and c != "-").lower()


def enrolment_address(secret: str, *, name: str, site: str) -> str:
    """What an app reads from the QR picture (the key URI format that such apps share).

    >>> enrolment_address("GEZDGNBVGY3TQOJQ", name="ana", site="Example: data")
    'otpauth://totp/Example%20data:ana?secret=GEZDGNBVGY3TQOJQ&issuer=Example%20data'
    """
    issuer = quote(site.replace(":", ""), safe="")
    return f"otpauth://totp/{issuer}:{quote(name, safe='')}?secret={secret}&issuer={issuer}"


def must_enrol(person: Person, terms: SignInTerms, *, enrolled: bool) -> bool:
    """True when this person may do nothing but enrol."""
    return not enrolled and terms.method is Method.LOCAL and needs_code(person.roles, terms)


def needs_code(roles: Iterable[Role], terms: SignInTerms) -> bool:
    """True when one of the roles needs a second factor."""
    return not set(roles).isdisjoint(terms.code_required_for)


def check_enrolled(person: Person, terms: SignInTerms, *, enrolled: bool) -> None:
    """Raise when a second factor is needed first."""
    if must_enrol(person, terms, enrolled=enrolled):
        raise NotAllowed(
            "Your role needs a second factor, and you have none yet.",
            clause=CLAUSE,
            fix="Set one up under 'My account' on the portal.",
        )
