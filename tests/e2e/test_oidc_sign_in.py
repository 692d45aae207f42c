"""Signing in at a real OpenID Connect provider, and what somebody could try with it. Real hub, portal and proxy."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from sandbox.domain.audit import Event
from sandbox.domain.people import Role
from sandbox.settings import PORTAL_PREFIX
from tests.e2e.conftest import free_ports
from tests.e2e.outside import FOLDER, NAVIGATION, House, outside_house

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(200),
    pytest.mark.skipif(not FOLDER.is_dir(), reason="NOT TESTED: no OIDC provider; scripts/setup_tests.sh"),
]

SCRIPT = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
FRAME = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    home = Path(tempfile.mkdtemp(prefix="sbx-", dir="/tmp"))
    try:
        with outside_house(home, free_ports(6)) as running:
            for name, role in {
                "ana": Role.RESEARCHER,
                "ben": Role.RESEARCHER,
                "carl": Role.RESEARCHER,
                "dora": Role.RESEARCHER,
                "olga": Role.OWNER,
                "otto": Role.OWNER,
            }.items():
                running.add(name, role)
            yield running
    finally:
        shutil.rmtree(home, ignore_errors=True)


def names(answer: httpx.Response, name: str) -> bool:
    return answer.status_code == 200 and f"<strong>{name}</strong>" in answer.text


def test_a_known_person_signs_in_by_code_flow_with_pkce_and_comes_back(house: House) -> None:
    house.says("subject-of-ana", preferred_username="ana")
    browser = house.browser()
    assert names(browser.sign_in("subject-of-ana"), "ana")
    start = next(url for url in browser.seen if url.startswith(f"{house.provider}/auth?"))
    query = parse_qs(urlsplit(start).query)
    assert query["response_type"] == ["code"]
    assert query["code_challenge_method"] == ["S256"]
    assert query["redirect_uri"] == [f"{house.settings.url}/hub/oauth_callback"]
    assert [e.object for e in house.log("person.bound")] == ["person:ana"]
    assert house.log("person.signed_in")[0] == Event(
        "ana", "person.signed_in", "person:ana", {"by": "provider"}
    )


def test_a_name_of_the_policys_list_is_the_one_it_stands_for(house: House) -> None:
    house.says("subject-of-otto", preferred_username="Otto Owner")
    assert names(house.browser().sign_in("subject-of-otto"), "otto")


def test_from_the_first_sign_in_on_the_subject_counts_and_not_the_name(house: House) -> None:
    house.says("subject-of-ben", preferred_username="ben")
    assert names(house.browser().sign_in("subject-of-ben"), "ben")
    house.says("subject-of-ben", preferred_username="olga")  # renamed at the provider: still ben
    assert names(house.browser().sign_in("subject-of-ben"), "ben")
    house.says("somebody-new", preferred_username="ben")  # the name was given away: not ben
    refused = house.browser().sign_in("somebody-new")
    assert refused.status_code == 403
    assert "somebody else" in refused.text


@pytest.mark.parametrize(
    "claimed",
    [
        "stranger",
        "оlga",  # a Cyrillic о
        "ｏlga",  # full-width
        "Olga",
        "olga\u200b",
        "olga ",
        " olga",
        "OTTO OWNER",
        "otto owner",
        "",
        None,
        ["olga"],
    ],
)
def test_who_is_nobody_here_does_not_get_in_and_is_not_made(house: House, claimed: object) -> None:
    subject = f"stranger-{claimed!r}".encode().hex()
    house.says(subject, preferred_username=claimed)
    before = house.store.people.all()
    browser = house.browser()
    assert browser.sign_in(subject).status_code == 403
    assert browser.http.get(f"{PORTAL_PREFIX}/account").status_code == 401
    assert house.store.people.all() == before
    said = house.log("person.sign_in_refused")[0]
    assert (said.object, said.facts["by"]) == ("person:unknown", "provider")
    assert "olga" not in str(said)


def test_the_same_with_the_name_itself_gets_in(house: House) -> None:
    """The control of the test above."""
    house.says("subject-of-olga", preferred_username="olga")
    assert names(house.browser().sign_in("subject-of-olga"), "olga")


def test_a_closed_account_is_nobodys_at_once_also_in_a_live_session(house: House) -> None:
    house.says("subject-of-carl", preferred_username="carl")
    browser = house.browser()
    assert names(browser.sign_in("subject-of-carl"), "carl")
    house.store.people.set_active("carl", False, event=Event("t", "person.deactivated", "person:carl"))
    assert browser.http.get(f"{PORTAL_PREFIX}/account").status_code == 401
    assert house.browser().sign_in("subject-of-carl").status_code == 403
    house.store.people.set_active("carl", True, event=Event("t", "person.activated", "person:carl"))
    assert names(browser.http.get(f"{PORTAL_PREFIX}/account"), "carl")


@pytest.mark.parametrize("headers", [SCRIPT, FRAME])
@pytest.mark.parametrize("path", ["/hub/oauth_login", "/hub/oauth_callback?code=x&state=y"])
def test_a_script_or_frame_neither_starts_nor_ends_a_sign_in(
    house: House, path: str, headers: dict[str, str]
) -> None:
    answer = httpx.get(f"{house.settings.url}{path}", headers=headers, trust_env=False)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers or "oauthenticator-state" not in answer.headers["set-cookie"]
    control = httpx.get(f"{house.settings.url}/hub/oauth_login", headers=NAVIGATION, trust_env=False)
    assert control.status_code == 302


def callback_of(house: House, subject: str) -> tuple[httpx.Client, str]:
    """A browser that stands before the callback, and the callback's address with its fresh code."""
    house.says(subject, preferred_username="dora")
    browser = house.browser()
    browser.sign_in(subject, stop_at="/hub/oauth_callback")
    return browser.http, browser.seen[-1]


def test_a_code_serves_once_in_its_own_browser_and_from_its_own_provider(house: House) -> None:
    http, address = callback_of(house, "subject-of-dora")
    with httpx.Client(headers=NAVIGATION, trust_env=False) as stranger:  # a stolen or a planted link
        assert stranger.get(address).status_code == 400
    for old, new in (("iss=http", "iss=https"), ("state=", "state=x"), ("code=", "code=x")):
        again, fresh = callback_of(house, "subject-of-dora")
        assert again.get(fresh.replace(old, new)).status_code in (400, 403), new
    without, fresh = callback_of(house, "subject-of-dora")
    assert without.get(fresh.partition("&iss=")[0]).status_code == 403
    assert http.get(address).status_code == 302  # the control: the right one, in the right browser
    assert http.get(address).status_code in (400, 403)


def test_words_in_the_callbacks_address_are_not_shown(house: House) -> None:
    address = f"{house.settings.url}/hub/oauth_callback?error=x&error_description=Call+0900+and+pay&iss={house.provider}"
    answer = httpx.get(address, headers=NAVIGATION, trust_env=False)
    assert answer.status_code == 403
    assert "0900" not in answer.text


def test_the_same_in_a_real_browser(house: House) -> None:
    house.says("somebody with a browser", preferred_username="ana")
    house.says("subject-of-ana", preferred_username="ana")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(base_url=house.settings.url)
        page.set_default_timeout(30_000)
        page.goto(f"{PORTAL_PREFIX}/")
        page.get_by_role("link", name="Sign in", exact=True).click()
        page.locator('input[name="login"]').fill("subject-of-ana")
        page.locator('input[name="password"]').fill("any")
        page.get_by_role("button").click()
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_text("Signed in as")).to_contain_text("ana")
        browser.close()
