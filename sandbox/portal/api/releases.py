"""Outputs: submitting, voting, taking home."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Response, UploadFile
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from sandbox.domain.release import Decision
from sandbox.portal import documents
from sandbox.portal.api.common import Body, check_bound, grant_of
from sandbox.portal.api.uploads import sql_by_file, uploaded
from sandbox.portal.requests import Program, SignedIn, System

router = APIRouter()


class VoteBody(Body):
    version: int
    decision: Decision
    comment: str = Field(default="", max_length=2000)


@router.get("/releases", tags=["releases"])
def releases(system: System, caller: SignedIn) -> list[dict[str, Any]]:
    """Your requests, newest first."""
    views = system.views.releases(caller.person)
    return [documents.release(v) for v in views if caller.grant_id in (None, v.release.grant_id)]


@router.post("/releases", status_code=201, tags=["releases"])
async def submit(
    system: System,
    caller: Program,
    context: Annotated[str, Form()],
    files: Annotated[list[UploadFile], File()],
    sql: Annotated[str, Form()] = "{}",
    grant: Annotated[int | None, Form()] = None,
    dataset: Annotated[str | None, Form()] = None,
) -> dict[str, Any]:
    """Submit outputs for checks and review. ``sql`` is a JSON object: file name -> the question that made it."""
    questions = sql_by_file(sql)
    staged = await uploaded(files)

    def work() -> dict[str, Any]:
        submitted = system.review_release.submit(
            caller.person,
            grant_of(system, caller, grant=grant, dataset=dataset),
            files=staged,
            context=context,
            sql=questions,
        )
        return documents.release(system.views.release(caller.person, submitted.release.id))

    return await run_in_threadpool(work)


@router.get("/releases/queue", tags=["releases"])
def queue(system: System, caller: SignedIn) -> list[dict[str, Any]]:
    """What waits for your vote, oldest first."""
    return [documents.release(v) for v in system.views.review_queue(caller.in_person())]


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
        person, release_id, version=body.version, decision=body.decision, comment=body.comment
    )
    return documents.release(system.views.release(person, release_id))


@router.post("/releases/{release_id}/withdraw", tags=["releases"])
def withdraw(system: System, caller: Program, release_id: int) -> dict[str, Any]:
    """Take your request back."""
    check_bound(caller, system.views.release(caller.person, release_id).release.grant_id)
    system.review_release.withdraw(caller.person, release_id)
    return documents.release(system.views.release(caller.person, release_id))


@router.get("/releases/{release_id}/crate", tags=["releases"])
def crate(system: System, caller: SignedIn, release_id: int) -> Response:
    """The released crate: files, findings, agreement, signature."""
    body = system.review_release.crate(caller.in_person(), release_id)
    headers = {"Content-Disposition": f'attachment; filename="release-{release_id}.crate.zip"'}
    return Response(body, media_type="application/zip", headers=headers)
