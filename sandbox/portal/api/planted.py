"""Planted outputs: requests with a known flaw, which never leave."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from sandbox.domain.people import Role
from sandbox.domain.planted import Flaw, Planting
from sandbox.flows.plant_output import PlantedView
from sandbox.portal import documents
from sandbox.portal.api.common import Body
from sandbox.portal.requests import Program, SignedIn, System

router = APIRouter()


class PlantBody(Body):
    release: int
    word: str = Field(max_length=100)
    flaw: Flaw
    words: str = Field(max_length=4000)
    file: str = Field(default="", max_length=100)
    place: str = Field(default="", max_length=200)


@router.get("/review/planted", tags=["releases"])
def planted(system: System, caller: SignedIn) -> dict[str, Any]:
    """What you sent or planted; what is decided, for administrators and auditors; what you found yourself."""
    person = caller.in_person()
    allowed = system.site.review.planted is Planting.ALLOWED
    mine = system.review_queue.own_planted(person) if person.has(Role.REVIEWER) else None
    return {
        "allowed": allowed,
        "planted": [documents.planted(view) for view in system.plant_output.listed(person)],
        "mine": documents.planted_share(mine) if mine else None,
        "allowed_actions": ["plant"] if allowed and person.has(Role.ADMINISTRATOR) else [],
    }


@router.post("/review/planted", status_code=201, tags=["releases"])
def plant(system: System, caller: Program, body: PlantBody) -> dict[str, Any]:
    """Declare, before any vote, that a request has a known flaw and never leaves; ``word`` is from its sender."""
    made = system.plant_output.plant(
        caller.in_person(),
        body.release,
        word=body.word,
        flaw=body.flaw,
        file=body.file,
        place=body.place,
        words=body.words,
    )
    release = system.store.releases.get(made.release)
    assert release is not None  # noqa: S101 - it was just planted
    return documents.planted(PlantedView(planted=made, dataset=release.dataset, status=release.status))


@router.get("/review/planted/{release_id}/word", tags=["releases"])
def word(system: System, caller: SignedIn, release_id: int) -> dict[str, Any]:
    """The word by which you agree that your waiting request is planted: for the administrator who is to do it."""
    return {"release": release_id, "word": system.plant_output.word(caller.in_person(), release_id)}
