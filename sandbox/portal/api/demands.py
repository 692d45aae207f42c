"""The demand list and the ratings. Reading needs no account; a program that writes has one.

Visitors without an account ask and vote by the forms of the pages: an address that took their words from a program
would take them from a notebook too.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from sandbox.domain.demands import DemandState, Verb
from sandbox.domain.paging import MAX_PAGE
from sandbox.domain.people import Person
from sandbox.portal import documents
from sandbox.portal.api.common import Body, ReasonBody
from sandbox.portal.csv_files import csv_file
from sandbox.portal.documents.society import DEMAND_COLUMNS
from sandbox.portal.requests import Program, System, Visitor

router = APIRouter()


class DemandBody(Body):
    title: str
    data: str
    holder: str = ""
    purpose: str
    contact: str = ""


class AnswerBody(Body):
    verb: Verb
    version: int
    text: str = ""
    dataset: str = ""
    into: int | None = None


class RatingBody(Body):
    stars: int
    sentence: str = ""


class HideBody(ReasonBody):
    sentence: str


@router.get("/demands", tags=["society"])
def demands(
    system: System,
    caller: Visitor,
    offset: int = 0,
    limit: int = 50,
    state: DemandState | None = None,
    newest: bool = False,
) -> dict[str, Any]:
    """What people ask to be opened: the most wanted first, or the newest."""
    states = (state,) if state is not None else ()
    page = system.demand_data.page(_person(caller), offset=offset, limit=limit, states=states, newest=newest)
    return documents.demands(page)


@router.get("/demands.csv", tags=["society"])
def demands_csv(system: System) -> Response:
    """The whole list."""
    rows: list[dict[str, Any]] = []
    while True:
        page = system.demand_data.page(None, offset=len(rows), limit=MAX_PAGE, newest=True)
        rows += [documents.demand(view) for view in page.demands]
        if len(page.demands) < MAX_PAGE:
            return csv_file("demands", DEMAND_COLUMNS, rows)


@router.get("/demands/{demand_id}", tags=["society"])
def demand(system: System, caller: Visitor, demand_id: int) -> dict[str, Any]:
    """One demand."""
    return documents.demand(system.demand_data.view(_person(caller), demand_id))


@router.post("/demands", status_code=201, tags=["society"])
def ask(system: System, caller: Program, body: DemandBody) -> dict[str, Any]:
    """Ask that data be opened."""
    person = caller.in_person()
    made = system.demand_data.ask(person, **body.model_dump())
    return documents.demand(system.demand_data.view(person, made.id))


@router.post("/demands/{demand_id}/vote", tags=["society"])
def vote(system: System, caller: Program, demand_id: int) -> dict[str, Any]:
    """Say that you want it too: one vote each."""
    person = caller.in_person()
    system.demand_data.vote(person, demand_id)
    return documents.demand(system.demand_data.view(person, demand_id))


@router.post("/demands/{demand_id}/answer", tags=["society"])
def answer(system: System, caller: Program, demand_id: int, body: AnswerBody) -> dict[str, Any]:
    """Answer as an owner or administrator: plan, open, refuse or merge."""
    person = caller.in_person()
    system.demand_data.answer(
        person,
        demand_id,
        body.verb,
        version=body.version,
        text=body.text,
        dataset=body.dataset,
        into=body.into,
    )
    return documents.demand(system.demand_data.view(person, demand_id))


@router.post("/demands/{demand_id}/hide", tags=["society"])
def hide(system: System, caller: Program, demand_id: int, body: ReasonBody) -> dict[str, Any]:
    """Take spam off the list, with a reason."""
    person = caller.in_person()
    system.demand_data.hide(person, demand_id, reason=body.reason)
    return documents.demand(system.demand_data.view(person, demand_id))


@router.post("/demands/{demand_id}/show", tags=["society"])
def show(system: System, caller: Program, demand_id: int) -> dict[str, Any]:
    """Put a hidden demand back on the list."""
    person = caller.in_person()
    system.demand_data.show(person, demand_id)
    return documents.demand(system.demand_data.view(person, demand_id))


@router.get("/datasets/{name}/ratings", tags=["society"])
def ratings(system: System, caller: Visitor, name: str) -> dict[str, Any]:
    """How useful a dataset was to those who used it."""
    return documents.ratings(system.rate_dataset.view(_person(caller), name))


@router.post("/datasets/{name}/ratings", tags=["society"])
def rate(system: System, caller: Program, name: str, body: RatingBody) -> dict[str, Any]:
    """Rate a dataset, or change your rating."""
    person = caller.in_person()
    system.rate_dataset.rate(person, name, stars=body.stars, sentence=body.sentence)
    return documents.ratings(system.rate_dataset.view(person, name))


@router.post("/datasets/{name}/ratings/hide", tags=["society"])
def hide_sentence(system: System, caller: Program, name: str, body: HideBody) -> dict[str, Any]:
    """Hide a sentence that is spam; its stars count on."""
    person = caller.in_person()
    system.rate_dataset.hide(person, name, sentence=body.sentence, reason=body.reason)
    return documents.ratings(system.rate_dataset.view(person, name))


def _person(caller: Visitor) -> Person | None:
    """The person, when it is not a notebook that asks."""
    return caller.person if caller is not None and caller.grant_id is None else None
