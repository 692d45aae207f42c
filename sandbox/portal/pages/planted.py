"""Planted outputs: the form of administrators, the word of senders, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from sandbox.domain.errors import CallerError
from sandbox.domain.people import Person, Role
from sandbox.domain.planted import Flaw, Outcome, Planting
from sandbox.language import marked as _
from sandbox.portal.forms import FormSender
from sandbox.portal.pages.rendering import go, render
from sandbox.portal.requests import InPerson, System
from sandbox.wiring import Sandbox

router = APIRouter(include_in_schema=False)

FLAWS: dict[Flaw, str] = {
    Flaw.SMALL_COUNT: _("A number about too few"),
    Flaw.DOMINANCE: _("One person makes up most of a sum"),
    Flaw.DIFFERENCE: _("Two tables whose difference singles somebody out"),
    Flaw.ROUNDING: _("Rounding that is missing or can be undone"),
    Flaw.IDENTIFIER: _("Something that names a person"),
    Flaw.MISLABELLED: _("It is not what it says that it is"),
    Flaw.OTHER: _("Another flaw"),
}
OUTCOMES: dict[Outcome, str] = {
    Outcome.FOUND: _("found"),
    Outcome.MISSED: _("missed"),
    Outcome.NOT_COUNTED: _("not counted"),
}


@router.get("/planted")
def planted(request: Request, system: System, person: InPerson, request_number: str = "") -> Response:
    """What this person may know of, and the word for a request of theirs."""
    word, mistake = "", None
    number = int(request_number) if request_number.isdecimal() and len(request_number) < 18 else 0
    if request_number:
        try:
            word = system.plant_output.word(person, number)
        except CallerError as refused:
            mistake = refused
    return _page(request, system, person, number=number, word=word, mistake=mistake)


@router.post("/planted")
def plant(
    request: Request,
    system: System,
    person: FormSender,
    release: Annotated[str, Form(max_length=20)] = "",
    word: Annotated[str, Form(max_length=100)] = "",
    flaw: Annotated[Flaw, Form()] = Flaw.OTHER,
    file: Annotated[str, Form(max_length=100)] = "",
    place: Annotated[str, Form(max_length=200)] = "",
    words: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Plant a request. A mistake brings the form back with what was written."""
    number = int(release) if release.isdecimal() and len(release) < 18 else 0
    written = {
        "release": release,
        "word": word,
        "flaw": str(flaw),
        "file": file,
        "place": place,
        "words": words,
    }
    try:
        system.plant_output.plant(
            person, number, word=word, flaw=flaw, file=file.strip(), place=place, words=words
        )
    except CallerError as mistake:
        return _page(request, system, person, written=written, mistake=mistake)
    return go("/planted", done="planted")


def _page(
    request: Request,
    system: Sandbox,
    person: Person,
    *,
    number: int = 0,
    word: str = "",
    written: Mapping[str, str] | None = None,
    mistake: CallerError | None = None,
) -> Response:
    return render(
        request,
        "planted.html",
        status=mistake.status if mistake else 200,
        views=system.plant_output.listed(person),
        allowed=system.site.review.planted is Planting.ALLOWED,
        may_plant=person.has(Role.ADMINISTRATOR),
        figures=[line for line in system.review_queue.turnaround(person) if line.planted.all.planted],
        flaws=FLAWS,
        outcomes=OUTCOMES,
        number=number,
        word=word,
        written=written or {},
        mistake=mistake,
    )
