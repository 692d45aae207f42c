"""JupyterHub as the identity provider, with a stand-in for the hub's own library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tornado.web import HTTPError

from sandbox.domain.errors import NotSignedIn, OperatorError
from sandbox.portal.identity import ACCESS, Claim, HubIdentity
from sandbox.settings import Settings


class StandInHub:
    """Answers as ``HubOAuth`` would, from what the test gives it."""

    oauth_client_id = "service-portal"
    oauth_redirect_uri = "/services/portal/oauth_callback"

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def user_for_token(self, token: str) -> Any:
        self.asked.append(token)
        answer = self.answers["user"]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def check_scopes(self, wanted: set[str], model: dict[str, Any]) -> set[str]:
        return wanted & set(model["scopes"])

    def get_code_verifier(self, state: str) -> str:
        return "verifier" if state == "known" else ""

    def get_next_url(self, state: str) -> str:
        return "/services/portal/grants"

    def clear_oauth_state(self, state: str) -> None:
        self.asked.append(f"cleared {state}")

    def token_for_code(self, code: str, *, code_verifier: str) -> str:
        if code != "good":
            raise HTTPError(500, "invalid_grant")
        return f"token for {code_verifier}"


def _identity(tmp_path: Path, **answers: Any) -> tuple[HubIdentity, StandInHub]:
    identity, hub = HubIdentity(Settings(home=tmp_path)), StandInHub(**answers)
    identity._hub = hub
    return identity, hub


@pytest.mark.parametrize(
    ("model", "claim"),
    [
        (None, None),
        ({"kind": "user", "name": "ana", "scopes": [ACCESS]}, Claim(name="ana")),
        ({"kind": "user", "name": "ana", "scopes": []}, None),
        ({"kind": "service", "name": "cull", "scopes": [ACCESS]}, None),
        (
            {"kind": "user", "name": "ana", "scopes": [ACCESS, "access:servers!server=ana/grant-3"]},
            Claim(name="ana", grant_id=3),
        ),
    ],
)
def test_the_hub_says_whose_token_it_is(tmp_path: Path, model: Any, claim: Claim | None) -> None:
    identity, _ = _identity(tmp_path, user=model)
    assert identity.claim("a-token") == claim


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX-Other: 1", "ü", "x" * 201, "../x", "a'; --"])
def test_what_can_be_no_token_does_not_reach_the_hub(tmp_path: Path, token: str) -> None:
    identity, hub = _identity(tmp_path, user={"kind": "user", "name": "ana", "scopes": [ACCESS]})
    assert identity.claim(token) is None
    assert hub.asked == []


def test_a_hub_that_is_down_is_not_a_wrong_token(tmp_path: Path) -> None:
    identity, _ = _identity(tmp_path, user=HTTPError(500, "Failed to connect to Hub API at 'http://…'"))
    with pytest.raises(OperatorError, match="The hub does not answer"):
        identity.claim("a-token")


def test_a_sign_in_is_finished_once_and_with_its_own_verifier(tmp_path: Path) -> None:
    identity, hub = _identity(tmp_path)
    assert identity.finish_login("good", "known") == ("token for verifier", "/services/portal/grants")
    assert hub.asked == ["cleared known"]
    with pytest.raises(NotSignedIn, match="too long ago"):
        identity.finish_login("good", "unknown")
    with pytest.raises(NotSignedIn, match="did not accept"):
        identity.finish_login("forged", "known")


def test_a_browser_is_sent_to_the_hub_with_a_challenge_and_a_fresh_state(tmp_path: Path) -> None:
    identity = HubIdentity(Settings(home=tmp_path))
    (url, state), (_, other) = (
        identity.login_url("/services/portal/"),
        identity.login_url("/services/portal/"),
    )
    assert url.startswith("/hub/api/oauth2/authorize?client_id=service-portal&")
    assert "code_challenge_method=S256" in url
    assert f"state={state}" in url
    assert state != other
