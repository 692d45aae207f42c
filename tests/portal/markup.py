"""Reads a page as a browser would, and says what in it could run, load or style by itself.

>>> dangers('<p onclick="x()">a</p><script>b</script><a href="javascript:c">d</a>')
['onclick on p', 'script', 'href javascript:c']
>>> dangers('<script src="/services/portal/static/portal.js"></script>')  # without the page's own word
['script']
>>> dangers('<p title="&lt;script&gt;">fine</p>')
[]
>>> dangers('<a href="mailto:a@b.example">a</a><a href="mailto:a@b.example?body=c">d</a>')
['href mailto:a@b.example?body=c']
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

_RUN = {"script", "iframe", "object", "embed", "applet", "base", "link", "style", "frame", "math", "template"}
_NONCE = re.compile(r' nonce="[A-Za-z0-9_-]{22}"')
_STATIC = "/services/portal/static/"
_MAIL = re.compile(
    r"mailto:(?:[A-Za-z0-9._+-]|%25)+@[A-Za-z0-9.-]+"
)  # one address, and nothing for the writer to send
_LOCAL = ("/services/portal/", "/services/portal", "/hub/", "/user/", "#")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        sheet = tag == "link" and values.get("href", "").startswith(_STATIC)
        ours = tag == "script" and values.get("src", "").startswith(_STATIC) and values.get("nonce")
        if tag in _RUN and not sheet and not ours:
            self.found.append(tag)
        if tag == "meta" and "http-equiv" in values:
            self.found.append("meta http-equiv")
        for name, value in values.items():
            if name.startswith("on"):
                self.found.append(f"{name} on {tag}")
            if name == "style":
                self.found.append(f"style on {tag}")
            if name in ("href", "src", "action", "formaction", "xlink:href") and not self._fine(tag, value):
                self.found.append(f"{name} {value}")

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    @staticmethod
    def _fine(tag: str, value: str) -> bool:
        if tag == "a" and (value.startswith(("https://", "http://")) or _MAIL.fullmatch(value)):
            return True
        return value.startswith(_LOCAL) and not value.startswith("//")


def dangers(html: str) -> list[str]:
    """What could run, load from elsewhere, or bring its own style."""
    reader = _Reader()
    reader.feed(html)
    return reader.found


def without_nonce(html: str) -> str:
    """The page but for the word that is another on every page."""
    return _NONCE.sub("", html)


def text_of(html: str) -> str:
    """What a person reads, with single spaces."""
    reader = _Reader()
    reader.feed(html)
    return " ".join(" ".join(reader.text).split())
