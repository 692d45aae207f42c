"""My data: what there is to do, grants with their budgets, applications. Decisions: what an owner answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sandbox.domain.application import ENDED, WAITING, ApplicationState
from sandbox.domain.duties import DutyState
from sandbox.domain.objection import OPEN
from sandbox.domain.people import Person, Role, check_role
from sandbox.flows.access_views import ApplicationView
from sandbox.flows.grant_views import GrantView
from sandbox.portal import documents
from sandbox.portal.api.blocks import lift_block
from sandbox.portal.forms import FormSender
from sandbox.portal.pages.charts import Steps, spending
from sandbox.portal.pages.rendering import day, go, render
from sandbox.portal.requests import InPerson, System
from sandbox.wiring import Sandbox

router = APIRouter(include_in_schema=False)

S = ApplicationState
SHOWN_QUESTIONS = 50
_REMIND_END = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToDo:
    """Something that waits for this person."""

    text: str
    button: str
    link: str  # below the portal's prefix
    urgent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownGrant:
    """A grant with its picture, and the application that it comes of."""

    view: GrantView
    actions: list[str]
    chart: Steps | None
    application: ApplicationView | None


@router.get("/grants")
def grants(request: Request, system: System, person: InPerson) -> Response:
    """What waits for me; my grants with budget and history; my applications."""
    applications = [
        view
        for view in reversed(system.access_views.applications(person))
        if person.name in view.application.people
    ]
    by_number = {view.application.id: view for view in applications}
    shown = [
        ShownGrant(
            view=view,
            actions=documents.grant_actions(view),
            chart=spending(view.spending),
            application=by_number.get(view.grant.application),
        )
        for view in reversed(system.access_views.grants(person))
    ]
    today = system.access_views.today()
    return render(
        request,
        "grants.html",
        todo=sorted(
            (task for view in applications for task in _tasks(view, today)), key=lambda task: not task.urgent
        ),
        grants=[one for one in shown if not one.view.over],
        past=[one for one in shown if one.view.over],
        waiting=[view for view in applications if view.application.state in WAITING],
        others=[view for view in applications if view.application.state not in WAITING],
        blocks=system.access_views.blocks(person),
        shown_questions=SHOWN_QUESTIONS,
    )


@router.get("/decisions")
def decisions(request: Request, system: System, person: InPerson) -> Response:
    """Applications to an owner's datasets, those that wait longest first."""
    check_role(person, Role.OWNER)
    mine = [view for view in system.access_views.applications(person) if view.owner == person.name]

    def in_state(*states: ApplicationState) -> list[ApplicationView]:
        return [view for view in mine if view.application.state in states]

    return render(
        request,
        "decisions.html",
        also=list(also_waiting(system, person)),
        waiting=sorted(in_state(S.SUBMITTED), key=lambda view: (view.due or date.max, view.application.id)),
        returned=in_state(S.RETURNED),
        unsigned=in_state(S.APPROVED),
        active=in_state(S.ACTIVE),
        ended=[view for view in reversed(mine) if view.application.state in ENDED],
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
    if objections := sum(v.objection.state in OPEN for v in system.objection_views.objections(owner)):
        said = "1 objection waits" if objections == 1 else f"{objections} objections wait"
        yield ToDo(text=f"{said} for your answer.", button="Objections", link="/objections", urgent=True)
    if imports := len(system.import_views.queue(owner)):
        said = "1 import request waits" if imports == 1 else f"{imports} import requests wait"
        yield ToDo(text=f"{said} for your decision.", button="Imports", link="/imports")
    if results := len(system.report_result.waiting(owner)):
        said = "1 reported result waits" if results == 1 else f"{results} reported results wait"
        yield ToDo(text=f"{said} for you to confirm or send back.", button="Results", link="/results")
    changes = sum("approve" in view.allowed_actions for view in system.policy_views.proposals(owner))
    if changes:
        said = "1 change of a policy waits" if changes == 1 else f"{changes} changes of policies wait"
        yield ToDo(text=f"{said} for a second person.", button="Policies", link="/policies")


def _tasks(view: ApplicationView, today: date) -> Iterator[ToDo]:
    application, actions = view.application, view.allowed_actions
    link, what = f"/applications/{application.id}", f"{application.project} ({view.title})"
    if "sign" in actions:
        yield ToDo(text=f"Read and sign the agreement for {what}.", button="Sign", link=f"{link}#sign")
    if "edit" in actions and application.state is S.RETURNED:
        yield ToDo(text=f"Your application for {what} came back.", button="Change it", link=link)
    if "edit" in actions and application.state is S.DRAFT:
        yield ToDo(text=f"Your draft for {what} is not submitted.", button="Go on", link=f"{link}/edit")
    if "report" in actions and application.state is not S.REVOKED:
        owed = next(duty for duty in view.duties if duty.state is not DutyState.DONE)
        if owed.state is not DutyState.AHEAD:
            yield ToDo(
                text=_owed(owed.state, owed.due, owed.blocks, what),
                button="Report",
                link=f"{link}#report",
                urgent=owed.state is not DutyState.DUE_SOON,
            )
    ends = date.fromisoformat(view.ends) if view.ends else None
    if "renew" in actions and ends is not None and ends - today <= _REMIND_END:
        yield ToDo(text=f"The grant for {what} ends on {day(ends)}.", button="Renew or close", link=link)


def _owed(state: DutyState, due: date, blocks: date, what: str) -> str:
    match state:
        case DutyState.BLOCKING:
            return f"A report on {what} was due on {day(due)}. Nothing can be used or asked for until it is given."
        case DutyState.OVERDUE:
            return (
                f"A report on {what} was due on {day(due)}. From {day(blocks)} on, uses and new grants are "
                "refused until it is given."
            )
        case _:
            return f"A report on {what} is due on {day(due)}."


def _late(view: ApplicationView) -> bool:
    """A report on the use is overdue."""
    return any(duty.state in (DutyState.OVERDUE, DutyState.BLOCKING) for duty in view.duties)
