"""The documentation's pictures, taken from a running system by a real browser that goes where people go.

``SANDBOX_PICTURES=docs/images`` (``make pictures``) writes them there; else they are only held against what is there.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from sandbox.settings import PORTAL_PREFIX
from tests.documents import PAGES
from tests.e2e.conftest import Installation
from tests.e2e.pictures import COMMITTED, HEIGHT, MADE_ELSEWHERE, REFRESH, WIDTH, Album, masked, stale
from tests.e2e.test_browser_real_hub import browsing, chromium, run, signed_in

__all__ = ["chromium"]
pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.timeout(600)]

CONNECT = "import sandbox\nbox = sandbox.connect()\nbox.budget()"

# The tour's second question: it was paid for, so the picture costs nothing.
ASK = """
answer = box.ask('''
    SELECT risk, COUNT(*) AS n, AVG(credit_amount) AS mean_amount, AVG(duration_months) AS mean_months
    FROM loans GROUP BY risk''', epsilon=0.5)
display(answer, answer.plot())
"""
TYPED = "SELECT housing, COUNT(*) AS n, MEDIAN(age) AS median_age FROM loans GROUP BY housing"

# A table with cells that a person has to judge: zeros, which say something about everybody in a group.
FOR_REVIEW = """
import pandas as pd
by_housing = box.ask("SELECT risk, housing, COUNT(*) AS n FROM loans GROUP BY risk, housing", epsilon=0.2)
table = by_housing.frame[["risk", "housing", "n"]].assign(n=lambda t: (t["n"] // 10 * 10).clip(lower=0))
table = pd.concat([table, pd.DataFrame([{"risk": "bad", "housing": "none", "n": 0}])])
table.to_csv(box.outbox / "by_housing.csv", index=False)
about = "Loans by risk and housing, rounded down to tens, for figure 2 of the report. Nobody applies without housing."
print("RELEASE", box.submit("by_housing.csv", context=about).id)
"""

# Rows of nobody, for a draft that is discarded again.
TREES = "tree_id,species,height,planted\n" + "".join(
    f"{n},lime,{n % 30}.5,2001-03-0{n % 9 + 1}\n" for n in range(99)
)


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Album:
    chosen = os.environ.get("SANDBOX_PICTURES")
    return Album(Path(chosen).absolute() if chosen else tmp_path_factory.mktemp("pictures"))


def test_every_picture_is_of_the_system_as_it_is(
    running: Installation, chromium: Browser, album: Album
) -> None:
    album.keep((running.settings.home / "tour" / "plot.png").read_bytes(), "plot", [])
    visitor(running, chromium, album)
    release = researcher(running, chromium, album)
    owner(running, chromium, album)
    reviewer(running, chromium, album, release)
    auditor(running, chromium, album)
    tidy(running, chromium, release)
    if album.folder != COMMITTED:
        found = {name: what for name, what in album.taken.items() if what}
        assert found == {}, REFRESH


def test_the_documents_show_these_pictures_and_no_others() -> None:
    shown = {
        name
        for page in PAGES
        for name in re.findall(r"images/([a-z-]+)\.png", page.read_text(encoding="utf-8"))
    }
    there = {file.stem for file in COMMITTED.glob("*.png")}
    assert shown == there


def test_all_of_them_are_taken_here(album: Album) -> None:
    assert set(album.taken) | MADE_ELSEWHERE == {file.stem for file in COMMITTED.glob("*.png")}


def test_a_stale_picture_is_found(tmp_path: Path, chromium: Browser) -> None:
    page = chromium.new_page()
    album = Album(tmp_path)
    made = []
    for label in ("Vote on 3 files", "Vote on 12 files", "Decide"):
        page.set_content(f"<h1>Review</h1><p>{len(made)}</p><button>{label}</button>")
        album.take(page, "page", page.get_by_role("heading"))
        made.append((tmp_path / "page.png").read_bytes())
    page.close()
    assert stale(made[0], made[1]) == []
    assert stale(made[1], made[2]) == ["shows 'Vote on 0 files', which the page does not", "lacks 'Decide'"]
    assert stale(made[1], made[2], grows=True) == ["shows 'Vote on 0 files', which the page does not"]


def test_numbers_are_not_words() -> None:
    assert masked("Request 12:  3 files,\n1,234.5 bits, 12:30") == "Request 0: 0 files, 0 bits, 0"


def visitor(running: Installation, chromium: Browser, album: Album) -> None:
    with browsing(chromium, running) as page:
        page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
        page.goto("/")
        page.get_by_role("link", name="All datasets").click()
        album.take(page, "catalogue", page.get_by_role("heading", name="Catalogue"), height=980)
        page.get_by_role("link", name="German credit applicants").click()
        album.take(page, "dataset", page.get_by_role("heading", name="German credit applicants"), height=1250)
        page.get_by_role("link", name="Report an error, or object").click()
        album.take(page, "objection", page.get_by_label("What is wrong"), height=1100)
        page.get_by_role("link", name="Sign in", exact=True).click()
        album.take(page, "sign-in", page.get_by_label("Username"), height=620)


def researcher(running: Installation, chromium: Browser, album: Album) -> int:
    """Ana's pages; gives the number of a request that waits for reviewers."""
    with signed_in(chromium, running, "ana") as page:
        page.get_by_role("link", name="My data").click()
        album.take(page, "grants", page.get_by_role("heading", name="At a glance"), grows=True)
        credit = page.get_by_role("article").filter(has_text="German credit applicants").first
        credit.get_by_role("link", name="Open notebook").click()
        page.get_by_role("button", name="Open the notebook").click()
        page.wait_for_url(re.compile("/user/ana/grant-[0-9]+/lab"))
        server = re.search(r"/user/ana/(grant-[0-9]+)/", page.url)
        assert server is not None
        expect(page.get_by_text("| Idle")).to_be_visible()
        expect(page.locator(".jp-DirListing-item").first).to_be_visible()
        album.take(page, "welcome", page.get_by_role("heading", name="Welcome"), grows=True)
        run(page, CONNECT)
        first = run(page, ASK.strip())
        first.locator(".jp-RenderedImage img").wait_for()
        first.evaluate("cell => cell.scrollIntoView({block: 'start'})")
        drawn(page)
        image = first.locator(".jp-RenderedImage img")
        album.take(page, "notebook", image, height=780, within="#jp-menu-panel")  # far cells come and go
        said = (
            run(page, FOR_REVIEW.strip())
            .locator(".jp-OutputArea-output")
            .filter(has_text=re.compile(r"RELEASE \d+"))
        )
        said.wait_for()
        release = int(said.inner_text().rsplit("RELEASE", 1)[1])
        page.goto(f"{PORTAL_PREFIX}/releases/1")  # the tour's, which was blocked
        album.take(page, "blocked", page.get_by_role("heading", name="Request 1"), height=1180)
        page.goto(f"{PORTAL_PREFIX}/grants")
        workbench(page, album)
        apply(page, album)
    with running.session("ana") as ana:
        ana.stop_notebook(server.group(1))
    return release


def workbench(page: Page, album: Album) -> None:
    """A question's price, and its answer."""
    page.get_by_role("article").filter(has_text="German credit applicants").first.get_by_role(
        "link", name="Ask a question"
    ).click()
    page.locator(".CodeMirror").click()
    page.keyboard.insert_text(TYPED)
    album.take(page, "ask", page.locator("#estimate .price"), height=1150, grows=True)
    page.get_by_role("row").filter(has_text="AVG").get_by_role("link", name="Answer").last.click()
    album.take(page, "answer", page.locator("figure.answer-picture"), height=1300)


def apply(page: Page, album: Album) -> None:
    """The step of an application that says what a budget is worth; the draft is left as it is."""
    page.goto(f"{PORTAL_PREFIX}/datasets/health_insurance")
    page.get_by_role("link", name="Apply for this dataset").click()
    album.take(page, "apply", page.get_by_role("heading", level=1))


def drawn(page: Page) -> None:
    """Until the browser has drawn what it has: two frames."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def owner(running: Installation, chromium: Browser, album: Album) -> None:
    """Olga prepares a dataset, looks at what its terms mean, and lets it be."""
    with signed_in(chromium, running, "olga") as page:
        page.goto(f"{PORTAL_PREFIX}/publish")
        page.get_by_label("Name in questions and addresses").fill("town_trees")
        page.get_by_label("Title for people").fill("Trees of the town")
        page.get_by_role("button", name="Begin").click()
        file = FilePayload(name="trees.csv", mimeType="text/csv", buffer=TREES.encode())
        page.locator("#file").set_input_files(file)
        page.get_by_role("button", name="Upload").click()
        expect(page.get_by_role("status")).to_contain_text("The file was taken")
        page.get_by_role("link", name="About it").click()
        for label, text in (("Provider", "Town hall"), ("Source", "Tree register"), ("Licence", "CC0")):
            page.get_by_label(label, exact=True).fill(text)
        page.get_by_role("button", name="Save and go on").click()
        page.get_by_label("Column that names them").select_option("tree_id")
        page.get_by_label("One of them is called").fill("tree")
        page.get_by_role("button", name="Save and go on").click()
        page.get_by_label("Epsilon, for the whole life").fill("4")
        for box in page.get_by_role("group", name="Reviewers").get_by_role("checkbox").all():
            box.check()
        expect(page.locator("#checks")).to_contain_text("a count of 100 is shown as")
        album.take(
            page, "publish", page.get_by_role("heading", name="What it means"), height=1000, grows=True
        )
        page.get_by_role("button", name="Save and go on").click()
        page.get_by_text("Discard the draft").click()
        page.get_by_role("button", name="Discard", exact=True).click()
        expect(page.get_by_role("status")).to_contain_text("The draft is gone")


def reviewer(running: Installation, chromium: Browser, album: Album, release: int) -> None:
    with signed_in(chromium, running, "rita") as page:
        page.get_by_role("link", name="Review", exact=True).click()
        page.get_by_role("link", name=f"Look at request {release}", exact=True).click()
        album.take(page, "review", page.get_by_role("heading", name="Your vote"), height=1240)


def auditor(running: Installation, chromium: Browser, album: Album) -> None:
    with signed_in(chromium, running, "arno") as page:
        page.get_by_role("link", name="Log", exact=True).click()
        page.get_by_role("button", name="Verify the chain").click()
        album.take(page, "log", page.get_by_role("status"), height=900, grows=True)


def tidy(running: Installation, chromium: Browser, release: int) -> None:
    """Ana takes the request back, so that a reviewer's queue is as it was."""
    with signed_in(chromium, running, "ana") as page:
        page.goto(f"{PORTAL_PREFIX}/releases/{release}")
        page.get_by_role("button", name="Take the request back").click()
        expect(page.get_by_role("status")).to_contain_text("took the request back")
