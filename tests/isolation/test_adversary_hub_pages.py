"""Attacks of a notebook's page on the hub, whose origin it shares: reading a page there is making a token there."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from jupyterhub import apihandlers, handlers
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.handlers.base import BaseHandler
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from traitlets.config import Config

from hub_config.authenticator import LocalDoor, SandboxAuthenticator
from hub_config.configure import configure
from hub_config.pages import LOGO, OnlyNavigation, is_navigation
from sandbox.settings import Settings

DOOR = LocalDoor(check_password=lambda name, password, code: None, still_open=lambda name: True)
NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


def rows() -> list[tuple[Any, ...]]:
    return SandboxAuthenticator(door=DOOR).get_handlers(None)


def needs_no_form_token(handler: type[Any]) -> bool:
    """True for handlers that answer a GET with a cookie alone."""
    return issubclass(handler, BaseHandler) and "GET" in handler._xsrf_safe_methods


def test_every_address_that_takes_a_cookie_alone_is_guarded() -> None:
    guarded = {path for path, handler, *_ in rows() if issubclass(handler, OnlyNavigation)}
    own = [*handlers.default_handlers, *apihandlers.default_handlers]
    asked = {path for path, handler, *_ in own if needs_no_form_token(handler)}
    assert {
        "/token",
        "/home",
        "/login",
        "/api/oauth2/authorize",
    } <= asked  # the control: the list is not empty
    assert asked <= guarded


def test_the_icon_that_browsers_ask_for_by_themselves_is_there() -> None:
    """Beside a file or a JSON document no page names one: the console said 404 for it."""
    (icon,) = [row for row in rows() if re.fullmatch(row[0], "/favicon.ico")]
    assert not issubclass(icon[1], BaseHandler)  # it looks at no cookie

    async def ask() -> tuple[int, str, bytes]:
        server = HTTPServer(Application([icon]))
        (socket,) = bind_sockets(0, "127.0.0.1")
        server.add_sockets([socket])
        try:
            address = f"http://127.0.0.1:{socket.getsockname()[1]}/favicon.ico"
            answer = await AsyncHTTPClient().fetch(address)
            return answer.code, answer.headers["Content-Type"], answer.body
        finally:
            server.stop()

    status, kind, body = asyncio.run(ask())
    assert (status, kind) == (200, "image/svg+xml")
    assert body == LOGO.read_bytes()


def test_the_hubs_api_asks_for_the_form_token_also_when_it_is_read() -> None:
    api = [handler for _, handler, *_ in apihandlers.default_handlers if issubclass(handler, APIHandler)]
    assert api
    assert not any(map(needs_no_form_token, api))


class Page:
    """A handler of the hub that knows who the cookie is."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.request = type("Request", (), {"headers": headers})

    def get_current_user_cookie(self) -> str:
        return "olga"


class GuardedPage(OnlyNavigation, Page):
    """The same, guarded."""


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
        {"Sec-Fetch-Mode": "same-origin", "Sec-Fetch-Dest": "empty"},
        {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"},
        {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "object"},
        {"Sec-Fetch-Mode": "same-origin", "Sec-Fetch-Dest": "worker"},
    ],
)
def test_a_script_finds_nobody_signed_in(headers: dict[str, str]) -> None:
    assert Page(headers).get_current_user_cookie() == "olga"  # the control: unguarded, it would be her
    assert GuardedPage(headers).get_current_user_cookie() is None


@pytest.mark.parametrize("headers", [NAVIGATION, {}])
def test_a_person_is_known_who_goes_to_the_page(headers: dict[str, str]) -> None:
    assert is_navigation(headers)
    assert GuardedPage(headers).get_current_user_cookie() == "olga"


def test_a_page_that_a_script_opens_is_cut_off_from_it_and_hides_its_form_token(tmp_path: Path) -> None:
    c = Config()
    configure(c, settings=Settings(home=tmp_path), house=None, door=DOOR)  # type: ignore[arg-type]
    settings = c.JupyterHub.tornado_settings
    assert settings["headers"]["Cross-Origin-Opener-Policy"] == "same-origin"
    assert settings["xsrf_cookie_kwargs"]["httponly"] is True
    assert (
        "Content-Security-Policy" not in settings["headers"]
    )  # the hub's own, frame-ancestors 'none', stays
