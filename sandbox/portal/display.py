"""How a reader wants the pages: language, light or dark. Kept in the browser, in a cookie that says nothing else."""

from __future__ import annotations

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.language import LANGUAGES, SOURCE, preferred, spoken

LANGUAGE_COOKIE = "sandbox-language"
THEME_COOKIE = "sandbox-theme"
THEMES = ("auto", "light", "dark")  # auto: as the reader's system says


def language_of(request: Request) -> str:
    """The reader's choice, else what the browser asks for. Programs are answered in English."""
    if "/api/" in request.url.path:
        return SOURCE
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    return chosen if chosen in LANGUAGES else preferred(request.headers.get("accept-language", ""))


def theme_of(request: Request) -> str:
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else THEMES[0]


class Speaking:
    """Everything that is made for a request is made in its reader's language."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        language = language_of(Request(scope)) if scope["type"] == "http" else SOURCE
        with spoken(language):
            await self.app(scope, receive, send)
