"""The question workbench and the way to a notebook in a real Chromium, in both languages.

Portal, store and engine are real; a stand-in for the hub says that notebooks start.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from sandbox.domain.notebook_start import NotebookState
from sandbox.language import gettext, spoken
from tests.e2e.test_browser_portal import address, chromium, signed_in, world
from tests.portal.example_world import World

__all__ = ["address", "chromium", "world"]  # fixtures

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

HOME = "/services/portal/"
MOST_ACTIONS = 5


@dataclass
class Hand:
    """A person's hand: each thing it does is counted."""

    page: Page
    did: int = 0

    def click(self, what: Locator) -> None:
        what.click()
        self.did += 1


def _speaking(page: Page, address: str, language: str) -> None:
    page.context.add_cookies([{"name": "sandbox-language", "value": language, "url": address}])


def _text(language: str, message: str) -> str:
    with spoken(language):
        return gettext(message)


def _to_first_answer(page: Page) -> Hand:
    """From the catalogue, by a grant, with an example."""
    hand = Hand(page)
    page.goto(f"{HOME}datasets")
    hand.click(page.locator('main a[href$="/datasets/loans"]').first)
    hand.click(page.locator('main a[href*="/grants#application-"]').first)
    hand.click(page.locator('main a[href$="/ask/1"]').first)
    hand.click(page.locator("a.starter").nth(1))
    expect(page.locator("#estimate .price")).to_contain_text("%", timeout=30_000)  # known before
    hand.click(page.locator("#question button[type=submit]:not([formaction])"))
    expect(page.locator("figure.answer-picture")).to_be_visible()
    return hand


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
def test_from_the_catalogue_to_the_first_private_answer(
    world: World, chromium: Browser, address: str, language: str
) -> None:
    grant = world.granted()
    with signed_in(chromium, address, "ana") as page:
        _speaking(page, address, language)
        hand = _to_first_answer(page)
        assert hand.did <= MOST_ACTIONS
        assert page.locator("html").get_attribute("lang") == language
        expect(page.locator(".meaning")).to_contain_text("female")
        expect(page.locator("table.data tbody tr")).to_have_count(2)
        expect(page.get_by_text(_text(language, "What it cost"))).to_be_visible()
        spent = world.sandbox.access_views.budget(grant).account.spent.nano
        page.reload()
        page.go_back()
        page.go_forward()
        expect(page.locator("figure.answer-picture")).to_be_visible()
        assert world.sandbox.access_views.budget(grant).account.spent.nano == spent > 0


def test_the_price_and_what_is_refused_are_shown_while_somebody_types(
    world: World, chromium: Browser, address: str
) -> None:
    grant = world.granted()
    with signed_in(chromium, address, "ana") as page:
        page.goto(f"{HOME}ask/1")
        page.locator(".CodeMirror").click()
        page.keyboard.type("SELECT hous")
        expect(page.get_by_role("listbox", name="Names that fit")).to_contain_text("own, rent, free")
        page.keyboard.press("Enter")
        page.keyboard.type(", COUNT(*) AS n FROM applications GROUP BY housin")
        page.keyboard.press("Escape")
        expect(page.locator("#estimate [role=alert]")).to_contain_text("There is no column 'housin'.")
        expect(page.locator(".CodeMirror .wrong")).to_have_text("housin")
        page.keyboard.type("g")
        expect(page.locator("#estimate .price")).to_contain_text("3 known values")
        expect(page.locator(".CodeMirror .wrong")).to_have_count(0)
        page.get_by_label("How the price is said").select_option("accuracy")
        page.get_by_label("Number").fill("10")
        expect(page.locator("#estimate .price")).to_contain_text("±10")
        assert world.sandbox.access_views.budget(grant).account.spent.nano == 0
        page.reload()  # what was typed is still there
        expect(page.locator(".CodeMirror")).to_contain_text("GROUP BY housing")
        page.locator(".CodeMirror").click()
        page.keyboard.press("Tab")  # the keyboard leads out of the editor
        expect(page.get_by_label("How the price is said")).to_be_focused()


def test_it_works_without_script(world: World, chromium: Browser, address: str) -> None:
    world.granted()
    context = chromium.new_context(base_url=address, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{HOME}login")
    page.get_by_role("link", name="I am ana", exact=True).click()
    page.goto(f"{HOME}ask/1")
    page.get_by_role("link", name="How many rows there are for each sex.").click()
    page.get_by_role("button", name="Estimate first").click()
    expect(page.locator("#estimate .price")).to_contain_text("of the agreement's budget")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_role("heading", name="Answer 1")).to_be_visible()
    page.goto(f"{HOME}notebooks/grant-1")
    page.get_by_role("button", name="Open the notebook").click()
    expect(page.get_by_text("It is being opened.")).to_be_visible()
    context.route("**/user/ana/grant-1/", lambda route: route.fulfill(body="The notebook itself."))
    world.hub.states["ana", "grant-1"] = NotebookState.READY
    expect(page.get_by_text("The notebook itself.")).to_be_visible(timeout=30_000)  # led there, step by step
    page.go_back()
    expect(page.get_by_text("It does not run.")).to_have_count(0)
    expect(page.get_by_role("heading", name="Answer 1")).to_have_count(0)
    context.close()


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
def test_a_notebook_is_opened_followed_and_reached(
    world: World, chromium: Browser, address: str, language: str
) -> None:
    grant = world.granted()
    context = chromium.new_context(base_url=address)  # it leaves this host: notebooks have their person's own
    page = context.new_page()
    page.goto(f"{HOME}login")
    page.get_by_role("link", name="I am ana", exact=True).click()
    _speaking(page, address, language)
    page.goto(f"{HOME}notebooks/grant-1")
    page.get_by_role("button", name=_text(language, "Open the notebook")).click()
    expect(page.locator('#notebook [aria-current="step"]')).to_be_visible()
    page.route("**/user/ana/grant-1/**", lambda route: route.fulfill(body="the notebook"))
    world.hub.ready(grant)
    page.wait_for_url("http://ana.localhost:*/user/ana/grant-1/")  # led there, with no click
    context.close()
