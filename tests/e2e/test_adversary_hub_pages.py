"""A notebook's page against the real hub: what its script would send in the name of whoever opened it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest

from sandbox.settings import PORTAL_PREFIX
from tests.e2e.conftest import Installation

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

SCRIPT = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin"}
FRAME = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "same-origin"}
PERSON = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"}
PAGES = ("/hub/token", "/hub/home")
CODE = (
    "/hub/api/oauth2/authorize?client_id=service-portal&redirect_uri={portal}%2Foauth_callback"
    "&response_type=code&state=s&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    "&code_challenge_method=S256"
)


@pytest.fixture
def olga(running: Installation) -> Iterator[httpx.Client]:
    """Her browser, signed in."""
    with httpx.Client(base_url=running.settings.url, timeout=30, trust_env=False) as browser:
        browser.get("/hub/login")
        form = {"username": "olga", "password": running.passwords["olga"]}
        form["_xsrf"] = browser.cookies.get("_xsrf", path="/hub/") or ""
        assert browser.post("/hub/login", data=form).status_code == 302
        yield browser


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("headers", [SCRIPT, FRAME])
def test_a_script_reads_no_page_of_the_hub(olga: httpx.Client, page: str, headers: dict[str, str]) -> None:
    answer = olga.get(page, headers=headers)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("/hub/login")


@pytest.mark.parametrize("page", PAGES)
def test_a_person_reads_it_and_no_script_can_reach_into_its_window(olga: httpx.Client, page: str) -> None:
    answer = olga.get(page, headers=PERSON)
    assert answer.status_code == 200
    assert "xsrf_token" in answer.text
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_a_script_gets_no_code_for_signing_in(olga: httpx.Client) -> None:
    portal = f"{str(olga.base_url).rstrip('/')}{PORTAL_PREFIX}"
    code = CODE.format(portal=quote(portal, safe=""))
    assert olga.get(code, headers=SCRIPT).headers["location"].startswith("/hub/login")
    control = olga.get(code, headers=PERSON).headers["location"]
    assert control.startswith(f"{portal}/oauth_callback?code=")


def test_a_script_makes_no_token_with_what_it_can_read(olga: httpx.Client) -> None:
    page = olga.get("/hub/login", headers=SCRIPT, follow_redirects=True).text
    readable = page.partition('xsrf_token: "')[2].partition('"')[0]  # the one of nobody
    for given in ("", readable):
        headers = {**SCRIPT, "X-XSRFToken": given}
        assert olga.post("/hub/api/users/olga/tokens", json={}, headers=headers).status_code == 403
    own = olga.cookies.get("_xsrf", path="/hub/") or ""
    control = olga.post("/hub/api/users/olga/tokens", json={}, headers={**SCRIPT, "X-XSRFToken": own})
    assert control.status_code == 201


def test_the_cookie_with_the_form_token_is_shown_to_no_script(olga: httpx.Client) -> None:
    with httpx.Client(base_url=olga.base_url, trust_env=False) as visitor:
        (cookie,) = visitor.get("/hub/login").headers.get_list("set-cookie")
    assert cookie.startswith("_xsrf=")
    assert "httponly" in cookie.lower()
