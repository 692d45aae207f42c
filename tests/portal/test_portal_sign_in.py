"""Signing in and out, and what somebody else could try with it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sandbox.portal.identity import COOKIE, STATE_COOKIE, bound_grant
from sandbox.portal.sign_in import HOME, local_path
from tests.portal.example_world import World, open_world

PREFIX = "/services/portal"


def test_a_browser_signs_in_and_comes_back_to_where_it_was(world: World) -> None:
    browser = world.browser()
    to_hub = browser.get("/login?next=/services/portal/grants")
    assert to_hub.status_code == 303
    assert to_hub.headers["location"].startswith("/hub/api/oauth2/authorize?")
    cookie = to_hub.headers["set-cookie"]
    assert cookie.startswith(f"{STATE_COOKIE}=state-1;")
    for words in ("HttpOnly", "Max-Age=600", f"Path={PREFIX}", "SameSite=lax"):
        assert words in cookie

    back = browser.get("/oauth_callback?code=code-of-ana&state=state-1")
    assert (back.status_code, back.headers["location"]) == (303, f"{PREFIX}/grants")
    session = next(c for c in back.headers.get_list("set-cookie") if c.startswith(COOKIE))
    assert session.startswith(f"{COOKIE}=token-of-ana;")
    for words in ("HttpOnly", f"Path={PREFIX}", "SameSite=lax"):
        assert words in session
    assert "Secure" not in session
    assert "Max-Age" not in session  # it ends with the browser
    assert STATE_COOKIE not in browser.cookies
    assert "Signed in as" in browser.get("/grants").text


def test_cookies_are_secure_when_the_public_address_is_https(founded: Path, tmp_path: Path) -> None:
    shutil.copytree(founded, tmp_path / "world")
    world = open_world(tmp_path / "world", public_url="https://data.example")
    cookie = world.browser().get("/login").headers["set-cookie"]
    assert "; Secure" in cookie
    # No page below this host, such as a notebook's, can put another cookie in its place.
    assert cookie.startswith(f"__Host-{STATE_COOKIE}=")
    assert "; Path=/;" in cookie
    assert "Domain" not in cookie
    world.close()


@pytest.mark.parametrize(
    "query",
    [
        "code=code-of-mallory&state=state-2",  # another browser's sign-in
        "code=code-of-mallory",
        "code=code-of-mallory&state=",
        "state=state-1",
        "error=access_denied&state=state-1",
    ],
)
def test_another_browsers_sign_in_cannot_be_put_into_this_one(world: World, query: str) -> None:
    victim = world.browser()
    victim.get("/login")
    world.browser().get("/login")
    answer = victim.get(f"/oauth_callback?{query}")
    assert answer.status_code == 403
    assert COOKIE not in answer.headers.get("set-cookie", "")


def test_a_callback_without_the_state_cookie_is_refused(world: World) -> None:
    world.browser().get("/login")
    assert world.browser().get("/oauth_callback?code=code-of-ana&state=state-1").status_code == 403


def test_a_state_serves_once(world: World) -> None:
    browser = world.browser()
    browser.get("/login")
    path = "/oauth_callback?code=code-of-ana&state=state-1"
    assert browser.get(path).status_code == 303
    browser.cookies.set(STATE_COOKIE, "state-1", domain="127.0.0.1", path=PREFIX)
    again = browser.get(path)
    assert again.status_code == 422
    assert "too long ago" in again.text


OPEN_REDIRECTS = (
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "\\\\evil.example",
    "/services/portal//evil.example/",
    "/services/portal/../../evil",
    "/services/portal/..%2f..%2fhub/logout",
    "/services/portal@evil.example/",
    "/services/portal.evil.example/",
    "/services/portals/x",
    "/hub/logout",
    "javascript:alert(1)",
    "/services/portal/\r\nSet-Cookie: a=b",
    "/services/portal/\tx",
    " /services/portal/",
    "/services/portal/?next=//evil.example",
    "/services/portal/logout",
    "/services/portal/login?next=/services/portal/",
    "/services/portal/oauth_callback?code=x",
    "",
)


def test_signing_in_leads_nowhere_else(world: World) -> None:
    for path in OPEN_REDIRECTS:
        assert local_path(path) == HOME, path
        browser = world.browser()
        state = browser.get("/login", params={"next": path}).headers["location"].partition("state=")[2]
        back = browser.get(f"/oauth_callback?code=code-of-ana&state={state}")
        assert back.headers["location"] == HOME, path


def test_a_path_that_the_identity_provider_remembers_is_checked_again(world: World) -> None:
    for path in OPEN_REDIRECTS:
        browser = world.browser()
        state = browser.get("/login").headers["location"].partition("state=")[2]
        world.identity.next_of[state] = path
        back = browser.get(f"/oauth_callback?code=code-of-ana&state={state}")
        assert back.headers["location"] == HOME, path


@pytest.mark.parametrize("path", [f"{PREFIX}/releases/7", f"{PREFIX}/?q=a&domain=other", HOME])
def test_local_paths_are_kept(path: str) -> None:
    assert local_path(path) == path


def test_signing_out_forgets_the_token_and_ends_the_hubs_session(world: World) -> None:
    ana = world.browser("ana")
    assert "Sign out?" in ana.get("/logout").text
    assert "Signed in as" in ana.get("/").text  # a link alone signs nobody out
    out = ana.send("/logout")
    assert (out.status_code, out.headers["location"]) == (303, "/hub/logout")
    assert COOKIE not in ana.cookies
    assert "Signed in as" not in ana.get("/").text


def test_a_revoked_token_signs_nobody_in(world: World) -> None:
    assert world.browser("ana").get("/grants").status_code == 200
    world.identity.revoked.add("token-of-ana")
    assert world.browser("ana").get("/grants").status_code == 303


def test_somebody_the_hub_knows_and_we_do_not_is_nobody(world: World) -> None:
    assert world.browser("stranger").get("/grants").status_code == 303


@pytest.mark.parametrize(
    ("scopes", "grant"),
    [
        ({"access:servers!server=ana/grant-3", "access:services!service=portal"}, 3),
        ({"access:servers!user=ana", "access:servers!server=ana/grant-3"}, None),
        ({"access:services!service=portal"}, None),
        ({"access:servers!server=ben/grant-3"}, None),
        ({"access:servers!server=ana/"}, None),
    ],
)
def test_a_token_is_bound_to_the_only_server_it_may_reach(scopes: set[str], grant: int | None) -> None:
    assert bound_grant("ana", scopes) == grant
