"""People, for administrators: who is here, with which roles, second factor and training. Nobody changes their own."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from sandbox.domain.errors import BadInput, CallerError, NotAllowed, NotFound
from sandbox.domain.people import Person, Role, check_role
from sandbox.portal.forms import FormSender
from sandbox.portal.pages.rendering import go, render
from sandbox.portal.requests import InPerson, System
from sandbox.wiring import Sandbox

router = APIRouter(include_in_schema=False)

MOST_REMINDERS = 20


@router.get("/people")
def people(
    request: Request,
    system: System,
    person: InPerson,
    q: Annotated[str, Query(max_length=64)] = "",
    role: str = "",
    page: int = 1,
) -> Response:
    """Those who fit, page by page, and whose courses end soon."""
    look = system.look_after_people
    wanted = Role(role) if role in list(Role) else None
    found = look.page(person, q.strip(), role=wanted, page=page)
    reminders = look.reminders(person)
    return render(
        request,
        "people.html",
        found=found,
        q=q,
        role=wanted or "",
        roles=list(Role),
        same=urlencode({name: value for name, value in (("q", q), ("role", wanted)) if value}),
        reminders=reminders[:MOST_REMINDERS],
        more_reminders=len(reminders[MOST_REMINDERS:]),
        remind_days=system.site.training.remind_days,
    )


@router.get("/people/{name}")
def one(request: Request, system: System, person: InPerson, name: str) -> Response:
    """One person, with what may be changed."""
    return _page(request, system, person, name)


@router.post("/people/{name}/roles")
def set_roles(
    request: Request,
    system: System,
    person: FormSender,
    name: str,
    role: Annotated[tuple[Role, ...], Form()] = (),
) -> Response:
    """Exactly these roles."""
    try:
        system.look_after_people.set_roles(person, name, role)
    except NotAllowed as refused:
        return _page(request, system, person, name, mistake=refused)
    return go(f"/people/{_known(system, name)}", done="roles")


@router.post("/people/{name}/training")
def record_training(
    request: Request,
    system: System,
    person: FormSender,
    name: str,
    course: Annotated[str, Form(max_length=64)],
    until: Annotated[str, Form(max_length=10)],
) -> Response:
    """A course, and the last day on which it counts."""
    try:
        system.look_after_people.record_training(person, name, course, until=_day(until))
    except (BadInput, NotAllowed) as mistake:
        return _page(request, system, person, name, mistake=mistake)
    return go(f"/people/{_known(system, name)}", done="training")


@router.post("/people/{name}/{verb}")
def change(system: System, person: FormSender, name: str, verb: str) -> Response:
    """Close or open an account, or take a lost second factor away."""
    look = system.look_after_people
    match verb:
        case "deactivate":
            look.deactivate(person, name)
        case "activate":
            look.activate(person, name)
        case "reset_second_factor":
            look.reset_second_factor(person, name)
        case _:
            raise NotFound("There is nothing at this address.", fix="Start from the list of people.")
    return go(f"/people/{_known(system, name)}", done=verb)


def _page(
    request: Request, system: Sandbox, person: Person, name: str, *, mistake: CallerError | None = None
) -> Response:
    check_role(person, Role.ADMINISTRATOR)  # before anything is said of whether there is such a person
    return render(
        request,
        "person.html",
        status=mistake.status if mistake else 200,
        view=system.look_after_people.person(person, name),
        today=system.look_after_people.today(),
        roles=list(Role),
        courses=system.site.training.courses,
        mistake=mistake,
    )


def _known(system: Sandbox, name: str) -> str:
    """The name as the store has it: what stands in an address was written by whoever asked."""
    found = system.store.people.get(name)
    if found is None:
        raise NotFound(f"There is no person {name!r}.")
    return found.name


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{text!r} is not a day.", where="until", fix="Write YYYY-MM-DD.") from None
