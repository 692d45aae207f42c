"""My data: applications and grants. Decisions: what an owner answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from sandbox.domain.application import ENDED, ApplicationState
from sandbox.domain.people import Role, check_role
from sandbox.flows.access_views import ApplicationView
from sandbox.portal import documents
from sandbox.portal.api.access import MoveBody, move_application
from sandbox.portal.forms import FormSender
from sandbox.portal.pages.catalogue import MODE_MEANS
from sandbox.portal.pages.rendering import go, render
from sandbox.portal.requests import InPerson, System

router = APIRouter(include_in_schema=False)

NEXT = {
    ApplicationState.DRAFT: "Only you see it. Submit it when it is complete.",
    ApplicationState.SUBMITTED: "The owner of the data decides.",
    ApplicationState.RETURNED: "Change what is asked for, then submit it again.",
    ApplicationState.APPROVED: "Everybody it names signs the agreement; the grants begin with the last signature.",
    ApplicationState.REJECTED: "Nothing more happens. You may apply again with other terms.",
    ApplicationState.ACTIVE: "You signed the agreement; the grant is listed above.",
    ApplicationState.EXPIRED: "Its time is over. Renew it, or close it and take the certificate.",
    ApplicationState.RENEWED: "Another application goes on with it.",
    ApplicationState.CLOSED: "You closed it; the certificate says what was used.",
    ApplicationState.REVOKED: "The owner ended the grant.",
    ApplicationState.WITHDRAWN: "You took it back.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An application with its agreement as a value."""

    view: ApplicationView
    agreement: dict[str, Any] | None
    next: str


@router.get("/grants")
def grants(request: Request, system: System, person: InPerson) -> Response:
    """My applications and what comes next; my grants with budget and history."""
    applications = [
        _shown(view)
        for view in system.access_views.applications(person)
        if view.application.applicant == person.name
    ]
    mine = sorted(system.access_views.grants(person), key=lambda view: (not view.holds, -view.grant.id))
    return render(
        request,
        "grants.html",
        applications=sorted(applications, key=lambda shown: -shown.view.application.id),
        grants=[(view, documents.grant_actions(view)) for view in mine],
        mode_means=MODE_MEANS,
    )


@router.get("/decisions")
def decisions(request: Request, system: System, person: InPerson) -> Response:
    """Applications to an owner's datasets, those that wait first."""
    check_role(person, Role.OWNER)
    applications = [
        _shown(view) for view in system.access_views.applications(person) if view.owner == person.name
    ]
    state = ApplicationState
    return render(
        request,
        "decisions.html",
        waiting=[a for a in applications if a.view.application.state is state.SUBMITTED],
        unsigned=[a for a in applications if a.view.application.state is state.APPROVED],
        active=[a for a in applications if a.view.application.state is state.ACTIVE],
        ended=[a for a in applications if a.view.application.state in ENDED],
        mode_means=MODE_MEANS,
    )


@router.post("/applications/{application_id}/{verb}")
def decide(
    system: System,
    person: FormSender,
    application_id: int,
    verb: str,
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Approve, reject, revoke or sign."""
    move_application(system, person, application_id, verb, MoveBody(reason=reason))
    return go("/grants" if verb == "sign" else "/decisions", done=verb)


def _shown(view: ApplicationView) -> Shown:
    return Shown(
        view=view,
        agreement=json.loads(view.agreement) if view.agreement else None,
        next=NEXT[view.application.state],
    )
