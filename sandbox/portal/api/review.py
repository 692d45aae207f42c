"""The reviewers' queue, figures on how long decisions take, and the next turn of a request."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.concurrency import run_in_threadpool

from sandbox.portal import documents
from sandbox.portal.api.common import check_bound
from sandbox.portal.api.uploads import sql_by_file, uploaded
from sandbox.portal.requests import Program, SignedIn, System

router = APIRouter()


@router.get("/releases/queue", tags=["releases"])
def queue(system: System, caller: SignedIn) -> list[dict[str, Any]]:
    """What waits for your vote over all projects, the longest waiting first, with the day when it is due."""
    return [documents.queued(q) for q in system.review_queue.of(caller.in_person())]


@router.get("/releases/turnaround", tags=["releases"])
def turnaround(system: System, caller: SignedIn) -> list[dict[str, Any]]:
    """How long decisions took, in working days, and how they went; for each dataset that you own, review or oversee."""
    return [documents.dataset_turnaround(t) for t in system.review_queue.turnaround(caller.in_person())]


@router.post("/releases/{release_id}/resubmit", tags=["releases"])
async def resubmit(
    system: System,
    caller: Program,
    release_id: int,
    version: Annotated[int, Form()],
    context: Annotated[str, Form()],
    files: Annotated[list[UploadFile], File()],
    sql: Annotated[str, Form()] = "{}",
) -> dict[str, Any]:
    """The next turn of your request, which a check stopped or reviewers returned: all its files, with what changed."""
    questions = sql_by_file(sql)
    staged = await uploaded(files)

    def work() -> dict[str, Any]:
        check_bound(caller, system.views.release(caller.person, release_id).release.grant_id)
        system.review_release.resubmit(
            caller.person, release_id, version=version, files=staged, context=context, sql=questions
        )
        return documents.release(system.views.release(caller.person, release_id))

    return await run_in_threadpool(work)
