"""Password and code at the real hub's own page, in a real browser; and a session whose account is closed."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pyotp
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from sandbox.domain.audit import Event
from sandbox.domain.errors import NotSignedIn
from sandbox.domain.people import Person, Role
from sandbox.domain.second_factor import STEP_S
from sandbox.hub_session import HubSession
from sandbox.settings import PORTAL_PREFIX
from tests.e2e.conftest import free_ports
from tests.e2e.outside import House, outside_house

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.timeout(200)]

PASSWORD = "a long password"


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    home = Path(tempfile.mkdtemp(prefix="sbx-", dir="/tmp"))
    try:
        with outside_house(home, free_ports(6), local=True) as running:
            for name, role in {"olga": Role.OWNER, "rosa": Role.REVIEWER, "ana": Role.RESEARCHER}.items():
                event = Event("t", "person.added", f"person:{name}")
                running.store.people.add(Person(name, frozenset({role})), password=PASSWORD, event=event)
            yield running
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def page(house: House) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        opened = browser.new_page(base_url=house.settings.url)
        opened.set_default_timeout(30_000)
        yield opened
        browser.close()


def sign_in(page: Page, name: str, code: str = "") -> None:
    page.goto(f"{PORTAL_PREFIX}/")
    page.get_by_role("link", name="Sign in", exact=True).click()
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password:").fill(PASSWORD)
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Sign in").click()


def test_an_owner_enrols_first_and_then_signs_in_with_a_code_that_serves_once(
    house: House, page: Page
) -> None:
    sign_in(page, "olga")
    page.goto(f"{PORTAL_PREFIX}/decisions")
    expect(page.get_by_text("Set up a second factor first.")).to_be_visible()
    page.get_by_label("Your password").first.fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    secret = page.locator("code.secret").inner_text().replace(" ", "")
    page.get_by_label("Code that the app shows now").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Turn it on").click()
    recovery = page.locator("ol.codes code").all_inner_texts()
    assert len(recovery) == 10
    page.goto(f"{PORTAL_PREFIX}/decisions")
    expect(page.get_by_role("heading", name="Decisions")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()

    sign_in(page, "olga", recovery[0])
    expect(page.get_by_text("Signed in as")).to_contain_text("olga")
    page.get_by_role("button", name="Sign out").click()
    for wrong in ("", recovery[0]):
        sign_in(page, "olga", wrong)
        expect(page.get_by_text("Name, password or code is wrong")).to_be_visible()

    code = pyotp.TOTP(secret).at(
        int(time.time()) + STEP_S
    )  # this step's was used; the next one counts already
    with HubSession(house.settings, "olga", PASSWORD, code=code) as session:  # what 'sandbox login' does
        assert session.portal("GET", "account")["second_factor"]["enrolled"] is True
    with pytest.raises(NotSignedIn):
        HubSession(house.settings, "olga", PASSWORD, code=code)


def test_who_needs_no_code_leaves_the_field_empty(page: Page) -> None:
    sign_in(page, "ana")
    expect(page.get_by_text("Signed in as")).to_contain_text("ana")


def test_a_closed_account_is_out_of_portal_and_hub(house: House) -> None:
    with HubSession(house.settings, "ana", PASSWORD) as ana:
        assert ana.http.get(f"{PORTAL_PREFIX}/api/v1/account").status_code == 200
        browser = httpx.Client(base_url=house.settings.url, trust_env=False, timeout=30)
        with browser:
            browser.get("/hub/login")
            form = {"username": "ana", "password": PASSWORD, "otp": ""}
            form["_xsrf"] = browser.cookies.get("_xsrf", path="/hub/") or ""
            assert browser.post("/hub/login", data=form).status_code == 302
            assert browser.get("/hub/home").status_code == 200
            house.store.people.set_active("ana", False, event=Event("t", "person.deactivated", "person:ana"))
            assert ana.http.get(f"{PORTAL_PREFIX}/api/v1/account").status_code == 401
            deadline = time.monotonic() + 20
            while browser.get("/hub/home").status_code == 200:  # the hub believes for a few seconds
                assert time.monotonic() < deadline
                time.sleep(0.5)
            assert browser.get("/hub/home").headers["location"].startswith("/hub/login")
