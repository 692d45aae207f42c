"""The documentation's pictures: taken as they are in ``docs/images``, and held against what stands there.

A picture carries the words that its page showed, from headings, buttons, labels and heads of tables, as a text inside the
PNG. That is how a stale one is found: pixels differ with every answer's noise, every date and every font.
"""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, PngImagePlugin
from playwright.sync_api import Locator, Page

from sandbox.settings import CHECKOUT

COMMITTED = CHECKOUT / "docs" / "images"
MADE_ELSEWHERE = frozenset({"benchmarks"})  # python -m benchmarks
WIDTH, HEIGHT = 1280, 860
LARGEST_BYTES = 200_000
COLOURS = 256
REFRESH = "Run 'make pictures', look at them, and commit them."
_KEY = "words"
_SHOWN = """within => {
    const shown = ({top, bottom}) => top < innerHeight && bottom > 0
    return [...document.querySelector(within).querySelectorAll(
        'h1, h2, h3, button, th[scope=col], label, legend, summary, nav a, a.button')]
        .filter(one => one.checkVisibility() && shown(one.getBoundingClientRect()))
        .map(one => one.innerText)
}"""


def masked(words: str) -> str:
    """Without what differs from run to run: numbers and space."""
    return re.sub(r"[0-9]+([.,: ][0-9]+)*", "0", " ".join(words.split()))


def words_in(png: bytes) -> frozenset[str]:
    """What the page said of which this is the picture.

    Raises:
        ValueError: the picture carries no words.
    """
    with Image.open(io.BytesIO(png)) as picture:
        found = picture.info.get(_KEY)
    if not isinstance(found, str):
        raise ValueError("it carries no words of its page")
    return frozenset(json.loads(found))


def stale(committed: bytes, taken: bytes, *, grows: bool = False) -> list[str]:
    """What the committed picture shows otherwise than the page does now.

    Args:
        committed: the PNG in the documentation.
        taken: the PNG of now.
        grows: the page shows more the longer an installation is used: only what is gone counts.
    """
    try:
        then, now = words_in(committed), words_in(taken)
    except ValueError as error:
        return [str(error)]
    return [
        *(f"shows '{words}', which the page does not" for words in sorted(then - now)),
        *(f"lacks '{words}'" for words in sorted(now - then) if not grows),
    ]


@dataclass(frozen=True, slots=True)
class Album:
    """Where pictures are put; and what of them is stale, by their names."""

    folder: Path
    taken: dict[str, list[str]] = field(default_factory=dict)

    def take(
        self,
        page: Page,
        name: str,
        sees: Locator,
        *,
        height: int = HEIGHT,
        grows: bool = False,
        within: str = "body",
    ) -> None:
        """One picture: the page from where it is scrolled to, ``height`` pixels of it.

        Args:
            page: where one is, or soon comes.
            name: the file's, without its ending.
            sees: what is to be seen before the picture is taken.
            height: in pixels.
            grows: see ``stale``.
            within: the part of the page whose words count, as a CSS selector.
        """
        sees.first.wait_for()
        page.set_viewport_size({"width": WIDTH, "height": height})
        page.evaluate("document.fonts.ready")
        words = sorted({masked(one) for one in page.evaluate(_SHOWN, within)} - {""})
        self.keep(page.screenshot(), name, words, grows=grows)
        page.set_viewport_size({"width": WIDTH, "height": HEIGHT})

    def keep(self, png: bytes, name: str, words: list[str], *, grows: bool = False) -> None:
        """Made as small as the documentation wants it, with its words in it.

        Raises:
            AssertionError: it is too large.
        """
        picture = Image.open(io.BytesIO(png)).convert("RGB")
        if picture.width > WIDTH:
            size = WIDTH, round(picture.height * WIDTH / picture.width)
            picture = picture.resize(size, Image.Resampling.LANCZOS)
        carried = PngImagePlugin.PngInfo()
        carried.add_itxt(_KEY, json.dumps(words, ensure_ascii=False))
        made = io.BytesIO()
        picture.quantize(COLOURS, dither=Image.Dither.NONE).save(made, "PNG", optimize=True, pnginfo=carried)
        taken = made.getvalue()
        assert len(taken) <= LARGEST_BYTES, f"{name} has {len(taken)} bytes, more than {LARGEST_BYTES}"
        committed = COMMITTED / f"{name}.png"
        self.taken[name] = (
            stale(committed.read_bytes(), taken, grows=grows) if committed.is_file() else ["is not there"]
        )
        (self.folder / f"{name}.png").write_bytes(taken)
