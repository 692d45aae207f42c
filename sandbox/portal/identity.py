"""Who a request comes from. JupyterHub is the identity provider; the portal keeps no passwords and no sessions.

A browser carries the hub's OAuth token in a cookie, a program carries it in ``Authorization: token …``. A notebook's
token is bound by the hub to its own server, and so to the grant it was opened from: it can ask and submit under that
grant and do nothing else a person may do.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

from jupyterhub.services.auth import HubOAuth
from tornado.web import HTTPError

from sandbox.domain.errors import NotAllowed, NotSignedIn, OperatorError
from sandbox.domain.people import Person
from sandbox.settings import PORTAL_PREFIX, Settings
from sandbox.store.secrets import secret

COOKIE = "sandbox-session"
STATE_COOKIE = "sandbox-login"
ACCESS = "access:services!service=portal"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,200}")  # what can be a token at all; the rest need not bother the hub
_SERVER_SCOPE = re.compile(r"access:servers!server=(?P<user>[^/]+)/grant-(?P<grant>[0-9]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What the identity provider says about a token."""

    name: str
    grant_id: int | None = None  # the one grant it is bound to; None for a person's own token


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, and how far the token reaches."""

    person: Person
    grant_id: int | None = None

    def in_person(self) -> Person:
        """The person, or an error when a notebook's token tries to act for them."""
        if self.grant_id is not None:
            raise NotAllowed(
                "A notebook cannot do this for you.",
                clause="notebook token",
                fix="Do it yourself on the portal.",
            )
        return self.person


class Identity(Protocol):
    """An identity provider as the portal needs it."""

    def claim(self, token: str) -> Claim | None:
        """Whose token this is; None when unknown, expired or revoked."""

    def login_url(self, next_path: str) -> tuple[str, str]:
        """Where a browser signs in, and the state to keep in a cookie until it is back."""

    def finish_login(self, code: str, state: str) -> tuple[str, str]:
        """The token, and the path to go on to."""


class HubIdentity:
    """JupyterHub.

    Its client works in one thread of its own, which the first call makes: two first calls at once would make two that
    share a loop. So one call is let in at a time.
    """

    def __init__(self, settings: Settings) -> None:
        self._one_at_a_time = threading.Lock()
        self._hub: Any = HubOAuth(
            api_url=f"{settings.hub_url}/hub/api",
            api_token=secret(settings.keys_dir, "portal-token"),
            base_url=f"{PORTAL_PREFIX}/",
            hub_host="",
            hub_prefix="/hub/",
            cache_max_age=1,  # seconds for which a revoked token may still be believed
        )
        self._hub.oauth_client_id = "service-portal"
        self._hub.oauth_redirect_uri = f"{settings.portal_url}/oauth_callback"

    def claim(self, token: str) -> Claim | None:
        if not _TOKEN.fullmatch(token):
            return None
        try:
            with self._one_at_a_time:
                model = self._hub.user_for_token(token)
        except HTTPError as failure:  # the hub is down: that says nothing about the token
            raise OperatorError(
                "The hub does not answer, so nobody can be recognised.",
                fix="Try again in a minute; if it stays, tell the operator.",
            ) from failure
        if model is None or model.get("kind", "user") != "user":
            return None
        scopes = set(model.get("scopes", ()))
        if not self._hub.check_scopes({ACCESS}, model):
            return None
        return Claim(name=model["name"], grant_id=bound_grant(model["name"], scopes))

    def login_url(self, next_path: str) -> tuple[str, str]:
        verifier, challenge, method = self._hub.generate_pkce_code_challenge()
        state: str = self._hub.generate_state(next_url=next_path, code_verifier=verifier)
        query = urlencode(
            {
                "client_id": self._hub.oauth_client_id,
                "redirect_uri": self._hub.oauth_redirect_uri,
                "response_type": "code",
                "state": state,
                "code_challenge": challenge,
                "code_challenge_method": method,
            }
        )
        return f"/hub/api/oauth2/authorize?{query}", state

    def finish_login(self, code: str, state: str) -> tuple[str, str]:
        verifier = self._hub.get_code_verifier(state)
        next_path: str = self._hub.get_next_url(state)
        self._hub.clear_oauth_state(state)
        if not verifier:
            raise NotSignedIn("This sign-in was started too long ago.", fix="Sign in again.")
        try:
            with self._one_at_a_time:
                token = self._hub.token_for_code(code, code_verifier=verifier)
        except HTTPError as failure:
            raise NotSignedIn("The hub did not accept this sign-in.", fix="Sign in again.") from failure
        return token, next_path


def bound_grant(user: str, scopes: set[str]) -> int | None:
    """The grant a token is bound to: the only server of its user that it may reach, when it may not reach all.

    >>> bound_grant("ana", {"access:servers!server=ana/grant-3", "access:services!service=portal"})
    3
    >>> bound_grant("ana", {"access:servers!user=ana"}) is None
    True
    """
    bound = {
        int(m["grant"]) for m in map(_SERVER_SCOPE.fullmatch, scopes) if m is not None and m["user"] == user
    }
    if f"access:servers!user={user}" in scopes or not bound:
        return None
    if len(bound) > 1:
        raise NotAllowed("This token is bound to several notebooks.", clause="notebook token")
    return bound.pop()
