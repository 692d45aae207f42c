"""A session that ends in the middle of a step, in a real Chromium: what was typed is there after signing in again."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.test_browser_portal import address, chromium, signed_in, world
from tests.portal.example_world import World

__all__ = ["address", "chromium", "world"]
pytestmark = pytest.mark.browser

PURPOSE = "To see whether women and men get loans on equal terms."


def _typed(page: Page) -> None:
    page.goto("/services/portal/datasets/loans/application")
    page.get_by_label("Project").fill("Fair credit")
    page.get_by_label("Purpose").fill(PURPOSE)


def test_nothing_is_lost_when_the_sign_in_expires(world: World, chromium: Browser, address: str) -> None:
    with signed_in(chromium, address, "ana") as page:
        _typed(page)
        page.context.clear_cookies()
        page.get_by_role("button", name="Save and go on").click()
        expect(page.get_by_role("heading", name="Please sign in")).to_be_visible()
        expect(page.get_by_text(PURPOSE)).to_be_visible()
        page.get_by_role("main").get_by_role("link", name="Sign in").click()
        page.get_by_role("link", name="I am ana", exact=True).click()
        expect(page.get_by_label("Purpose")).to_have_value(PURPOSE)
        page.get_by_role("button", name="Save and go on").click()
        expect(page.get_by_role("heading", name="Step 2 of 6: People")).to_be_visible()
        page.goto("/services/portal/datasets/loans/application")
        expect(page.get_by_label("Purpose")).to_have_value("")  # it was taken, and is forgotten here
    assert world.sandbox.store.access.applications()[0].wish.purpose == PURPOSE


def test_the_back_button_comes_to_what_was_saved(world: World, chromium: Browser, address: str) -> None:
    with signed_in(chromium, address, "ana") as page:
        _typed(page)
        page.get_by_role("button", name="Save and go on").dblclick()
        expect(page.get_by_role("heading", name="Step 2 of 6: People")).to_be_visible()
        page.go_back()
        expect(page.get_by_label("Purpose")).to_have_value(PURPOSE)
        page.get_by_label("Purpose").fill(f"{PURPOSE} Since 2015.")
        page.get_by_role("button", name="Save and go on").click()
        expect(page.get_by_role("heading", name="Step 2 of 6: People")).to_be_visible()
    (only,) = world.sandbox.store.access.applications()
    assert only.wish.purpose.endswith("Since 2015.")
