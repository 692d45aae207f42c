"""Somebody at the door: a local account, or whom an OpenID Connect provider speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.domain.audit import Event
from sandbox.domain.errors import NotAllowed
from sandbox.domain.outside_identity import check_binding, claimed_name, subject_of
from sandbox.domain.people import Person, Role
from sandbox.domain.people_policy import SignInTerms
from sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """The journey's parts."""

    store: Store
    terms: SignInTerms

    def by_password(self, name: str, password: str, code: str = "") -> Person:
        """A local account.

        Raises:
            NotSignedIn: name, password and code do not belong together; nothing says which.
        """
        return self.store.people.check_password(name, password, code=code, event=_signed_in(name, "password"))

    def by_provider(self, claims: Mapping[str, Any]) -> Person:
        """Whom the provider speaks of.

        Args:
            claims: what its userinfo address answered, over a connection to the provider itself.

        Raises:
            NotAllowed: nobody here, or somebody else; the clause says why. The log says so too, without the claim.
        """
        try:
            return self._known(claims)
        except NotAllowed as refused:
            self.store.log.record(
                Event(
                    "system:sign_in",
                    "person.sign_in_refused",
                    "person:unknown",
                    {"by": "provider", "clause": refused.clause},
                )
            )
            raise

    def still_open(self, name: str) -> bool:
        """Whether a session may go on: the account is there, and not closed."""
        person = self.store.people.get(name)
        return person is not None and person.active

    def _known(self, claims: Mapping[str, Any]) -> Person:
        issuer, subject = self.terms.oidc.issuer, subject_of(claims)
        with self.store.transaction():
            name = self.store.identities.person_of(issuer, subject) or self._first_time(
                issuer, subject, claims
            )
            person = self.store.people.get(name)
            if person is None or not person.active:
                raise NotAllowed("Your account is closed.", clause="account", fix="Ask an administrator.")
            return self.store.people.signed_in(name, event=_signed_in(name, "provider"))

    def _first_time(self, issuer: str, subject: str, claims: Mapping[str, Any]) -> str:
        """Bind the subject to a person, who may be new."""
        claimed = claimed_name(claims, self.terms.oidc)
        person = self.store.people.get(claimed.name)
        bound = self.store.identities.is_bound(issuer, claimed.name)
        check_binding(person, claimed, self.terms.oidc, bound=bound)
        where = f"person:{claimed.name}"
        if person is None:
            self.store.people.add(
                Person(claimed.name, frozenset({Role.RESEARCHER})),
                password=None,
                event=Event("system:sign_in", "person.added", where, {"roles": [str(Role.RESEARCHER)]}),
            )
        self.store.identities.bind(
            issuer,
            subject,
            claimed.name,
            event=Event("system:sign_in", "person.bound", where, {"issuer": issuer}),
        )
        return claimed.name


def _signed_in(name: str, by: str) -> Event:
    return Event(name, "person.signed_in", f"person:{name}", {"by": by})
