"""A reviewer's page in a real Chromium: by keys, with what was typed kept, and on a phone's width."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from sandbox.domain.release import Decision
from tests.e2e.test_browser_portal import address, chromium, signed_in, world
from tests.portal.example_world import GOOD_TABLE, World

__all__ = ["address", "chromium", "world"]
pytestmark = pytest.mark.browser

FILES = (("by_sex.csv", GOOD_TABLE), ("repaid.csv", b"paid_back,n\ntrue,150\nfalse,50\n"))


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id"))


def test_a_request_is_reviewed_by_keys(world: World, address: str, chromium: Browser, tmp_path: Path) -> None:
    release = world.submitted(world.granted(), files=FILES)
    pictures = Path(os.environ.get("SANDBOX_TEST_PICTURES", tmp_path))
    with signed_in(chromium, address, "rita") as page:
        page.get_by_role("link", name="Review", exact=True).click()
        page.get_by_role("link", name=f"Look at request {release.id}", exact=True).click()
        expect(page.locator("#shortcuts")).to_be_visible()  # the script is there
        for key, place in (("j", "finding-1-1"), ("j", "finding-1-2"), ("k", "finding-1-1")):
            page.keyboard.press(key)
            assert focused(page) == place
        page.keyboard.press("?")
        expect(page.get_by_text("next, previous finding")).to_be_visible()
        page.keyboard.press("a")
        assert focused(page) == "vote-approve"
        assert not page.is_checked("#vote-approve")  # a key goes there; a person chooses
        page.keyboard.press("Space")
        page.fill("#comment", "axr? are letters here")
        page.reload()
        expect(page.locator("#comment")).to_have_value("axr? are letters here")
        expect(page.locator("#shortcuts")).to_be_visible()
        page.keyboard.press("?")
        page.uncheck("#shortcuts-on")
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("x")
        assert focused(page) == ""  # switched off
        page.screenshot(path=pictures / "review.png", full_page=True)
        page.get_by_role("button", name="Vote").click()
        expect(page.get_by_role("status")).to_contain_text("Your vote was counted.")
        assert page.evaluate("sessionStorage.length") == 0


def test_a_vote_on_what_changed_is_not_taken_and_its_words_are_kept(
    world: World, address: str, chromium: Browser
) -> None:
    release = world.submitted(world.granted(), files=FILES)
    with signed_in(chromium, address, "rita", width=390) as page:
        page.goto(f"/services/portal/releases/{release.id}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        expect(page.locator("a.to-vote")).to_be_visible()
        page.check("#vote-return")
        page.fill("#comment", "Four hundred careful words.")
        world.voted(release, ("ravi", Decision.APPROVE, ""))
        page.get_by_role("button", name="Vote").click()
        expect(page.get_by_role("alert")).to_contain_text("changed")
        expect(page.locator("#comment")).to_have_value("Four hundred careful words.")
        assert not page.is_checked("#vote-return")
        page.check("#vote-return")
        page.get_by_role("button", name="Vote").click()
        expect(page.get_by_role("status")).to_contain_text("Your vote was counted.")
