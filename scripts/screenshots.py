"""The pictures of the documentation, taken from the running system by a real browser.

    sandbox demo --keep && python scripts/screenshots.py

Signs in through the hub's own page as each demo person, goes where people go, and writes ``docs/images/*.png``:
1280 pixels wide, at most 256 colours, below 200 kB each.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect, sync_playwright

from sandbox.settings import CHECKOUT, PORTAL_PREFIX, Settings

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",  # may run as root in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
OUT = CHECKOUT / "docs" / "images"
WIDTH, HEIGHT = 1280, 860
LARGEST_BYTES = 200_000

CONNECT = "import sandbox\nbox = sandbox.connect()\nbox.budget()"

# The tour's second question: it was paid for, so the picture costs nothing.
ASK = """
answer = box.ask('''
    SELECT risk, COUNT(*) AS n, AVG(credit_amount) AS mean_amount, AVG(duration_months) AS mean_months
    FROM loans GROUP BY risk''', epsilon=0.5)
display(answer, answer.plot())
"""

# A table with cells that a person has to judge: zeros, which say something about everybody in a group.
FOR_REVIEW = """
import pandas as pd
by_housing = box.ask("SELECT risk, housing, COUNT(*) AS n FROM loans GROUP BY risk, housing", epsilon=0.5)
table = by_housing.frame[["risk", "housing", "n"]].assign(n=lambda t: (t["n"] // 10 * 10).clip(lower=0))
table = pd.concat([table, pd.DataFrame([{"risk": "bad", "housing": "none", "n": 0}])])
table.to_csv(box.outbox / "by_housing.csv", index=False)
about = "Loans by risk and housing, rounded down to tens, for figure 2 of the report. Nobody applies without housing."
print("RELEASE", box.submit("by_housing.csv", context=about).id)
"""


@dataclass(frozen=True)
class Camera:
    """Takes pictures of one running installation."""

    settings: Settings
    browser: Browser
    passwords: dict[str, str]

    @contextmanager
    def person(self, name: str) -> Iterator[Page]:
        """A browser of one person's own, signed in through the hub's page; of nobody when the name is empty."""
        context = self.browser.new_context(
            base_url=self.settings.url, viewport={"width": WIDTH, "height": HEIGHT}
        )
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.goto(f"{PORTAL_PREFIX}/")
        if name:
            page.get_by_role("link", name="Sign in", exact=True).click()
            page.get_by_label("Username").fill(name)
            page.get_by_label("Password:").fill(self.passwords[name])
            page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_text("Signed in as")).to_contain_text(name)
        yield page
        context.close()

    def take(self, page: Page, name: str, *, height: int = HEIGHT) -> None:
        """One picture: the page from its top, at most ``height`` pixels of it."""
        page.set_viewport_size({"width": WIDTH, "height": height})
        page.evaluate("document.fonts.ready")
        self.keep(page.screenshot(), name)
        page.set_viewport_size({"width": WIDTH, "height": HEIGHT})

    def keep(self, png: bytes, name: str) -> None:
        picture = Image.open(io.BytesIO(png)).convert("RGB")
        if picture.width > WIDTH:
            picture = picture.resize(
                (WIDTH, round(picture.height * WIDTH / picture.width)), Image.Resampling.LANCZOS
            )
        file = OUT / f"{name}.png"
        picture.quantize(256, dither=Image.Dither.NONE).save(file, optimize=True)
        size = file.stat().st_size
        if size > LARGEST_BYTES:
            raise SystemExit(f"{file.name} has {size} bytes, more than {LARGEST_BYTES}.")
        sys.stdout.write(
            f"  ✓ {file.relative_to(CHECKOUT)}  {picture.width} × {picture.height}, {size // 1000} kB\n"
        )


def main() -> None:
    """Take all of them."""
    settings = Settings.from_environment()
    passwords = json.loads((settings.keys_dir / "demo-accounts.json").read_text())
    OUT.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=60_000)  # milliseconds, on a busy machine
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        camera = Camera(settings, browser, passwords)
        camera.keep((settings.home / "tour" / "plot.png").read_bytes(), "plot")
        visitor(camera)
        release = researcher(camera)
        owner(camera)
        reviewer(camera, release)
        auditor(camera)
        tidy(camera, release)
        browser.close()


def visitor(camera: Camera) -> None:
    with camera.person("") as page:
        page.get_by_role("link", name="All datasets").click()
        camera.take(page, "catalogue", height=980)
        page.get_by_role("link", name="German credit applicants").click()
        camera.take(page, "dataset", height=1250)
        page.get_by_role("link", name="Sign in", exact=True).click()
        camera.take(page, "sign-in", height=620)


def researcher(camera: Camera) -> int:
    """Ana's pages.

    Returns:
        The number of a request that waits for reviewers.
    """
    with camera.person("ana") as page:
        page.get_by_role("link", name="My data").click()
        camera.take(page, "grants", height=860)
        page.get_by_role("link", name="Open notebook").first.click()
        page.get_by_role("button", name="Open the notebook").click()
        page.wait_for_url("**/user/ana/**")
        expect(page.get_by_text("| Idle")).to_be_visible()
        expect(page.locator(".jp-DirListing-item").first).to_be_visible()
        camera.take(page, "welcome")
        run(page, CONNECT)
        first = run(page, ASK)
        first.locator(".jp-RenderedImage img").wait_for()
        first.evaluate("cell => cell.scrollIntoView({block: 'start'})")
        page.wait_for_timeout(500)  # the browser draws the picture
        camera.take(page, "notebook", height=780)
        said = (
            run(page, FOR_REVIEW).locator(".jp-OutputArea-output").filter(has_text=re.compile(r"RELEASE \d+"))
        )
        said.wait_for()
        release = int(said.inner_text().rsplit("RELEASE", 1)[1])
        page.goto(f"{PORTAL_PREFIX}/releases")
        page.get_by_role("link", name="Request 1:").click()
        camera.take(page, "blocked", height=1180)
        return release


def run(page: Page, code: str) -> Locator:
    """Type a cell at the end of the notebook and run it.

    Returns:
        The cell.
    """
    page.locator(".jp-Notebook .jp-Cell").last.click()
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    page.keyboard.insert_text(code.strip())
    page.keyboard.press("Control+Enter")
    return page.locator(".jp-Notebook .jp-CodeCell").last


# Rows of nobody, for a draft that is discarded again.
TREES = "tree_id,species,height,planted\n" + "".join(
    f"{n},lime,{n % 30}.5,2001-03-0{n % 9 + 1}\n" for n in range(99)
)


def owner(camera: Camera) -> None:
    """Olga prepares a dataset, looks at what its terms mean, and lets it be."""
    with camera.person("olga") as page:
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
        camera.take(page, "publish", height=1000)
        page.get_by_role("button", name="Save and go on").click()
        page.get_by_text("Discard the draft").click()
        page.get_by_role("button", name="Discard", exact=True).click()
        expect(page.get_by_role("status")).to_contain_text("The draft is gone")


def reviewer(camera: Camera, release: int) -> None:
    with camera.person("rita") as page:
        page.get_by_role("link", name="Review", exact=True).click()
        page.get_by_role("link", name=f"Look at request {release}", exact=True).click()
        camera.take(page, "review", height=1240)


def auditor(camera: Camera) -> None:
    with camera.person("arno") as page:
        page.get_by_role("link", name="Log", exact=True).click()
        page.get_by_role("button", name="Verify the chain").click()
        camera.take(page, "log", height=900)


def tidy(camera: Camera, release: int) -> None:
    """Ana takes the request back, so that a reviewer's queue is as it was."""
    with camera.person("ana") as page:
        page.goto(f"{PORTAL_PREFIX}/releases/{release}")
        page.get_by_role("button", name="Take the request back").click()
        expect(page.get_by_role("status")).to_contain_text("took the request back")


if __name__ == "__main__":
    main()
