"""People's ways by clicking only: a real browser, the real hub's sign-in page, real containers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from sandbox.settings import PORTAL_PREFIX
from tests.e2e.conftest import Installation

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.timeout(400)]

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",  # the tests may run as root in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
OURS = re.compile(r"http://([a-z0-9-]+\.)?localhost:[0-9]+/")  # the site's host, and those below it
WAIT_MS = 60_000  # a busy machine starts a container and a kernel in it


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()
    expect.set_options(timeout=5_000)


@contextmanager
def browsing(chromium: Browser, running: Installation) -> Iterator[Page]:
    """A browser of nobody yet. It never asks another site for anything."""
    context: BrowserContext = chromium.new_context(
        base_url=running.settings.url, viewport={"width": 1280, "height": 900}, accept_downloads=True
    )
    context.set_default_timeout(WAIT_MS)
    elsewhere: list[str] = []
    context.on(
        "request",
        lambda request: (
            None
            if OURS.match(request.url) or request.url.startswith(("data:", "blob:"))
            else elsewhere.append(request.url)
        ),
    )
    page = context.new_page()
    yield page
    context.close()
    assert elsewhere == []


def sign_in(page: Page, name: str, password: str) -> None:
    page.get_by_role("link", name="Sign in", exact=True).click()
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password:").fill(password)
    page.get_by_role("button", name="Sign in").click()


@contextmanager
def signed_in(chromium: Browser, running: Installation, name: str) -> Iterator[Page]:
    with browsing(chromium, running) as page:
        page.goto("/")
        sign_in(page, name, running.passwords[name])
        expect(page.get_by_text("Signed in as")).to_contain_text(name)
        yield page


def run(page: Page, code: str) -> Locator:
    """Type a cell at the end of the notebook and run it; gives the cell."""
    page.locator(".jp-Notebook .jp-Cell").last.click()
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    page.keyboard.insert_text(code)
    page.keyboard.press("Control+Enter")
    return page.locator(".jp-Notebook .jp-CodeCell").last


# signing in and out


def test_a_wrong_password_is_refused_and_the_right_one_leads_back_to_where_one_was(
    running: Installation, chromium: Browser
) -> None:
    with browsing(chromium, running) as page:
        page.goto("/")  # the hub's own address leads to the portal
        expect(page.get_by_role("heading", name="Data to find")).to_be_visible()
        page.get_by_role("link", name="All datasets").click()
        page.get_by_role("link", name="German credit applicants").click()
        sign_in(page, "ana", "wrong")
        expect(page.get_by_text("Name, password or code is wrong")).to_be_visible()
        page.get_by_label("Password:").fill(running.passwords["ana"])
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="German credit applicants")).to_be_visible()
        expect(page.get_by_text("Signed in as")).to_contain_text("ana")


def test_after_signing_out_nothing_of_a_persons_is_shown(running: Installation, chromium: Browser) -> None:
    with signed_in(chromium, running, "ana") as page:
        page.get_by_role("link", name="My data").click()
        expect(page.get_by_role("heading", name="My data")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        page.goto(f"{PORTAL_PREFIX}/grants")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        page.goto("/hub/home")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_the_hubs_pages_wear_the_sites_name_and_lead_back(running: Installation, chromium: Browser) -> None:
    with signed_in(chromium, running, "ana") as page:
        for path in ("/hub/home", "/hub/token", "/hub/spawn/ana/grant-999", "/hub/nothing"):
            page.goto(path)
            brand = page.locator(".navbar-brand")
            expect(brand).to_contain_text("Secure Data Sandbox")
            drawn = brand.locator("img").evaluate("image => image.naturalWidth")
            assert drawn > 0, path
            assert "lots of moons" not in page.content()
            brand.click()
            expect(page.get_by_role("heading", name="Data to find")).to_be_visible()


# the whole way


def test_from_an_application_to_a_released_crate_by_clicking(
    running: Installation, chromium: Browser, tmp_path: Path
) -> None:
    with signed_in(chromium, running, "ana") as page:
        _apply(page)
    with signed_in(chromium, running, "olga") as page:
        page.get_by_role("link", name="Decisions").click()
        mine = page.get_by_role("article").filter(has_text="Delays by carrier")
        mine.get_by_role("link", name="Look at it and decide").click()
        page.get_by_role("button", name="Approve").click()
        expect(page.get_by_role("status")).to_contain_text("approved")
    with signed_in(chromium, running, "ana") as page:
        page.get_by_role("link", name="My data").click()
        page.get_by_role("link", name="Sign", exact=True).click()
        page.get_by_label("I have read the agreement").check()
        page.get_by_role("button", name="Sign the agreement").click()
        page.get_by_role("link", name="Budget and notebook").click()
        grant = page.get_by_role("article").filter(has_text="Flights from New York").first
        grant.get_by_role("link", name="Open notebook").click()
        page.get_by_role("button", name="Open the notebook").click()  # shows how far it is, and leads there
        page.wait_for_url(re.compile("/user/ana/grant-[0-9]+/lab/tree/Welcome.ipynb"))
        server = re.search(r"/user/ana/(grant-[0-9]+)/", page.url)
        assert server is not None
        _welcome(page)
        number = _ask_and_submit(page)
        _stop(page, server.group(1))
    for name in ("rita", "ravi"):
        with signed_in(chromium, running, name) as page:
            page.get_by_role("link", name="Review", exact=True).click()
            page.get_by_role("link", name=f"Look at request {number}", exact=True).click()
            page.get_by_role("radio", name="Approve").check()
            page.get_by_role("button", name="Vote").click()
            expect(page.get_by_role("status")).to_contain_text("Your vote was counted.")
    with signed_in(chromium, running, "ana") as page:
        page.get_by_role("link", name="My outputs").click()
        page.get_by_role("link", name=f"Request {number}:").click()
        with page.expect_download() as download:
            page.get_by_role("link", name="Download the signed crate").click()
        crate = tmp_path / download.value.suggested_filename
        download.value.save_as(crate)
    assert "signed by the platform" in running.sandbox("release", "verify", str(crate)).stdout
    with signed_in(chromium, running, "arno") as page:
        page.get_by_role("link", name="Log", exact=True).click()
        page.get_by_role("button", name="Verify the chain").click()
        expect(page.get_by_role("status")).to_contain_text("The chain holds.")


def _apply(page: Page) -> None:
    page.get_by_role("link", name="All datasets").click()
    page.get_by_role("link", name="Flights from New York City, 2013").click()
    page.get_by_role("link", name="Apply for this dataset").click()
    page.get_by_role("link", name="All questions on one page").click()
    page.get_by_label("Project").fill("delays")
    page.get_by_label("Purpose").fill("Delays by carrier, for a study of airports.")
    page.get_by_label("Planned outputs").fill("Flights by origin.")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("status")).to_contain_text("handed in")


def _welcome(page: Page) -> None:
    """The notebook that a newcomer finds runs from its first cell to its last."""
    expect(page.get_by_text("| Idle")).to_be_visible()
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    expect(page.locator(".jp-RenderedImage img")).to_be_visible()
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    expect(cells.last.locator(".jp-OutputPrompt")).to_be_visible()
    assert page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').count() == 0
    page.get_by_role("menuitem", name="File", exact=True).click()
    menu = page.get_by_role("menu")
    expect(menu.get_by_text("Save Notebook", exact=True)).to_be_visible()
    for hidden in ("Download", "Terminal", "Export", "Open from URL"):
        assert menu.get_by_text(hidden).count() == 0, hidden
    page.keyboard.press("Escape")


def _ask_and_submit(page: Page) -> int:
    code = """
by_origin = box.ask("SELECT origin, COUNT(*) AS n FROM flights GROUP BY origin", epsilon=0.2)
by_origin.frame.to_csv(box.outbox / "by_origin.csv", index=False)
made = box.submit("by_origin.csv", context="Flights by origin.", sql=by_origin.question)
print(made.status, "RELEASE", made.id)
"""
    said = (
        run(page, code.strip()).locator(".jp-OutputArea-output").filter(has_text=re.compile(r"RELEASE \d+"))
    )
    expect(said).to_contain_text("submitted")
    return int(said.inner_text().rsplit("RELEASE", 1)[1])


def _stop(page: Page, server: str) -> None:
    page.goto("/hub/home", wait_until="networkidle")  # its buttons do nothing before its scripts are there
    page.locator(f"#stop-{server}").click()
    expect(page.get_by_text(f"{server}, stopped")).to_be_visible()
    page.reload()
    expect(page.get_by_text("None is running.")).to_be_visible()


# refusals in the browser


def test_a_page_of_somebody_elses_notebook_is_not_found(running: Installation, chromium: Browser) -> None:
    with running.session("ana") as ana:
        mine = next(g for g in ana.portal("GET", "grants") if g["holds"])["server_name"]
        ana.start_notebook(mine)
        try:
            with signed_in(chromium, running, "ana") as page:  # the control: its own person gets in
                page.goto(f"/user/ana/{mine}/lab")
                expect(page.locator(".jp-LabShell")).to_be_visible()
            with signed_in(chromium, running, "ben") as page:
                answer = page.goto(f"/user/ana/{mine}/lab")
                assert answer is not None
                assert answer.status in (403, 404)
                assert page.locator(".jp-LabShell").count() == 0
        finally:
            ana.stop_notebook(mine)
