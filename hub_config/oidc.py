"""Signing in through an OpenID Connect provider: JupyterHub's own OAuthenticator, held to what we expect of it.

- The provider's addresses come from its discovery document, which has to name the very issuer of the site's policy.
- Code flow with PKCE, a client secret, and a state that is bound to the browser; a response that names another issuer
  is refused (RFC 9207). Claims are asked of the provider itself, over HTTPS; nothing a browser carries is believed.
- Who that is here is not decided in this file: see ``sandbox.flows.sign_in``.
- Both addresses are for a person who goes to them: a script on our origin can neither start nor end a sign-in.
"""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from oauthenticator.generic import GenericOAuthenticator
from oauthenticator.oauth2 import OAuthCallbackHandler, OAuthLoginHandler
from tornado import web
from tornado.httpclient import HTTPClientError
from traitlets import default

from hub_config.authenticator import KnownPeople, StillOpen
from hub_config.pages import is_navigation
from sandbox.domain.errors import NotAllowed, OperatorError
from sandbox.domain.people import Person
from sandbox.domain.people_policy import OidcTerms, secure

DISCOVERY_TIMEOUT_S = 10
_ADDRESSES = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderDoor:
    """A provider, and who decides whom it means."""

    terms: OidcTerms
    secret: str = field(repr=False)
    recognise: Callable[[Mapping[str, Any]], Person]  # the claims' person; raises NotAllowed
    still_open: StillOpen

    def __deepcopy__(self, memo: object) -> ProviderDoor:
        return self  # traitlets copies configuration; these parts are shared on purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    """What is used of a provider's discovery document."""

    authorize_url: str
    token_url: str
    userdata_url: str
    basic_auth: bool
    names_itself: bool  # each response carries its issuer


def client_secret(keys: Path, terms: OidcTerms) -> str:
    """The client's secret from its file.

    Raises:
        OperatorError: there is none, or others can read it.
    """
    path = keys / terms.secret_file
    if not path.is_file():
        raise OperatorError(
            f"There is no client secret in keys/{terms.secret_file}.",
            fix="Write the one that the provider gave you into it, and chmod 600.",
        )
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise OperatorError(f"keys/{terms.secret_file} can be read by others.", fix="chmod 600.")
    return path.read_text().strip()


def discovered(document: Any, issuer: str) -> Discovered:
    """Read a discovery document (OpenID Connect Discovery 1.0, section 4.3).

    Raises:
        OperatorError: it is another issuer's, or one of its addresses is not https.
    """
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        raise OperatorError("The identity provider's discovery document names another issuer.")
    for key in _ADDRESSES:
        if not isinstance(document.get(key), str) or not secure(document[key]):
            raise OperatorError(f"The identity provider's {key} is not an https address.")
    return Discovered(
        authorize_url=document["authorization_endpoint"],
        token_url=document["token_endpoint"],
        userdata_url=document["userinfo_endpoint"],
        # Basic is what a provider takes that says nothing (same document, section 3).
        basic_auth="client_secret_basic"
        in document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"]),
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
    )


class _ForPeople:
    """Mixed into a handler before its own class: scripts and frames are refused, not only strangers to it."""

    request: Any

    async def prepare(self) -> None:
        if not is_navigation(self.request.headers):
            raise web.HTTPError(403, "A sign-in is for a person who goes to it.")
        await super().prepare()  # type: ignore[misc]  # of the class it is mixed into


class StartHandler(_ForPeople, OAuthLoginHandler):  # type: ignore[misc]  # the library ships no types
    """Sends the browser to the provider."""

    async def get(self) -> None:
        await self.authenticator.discover()
        super().get()


class BackHandler(_ForPeople, OAuthCallbackHandler):  # type: ignore[misc]  # the library ships no types
    """The browser is back from the provider."""

    def check_error(self) -> None:
        """In our words: those in the address were put there by whoever made it."""
        if self.get_argument("error", ""):
            raise web.HTTPError(403, "The identity provider did not sign you in. Try again.")

    async def get(self) -> None:
        self.check_issuer(await self.authenticator.discover())
        try:
            await super().get()
        except HTTPClientError as failure:
            self.log.warning("The provider refused: HTTP %s", failure.code)
            raise web.HTTPError(
                403, "The identity provider did not accept this sign-in. Try again."
            ) from None

    def check_issuer(self, found: Discovered) -> None:
        """Raise for a response of another provider (RFC 9207, section 2.4)."""
        said = self.get_argument("iss", "")
        if (said or found.names_itself) and said != self.authenticator.door.terms.issuer:
            raise web.HTTPError(403, "This answer comes from another identity provider.")


class OidcAuthenticator(KnownPeople, GenericOAuthenticator):  # type: ignore[misc]  # the library ships no types
    """Whoever the provider vouches for and the store knows."""

    login_handler, callback_handler = StartHandler, BackHandler
    _found: Discovered | None = None

    @default("auto_login")
    def _auto_login(self) -> bool:
        return True

    async def discover(self) -> Discovered:
        """The provider's addresses, read at the first sign-in: it need not be up when the hub starts.

        Raises:
            web.HTTPError: 503, it does not answer, or not as it should.
        """
        if self._found is None:
            issuer = self.door.terms.issuer
            try:
                response = await self.http_client.fetch(
                    f"{issuer.rstrip('/')}/.well-known/openid-configuration",
                    request_timeout=DISCOVERY_TIMEOUT_S,
                    follow_redirects=False,
                )
                found = discovered(json.loads(response.body), issuer)
            except (HTTPClientError, OSError, ValueError, OperatorError) as failure:
                self.log.error("The identity provider cannot be used: %s", failure)
                raise web.HTTPError(
                    503, "The identity provider does not answer. Try again in a minute."
                ) from None
            self.authorize_url, self.token_url = found.authorize_url, found.token_url
            self.userdata_url, self.basic_auth = found.userdata_url, found.basic_auth
            self._found = found
        return self._found

    def user_info_to_username(self, user_info: Mapping[str, Any]) -> str:
        """Nobody yet; ``update_auth_model`` knows."""
        return "unknown"

    async def update_auth_model(self, auth_model: dict[str, Any]) -> dict[str, Any]:
        """The person whom the claims mean; nothing else of the sign-in is kept."""
        claims = auth_model["auth_state"][self.user_auth_state_key]
        try:
            person: Person = await asyncio.to_thread(self.door.recognise, claims)
        except NotAllowed as refused:
            self.log.info("Sign-in refused: %s", refused.clause)
            raise web.HTTPError(403, f"{refused.message} {refused.fix}") from None
        return {"name": person.name, "admin": None, "auth_state": None}
