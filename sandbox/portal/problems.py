"""Errors as programs and people read them. One translation, for the whole door."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from sandbox.domain.errors import (
    BadInput,
    CallerError,
    NotAllowed,
    NotFound,
    NotSignedIn,
    QuestionRefused,
    SandboxError,
    Unanswered,
)
from sandbox.domain.second_factor import CLAUSE as SECOND_FACTOR
from sandbox.language import gettext, named
from sandbox.portal.requests import PIECES
from sandbox.settings import PORTAL_PREFIX

_log = logging.getLogger(__name__)

OLD_FORM = "form token"  # the clause by which a form is refused that was not filled in here
_SECRET = frozenset({"form_token", "password", "code", "new", "again", "unit", "word"})
_WORTH_KEEPING = 10  # characters

# By pydantic's kind of error: what is wrong, and what to do.
_SAID = {
    "missing": ("It is missing.", "Fill it in."),
    "int_parsing": ("This is no whole number.", "Write a whole number, such as 1."),
    "int_from_float": ("This is no whole number.", "Write a whole number, such as 1."),
    "int_parsing_size": ("This number is too large.", "Write a smaller one."),
    "greater_than_equal": ("This number is too small.", "Use {ge} or more."),
    "less_than_equal": ("This number is too large.", "Use {le} or less."),
    "string_too_long": ("This text is too long.", "Use at most {max_length} characters."),
    "string_too_short": ("This text is too short.", "Use at least {min_length} characters."),
}


def document(error: SandboxError) -> dict[str, Any]:
    """The error as JSON."""
    body: dict[str, Any] = {"code": error.code, "message": error.message, "fix": error.fix}
    if isinstance(error, QuestionRefused):
        body["position"] = error.position
    if isinstance(error, BadInput):
        body["where"] = error.where
    if isinstance(error, NotAllowed):
        body["clause"] = error.clause
    return {"error": body}


def install(app: FastAPI) -> None:
    """Answer every error in one shape: JSON to programs, a page to browsers."""

    @app.exception_handler(SandboxError)
    async def known(request: Request, error: SandboxError) -> Response:
        if not isinstance(error, (CallerError, Unanswered)):
            _log.error("%s %s: %s", request.method, request.url.path, error)
        written = await _written(request, error)
        return await run_in_threadpool(respond, request, error, written)

    @app.exception_handler(RequestValidationError)
    def malformed(request: Request, error: RequestValidationError) -> Response:
        return respond(request, unreadable(error.errors()[0]))

    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404:
            return respond(
                request, NotFound("There is nothing at this address.", fix="Start from the catalogue.")
            )
        problem = CallerError(f"{error.detail}.")
        problem.status = error.status_code
        return respond(request, problem)


def unreadable(found: Mapping[str, Any]) -> BadInput:
    """What pydantic says of a value, in words for those who sent it."""
    where = ".".join(str(part) for part in found["loc"][1:])
    said, fix = _SAID.get(found["type"], (f"{found['msg']}.", "The API's openapi.json says what is taken."))
    limits = found.get("ctx", {})
    return BadInput(said.format(**limits), where=where, fix=fix.format(**limits))


def unexpected(request: Request, error: Exception) -> Response:
    """The answer to an error that nobody foresaw."""
    # The type only: a message could hold a value.
    _log.error("%s %s: unexpected %s", request.method, request.url.path, type(error).__name__)
    return respond(
        request, SandboxError("Something went wrong here.", fix="Try again; if it stays, tell the operator.")
    )


def respond(request: Request, error: SandboxError, written: Sequence[str] = ()) -> Response:
    """The error as JSON to programs, as a page to browsers.

    Args:
        written: the texts of a form that could not be taken, so that nobody has to write them again.
    """
    path = request.url.path
    # A page has form tokens: what a script asks for has none, also when it goes wrong.
    for_a_program = "/api/" in path or path.startswith(PIECES)
    wants_page = "text/html" in request.headers.get("accept", "") and not for_a_program
    if not wants_page:
        return JSONResponse(document(error), status_code=error.status)
    if isinstance(error, NotSignedIn) and request.method == "GET":
        return RedirectResponse(f"{PORTAL_PREFIX}/login?next={quote(_asked_for(request))}", status_code=303)
    if isinstance(error, NotAllowed) and error.clause == SECOND_FACTOR and request.method == "GET":
        return RedirectResponse(f"{PORTAL_PREFIX}/account", status_code=303)
    from sandbox.portal.pages import render  # pages use this module's errors too

    return render(
        request,
        "problem.html",
        status=error.status,
        error=error,
        place=_place(error),
        written=written,
        back=_page_before(request),
    )


def _asked_for(request: Request) -> str:
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


async def _written(request: Request, error: SandboxError) -> Sequence[str]:
    """The texts of a form whose sender's session or page had become too old; those of our own pages alone.

    Another site could else put its words on a page of ours. What is secret is never shown again.
    """
    lost = isinstance(error, NotSignedIn) or (isinstance(error, NotAllowed) and error.clause == OLD_FORM)
    if not lost or request.method != "POST" or request.headers.get("sec-fetch-site") != "same-origin":
        return ()
    form = await request.form()
    return [
        value
        for name, value in form.multi_items()
        if isinstance(value, str) and name not in _SECRET and len(value.strip()) >= _WORTH_KEEPING
    ]


def _page_before(request: Request) -> str:
    """The page with the form, as the browser says; empty unless it is one of ours."""
    address = urlsplit(request.headers.get("referer", ""))
    ours = address.netloc == request.headers.get("host", "") and address.path.startswith(f"{PORTAL_PREFIX}/")
    return f"{address.path}?{address.query}" if ours and address.query else address.path if ours else ""


def _place(error: SandboxError) -> str:
    """Where it is wrong, or what decided, in words."""
    if isinstance(error, BadInput) and error.where:
        return gettext("Where: %s") % named(error.where)
    if isinstance(error, NotAllowed) and error.clause:
        return gettext("Decided by: %s") % named(error.clause)
    if isinstance(error, QuestionRefused) and error.position is not None:
        return gettext("At character %s of the question") % (error.position + 1)
    return ""
