"""Applications, agreements and grants."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from pydantic import Field

from sandbox.domain.application import Verb, Wish
from sandbox.domain.errors import BadInput
from sandbox.domain.people import Person
from sandbox.domain.policy import Mode
from sandbox.portal import documents
from sandbox.portal.api.common import Body
from sandbox.portal.requests import Program, SignedIn, System
from sandbox.wiring import Sandbox

router = APIRouter()


class WishBody(Body):
    project: str
    purpose: str
    output_plan: str
    mode: Mode = Mode.QUERY
    days: int = 90
    organisation: str = ""
    legal_basis: str = ""
    members: list[str] = Field(default=[], max_length=1000)
    tables: dict[str, list[str]] = Field(
        default={}, max_length=1000
    )  # the columns needed, by table; all of them
    epsilon: str = Field(default="", max_length=40)  # the budget wanted; what the owner can give

    def wish(self) -> Wish:
        """What is asked for, as a value."""
        return Wish(
            **{
                **self.model_dump(include=set(WishBody.model_fields)),
                "members": tuple(self.members),
                "tables": {table: tuple(columns) for table, columns in self.tables.items()},
            }
        )


class EditBody(WishBody):
    version: int | None = None  # the one that was seen; another one is a conflict


class ApplicationBody(WishBody):
    dataset: str
    draft: bool = False
    renews: int = Field(default=0, ge=0)


class MoveBody(Body):
    """What a verb needs: each takes what it knows, see ``docs/reference/api.md``."""

    version: int | None = None  # before there are grants: the one that was seen; another one is a conflict
    agreement_sha256: str = Field(default="", max_length=64)  # sign: of the agreement that was read
    reason: str = Field(default="", max_length=500)
    conditions: list[str] = Field(default=[], max_length=100)  # approve: beyond the policy's
    epsilon: str = Field(default="", max_length=40)  # approve: less than was asked for
    days: int | None = None  # approve: likewise
    member: str = Field(default="", max_length=64)  # remove_member
    clause: str = Field(default="breach", max_length=100)  # revoke: which one was broken
    block_days: int = 0  # revoke: nobody of it may apply for so long
    usefulness: int = 0  # report: 1 to 5
    text: str = Field(default="", max_length=10_000)  # report


@router.get("/grants", tags=["access"])
def grants(system: System, caller: SignedIn) -> list[dict[str, Any]]:
    """Your grants, with budget and history."""
    return [documents.grant(v) for v in system.access_views.grants(caller.in_person())]


@router.get("/applications", tags=["access"])
def applications(system: System, caller: SignedIn) -> list[dict[str, Any]]:
    """Your applications, those that name you, and those you decide as an owner."""
    return [documents.application(v) for v in system.access_views.applications(caller.in_person())]


@router.get("/applications/{application_id}", tags=["access"])
def application(system: System, caller: SignedIn, application_id: int) -> dict[str, Any]:
    """One application: its turns, what changed, its agreement, and what you may do with it."""
    return _document(system, caller.in_person(), application_id)


@router.post("/applications", status_code=201, tags=["access"])
def apply(system: System, caller: Program, body: ApplicationBody) -> dict[str, Any]:
    """Apply for a conditional dataset, or keep a draft."""
    person = caller.in_person()
    made = system.request_access.apply(
        person, dataset=body.dataset, wish=body.wish(), draft=body.draft, renews=body.renews
    )
    return _document(system, person, made.id)


@router.put("/applications/{application_id}", tags=["access"])
def edit(system: System, caller: Program, application_id: int, body: EditBody) -> dict[str, Any]:
    """Change a draft, or an application that came back. Submit it afterwards."""
    person = caller.in_person()
    system.access_views.application(person, application_id)  # who may not know of it finds nothing here
    system.request_access.edit(person, application_id, body.wish(), version=body.version)
    return _document(system, person, application_id)


@router.post("/applications/{application_id}/{verb}", tags=["access"])
def decide(
    system: System, caller: Program, application_id: int, verb: str, body: MoveBody | None = None
) -> dict[str, Any]:
    """Move an application by one of its ``allowed_actions``: submit, approve, return, reject, sign, revoke …"""
    person = caller.in_person()
    move_application(system, person, application_id, verb, body or MoveBody())
    return _document(system, person, application_id)


@router.get("/applications/{application_id}/agreement", tags=["access"])
def agreement(system: System, caller: SignedIn, application_id: int) -> Response:
    """The agreement, signed by the platform; ``sandbox access verify`` checks it offline."""
    body = system.access_views.paper(caller.in_person(), application_id)
    return _download(body, f"agreement-{application_id}.json")


@router.get("/applications/{application_id}/certificate", tags=["access"])
def certificate(system: System, caller: SignedIn, application_id: int) -> Response:
    """What was used under a closed agreement, signed by the platform."""
    body = system.end_access.certificate(caller.in_person(), application_id)
    return _download(body, f"certificate-{application_id}.json")


def _download(body: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(body, media_type="application/json", headers=headers)


def _document(system: Sandbox, person: Person, number: int) -> dict[str, Any]:
    views = system.access_views
    return documents.application(views.application(person, number), views.events(person, number))


def move_application(system: Sandbox, person: Person, number: int, verb: str, body: MoveBody) -> None:
    """Carry out a verb on an application; pages and the API share it."""
    system.access_views.application(person, number)  # who may not know of it finds nothing here
    asking, ending, reason = system.request_access, system.end_access, body.reason
    match verb:
        case Verb.SUBMIT:
            asking.submit(person, number, version=body.version)
        case Verb.WITHDRAW:
            asking.withdraw(person, number, version=body.version)
        case Verb.APPROVE:
            asking.approve(
                person,
                number,
                conditions=body.conditions,
                epsilon=body.epsilon,
                days=body.days,
                version=body.version,
            )
        case Verb.RETURN:
            asking.send_back(person, number, reason=reason, version=body.version)
        case Verb.REJECT:
            asking.reject(person, number, reason=reason, version=body.version)
        case Verb.SIGN:
            asking.sign(person, number, agreement_hash=body.agreement_sha256)
        case Verb.DECLINE:
            asking.decline(person, number, reason=reason)
        case Verb.LEAVE:
            ending.leave(person, number)
        case Verb.REMOVE_MEMBER:
            ending.remove_member(person, number, member=body.member, reason=reason)
        case Verb.REVOKE:
            ending.revoke(person, number, reason=reason, clause=body.clause, block_days=body.block_days)
        case Verb.CLOSE:
            ending.close(person, number)
        case "report":
            ending.report(person, number, usefulness=body.usefulness, text=body.text)
        case _:
            raise BadInput(
                f"{verb[:40]!r} is no verb of this address.",
                where="verb",
                fix=_ELSEWHERE.get(verb, "Use one of the application's allowed_actions."),
            )


_ELSEWHERE = {
    "edit": "PUT the whole application anew.",
    "renew": "Apply again, with 'renews'.",
    "certificate": "GET it.",
}
