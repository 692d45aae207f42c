"""Signing in and out. The hub knows who people are; here a browser gets the hub's token as a cookie, and loses it."""

from __future__ import annotations

import re
from secrets import compare_digest

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from sandbox.domain.errors import BadInput, NotAllowed, NotSignedIn
from sandbox.portal.forms import EnrollingSender
from sandbox.portal.identity import COOKIE, STATE_COOKIE, Identity
from sandbox.portal.pages.rendering import render
from sandbox.portal.requests import Enrolling, cookie_name, https
from sandbox.settings import PORTAL_PREFIX

router = APIRouter(include_in_schema=False)

HOME = f"{PORTAL_PREFIX}/"
STATE_SECONDS = 600  # how long a sign-in may take
_LOCAL = re.compile(re.escape(PORTAL_PREFIX) + r"/[A-Za-z0-9_./-]*(\?[A-Za-z0-9_.=&%+-]*)?")
_SIGNING = re.compile(re.escape(PORTAL_PREFIX) + r"/(login|logout|oauth_callback)\b")


def local_path(path: str) -> str:
    """The path when it leads to a page of this portal, else the portal's first page.

    An allow-list of plain characters, so that no browser can read it as another site's address.

    >>> local_path("/services/portal/grants")
    '/services/portal/grants'
    >>> local_path("//elsewhere.example/services/portal/")
    '/services/portal/'
    """
    plain = _LOCAL.fullmatch(path) and "//" not in path and ".." not in path and not _SIGNING.match(path)
    return path if plain else HOME


@router.get("/login")
def login(request: Request, next: str = HOME) -> Response:
    """Send the browser to the hub, and remember here that this browser asked."""
    identity: Identity = request.app.state.identity
    url, state = identity.login_url(local_path(next))
    response = RedirectResponse(url, status_code=303)
    _keep(request, response, STATE_COOKIE, state, max_age=STATE_SECONDS)
    return response


@router.get("/oauth_callback")
def oauth_callback(request: Request, code: str = "", state: str = "", error: str = "") -> Response:
    """The browser is back from the hub.

    Raises:
        NotAllowed: the hub refused, or another browser's sign-in was put into this one.
        BadInput: the sign-in was started too long ago.
    """
    if error or not code:
        raise NotAllowed("The hub did not sign you in.", clause="sign-in", fix="Sign in again.")
    expected = request.cookies.get(cookie_name(request, STATE_COOKIE), "")
    if not expected or not compare_digest(expected.encode(), state.encode()):
        raise NotAllowed(
            "This sign-in was not started in this browser.", clause="state", fix="Sign in again."
        )
    identity: Identity = request.app.state.identity
    try:
        token, next_path = identity.finish_login(code, state)
    except NotSignedIn as refused:  # not to the hub again at once: that could go round in circles
        raise BadInput(refused.message, where="sign-in", fix=refused.fix) from refused
    response = RedirectResponse(local_path(next_path), status_code=303)
    _keep(request, response, COOKIE, token)
    _drop(request, response, STATE_COOKIE)
    return response


@router.get("/logout")
def ask_before_signing_out(request: Request, person: Enrolling) -> Response:
    """A page with a button: a link alone, which another site could plant, signs nobody out."""
    return render(request, "sign_out.html")


@router.post("/logout")
def logout(request: Request, person: EnrollingSender) -> Response:
    """Forget the token here, then let the hub end its session, which revokes the token too."""
    response = RedirectResponse("/hub/logout", status_code=303)
    _drop(request, response, COOKIE)
    return response


def _keep(request: Request, response: Response, name: str, value: str, *, max_age: int | None = None) -> None:
    response.set_cookie(
        cookie_name(request, name),
        value,
        max_age=max_age,
        path=_path(request),
        httponly=True,
        samesite="lax",
        secure=https(request),
    )


def _drop(request: Request, response: Response, name: str) -> None:
    response.delete_cookie(
        cookie_name(request, name),
        path=_path(request),
        httponly=True,
        samesite="lax",
        secure=https(request),
    )


def _path(request: Request) -> str:
    """Of this service alone; but a name that is bound to its host has to be for all of it, where the hub is too."""
    return "/" if https(request) else PORTAL_PREFIX
