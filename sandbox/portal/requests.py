"""What every route needs of a request: the system, and who asks."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from sandbox.domain.errors import NotAllowed, NotSignedIn
from sandbox.domain.notebook_addresses import notebook_may
from sandbox.domain.people import Person
from sandbox.flows import visitors
from sandbox.portal.identity import COOKIE, Caller, Identity
from sandbox.settings import PORTAL_PREFIX
from sandbox.wiring import Sandbox

PIECES = f"{PORTAL_PREFIX}/piece/"  # where pages' own script asks for parts of a page


def system_of(request: Request) -> Sandbox:
    """The system behind the door."""
    system: Sandbox = request.app.state.sandbox
    return system


def token_of(request: Request) -> str:
    """The token of a request: from its header, else from its cookie; empty when it has none."""
    header = request.headers.get("authorization", "")
    scheme, _, value = header.partition(" ")
    if scheme.lower() in ("token", "bearer") and value:
        return value.strip()
    sent_by_us = by_a_person(request) or by_our_script(request)
    return request.cookies.get(cookie_name(request, COOKIE), "") if sent_by_us else ""


def https(request: Request) -> bool:
    """Whether browsers come over HTTPS."""
    return system_of(request).settings.url.startswith("https://")


def cookie_name(request: Request, name: str) -> str:
    """Over HTTPS, a name that browsers take from this very host only: no page below it can put another in its place."""
    return f"__Host-{name}" if https(request) else name


def by_a_person(request: Request) -> bool:
    """False when a script or a frame sends the cookie.

    Notebooks are served from the same origin, and a script in one could otherwise read a page here, its form token
    included, in its user's name. No script can write these two headers; browsers send them over HTTPS and on the
    loopback address. With COOP and frame-ancestors (see ``create_app``) no window of a page is reachable either.
    A link with the attribute ``download`` counts as a script: pages have none.
    """
    return (
        request.headers.get("sec-fetch-dest", "document") == "document"
        and request.headers.get("sec-fetch-mode", "navigate") == "navigate"
    )


def by_our_script(request: Request) -> bool:
    """True for pieces of a page that a script of this very host asks for.

    Only below ``PIECES``, whose answers carry no form token: what a piece changes needs one from a page. Notebooks have
    hosts of their own, and browsers say ``same-site`` of what comes from there; no script can write that header.
    """
    return (
        request.url.path.startswith(PIECES)
        and request.headers.get("sec-fetch-site") == "same-origin"
        and request.headers.get("hx-request") == "true"
    )


def caller_or_none(request: Request) -> Caller | None:
    """Who asks, or None when nobody is signed in."""
    token = token_of(request)
    if not token:
        return None
    identity: Identity = request.app.state.identity
    claim = identity.claim(token)
    if claim is None:
        return None
    if claim.grant_id is not None:
        _check_address(request)
    person = system_of(request).store.people.get(claim.name)
    if person is None or not person.active:  # a closed account is nobody's, whatever the hub still believes
        return None
    return Caller(person=person, grant_id=claim.grant_id)


def _check_address(request: Request) -> None:
    """Raise where a notebook's token has no business."""
    path = request.url.path.removeprefix(f"{PORTAL_PREFIX}/api/v1/")
    if not notebook_may(request.method, path):
        raise NotAllowed(
            "A notebook cannot do this for you.", clause="notebook token", fix="Do it yourself on the portal."
        )


def _at_the_door(request: Request) -> Caller:
    """Somebody who is signed in, and may still have to enrol."""
    caller = caller_or_none(request)
    if caller is None:
        raise NotSignedIn("You are not signed in.", fix="Sign in, or send 'Authorization: token …'.")
    return caller


def _caller(request: Request) -> Caller:
    caller = _at_the_door(request)
    system_of(request).my_account.check_enrolled(caller.person)
    return caller


def _header_caller(request: Request) -> Caller:
    """For programs that change things: the token comes in a header, which no other site can make a browser send."""
    if not request.headers.get("authorization"):
        raise NotSignedIn("The API takes its token in a header.", fix="Send 'Authorization: token …'.")
    return _caller(request)


def visitor_of(request: Request) -> visitors.Visitor:
    """Whoever it is, by address: as our own proxy saw it, or the proxy before ours where one stands there.

    Each proxy appends what it saw to ``X-Forwarded-For``; what a sender wrote there stands before that and is not
    believed. A proxy in front has to append too: otherwise all its visitors share one address, and their limits.
    """
    seen = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",") if part.strip()]
    proxies = 2 if system_of(request).settings.public_url else 1
    if seen:
        return visitors.Visitor.at(seen[max(len(seen) - proxies, 0)])
    return visitors.Visitor.at(request.client.host if request.client else "")


System = Annotated[Sandbox, Depends(system_of)]
SignedIn = Annotated[Caller, Depends(_caller)]
Program = Annotated[Caller, Depends(_header_caller)]
Visitor = Annotated[Caller | None, Depends(caller_or_none)]


def _any_program(request: Request) -> Person | visitors.Visitor:
    """Somebody with a token, or anybody by address: never a notebook, nor a script in a page.

    What they send goes past the reviewers: a notebook could write rows into it. A token that is not known any more may
    have been a notebook's.
    """
    if not request.headers.get("authorization"):
        if not by_a_person(request):
            raise NotAllowed(
                "A script in a page cannot do this.", clause="script", fix="Use the form on the portal."
            )
        return visitor_of(request)
    caller = caller_or_none(request)
    if caller is None:
        raise NotSignedIn("This token is not known.", fix="Send none: no account is needed.")
    return caller.in_person()


AnyProgram = Annotated[Person | visitors.Visitor, Depends(_any_program)]


def _person(caller: SignedIn) -> Person:
    return caller.in_person()


def _enrolling(caller: Annotated[Caller, Depends(_at_the_door)]) -> Person:
    return caller.in_person()


InPerson = Annotated[Person, Depends(_person)]  # pages are for people: a notebook's token is refused
Enrolling = Annotated[Person, Depends(_enrolling)]  # also somebody who can do nothing yet but enrol
