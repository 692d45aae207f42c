"""My notices, and how I am reached."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from sandbox.domain.notice_choices import Channel, Pace
from sandbox.domain.notice_rule import Topic
from sandbox.portal import documents
from sandbox.portal.api.common import Body
from sandbox.portal.requests import Program, SignedIn, System

router = APIRouter()


class ReadBody(Body):
    up_to: int = Field(ge=0)


class ChoicesBody(Body):
    mail: Pace | None = None
    webhook: Pace | None = None
    language: str | None = Field(default=None, max_length=20)


class AddressBody(Body):
    address: str = Field(max_length=1000)


class CodeBody(Body):
    code: str = Field(max_length=100)


@router.get("/notices", tags=["notices"])
def notices(
    system: System,
    caller: SignedIn,
    unread: bool = False,
    topic: Topic | None = None,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Yours, newest first."""
    page = system.my_notices.page(caller.in_person(), unread=unread, topic=topic, offset=offset, limit=limit)
    return documents.notices_page(page)


@router.post("/notices/read", tags=["notices"])
def read_all(system: System, caller: Program, body: ReadBody) -> dict[str, Any]:
    """Mark all up to a number as read."""
    return {"read": system.my_notices.mark_all_read(caller.in_person(), up_to=body.up_to)}


@router.post("/notices/{number}/read", tags=["notices"])
def read(system: System, caller: Program, number: int) -> dict[str, Any]:
    """Mark one as read."""
    person = caller.in_person()
    system.my_notices.mark_read(person, number)
    one = system.my_notices.one(person, number)
    return documents.notice(one, over=system.my_notices.over(one))


@router.get("/account/notices", tags=["notices"])
def reached(system: System, caller: SignedIn) -> dict[str, Any]:
    """How you are reached."""
    return documents.reached(system.my_notices.reached(caller.in_person()))


@router.put("/account/notices", tags=["notices"])
def choose(system: System, caller: Program, body: ChoicesBody) -> dict[str, Any]:
    """How often by which channel, and in which language; what is left out stays."""
    person = caller.in_person()
    given = {Channel.MAIL: body.mail, Channel.WEBHOOK: body.webhook}
    paces = {channel: pace for channel, pace in given.items() if pace is not None}
    if body.language is not None:
        system.my_notices.set_language(person, body.language)
    if paces:
        system.my_notices.choose(person, paces)
    return documents.reached(system.my_notices.reached(person))


@router.put("/account/address", tags=["notices"])
def give_address(system: System, caller: Program, body: AddressBody) -> dict[str, Any]:
    """An e-mail address: a code is sent there."""
    person = caller.in_person()
    system.my_notices.give_address(person, body.address)
    return documents.reached(system.my_notices.reached(person))


@router.post("/account/address/confirm", tags=["notices"])
def confirm_address(system: System, caller: Program, body: CodeBody) -> dict[str, Any]:
    """The code that was sent there: the address counts from now on."""
    person = caller.in_person()
    system.my_notices.confirm_address(person, body.code)
    return documents.reached(system.my_notices.reached(person))


@router.delete("/account/address", tags=["notices"])
def remove_address(system: System, caller: Program) -> dict[str, Any]:
    """No address any more."""
    person = caller.in_person()
    system.my_notices.take_address_away(person)
    return documents.reached(system.my_notices.reached(person))
