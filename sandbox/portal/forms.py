"""Forms: what a browser sends was filled in on a page of ours, by the person who is signed in.

Each form carries a token that only this portal can make, for one session only; it is compared in constant time.
Another site can make a browser send a form, but cannot read the token that has to be in it.

Visitors without an account have no session: the token of their forms is for their address, and for an hour or two. So
no other site can make its readers vote here, and no script in a notebook can send anything as a visitor: it is given
pages without a token.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Form, Request

from sandbox.domain.errors import NotAllowed
from sandbox.domain.people import Person
from sandbox.flows import visitors
from sandbox.portal.requests import (
    Enrolling,
    InPerson,
    Visitor,
    by_a_person,
    system_of,
    token_of,
    visitor_of,
)

FIELD = "form_token"


def form_token(request: Request) -> str:
    """The token that forms on this session's pages carry; empty when nobody is signed in."""
    session = token_of(request)
    if not session:
        return ""
    key: bytes = request.app.state.form_key  # the installation's: a page stays good over a restart
    return hmac.new(key, session.encode(), hashlib.sha256).hexdigest()


def visitor_token(request: Request, *, hours_ago: int = 0) -> str:
    """The token that forms carry for somebody without an account; empty for a script."""
    if not by_a_person(request):
        return ""
    hour = (system_of(request).store.now() - timedelta(hours=hours_ago)).strftime("%Y-%m-%dT%H")
    key: bytes = request.app.state.form_key
    message = f"visitor {hour} {visitor_of(request).network}"
    return hmac.new(key, message.encode(), hashlib.sha256).hexdigest()


def check_sent(request: Request, given: str) -> None:
    """For a body that is read as it comes: raise unless this token stands in it, before anything is taken of it."""
    _check(given, form_token(request))


def _sender(
    request: Request, person: InPerson, form_token_: Annotated[str, Form(alias=FIELD)] = ""
) -> Person:
    _check(form_token_, form_token(request))
    return person


def _anybody(
    request: Request, caller: Visitor, form_token_: Annotated[str, Form(alias=FIELD)] = ""
) -> Person | visitors.Visitor:
    if caller is not None:
        person = caller.in_person()
        _check(form_token_, form_token(request))
        return person
    _check(form_token_, visitor_token(request), visitor_token(request, hours_ago=1))
    return visitor_of(request)


def _check(given: str, *good: str) -> None:
    matches = [hmac.compare_digest(given.encode(), token.encode()) for token in good if token]
    if not any(matches):
        raise NotAllowed(
            "This form was not filled in on this portal, or an older session's page was still open.",
            clause="form token",
            fix="Open the page again and send it from there.",
        )


def _enrolling_sender(
    request: Request, person: Enrolling, form_token_: Annotated[str, Form(alias=FIELD)] = ""
) -> Person:
    _check(form_token_, form_token(request))
    return person


FormSender = Annotated[Person, Depends(_sender)]  # every route that changes something by a form takes one
AnySender = Annotated[Person | visitors.Visitor, Depends(_anybody)]  # or this one, where no account is needed
EnrollingSender = Annotated[Person, Depends(_enrolling_sender)]  # on one's own account: before enrolling too
