"""Forms: what a browser sends was filled in on a page of ours, by the person who is signed in.

Each form carries a token that only this portal can make, for one session only; it is compared in constant time.
Another site can make a browser send a form, but cannot read the token that has to be in it.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Annotated

from fastapi import Depends, Form, Request

from sandbox.domain.errors import NotAllowed
from sandbox.domain.people import Person
from sandbox.portal.requests import Enrolling, InPerson, token_of

FIELD = "form_token"


def form_token(request: Request) -> str:
    """The token that forms on this session's pages carry; empty when nobody is signed in."""
    session = token_of(request)
    if not session:
        return ""
    key: bytes = request.app.state.form_key  # the installation's: a page stays good over a restart
    return hmac.new(key, session.encode(), hashlib.sha256).hexdigest()


def _check(request: Request, given: str) -> None:
    if not hmac.compare_digest(given.encode(), form_token(request).encode()):
        raise NotAllowed(
            "This form was not filled in on this portal, or an older session's page was still open.",
            clause="form token",
            fix="Open the page again and send it from there.",
        )


def _sender(
    request: Request, person: InPerson, form_token_: Annotated[str, Form(alias=FIELD)] = ""
) -> Person:
    _check(request, form_token_)
    return person


def _enrolling_sender(
    request: Request, person: Enrolling, form_token_: Annotated[str, Form(alias=FIELD)] = ""
) -> Person:
    _check(request, form_token_)
    return person


FormSender = Annotated[Person, Depends(_sender)]  # every route that changes something by a form takes one
EnrollingSender = Annotated[Person, Depends(_enrolling_sender)]  # on one's own account: before enrolling too
