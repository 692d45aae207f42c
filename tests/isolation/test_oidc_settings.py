"""The hub's side of a provider: which answers of it are believed, and how its pages are guarded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tornado.web import HTTPError
from traitlets.config import Config

from hub_config.configure import configure
from hub_config.oidc import OidcAuthenticator, ProviderDoor, client_secret, discovered
from hub_config.pages import OnlyNavigation
from sandbox.domain.errors import NotAllowed, OperatorError
from sandbox.domain.people import Person, Role
from sandbox.domain.people_policy import OidcTerms
from sandbox.settings import Settings

ISSUER = "https://id.example/realms/staff"
TERMS = OidcTerms(issuer=ISSUER, client_id="sandbox")
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/auth",
    "token_endpoint": f"{ISSUER}/token",
    "userinfo_endpoint": f"{ISSUER}/me",
    "authorization_response_iss_parameter_supported": True,
}


def recognise(claims: Mapping[str, Any]) -> Person:
    if claims.get("sub") != "s-1":
        raise NotAllowed("Nobody.", clause="sign-in: known name")
    return Person("ana", frozenset({Role.RESEARCHER}))


DOOR = ProviderDoor(terms=TERMS, secret="hidden", recognise=recognise, still_open=lambda name: name == "ana")


class Provider:
    """Answers every address with the same document."""

    def __init__(self, document: object) -> None:
        self.document = document
        self.asked: list[str] = []

    async def fetch(self, url: str, **more: object) -> Any:
        assert more["follow_redirects"] is False
        self.asked.append(url)
        if isinstance(self.document, Exception):
            raise self.document
        return type("Response", (), {"body": json.dumps(self.document).encode()})()


def authenticator(document: object) -> tuple[OidcAuthenticator, Provider]:
    provider = Provider(document)
    return OidcAuthenticator(door=DOOR, http_client=provider), provider


def test_every_page_of_the_sign_in_is_guarded_as_the_hubs_own() -> None:
    rows = {path: handler for path, handler, *_ in OidcAuthenticator(door=DOOR).get_handlers(None)}
    for path in ("/oauth_login", "/oauth_callback", "/logout", "/login", "/home", "/api/oauth2/authorize"):
        assert issubclass(rows[path], OnlyNavigation), path


def test_the_settings_hold_pkce_a_fixed_way_back_and_keep_nothing(tmp_path: Path) -> None:
    c = Config()
    settings = Settings(home=tmp_path, public_url="https://data.example")
    configure(c, settings=settings, house=None, door=DOOR)  # type: ignore[arg-type]
    assert c.JupyterHub.authenticator_class is OidcAuthenticator
    assert c.OidcAuthenticator.oauth_callback_url == "https://data.example/hub/oauth_callback"
    assert c.Authenticator.enable_auth_state is False
    made = OidcAuthenticator(config=c)
    assert (made.enable_pkce, made.auto_login, made.allow_all) == (True, True, True)
    assert made.door is DOOR
    assert "hidden" not in repr(DOOR)


def test_the_providers_addresses_are_read_once_and_from_the_issuer() -> None:
    made, provider = authenticator(DOCUMENT)
    asyncio.run(made.discover())
    asyncio.run(made.discover())
    assert provider.asked == [f"{ISSUER}/.well-known/openid-configuration"]
    assert (made.authorize_url, made.token_url, made.userdata_url) == (
        f"{ISSUER}/auth",
        f"{ISSUER}/token",
        f"{ISSUER}/me",
    )
    assert made.basic_auth is True


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://id.example/realms/other"},
        {"issuer": f"{ISSUER}/"},
        {"issuer": None},
        {"authorization_endpoint": "http://id.example/auth"},
        {"token_endpoint": "http://id.example/token"},
        {"userinfo_endpoint": ""},
        {"userinfo_endpoint": None},
        {"token_endpoint": "javascript:x"},
    ],
)
def test_a_document_that_is_not_the_issuers_is_not_used(change: dict[str, Any]) -> None:
    with pytest.raises(OperatorError):
        discovered({**DOCUMENT, **change}, ISSUER)
    made, _ = authenticator({**DOCUMENT, **change})
    with pytest.raises(HTTPError) as refused:
        asyncio.run(made.discover())
    assert refused.value.status_code == 503


@pytest.mark.parametrize("document", [[], "x", OSError("refused"), ValueError("odd")])
def test_a_provider_that_does_not_answer_is_tried_again_at_the_next_sign_in(document: object) -> None:
    made, provider = authenticator(document)
    with pytest.raises(HTTPError):
        asyncio.run(made.discover())
    provider.document = DOCUMENT
    assert asyncio.run(made.discover()).names_itself is True


def test_of_a_sign_in_only_the_name_is_kept() -> None:
    made, _ = authenticator(DOCUMENT)
    state = {"access_token": "t", made.user_auth_state_key: {"sub": "s-1", "email": "a@b.example"}}
    model = {"name": "unknown", "admin": True, "auth_state": state}
    assert asyncio.run(made.update_auth_model(model)) == {"name": "ana", "admin": None, "auth_state": None}
    state[made.user_auth_state_key] = {"sub": "s-2"}
    with pytest.raises(HTTPError) as refused:
        asyncio.run(made.update_auth_model(model))
    assert refused.value.status_code == 403


def test_the_clients_secret_is_for_its_owner_only(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="no client secret"):
        client_secret(tmp_path, TERMS)
    file = tmp_path / TERMS.secret_file
    file.write_text("s3cret\n")
    file.chmod(0o644)
    with pytest.raises(OperatorError, match="read by others"):
        client_secret(tmp_path, TERMS)
    file.chmod(0o600)
    assert client_secret(tmp_path, TERMS) == "s3cret"
