"""The choice of language and colours, which stands below every page."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from sandbox.language import LANGUAGES
from sandbox.portal.display import LANGUAGE_COOKIE, THEME_COOKIE, THEMES
from sandbox.portal.forms import AnySender
from sandbox.portal.requests import https
from sandbox.portal.sign_in import local_path
from sandbox.settings import PORTAL_PREFIX

router = APIRouter(include_in_schema=False)

_YEAR_S = 365 * 24 * 3600


@router.post("/display")
def display(
    request: Request,
    sender: AnySender,
    language: Annotated[str, Form()] = "",
    theme: Annotated[str, Form()] = "",
    back: Annotated[str, Form()] = "",
) -> Response:
    """Keep what was chosen, and go back to where the reader was."""
    response = RedirectResponse(local_path(back), status_code=303)
    for name, value, known in ((LANGUAGE_COOKIE, language, LANGUAGES), (THEME_COOKIE, theme, THEMES)):
        if value in known:
            response.set_cookie(
                name,
                value,
                max_age=_YEAR_S,
                path=PORTAL_PREFIX,
                secure=https(request),
                httponly=True,
                samesite="lax",
            )
    return response
