"""My data: what to do next, how things stand at a glance, grants with budget and duties, applications."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sandbox.domain.application import WAITING, ApplicationState
from sandbox.domain.duties import Duty, DutyState
from sandbox.domain.job import JobState
from sandbox.domain.people import Person
from sandbox.domain.release_states import Status
from sandbox.flows.access_views import ApplicationView
from sandbox.flows.grant_views import GrantView
from sandbox.flows.views import ReleaseView
from sandbox.language import marked as _
from sandbox.language import ngettext
from sandbox.portal import documents
from sandbox.portal.pages.access import ToDo
from sandbox.portal.pages.charts import Steps, spending
from sandbox.portal.pages.releases import BACK, IS_OUT, SHOWN, WITH_OTHERS
from sandbox.portal.pages.rendering import day, render
from sandbox.portal.requests import InPerson, System
from sandbox.wiring import Sandbox

router = APIRouter(include_in_schema=False)

S = ApplicationState
SHOWN_QUESTIONS = 50
SHOWN_STEPS = 12  # of the chart's table
SHOWN_OUTPUTS = 10  # that came back
_REMIND_END = timedelta(days=14)
_UNDER_WAY = frozenset({JobState.QUEUED, JobState.RUNNING, JobState.HELD})


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownGrant:
    """A grant with its picture, and the application that it comes of.

    Attributes:
        days_left: until its last day, which still counts; negative once it is past.
        duty: the report that is due next; None when none is.
    """

    view: GrantView
    actions: list[str]
    chart: Steps | None
    days_left: int
    duty: Duty | None


@dataclass(frozen=True, slots=True)
class Tile:
    """A number with its page."""

    n: int
    label: str
    link: str  # below the portal's prefix


@router.get("/grants")
def grants(request: Request, system: System, person: InPerson) -> Response:
    """What waits for me; my grants with budget and history; my applications."""
    applications = [
        view
        for view in reversed(system.access_views.applications(person))
        if person.name in view.application.people
    ]
    by_number = {view.application.id: view for view in applications}
    today = system.access_views.today()
    shown = [
        _shown(view, by_number.get(view.grant.application), today)
        for view in reversed(system.access_views.grants(person))
    ]
    outputs = system.views.releases(person, statuses=BACK, limit=SHOWN_OUTPUTS)
    in_force = [one for one in shown if not one.view.over]
    todo = [
        *(task for view in applications for task in _of_application(view, today)),
        *_of_outputs(outputs),
        *_of_grants(in_force),
    ]
    return render(
        request,
        "grants.html",
        todo=sorted(todo, key=lambda task: not task.urgent),
        tiles=_tiles(system, person, in_force) if shown else (),
        grants=in_force,
        past=[one for one in shown if one.view.over],
        waiting=[view for view in applications if view.application.state in WAITING],
        others=[view for view in applications if view.application.state not in WAITING],
        blocks=system.access_views.blocks(person),
        shown_questions=SHOWN_QUESTIONS,
        shown_steps=SHOWN_STEPS,
    )


def _shown(view: GrantView, application: ApplicationView | None, today: date) -> ShownGrant:
    owed = [duty for duty in application.duties if duty.state is not DutyState.DONE] if application else []
    return ShownGrant(
        view=view,
        actions=documents.grant_actions(view),
        chart=spending(view.spending),
        days_left=(view.grant.ends - today).days,
        duty=owed[0] if owed else None,
    )


def _tiles(system: Sandbox, person: Person, in_force: Sequence[ShownGrant]) -> tuple[Tile, ...]:
    """How things stand at a glance."""
    jobs = system.job_views.all(person)
    outputs = system.views.counts(person)
    return (
        Tile(
            granted := len(in_force), ngettext("grant in force", "grants in force", granted), "/grants#grants"
        ),
        Tile(
            busy := sum(view.job.state in _UNDER_WAY for view in jobs),
            ngettext("job under way", "jobs under way", busy),
            "/jobs",
        ),
        Tile(
            waiting := sum(outputs.get(s, 0) for s in SHOWN[WITH_OTHERS]),
            ngettext("output under review", "outputs under review", waiting),
            f"/releases?show={WITH_OTHERS}",
        ),
        Tile(
            left := sum(outputs.get(s, 0) for s in SHOWN[IS_OUT]),
            ngettext("output that is out", "outputs that are out", left),
            f"/releases?show={IS_OUT}",
        ),
    )


def _of_application(view: ApplicationView, today: date) -> Iterator[ToDo]:
    application, actions = view.application, view.allowed_actions
    link, what = f"/applications/{application.id}", f"{application.project} ({view.title})"
    if "sign" in actions:
        yield ToDo(text=f"Read and sign the agreement for {what}.", button=_("Sign"), link=f"{link}#sign")
    if "edit" in actions and application.state is S.RETURNED:
        yield ToDo(text=f"Your application for {what} came back.", button=_("Change it"), link=link)
    if "edit" in actions and application.state is S.DRAFT:
        yield ToDo(
            text=f"Your draft for {what} is not submitted.", button=_("Go on"), link=f"{link}/steps/purpose"
        )
    if "report" in actions and application.state is not S.REVOKED:
        owed = next(duty for duty in view.duties if duty.state is not DutyState.DONE)
        if owed.state is not DutyState.AHEAD:
            yield ToDo(
                text=_owed(owed.state, owed.due, owed.blocks, what),
                button=_("Report"),
                link=f"{link}#report",
                urgent=owed.state is not DutyState.DUE_SOON,
            )
    ends = date.fromisoformat(view.ends) if view.ends else None
    if "renew" in actions and ends is not None and ends - today <= _REMIND_END:
        yield ToDo(text=f"The grant for {what} ends on {day(ends)}.", button=_("Renew or close"), link=link)


def _of_outputs(outputs: Sequence[ReleaseView]) -> Iterator[ToDo]:
    for view in outputs:
        if "resubmit" in view.allowed_actions:
            number = view.release.id
            yield ToDo(
                text=f"A check stopped your output {number} ({view.title})."
                if view.release.status is Status.BLOCKED
                else f"Your output {number} ({view.title}) came back from the reviewers.",
                button=_("See what to change"),
                link=f"/releases/{number}",
            )


def _of_grants(in_force: Sequence[ShownGrant]) -> Iterator[ToDo]:
    for one in in_force:
        if "ask" in one.actions and not one.view.history:
            yield ToDo(
                text=f"Nothing was asked of {one.view.title} in {one.view.grant.project} yet.",
                button=_("Ask the first question"),
                link=f"/ask/{one.view.grant.id}",
            )


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
