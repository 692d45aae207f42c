"""What reviewers write beside a request's cells and files."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from sandbox.domain.errors import BadInput, CallerError, NotFound
from sandbox.portal.forms import FormSender
from sandbox.portal.pages.releases import About, release_page
from sandbox.portal.pages.rendering import go
from sandbox.portal.requests import System

router = APIRouter(include_in_schema=False)


@router.post("/releases/{release_id}/comments")
def comment(
    request: Request,
    system: System,
    person: FormSender,
    release_id: int,
    text: Annotated[str, Form(max_length=10_000)] = "",
    file: Annotated[str, Form(max_length=100)] = "",
    row: Annotated[str, Form(max_length=10)] = "",
    column: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Write. A mistake brings the page back with what was written."""
    try:
        at = _row(row)
        system.comment_on_output.write(person, release_id, text=text, file=file, row=at, column=column)
    except CallerError as mistake:
        typed = row.strip()
        at = int(typed) - 1 if typed.isascii() and typed.isdigit() else None
        about = About(file=file, row=at, column=column)
        try:
            return release_page(
                request, system, person, release_id, about=about, commented=text, mistake=mistake
            )
        except NotFound:  # it is not theirs to see
            raise mistake from None
    return go(f"/releases/{release_id}", done="commented", at="comments")


@router.post("/releases/{release_id}/comments/{number}/void")
def void(
    system: System,
    person: FormSender,
    release_id: int,
    number: int,
    reason: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Void one's own."""
    system.comment_on_output.void(person, release_id, number, reason=reason)
    return go(f"/releases/{release_id}", done="comment-voided", at="comments")


def _row(text: str) -> int | None:
    """People count rows from 1; empty: the whole column."""
    if not text.strip():
        return None
    if not (text.isascii() and text.strip().isdigit() and int(text) > 0):
        raise BadInput(
            "A row is a whole number from 1.", where="row", fix="Leave it empty for the whole column."
        )
    return int(text) - 1
