"""Outputs: submitting, voting, taking home."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Response, UploadFile
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from sandbox.domain.errors import BadInput
from sandbox.domain.release import Cause, Decision
from sandbox.portal import documents
from sandbox.portal.api.common import Body, check_bound, grant_of
from sandbox.portal.api.uploads import sql_by_file, uploaded
from sandbox.portal.requests import Program, SignedIn, System

router = APIRouter()


class VoteBody(Body):
    version: int
    decision: Decision
    comment: str = Field(default="", max_length=2000)
    cause: Cause | None = None


@router.get("/releases", tags=["releases"])
def releases(system: System, caller: SignedIn, offset: int = 0, limit: int = 100) -> list[dict[str, Any]]:
    """Your requests, newest first; a notebook's are those of its grant. At most 200 at once."""
    views = system.views.releases(caller.person, grant_id=caller.grant_id, offset=offset, limit=limit)
    return [documents.release(view) for view in views]


@router.post("/releases", status_code=201, tags=["releases"])
async def submit(
    system: System,
    caller: Program,
    context: Annotated[str, Form()],
    files: Annotated[list[UploadFile], File()],
    sql: Annotated[str, Form()] = "{}",
    grant: Annotated[int | None, Form()] = None,
    dataset: Annotated[str | None, Form()] = None,
    supersedes: Annotated[int, Form()] = 0,
    builds_on: Annotated[str, Form(max_length=500)] = "",
) -> dict[str, Any]:
    """Submit outputs for checks and review. ``sql`` is a JSON object: file name -> the question that made it.

    ``supersedes`` is the release in whose place it will stand, ``builds_on`` those that it rests on: ``3,5``.
    """
    questions = sql_by_file(sql)
    earlier = _numbers(builds_on)
    staged = await uploaded(files)

    def work() -> dict[str, Any]:
        submitted = system.review_release.submit(
            caller.person,
            grant_of(system, caller, grant=grant, dataset=dataset),
            files=staged,
            context=context,
            sql=questions,
            supersedes=supersedes,
            builds_on=earlier,
        )
        return documents.release(system.views.release(caller.person, submitted.release.id))

    return await run_in_threadpool(work)


def _numbers(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isascii() and part.isdigit() and len(part) <= 12 for part in parts):
        raise BadInput(
            "The earlier releases are no list of numbers.", where="builds_on", fix="Write them as 3,5."
        )
    return tuple(int(part) for part in parts)


@router.get("/releases/{release_id}", tags=["releases"])
def release(system: System, caller: SignedIn, release_id: int) -> dict[str, Any]:
    """One request with its findings, as far as you may see it."""
    view = system.views.release(caller.person, release_id)
    check_bound(caller, view.release.grant_id)
    return documents.release(view)


@router.post("/releases/{release_id}/vote", tags=["releases"])
def vote(system: System, caller: Program, release_id: int, body: VoteBody) -> dict[str, Any]:
    """Vote as a reviewer. Others' votes stay hidden until the last is in."""
    person = caller.in_person()
    system.review_release.vote(
        person,
        release_id,
        version=body.version,
        decision=body.decision,
        comment=body.comment,
        cause=body.cause,
    )
    return documents.release(system.views.release(person, release_id))


@router.post("/releases/{release_id}/withdraw", tags=["releases"])
def withdraw(system: System, caller: Program, release_id: int, version: int | None = None) -> dict[str, Any]:
    """Take your request back. ``?version=`` refuses when it changed since you looked."""
    check_bound(caller, system.views.release(caller.person, release_id).release.grant_id)
    system.review_release.withdraw(caller.person, release_id, version=version)
    return documents.release(system.views.release(caller.person, release_id))


@router.get("/releases/{release_id}/crate", tags=["releases"])
def crate(system: System, caller: SignedIn, release_id: int) -> Response:
    """The released crate: files, findings, agreement, signature."""
    body = system.see_release.crate(caller.in_person(), release_id)
    headers = {"Content-Disposition": f'attachment; filename="release-{release_id}.crate.zip"'}
    return Response(body, media_type="application/zip", headers=headers)
