"""The portal in a real Chromium: people's ways through it, how it looks, and what a hostile notebook page could do.

Portal and store are real. In the hub's place stands a page that asks who one is; a notebook's page is served from the
same origin, as the proxy does it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

from sandbox.domain.release import Decision
from tests.portal.example_world import PEOPLE, SMALL_CELL_TABLE, World, found_world, open_world

pytestmark = pytest.mark.browser

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

HOSTILE = """<!doctype html><title>notebook</title><button>steal</button><script>
const wait = ms => new Promise(done => setTimeout(done, ms));
const take = async (path, ask) => {
  const found = {};
  found.fetch = await fetch(path, {headers: {Accept: "text/html"}}).then(r => r.text()).catch(e => e.name);
  const frame = document.createElement("iframe");
  frame.src = path;
  document.body.append(frame);
  const opened = window.open(path);
  await wait(1500);
  try { found.frame = frame.contentDocument.body.innerHTML; } catch (e) { found.frame = e.name; }
  try { found.window = opened.document.body.innerHTML; } catch (e) { found.window = e.name; }
  return found;
};
document.querySelector("button").onclick = async () => {
  window.found = await take(new URLSearchParams(location.search).get("path"));
};
</script>"""


def _hub(request: Request) -> HTMLResponse:
    state = request.query_params["state"]
    links = "".join(
        f'<a href="/services/portal/oauth_callback?code=code-of-{name}&state={state}">I am {name}</a> '
        for name in PEOPLE
    )
    return HTMLResponse(f'<link rel="icon" href="/services/portal/static/mark.svg">{links}')


def _notebook(request: Request) -> HTMLResponse:
    return HTMLResponse(HOSTILE)


def _unguarded(request: Request) -> HTMLResponse:
    signed_in = "sandbox-session" in request.cookies
    return HTMLResponse(f'<input name="form_token" value="{signed_in}">')


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    home = tmp_path / "world"
    home.mkdir()
    found_world(home)
    opened = open_world(home)
    yield opened
    opened.close()


@pytest.fixture
def address(world: World) -> Iterator[str]:
    around = Starlette(
        routes=[
            Route("/hub/api/oauth2/authorize", _hub),
            Route("/user/{path:path}", _notebook),
            Route("/services/portal/unguarded", _unguarded),
            Mount("/", world.app),
        ]
    )
    server = uvicorn.Server(
        uvicorn.Config(around, host="127.0.0.1", port=0, log_level="warning", ws="none", lifespan="off")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        thread.join(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def signed_in(chromium: Browser, address: str, name: str, *, width: int = 1280) -> Iterator[Page]:
    """A browser of one person's own; complaints of the browser, such as about its content policy, are errors."""
    context: BrowserContext = chromium.new_context(
        base_url=address, viewport={"width": width, "height": 900}, accept_downloads=True
    )
    context.set_default_timeout(15_000)
    page = context.new_page()
    complaints: list[str] = []
    elsewhere: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on(
        "request", lambda request: None if request.url.startswith(address) else elsewhere.append(request.url)
    )
    if name:
        page.goto("/services/portal/")
        page.get_by_role("link", name="Sign in", exact=True).click()
        page.get_by_role("link", name=f"I am {name}", exact=True).click()
        expect(page.get_by_text("Signed in as")).to_contain_text(name)
    yield page
    context.close()
    assert [c for c in complaints if "the server responded with a status of" not in c] == []
    assert elsewhere == []


def test_from_the_catalogue_to_a_released_crate(world: World, chromium: Browser, address: str) -> None:
    with signed_in(chromium, address, "ana") as page:
        page.get_by_label("Search").fill("savings")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("link", name="Loan applications").click()
        page.get_by_role("link", name="Apply for this dataset").click()
        page.get_by_label("Project").fill("Fair credit")
        page.get_by_role("button", name="Save and go on").click()
        page.get_by_role("button", name="Save, go on later").click()  # a draft may be half-filled
        expect(page.get_by_role("status")).to_contain_text("Your changes were kept.")
        page.get_by_role("link", name="Change it").click()
        page.get_by_label("Purpose").fill("To see whether women and men get loans on equal terms.")
        page.get_by_role("button", name="Save and go on").click()
        page.get_by_role("button", name="Save and go on").click()
        page.get_by_label("paid_back").uncheck()
        page.get_by_role("button", name="Save and go on").click()
        page.get_by_label("Budget wanted").press_sequentially("0.5")
        expect(page.get_by_text("This pays about")).to_be_visible()
        page.get_by_label("Budget wanted").fill("")
        page.get_by_role("button", name="Save and go on").click()
        page.get_by_label("Planned outputs").fill("Counts by sex and housing.")
        page.get_by_role("button", name="Save and go on").click()
        page.get_by_role("button", name="Submit").click()
        expect(page.get_by_role("status")).to_contain_text("handed in")
    with signed_in(chromium, address, "olga") as page:
        page.get_by_role("link", name="Decisions").click()
        page.get_by_role("link", name="Look at it and decide").click()
        page.get_by_label("Conditions beyond the policy").fill("Send us the paper.")
        page.get_by_label("Budget to give").fill("99")
        page.get_by_role("button", name="Approve").click()
        expect(page.get_by_role("alert")).to_contain_text("can give a project")
        expect(page.get_by_label("Conditions beyond the policy")).to_have_value("Send us the paper.")
        page.get_by_label("Budget to give").fill("2")
        page.get_by_role("button", name="Approve").click()
        expect(page.get_by_role("status")).to_contain_text("Everybody it names signs next.")
    with signed_in(chromium, address, "ana") as page:
        page.get_by_role("link", name="My data").click()
        page.get_by_role("link", name="Sign", exact=True).click()
        page.get_by_role("button", name="Sign the agreement").click()  # the browser asks for the tick first
        page.get_by_label("I have read the agreement").check()
        page.get_by_role("button", name="Sign the agreement").click()
        expect(page.get_by_role("status")).to_contain_text("You signed the agreement.")
        page.get_by_role("link", name="Budget and notebook").click()
        expect(page.get_by_role("link", name="Open notebook")).to_have_attribute(
            "href", "/services/portal/notebooks/grant-1"
        )
    world.submitted(world.sandbox.store.grants.of_person("ana")[0])
    for name in ("rita", "rosa"):
        with signed_in(chromium, address, name) as page:
            page.get_by_role("link", name="Review", exact=True).click()
            page.get_by_role("link", name="Look at request 1").click()
            page.get_by_role("radio", name="Approve").check()
            page.get_by_role("button", name="Vote").click()
            expect(page.get_by_role("status")).to_contain_text("Your vote was counted.")
    with signed_in(chromium, address, "ana") as page:
        page.get_by_role("link", name="My outputs").click()
        page.get_by_role("link", name="Request 1:").click()
        with page.expect_download() as download:
            page.get_by_role("link", name="Download the signed crate").click()
        assert download.value.suggested_filename == "release-1.crate.zip"
        assert Path(download.value.path()).read_bytes().startswith(b"PK")
        page.get_by_role("button", name="Sign out").click()
        page.goto("/services/portal/grants")
        expect(
            page.get_by_role("link", name="I am ana", exact=True)
        ).to_be_visible()  # to the hub, to sign in


def _something_everywhere(world: World) -> None:
    grant = world.granted()
    sql = "SELECT sex, COUNT(*) AS n FROM applications GROUP BY sex"
    world.sandbox.answer_question.ask(world.person("ana"), grant, sql=sql, epsilon=1.0)
    access, olga = world.sandbox.request_access, world.person("olga")
    waiting = world.applied(project="Second look", members=("ravi",), epsilon="0.5")
    access.approve(olga, waiting.id, conditions=["Send us the paper."])
    back = world.applied("ben", project="A third project")
    access.send_back(olga, back.id, reason="Which columns do you need?")
    ben = world.person("ben")
    access.edit(ben, back.id, replace(back.wish, tables={"applications": ("sex",)}))
    access.submit(ben, back.id)
    ended = world.granted("ravi", project="Ended")
    world.sandbox.end_access.revoke(olga, ended.application, reason="Photographed.", block_days=9)
    unfinished = replace(back.wish, project="Drafted", members=())
    access.apply(world.person("ana"), dataset="loans", wish=unfinished, draft=True)
    averages = b"sex,mean_amount\nfemale,4550.5\nmale,9550.25\n"
    world.submitted(
        grant, files=(("averages.csv", averages), ("by_sex.csv", b"sex,n\nfemale,90\nmale,110\n"))
    )
    world.submitted(grant, files=(("housing.csv", SMALL_CELL_TABLE),))
    world.voted(
        world.submitted(grant), ("rita", Decision.APPROVE, ""), ("rosa", Decision.RETURN, "Which year?")
    )


# Each text against the first background behind it, by WCAG 2.1's relative luminance.
CONTRAST = """() => {
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = node => {
    for (; node; node = node.parentElement) {
      const color = rgb(getComputedStyle(node).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || !node.getClientRects().length) continue;
    const [a, b] = [light(rgb(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) faint.push(node.tagName + " " + node.textContent.trim().slice(0, 30) + " " + ratio.toFixed(2));
  }
  return faint;
}"""
NAMELESS = """() => [...document.querySelectorAll("input:not([type=hidden]), select, textarea")]
  .filter(field => !field.labels.length).map(field => field.outerHTML)"""


@pytest.mark.parametrize("width", [1280, 400])
def test_every_page_is_legible_and_fits_its_screen(
    world: World, chromium: Browser, address: str, width: int
) -> None:
    _something_everywhere(world)
    visits = {
        "": ("/", "/datasets", "/datasets/loans", "/datasets/inspections", "/datasets/tax_files", "/nowhere"),
        "ana": (
            "/datasets/loans",
            "/datasets/loans/apply",
            "/datasets/loans/application",
            *(
                f"/applications/5/steps/{step}"
                for step in ("purpose", "people", "data", "budget", "outputs", "check")
            ),
            "/grants",
            "/applications/1",
            "/applications/2",
            "/releases",
            "/releases/1",
            "/releases/2",
            "/releases/3",
            "/log",
        ),
        "ben": ("/applications/3",),
        "olga": ("/decisions", "/applications/1", "/applications/2", "/applications/3", "/applications/4"),
        "ravi": ("/grants", "/applications/2"),
        "rita": ("/review", "/releases/1"),
        "august": ("/log",),
    }
    for name, paths in visits.items():
        with signed_in(chromium, address, name, width=width) as page:
            for path in paths:
                page.goto(f"/services/portal{path}")
                page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
                assert page.evaluate("document.documentElement.scrollWidth") <= width, path
                assert page.evaluate(CONTRAST) == [], path
                assert page.evaluate(NAMELESS) == [], path
                assert page.locator("h1").count() == 1, path
                assert page.locator("html").get_attribute("lang") == "en"


def test_faint_text_and_wide_pages_would_be_found(world: World, chromium: Browser, address: str) -> None:
    with signed_in(chromium, address, "") as page:
        page.goto("/services/portal/")
        page.evaluate("document.querySelector('h1').style.color = '#999'")
        page.evaluate("document.querySelector('main').style.minWidth = '3000px'")
        page.evaluate("document.querySelector('label').remove()")
        assert len(page.evaluate(CONTRAST)) == 1
        assert page.evaluate("document.documentElement.scrollWidth") > 1280
        assert len(page.evaluate(NAMELESS)) == 1


def test_the_keyboard_reaches_the_content_first(world: World, chromium: Browser, address: str) -> None:
    with signed_in(chromium, address, "") as page:
        page.goto("/services/portal/")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()


@contextmanager
def _notebook_page(chromium: Browser, address: str) -> Iterator[Page]:
    context = chromium.new_context(base_url=address)
    page = context.new_page()
    page.goto("/services/portal/login")
    page.get_by_role("link", name="I am ana", exact=True).click()
    expect(page.get_by_text("Signed in as")).to_contain_text("ana")
    yield page
    context.close()


def _stolen(page: Page, path: str) -> dict[str, str]:
    """What a notebook's page gets out of another page of its own origin, in its user's browser."""
    page.goto(f"/user/ana/grant-1/page?path=/services/portal{path}")
    page.get_by_role("button", name="steal").click()
    page.wait_for_function("window.found !== undefined")
    found: dict[str, str] = page.evaluate("window.found")
    return found


@pytest.mark.parametrize("path", ["/grants", "/datasets/loans", "/releases/1", "/logout"])
def test_a_notebooks_page_reads_nothing_of_the_portal_in_its_users_name(
    world: World, chromium: Browser, address: str, path: str
) -> None:
    world.submitted(world.granted())
    with _notebook_page(chromium, address) as page:
        for way, text in _stolen(page, path).items():
            assert "form_token" not in text, way
            assert "Signed in as" not in text, way
            assert "Fair credit" not in text, way
        page.goto(f"/services/portal{path}")  # the person, and nobody else, still sees it
        assert "form_token" in page.content()


def test_a_page_without_these_guards_would_be_read_in_all_three_ways(
    world: World, chromium: Browser, address: str
) -> None:
    with _notebook_page(chromium, address) as page:
        found = _stolen(page, "/unguarded")
        assert sorted(found) == ["fetch", "frame", "window"]
        assert all("form_token" in text and "True" in text for text in found.values()), found
