"""My account: roles, training, second factor, password. Also for somebody who can do nothing yet but enrol."""

from __future__ import annotations

from typing import Annotated

import segno
from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from sandbox.domain.errors import BadInput, CallerError, NotSignedIn
from sandbox.domain.notice_choices import Channel, Pace
from sandbox.domain.people import Person
from sandbox.domain.second_factor import enrolment_address
from sandbox.language import marked as _
from sandbox.portal.forms import EnrollingSender
from sandbox.portal.pages.rendering import go, render
from sandbox.portal.requests import Enrolling, System
from sandbox.wiring import Sandbox

router = APIRouter(include_in_schema=False)

_CHANNELS = {Channel.MAIL: _("E-mail"), Channel.WEBHOOK: _("This installation’s webhook")}

Password = Annotated[str, Form(max_length=1000)]
Code = Annotated[str, Form(max_length=100)]


@router.get("/account")
def account(request: Request, system: System, person: Enrolling) -> Response:
    """What is known of me, and what I may change."""
    return account_page(request, system, person)


@router.post("/account/second-factor")
def begin(
    request: Request, system: System, person: EnrollingSender, password: Password, code: Code = ""
) -> Response:
    """A new secret: its QR picture is shown on this page and nowhere again."""
    try:
        secret = system.my_account.begin_second_factor(person, password=password, code=code)
    except NotSignedIn as mistake:
        return account_page(request, system, person, mistake=mistake, form="second-factor")
    return _enrol(request, system, person, secret)


@router.post("/account/second-factor/confirm")
def confirm(request: Request, system: System, person: EnrollingSender, code: Code) -> Response:
    """The app's first code; then the recovery codes, once."""
    secret = system.my_account.pending_second_factor(person)
    try:
        recovery = system.my_account.confirm_second_factor(person, code=code)
    except BadInput as mistake:
        return _enrol(request, system, person, secret, mistake=mistake)
    return render(request, "account_recovery.html", recovery=recovery)


@router.post("/account/password")
def change_password(
    request: Request,
    system: System,
    person: EnrollingSender,
    password: Password,
    new: Password,
    again: Password,
    code: Code = "",
) -> Response:
    """A new password."""
    try:
        system.my_account.change_password(person, password=password, code=code, new=new, again=again)
    except (BadInput, NotSignedIn) as mistake:
        return account_page(request, system, person, mistake=mistake, form="password")
    return go("/account", done="password")


def account_page(
    request: Request,
    system: Sandbox,
    person: Person,
    *,
    mistake: CallerError | None = None,
    form: str = "",
) -> Response:
    """My account, with what went wrong in one of its forms."""
    return render(
        request,
        "account.html",
        status=BadInput.status if mistake else 200,  # who is signed in stays so
        view=system.my_account.view(person),
        reached=system.my_notices.reached(person),
        channels=_CHANNELS,
        paces=list(Pace),
        today=system.my_account.today(),
        mistake=mistake,
        form=form,
    )


def _enrol(
    request: Request, system: Sandbox, person: Person, secret: str, *, mistake: BadInput | None = None
) -> Response:
    address = enrolment_address(secret, name=person.name, site=system.site.name)
    picture = segno.make(address, error="m", micro=False).svg_data_uri(scale=5, border=3, dark="#1b2330")
    return render(
        request,
        "account_enrol.html",
        status=mistake.status if mistake else 200,
        picture=picture,
        secret=" ".join(secret[i : i + 4] for i in range(0, len(secret), 4)),
        mistake=mistake,
    )
