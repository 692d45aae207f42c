"""Changes of policies that wait for a second person."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from sandbox.domain.errors import BadInput
from sandbox.domain.people import Person
from sandbox.portal import documents
from sandbox.portal.api.common import Body
from sandbox.portal.requests import Program, SignedIn, System
from sandbox.wiring import Sandbox

router = APIRouter()


class CommentBody(Body):
    comment: str = Field(default="", max_length=500)


@router.get("/policies/proposals", tags=["policies"])
def proposals(system: System, caller: SignedIn) -> list[dict[str, Any]]:
    """Changes of policies for you to decide or to watch, the newest first. For owners, administrators, auditors."""
    return [documents.policy_proposal(v) for v in system.policy_views.proposals(caller.in_person())]


@router.get("/policies/proposals/{number}", tags=["policies"])
def proposal(system: System, caller: SignedIn, number: int) -> dict[str, Any]:
    """One of them, with all that it changes."""
    return documents.policy_proposal(system.policy_views.proposal(caller.in_person(), number))


@router.post("/policies/proposals/{number}/{verb}", tags=["policies"])
def decide(
    system: System, caller: Program, number: int, verb: str, body: CommentBody | None = None
) -> dict[str, Any]:
    """Decide on a change: approve or reject, as its ``allowed_actions`` say. Nobody approves their own."""
    person = caller.in_person()
    move_proposal(system, person, number, verb, body.comment if body else "")
    return documents.policy_proposal(system.policy_views.proposal(person, number))


def move_proposal(system: Sandbox, person: Person, number: int, verb: str, comment: str) -> None:
    """Carry out a verb on a proposal; pages and the API share it."""
    system.policy_views.proposal(person, number)  # what a person may not see is not there
    match verb:
        case "approve":
            system.change_policy.approve(person, number, comment=comment)
        case "reject":
            system.change_policy.reject(person, number, comment=comment)
        case _:
            raise BadInput(f"{verb!r} is no verb.", where="verb", fix="Use approve or reject.")
