"""Applications, agreements and grants."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from sandbox.domain.errors import BadInput
from sandbox.domain.policy import Mode
from sandbox.portal import documents
from sandbox.portal.api.common import Body, ReasonBody
from sandbox.portal.identity import Caller
from sandbox.portal.requests import Program, SignedIn, System
from sandbox.wiring import Sandbox

router = APIRouter()


class ApplicationBody(Body):
    dataset: str
    project: str
    purpose: str
    legal_basis: str = ""
    mode: Mode = Mode.QUERY
    days: int = 90
    output_plan: str


@router.get("/grants", tags=["access"])
def grants(system: System, caller: SignedIn) -> list[dict[str, Any]]:
    """Your grants, with budget and history."""
    return [documents.grant(v) for v in system.views.grants(caller.in_person())]


@router.get("/applications", tags=["access"])
def applications(system: System, caller: SignedIn) -> list[dict[str, Any]]:
    """Your applications, and those you decide as an owner."""
    return [documents.application(v) for v in system.views.applications(caller.in_person())]


@router.post("/applications", status_code=201, tags=["access"])
def apply(system: System, caller: Program, body: ApplicationBody) -> dict[str, Any]:
    """Apply for a conditional dataset."""
    person = caller.in_person()
    made = system.request_access.apply(person, **body.model_dump())
    return documents.application(system.views.application(person, made.id))


@router.post("/applications/{application_id}/{verb}", tags=["access"])
def decide(
    system: System, caller: Program, application_id: int, verb: str, body: ReasonBody | None = None
) -> dict[str, Any]:
    """Move an application: approve, reject, sign or revoke, as its ``allowed_actions`` say."""
    person, reason = caller.in_person(), body.reason if body else ""
    move_application(system, caller, application_id, verb, reason)
    return documents.application(system.views.application(person, application_id))


def move_application(system: Sandbox, caller: Caller, application_id: int, verb: str, reason: str) -> None:
    """Carry out a verb on an application; pages and the API share it."""
    person = caller.in_person()
    match verb:
        case "approve":
            system.request_access.approve(person, application_id)
        case "reject":
            system.request_access.reject(person, application_id, reason=reason)
        case "sign":
            system.request_access.sign(person, application_id)
        case "revoke":
            system.request_access.revoke(person, application_id, reason=reason)
        case _:
            raise BadInput(f"{verb!r} is no verb.", where="verb", fix="Use approve, reject, sign or revoke.")
