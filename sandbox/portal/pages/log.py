"""The log, for auditors: what happened, and whether the chain holds."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sandbox.domain.errors import Tampered
from sandbox.domain.people import Person
from sandbox.portal.forms import FormSender
from sandbox.portal.pages.rendering import render
from sandbox.portal.requests import InPerson, System
from sandbox.wiring import Sandbox

router = APIRouter(include_in_schema=False)

PER_PAGE = 50


@router.get("/log")
def log(request: Request, system: System, person: InPerson, page: int = 1, action: str = "") -> Response:
    """The log, newest first."""
    return _log_page(request, system, person, page=page, action=action)


@router.post("/log/verify")
def verify(request: Request, system: System, person: FormSender) -> Response:
    """Hold the chain, and the tables beside it, against each other. Changes nothing: its page may be reloaded."""
    try:
        books = system.verify_books(person)
        result = (
            f"{books.entries} entries, unbroken; the head's signature holds; the tables agree with the log."
        )
        broken = None
    except Tampered as tampered:
        result, broken = "", tampered
    return _log_page(request, system, person, result=result, broken=broken)


def _log_page(
    request: Request,
    system: Sandbox,
    person: Person,
    *,
    page: int = 1,
    action: str = "",
    result: str = "",
    broken: Tampered | None = None,
) -> Response:
    page = max(page, 1)
    shown = system.views.log(person, offset=(page - 1) * PER_PAGE, limit=PER_PAGE, action=action)
    return render(
        request,
        "log.html",
        entries=shown.entries,
        total=shown.total,
        page=page,
        more=len(shown.entries) == PER_PAGE,
        action=action,
        result=result,
        broken=broken,
    )
