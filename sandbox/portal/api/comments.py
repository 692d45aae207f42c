"""Comments beside a request's cells, files and groups; others see them when the votes are in."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from sandbox.portal import documents
from sandbox.portal.api.common import Body
from sandbox.portal.requests import Program, System

router = APIRouter()


class CommentBody(Body):
    text: str = Field(max_length=2000)
    file: str = Field(default="", max_length=100)
    row: int | None = None
    column: str = Field(default="", max_length=200)


class VoidBody(Body):
    reason: str = Field(max_length=200)


@router.post("/releases/{release_id}/comments", status_code=201, tags=["releases"])
def comment(system: System, caller: Program, release_id: int, body: CommentBody) -> dict[str, Any]:
    """Write beside a cell (``file``, ``row``, ``column``), a column, a file, or all files."""
    made = system.comment_on_output.write(
        caller.in_person(), release_id, text=body.text, file=body.file, row=body.row, column=body.column
    )
    return documents.review_comment(made, may_void=True)


@router.post("/releases/{release_id}/comments/{number}/void", tags=["releases"])
def void(system: System, caller: Program, release_id: int, number: int, body: VoidBody) -> dict[str, Any]:
    """Void your own comment. It is kept, with the reason."""
    made = system.comment_on_output.void(caller.in_person(), release_id, number, reason=body.reason)
    return documents.review_comment(made, may_void=False)
