"""My notices, newest first: opening one marks it as read. And how I am reached, on my account's page."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from sandbox.domain.errors import CallerError
from sandbox.domain.notice_choices import Channel, Pace
from sandbox.domain.notice_rule import Notice, Topic
from sandbox.domain.notices import text_of
from sandbox.flows.my_notices import PER_PAGE
from sandbox.language import day, gettext
from sandbox.portal.forms import FormSender
from sandbox.portal.pages.account import account_page
from sandbox.portal.pages.rendering import go, render
from sandbox.portal.requests import InPerson, System
from sandbox.settings import PORTAL_PREFIX
from sandbox.wiring import Sandbox

router = APIRouter(include_in_schema=False)


@router.get("/notices")
def notices(
    request: Request,
    system: System,
    person: InPerson,
    show: str = "",
    topic: str = "",
    page: int = 1,
) -> Response:
    """All of them, or those that were not read, or those of one topic."""
    page = min(max(page, 1), 10_000)
    wanted = Topic(topic) if topic in list(Topic) else None
    shown = system.my_notices.page(
        person, unread=show == "unread", topic=wanted, offset=(page - 1) * PER_PAGE
    )
    return render(
        request,
        "notices.html",
        shown=shown,
        texts={notice.id: text_of(_titled(system, notice), gettext, day=day) for notice in shown.notices},
        show="unread" if show == "unread" else "",
        topic=wanted or "",
        topics=list(Topic),
        page=page,
        more=shown.offset + len(shown.notices) < shown.total,
    )


def _titled(system: Sandbox, notice: Notice) -> Notice:
    """With datasets' titles in the place of their names."""
    listed = system.listed.all()
    titles = {
        name: listed[value].title
        for name in ("dataset", "about")
        if (value := notice.values.get(name, "")) in listed
    }
    return replace(notice, values={**notice.values, **titles})


@router.post("/notices/read")
def read_all(system: System, person: FormSender, up_to: Annotated[int, Form(ge=0)]) -> Response:
    """All that were on the page, and those before them."""
    system.my_notices.mark_all_read(person, up_to=up_to)
    return go("/notices", done="read")


@router.post("/notices/{number}/open")
def open_one(system: System, person: FormSender, number: int) -> Response:
    """Mark it as read, and go where it leads: a path that was written by us."""
    system.my_notices.mark_read(person, number)
    link = system.my_notices.one(person, number).link
    return RedirectResponse(f"{PORTAL_PREFIX}{link}", status_code=303)


@router.post("/account/notices")
def choose(
    request: Request,
    system: System,
    person: FormSender,
    mail: Annotated[Pace | None, Form()] = None,
    webhook: Annotated[Pace | None, Form()] = None,
) -> Response:
    """How often by which channel."""
    given = {Channel.MAIL: mail, Channel.WEBHOOK: webhook}
    system.my_notices.choose(person, {channel: pace for channel, pace in given.items() if pace is not None})
    return go("/account", done="notices")


@router.post("/account/language")
def language(
    request: Request, system: System, person: FormSender, language: Annotated[str, Form(max_length=20)] = ""
) -> Response:
    """In which language."""
    try:
        system.my_notices.set_language(person, language)
    except CallerError as mistake:
        return account_page(request, system, person, mistake=mistake, form="language")
    return go("/account", done="language")


@router.post("/account/address")
def give_address(
    request: Request, system: System, person: FormSender, address: Annotated[str, Form(max_length=1000)]
) -> Response:
    """An address: a code is sent there."""
    try:
        system.my_notices.give_address(person, address)
    except CallerError as mistake:
        return account_page(request, system, person, mistake=mistake, form="address")
    return go("/account", done="address")


@router.post("/account/address/confirm")
def confirm_address(
    request: Request, system: System, person: FormSender, code: Annotated[str, Form(max_length=100)]
) -> Response:
    """The code that was sent."""
    try:
        system.my_notices.confirm_address(person, code)
    except CallerError as mistake:
        return account_page(request, system, person, mistake=mistake, form="address")
    return go("/account", done="confirmed")


@router.post("/account/address/remove")
def remove_address(system: System, person: FormSender) -> Response:
    """No address any more."""
    system.my_notices.take_address_away(person)
    return go("/account", done="no_address")
