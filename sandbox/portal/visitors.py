"""Visitors without an account: where a request comes from, and whether a sent token is one."""

from __future__ import annotations

import hmac
import ipaddress
from typing import Annotated

from fastapi import Depends, Form, Request

from sandbox.domain.errors import NotAllowed, NotSignedIn
from sandbox.domain.people import Person
from sandbox.portal.forms import FIELD, form_token
from sandbox.portal.requests import caller_or_none, system_of


def address_of(request: Request) -> str:
    """The network address that a request comes from.

    Our proxy, on this machine, appends the address that spoke to it; with a public URL one more proxy stands before
    it, which did the same. What a visitor wrote into the header stands further left, and is not believed.
    """
    peer = request.client.host if request.client is not None else ""
    if not _local(peer):
        return peer
    hops = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",")]
    behind = 2 if system_of(request).settings.public_url else 1
    return hops[-min(behind, len(hops))] or peer


def _local(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _form_visitor(request: Request, form_token_: Annotated[str, Form(alias=FIELD)] = "") -> Person | None:
    """Who fills in a form that anybody may send: a person only where the form was filled in on their own page."""
    caller = caller_or_none(request)
    if caller is None or not hmac.compare_digest(form_token_.encode(), form_token(request).encode()):
        return None
    return caller.in_person()


def _program_visitor(request: Request) -> Person | None:
    """Who calls: nobody without a token, and never a notebook.

    What a notebook sends goes past the reviewers: it could write rows into an objection. A token that is not known any
    more may have been a notebook's.
    """
    if not request.headers.get("authorization"):
        return None
    caller = caller_or_none(request)
    if caller is None:
        raise NotSignedIn("This token is not known.", fix="Send none: no account is needed.")
    if caller.grant_id is not None:
        raise NotAllowed(
            "A notebook cannot write to the owner of the data.",
            clause="notebook token",
            fix="Do it yourself on the portal.",
        )
    return caller.person


FormVisitor = Annotated[Person | None, Depends(_form_visitor)]
ProgramVisitor = Annotated[Person | None, Depends(_program_visitor)]
