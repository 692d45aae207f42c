"""Wanted data: what people ask to be opened, how many want it, what was answered. Ratings of what is open."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from sandbox.domain.demands import DemandState, Verb
from sandbox.domain.errors import BadInput, NotFound, TooOften
from sandbox.domain.people import Person, Role
from sandbox.domain.policy import OpenClass
from sandbox.language import marked as _
from sandbox.portal.forms import AnySender, FormSender
from sandbox.portal.pages.rendering import go, render
from sandbox.portal.requests import System, Visitor
from sandbox.wiring import Sandbox

router = APIRouter(include_in_schema=False)

PER_PAGE = 20
STATE_MEANS = {
    DemandState.ASKED: _("waits for an answer"),
    DemandState.PLANNED: _("an owner is preparing it"),
    DemandState.OPENED: _("it is in the catalogue"),
    DemandState.REFUSED: _("it cannot be opened"),
    DemandState.MERGED: _("asked for in another one too"),
}
SORTS = {"wanted": _("most wanted first"), "newest": _("newest first")}
VERB_MEANS = {
    Verb.PLAN: _("It is planned"),
    Verb.OPEN: _("It was opened as a dataset"),
    Verb.REFUSE: _("It cannot be opened"),
    Verb.MERGE: _("It is the same as another one"),
}


@router.get("/demands")
def demands(
    request: Request,
    system: System,
    caller: Visitor,
    page: int = 1,
    state: str = "",
    sort: str = "wanted",
    hidden: bool = False,
) -> Response:
    """The list, the most wanted first."""
    page, person = max(page, 1), _person(caller)
    found = system.demand_data.page(
        person,
        offset=(page - 1) * PER_PAGE,
        limit=PER_PAGE,
        states=[wanted for wanted in DemandState if wanted == state],
        newest=sort == "newest",
        hidden=hidden,
    )
    return render(
        request,
        "demands.html",
        views=found.demands,
        total=found.total,
        page=page,
        more=page * PER_PAGE < found.total,
        state=state if state in STATE_MEANS else "",
        states=STATE_MEANS,
        sort=sort if sort in SORTS else "wanted",
        sorts=SORTS,
        hidden=hidden,
        administrator=person is not None and person.has(Role.ADMINISTRATOR),
    )


@router.get("/demands/new")
def new(request: Request, system: System, dataset: Annotated[str, Query(max_length=100)] = "") -> Response:
    """The form to ask for data; with the title and the holder of a closed dataset that is wanted open."""
    return _form(request, system, written=_about(system, dataset) if dataset else None)


@router.post("/demands/new")
def ask(
    request: Request,
    system: System,
    who: AnySender,
    title: Annotated[str, Form()] = "",
    data: Annotated[str, Form()] = "",
    holder: Annotated[str, Form()] = "",
    purpose: Annotated[str, Form()] = "",
    contact: Annotated[str, Form()] = "",
) -> Response:
    """Put a wish on the list. A mistake brings the form back with what was written."""
    written = {"title": title, "data": data, "holder": holder, "purpose": purpose, "contact": contact}
    try:
        made = system.demand_data.ask(who, **written)
    except (BadInput, TooOften) as mistake:
        return _form(request, system, written=written, mistake=mistake)
    return go(f"/demands/{made.id}", done="asked")


@router.get("/demands/{demand_id}")
def demand(request: Request, system: System, caller: Visitor, demand_id: int) -> Response:
    """One demand, with what the one who looks may do."""
    return _demand_page(request, system, _person(caller), demand_id)


@router.post("/demands/{demand_id}/vote")
def vote(system: System, who: AnySender, demand_id: int) -> Response:
    """Say that one wants it too."""
    system.demand_data.vote(who, demand_id)
    return go(f"/demands/{demand_id}", done="wanted")


@router.post("/demands/{demand_id}/answer")
def answer(
    request: Request,
    system: System,
    person: FormSender,
    demand_id: int,
    verb: Annotated[Verb, Form()],
    version: Annotated[int, Form()],
    text: Annotated[str, Form()] = "",
    dataset: Annotated[str, Form()] = "",
    into: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Answer as an owner or administrator."""
    written = {"verb": str(verb), "text": text, "dataset": dataset, "into": into}
    try:
        system.demand_data.answer(
            person,
            demand_id,
            verb,
            version=version,
            text=text,
            dataset=dataset if verb is Verb.OPEN else "",
            into=_number(into) if verb is Verb.MERGE else None,
        )
    except BadInput as mistake:
        return _demand_page(request, system, person, demand_id, written=written, mistake=mistake)
    return go(f"/demands/{demand_id}", done="answered")


@router.post("/demands/{demand_id}/hide")
def hide(system: System, person: FormSender, demand_id: int, reason: Annotated[str, Form()] = "") -> Response:
    """Take spam off the list."""
    system.demand_data.hide(person, demand_id, reason=reason)
    return go(f"/demands/{demand_id}", done="hidden")


@router.post("/demands/{demand_id}/show")
def show(system: System, person: FormSender, demand_id: int) -> Response:
    """Put it back."""
    system.demand_data.show(person, demand_id)
    return go(f"/demands/{demand_id}", done="shown")


@router.post("/datasets/{name}/rate")
def rate(
    system: System,
    person: FormSender,
    name: str,
    stars: Annotated[int, Form()],
    sentence: Annotated[str, Form()] = "",
) -> Response:
    """Rate a dataset, or change one's rating."""
    system.rate_dataset.rate(person, name, stars=stars, sentence=sentence)
    return go(f"/datasets/{system.listed.get(name).name}", done="rated")


@router.post("/datasets/{name}/ratings/hide")
def hide_sentence(
    system: System,
    person: FormSender,
    name: str,
    sentence: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Hide a sentence that is spam."""
    system.rate_dataset.hide(person, name, sentence=sentence, reason=reason)
    return go(f"/datasets/{system.listed.get(name).name}", done="hidden")


def _about(system: Sandbox, name: str) -> dict[str, str]:
    """What the catalogue says of it anyway; nothing of what it does not list."""
    try:
        policy = system.browse_catalogue.dataset(name).policy
    except NotFound:
        return {}
    return {"title": policy.title, "holder": policy.provider} if policy.open_class is OpenClass.CLOSED else {}


def _form(
    request: Request,
    system: System,
    *,
    written: dict[str, str] | None = None,
    mistake: BadInput | TooOften | None = None,
) -> Response:
    return render(
        request,
        "demand_form.html",
        status=mistake.status if mistake else 200,
        written=written or {},
        mistake=mistake,
        terms=system.site.society,
    )


def _demand_page(
    request: Request,
    system: System,
    person: Person | None,
    demand_id: int,
    *,
    written: dict[str, str] | None = None,
    mistake: BadInput | None = None,
) -> Response:
    view = system.demand_data.view(person, demand_id)
    verbs = {verb: words for verb, words in VERB_MEANS.items() if verb in view.allowed_actions}
    return render(
        request,
        "demand.html",
        status=mistake.status if mistake else 200,
        view=view,
        demand=view.demand,
        states=STATE_MEANS,
        verbs=verbs,
        datasets=list(system.listed.all().values()) if Verb.OPEN in verbs else [],
        written=written or {},
        mistake=mistake,
    )


def _person(caller: Visitor) -> Person | None:
    return caller.person if caller is not None and caller.grant_id is None else None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None
