"""Objections, for who decides them: what waits, what it stopped, what depends on it; and stopping data by hand."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from sandbox.domain.errors import BadInput, Conflict
from sandbox.domain.objection import OPEN, Objection, Scope, State, Verb
from sandbox.domain.people import Person, Role
from sandbox.flows.objection_views import PAGE, ObjectionView
from sandbox.language import marked as _
from sandbox.portal.forms import FormSender
from sandbox.portal.pages.rendering import go, render
from sandbox.portal.requests import InPerson, System
from sandbox.wiring import Sandbox

router = APIRouter(include_in_schema=False)

STATE_MEANS = {
    State.RECEIVED: "Nobody has looked at it yet.",
    State.UNDER_REVIEW: "It is being examined.",
    State.UPHELD_WITHDRAWN: "It is right. The data stay suspended.",
    State.CORRECTED_RESUMED: "The data were processed again and are used again.",
    State.DISMISSED: "It was dismissed, with a reason.",
    State.DISMISSED_AS_ABUSE: "It was dismissed as abuse.",
    State.WITHDRAWN_BY_OBJECTOR: "Whoever handed it in took it back.",
}
# A decision: what its button says, and what it does.
DECISIONS = {
    Verb.SUSPEND: (_("Suspend now"), "Stops the data while you examine it."),
    Verb.CORRECT: (_("Corrected: resume"), "You published a corrected version; the data are used again."),
    Verb.WITHHOLD: (
        _("Withhold the rows: resume"),
        "The data are published anew without these rows, now and in every later version, and used again. This may "
        "take minutes.",
    ),
    Verb.UPHOLD: (_("Uphold: withdraw"), "It is right; the data stay suspended."),
    Verb.DISMISS: (_("Dismiss"), "It is not right; the data are used again."),
    Verb.DISMISS_AS_ABUSE: (
        _("Dismiss as abuse"),
        "It was made to stop the data, not to object. For a while, objections from people without an account do not "
        "stop them before you looked.",
    ),
}
# The same where the objection stopped nothing.
NOT_STOPPED = {
    Verb.UPHOLD: "It is right; the data are suspended from now on.",
    Verb.DISMISS: "It is not right; nothing changes, as nothing was stopped.",
    Verb.CORRECT: "You published a corrected version. Nothing was stopped.",
}


@router.get("/objections")
def objections(
    request: Request,
    system: System,
    person: InPerson,
    dataset: Annotated[str, Query(max_length=100)] = "",
    page: int = 1,
) -> Response:
    """All that this person decides, and their data."""
    return _list(request, system, person, named=dataset.strip(), page=max(page, 1))


@router.get("/objections/{objection_id}")
def objection(request: Request, system: System, person: InPerson, objection_id: int) -> Response:
    """One, with its evidence to download, and the decisions."""
    return _one(request, system, person, objection_id)


@router.post("/objections/{objection_id}/{verb}")
def decide(
    request: Request,
    system: System,
    person: FormSender,
    objection_id: int,
    verb: str,
    version: Annotated[int | None, Form()] = None,
    reason: Annotated[str, Form(max_length=10_000)] = "",
) -> Response:
    """Decide. A mistake brings the page back with what was written."""
    try:
        system.decide_objection(person, objection_id, verb, reason=reason, version=version)
    except (BadInput, Conflict) as mistake:
        return _one(request, system, person, objection_id, written=(verb, reason), mistake=mistake)
    return go(f"/objections/{objection_id}", done="objection")


@router.post("/datasets/{name}/suspend")
def suspend(
    request: Request,
    system: System,
    person: FormSender,
    name: str,
    place: Annotated[str, Form(max_length=400)] = "",
    reason: Annotated[str, Form(max_length=2000)] = "",
    back: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Stop a dataset, or a column of it."""
    table, _, column = place.partition(".")
    try:
        system.suspend_dataset.suspend(person, name, reason=reason, table=table, column=column)
    except (BadInput, Conflict) as mistake:
        return _list(request, system, person, mistake=mistake)
    return go("/owner" if back == "owner" else "/objections", done="suspended")


@router.post("/datasets/{name}/resume")
def resume(
    request: Request,
    system: System,
    person: FormSender,
    name: str,
    place: Annotated[str, Form(max_length=400)] = "",
    reason: Annotated[str, Form(max_length=2000)] = "",
    back: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """End what was suspended by hand."""
    table, _, column = place.partition(".")
    try:
        system.suspend_dataset.resume(person, name, reason=reason, table=table, column=column)
    except (BadInput, Conflict) as mistake:
        return _list(request, system, person, mistake=mistake)
    return go("/owner" if back == "owner" else "/objections", done="resumed")


@router.post("/releases/{release_id}/recall")
def recall(
    request: Request,
    system: System,
    person: FormSender,
    release_id: int,
    objection_id: Annotated[int, Form()],
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Call a released output back, from an objection's page."""
    try:
        system.hold_releases.recall(person, release_id, reason=reason)
    except (BadInput, Conflict) as mistake:
        return _one(request, system, person, objection_id, mistake=mistake)
    return go(f"/objections/{objection_id}", done="recall")


def _list(
    request: Request,
    system: Sandbox,
    person: Person,
    *,
    named: str = "",
    page: int = 1,
    mistake: BadInput | Conflict | None = None,
) -> Response:
    views = system.objection_views.objections(person)
    data, total = system.objection_views.decided_data(person, named=named, page=page)
    return render(
        request,
        "objections.html",
        status=mistake.status if mistake else 200,
        waiting=[v for v in views if v.objection.state in OPEN],
        decided=[v for v in views if v.objection.state not in OPEN],
        data=data,
        named=named,
        found=not named or any(one.policy.name == named for one in data),
        any_data=person.has(Role.ADMINISTRATOR),
        page=page,
        more=page * PAGE < total,
        today=system.answer_question.today(),
        means=STATE_MEANS,
        mistake=_shown(mistake),
    )


def _one(
    request: Request,
    system: Sandbox,
    person: Person,
    objection_id: int,
    *,
    written: tuple[str, str] = ("", ""),
    mistake: BadInput | Conflict | None = None,
) -> Response:
    view = system.objection_views.objection(person, objection_id)
    return render(
        request,
        "objection.html",
        status=mistake.status if mistake else 200,
        view=view,
        objection=view.objection,
        decisions=_decisions(view, suspended=_suspended_otherwise(system, view.objection)),
        unit=view.objection.scope is Scope.UNIT,
        today=system.answer_question.today(),
        means=STATE_MEANS,
        written=written,
        mistake=_shown(mistake),
    )


def _suspended_otherwise(system: Sandbox, objection: Objection) -> bool:
    held = system.objection_views.suspensions(objection.dataset)
    return any(suspension.objection != objection.id for suspension in held)


def _decisions(view: ObjectionView, *, suspended: bool) -> list[tuple[Verb, str, str]]:
    """Verb, what its button says, what it does now.

    Args:
        suspended: something else suspends the data, or a part of them.
    """
    does = dict({} if view.suspension else NOT_STOPPED)
    if suspended:
        does[Verb.DISMISS] = (
            "It is not right: it stops the data no more. What else suspends them goes on; your data say what."
        )
    return [
        (verb, label, does.get(verb, what))
        for verb, (label, what) in DECISIONS.items()
        if verb in view.allowed_actions
    ]


def _shown(mistake: BadInput | Conflict | None) -> BadInput | None:
    """As the pages' macro shows mistakes."""
    if mistake is None or isinstance(mistake, BadInput):
        return mistake
    return BadInput(mistake.message, fix=mistake.fix)
