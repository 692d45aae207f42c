"""Changes of policies: what waits for a second person, and what was decided."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from sandbox.domain.people import Role
from sandbox.portal.api.policies import move_proposal
from sandbox.portal.forms import FormSender
from sandbox.portal.pages.rendering import go, render
from sandbox.portal.requests import InPerson, System

router = APIRouter(include_in_schema=False)


@router.get("/policies")
def policies(request: Request, system: System, person: InPerson) -> Response:
    """Proposals, those that wait first."""
    views = system.policy_views.proposals(person)
    return render(
        request,
        "policies.html",
        waiting=[view for view in views if view.waits],
        ended=[view for view in views if not view.waits],
        may_change=person.has(Role.OWNER),
    )


@router.post("/policies/proposals/{number}/{verb}")
def decide(
    system: System,
    person: FormSender,
    number: int,
    verb: str,
    comment: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Approve or reject."""
    move_proposal(system, person, number, verb, comment)
    return go("/policies", done=f"policy_{verb}" if verb in ("approve", "reject") else "")
