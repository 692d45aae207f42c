"""My account, and people as administrators look after them."""

from __future__ import annotations

from datetime import date
from typing import Any

from fastapi import APIRouter

from sandbox.domain.errors import BadInput
from sandbox.domain.people import Role
from sandbox.portal import documents
from sandbox.portal.api.common import Body
from sandbox.portal.requests import Enrolling, Program, SignedIn, System

router = APIRouter()


class RolesBody(Body):
    roles: list[Role]


class TrainingBody(Body):
    course: str
    until: date


@router.get("/account", tags=["people"])
def account(system: System, person: Enrolling) -> dict[str, Any]:
    """Your roles, second factor and training."""
    return documents.account(system.my_account.view(person))


@router.get("/people", tags=["people"])
def people(system: System, caller: SignedIn) -> list[dict[str, Any]]:
    """Everybody with an account."""
    return [documents.person(v) for v in system.look_after_people.people(caller.in_person())]


@router.get("/people/{name}", tags=["people"])
def person(system: System, caller: SignedIn, name: str) -> dict[str, Any]:
    """One person."""
    return documents.person(system.look_after_people.person(caller.in_person(), name))


@router.put("/people/{name}/roles", tags=["people"])
def set_roles(system: System, caller: Program, name: str, body: RolesBody) -> dict[str, Any]:
    """Exactly these roles, for somebody else."""
    actor = caller.in_person()
    system.look_after_people.set_roles(actor, name, body.roles)
    return documents.person(system.look_after_people.person(actor, name))


@router.post("/people/{name}/training", status_code=201, tags=["people"])
def record_training(system: System, caller: Program, name: str, body: TrainingBody) -> dict[str, Any]:
    """A course, and the last day on which it counts."""
    actor = caller.in_person()
    system.look_after_people.record_training(actor, name, body.course, until=body.until)
    return documents.person(system.look_after_people.person(actor, name))


@router.post("/people/{name}/{verb}", tags=["people"])
def change(system: System, caller: Program, name: str, verb: str) -> dict[str, Any]:
    """deactivate, activate or reset_second_factor, as ``allowed_actions`` say."""
    actor, look = caller.in_person(), system.look_after_people
    match verb:
        case "deactivate":
            look.deactivate(actor, name)
        case "activate":
            look.activate(actor, name)
        case "reset_second_factor":
            look.reset_second_factor(actor, name)
        case _:
            raise BadInput(
                f"{verb!r} is no verb.", where="verb", fix="Use deactivate, activate or reset_second_factor."
            )
    return documents.person(look.person(actor, name))
