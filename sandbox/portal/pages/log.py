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
    """Walk the whole chain and say whether it holds. Changes nothing, so its page may be reloaded."""
    system.views.log(person, limit=1)  # raises unless this person may read the log
    try:
        result, broken = f"{system.views.verify_log(person)} entries, unbroken; the head's signature holds.", None
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
