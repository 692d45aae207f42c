"""Destroying the data of a dataset, for its owner."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from sandbox.domain.errors import BadInput, Conflict
from sandbox.domain.people import Person
from sandbox.portal.forms import FormSender
from sandbox.portal.pages.rendering import go, render
from sandbox.portal.requests import InPerson, System
from sandbox.wiring import Sandbox

router = APIRouter(include_in_schema=False)


@router.get("/datasets/{name}/destroy")
def ask(request: Request, system: System, person: InPerson, name: str) -> Response:
    """What it means, and the name to be typed."""
    return _page(request, system, person, name)


@router.post("/datasets/{name}/destroy")
def destroy(
    request: Request,
    system: System,
    person: FormSender,
    name: str,
    typed: Annotated[str, Form(max_length=200)] = "",
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Destroy the data. A mistake brings the page back with what was written."""
    try:
        system.destroy_data(person, name, typed=typed.strip(), reason=reason)
    except (BadInput, Conflict) as mistake:
        return _page(request, system, person, name, reason=reason, mistake=mistake)
    return go(f"/datasets/{name}", done="destroyed")


def _page(
    request: Request,
    system: Sandbox,
    person: Person,
    name: str,
    *,
    reason: str = "",
    mistake: BadInput | Conflict | None = None,
) -> Response:
    return render(
        request,
        "destroy.html",
        status=mistake.status if mistake else 200,
        policy=system.destroy_data.asked_about(person, name),
        reason=reason,
        mistake=mistake,
    )
