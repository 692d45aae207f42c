"""Decisions: what an owner answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sandbox.domain.application import ENDED, ApplicationState
from sandbox.domain.duties import DutyState
from sandbox.domain.people import Person
from sandbox.flows.access_views import ApplicationView
from sandbox.language import marked as _
from sandbox.portal.api.blocks import lift_block
from sandbox.portal.forms import FormSender
from sandbox.portal.pages.rendering import go, render
from sandbox.portal.requests import InPerson, System
from sandbox.wiring import Sandbox

router = APIRouter(include_in_schema=False)

S = ApplicationState
PER_PAGE = 20
MOST_WAITING = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ToDo:
    """Something that waits for this person."""

    text: str
    button: str
    link: str  # below the portal's prefix
    urgent: bool = False


@router.get("/decisions")
def decisions(request: Request, system: System, person: InPerson, page: int = 1) -> Response:
    """Applications to an owner's datasets, those that wait longest first."""
    views, counts, page = system.access_views, system.access_views.counts(person), max(page, 1)
    return render(
        request,
        "decisions.html",
        also=list(also_waiting(system, person)),
        waiting=views.waiting(person, limit=MOST_WAITING),
        returned=views.on_data_of(person, {S.RETURNED}),
        unsigned=views.on_data_of(person, {S.APPROVED}),
        active=views.on_data_of(person, {S.ACTIVE}, offset=(page - 1) * PER_PAGE, limit=PER_PAGE),
        counts={str(state): n for state, n in counts.items()},
        page=page,
        more=page * PER_PAGE < counts.get(S.ACTIVE, 0),
        ended=views.on_data_of(person, ENDED),
        endeds=sum(counts.get(state, 0) for state in ENDED),
        blocks=system.access_views.blocks_by(person),
        late=_late,
        beside=system.exact_beside_private.of_owner(person),
    )


@router.post("/blocks/{block_id}/lift")
def lift(system: System, person: FormSender, block_id: int) -> Response:
    """Let somebody apply again before the block's last day."""
    lift_block(system, person, block_id)
    return go("/decisions", done="access-lift")


def also_waiting(system: Sandbox, owner: Person) -> Iterator[ToDo]:
    """What waits for an owner on other pages."""
    if objections := system.objection_views.waiting(owner):
        yield ToDo(
            text="1 objection waits for your answer."
            if objections == 1
            else f"{objections} objections wait for your answer.",
            button=_("Objections"),
            link="/objections",
            urgent=True,
        )
    if imports := len(system.import_views.queue(owner)):
        yield ToDo(
            text="1 import request waits for your decision."
            if imports == 1
            else f"{imports} import requests wait for your decision.",
            button=_("Imports"),
            link="/imports",
        )
    if results := len(system.report_result.waiting(owner)):
        yield ToDo(
            text="1 reported result waits for you to confirm it or send it back."
            if results == 1
            else f"{results} reported results wait for you to confirm them or send them back.",
            button=_("Results"),
            link="/results",
        )
    changes = sum("approve" in view.allowed_actions for view in system.policy_views.proposals(owner))
    if changes:
        yield ToDo(
            text="1 change of a policy waits for a second person."
            if changes == 1
            else f"{changes} changes of policies wait for a second person.",
            button=_("Policies"),
            link="/policies",
        )


def _late(view: ApplicationView) -> bool:
    """A report on the use is overdue."""
    return any(duty.state in (DutyState.OVERDUE, DutyState.BLOCKING) for duty in view.duties)
