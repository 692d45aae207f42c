"""Separation of duties: which roles one person may not hold together, and that nobody changes their own.

That nobody decides over what is their own (an application, a release) is ruled where those are; this is about roles.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from sandbox.domain.errors import NotAllowed
from sandbox.domain.people import Person, Role
from sandbox.domain.people_policy import SeparationTerms

CLAUSE = "separation of duties"


def not_together(roles: Iterable[Role], terms: SeparationTerms) -> tuple[tuple[Role, Role], ...]:
    """The pairs among these roles that one person may not hold.

    >>> not_together({Role.AUDITOR, Role.OWNER}, SeparationTerms())
    ((<Role.AUDITOR: 'auditor'>, <Role.OWNER: 'owner'>),)
    >>> not_together({Role.RESEARCHER, Role.REVIEWER}, SeparationTerms())
    ()
    """
    apart = {frozenset(pair) for pair in terms.pairs}
    return tuple(
        pair
        for pair in combinations(sorted(set(roles)), 2)
        if frozenset(pair) in apart or set(pair) & set(terms.alone)
    )


def check_together(roles: Iterable[Role], terms: SeparationTerms) -> None:
    """Raise when one person may not hold all of these roles."""
    for one, other in not_together(roles, terms):
        raise NotAllowed(
            f"One person cannot be {one} and {other}.",
            clause=CLAUSE,
            fix="Give one of the roles to somebody else; the site's policy says which stay apart.",
        )


def check_not_own(actor: Person, name: str, what: str) -> None:
    """Raise when somebody would change this about themselves."""
    if actor.name == name:
        raise NotAllowed(f"Nobody changes their own {what}.", clause=CLAUSE, fix="Ask another administrator.")
