"""Sent code: queueing it, how it stands, what it printed and wrote on the sample."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Response, UploadFile
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from sandbox.domain.errors import BadInput, TooLarge
from sandbox.domain.job import MAX_PACKAGE_BYTES, Phase
from sandbox.portal import documents
from sandbox.portal.api.common import Body, check_bound, grant_of
from sandbox.portal.identity import Caller
from sandbox.portal.requests import Program, SignedIn, System
from sandbox.wiring import Sandbox

router = APIRouter()


class RawBody(Body):
    context: str = Field(max_length=4000)


@router.get("/jobs", tags=["jobs"])
def jobs(system: System, caller: SignedIn) -> list[dict[str, Any]]:
    """Your jobs, newest first."""
    views = system.job_views.all(caller.person)
    return [documents.job(v) for v in views if caller.grant_id in (None, v.job.grant_id)]


@router.post("/jobs", status_code=201, tags=["jobs"])
async def send(
    system: System,
    caller: Program,
    code: Annotated[UploadFile, File()],
    outputs: Annotated[str, Form()],
    inputs: Annotated[list[UploadFile] | None, File()] = None,
    phase: Annotated[Phase, Form()] = Phase.SAMPLE,
    context: Annotated[str, Form()] = "",
    grant: Annotated[int | None, Form()] = None,
    dataset: Annotated[str | None, Form()] = None,
) -> dict[str, Any]:
    """Queue code. ``outputs`` is a JSON list: the names of the files that it writes to its outbox."""
    names = _names(outputs)
    total = 0
    read: list[tuple[str, bytes]] = []
    for upload in (code, *(inputs or ())):
        content = await upload.read(MAX_PACKAGE_BYTES + 1)
        total += len(content)
        if total > MAX_PACKAGE_BYTES:
            raise TooLarge(f"Code and inputs may hold {MAX_PACKAGE_BYTES} bytes.", fix="Send less.")
        read.append((upload.filename or "", content))

    def work() -> dict[str, Any]:
        sent = system.run_job.send(
            caller.person,
            grant_of(system, caller, grant=grant, dataset=dataset),
            code=read[0],
            inputs=read[1:],
            outputs=names,
            phase=phase,
            context=context,
        )
        return documents.job(system.job_views.one(caller.person, sent.id))

    return await run_in_threadpool(work)


@router.get("/jobs/{job_id}", tags=["jobs"])
def job(system: System, caller: SignedIn, job_id: int) -> dict[str, Any]:
    """One of your jobs. On raw rows it has no log and no results, here or anywhere."""
    return _own(system, caller, job_id)


@router.post("/jobs/{job_id}/cancel", tags=["jobs"])
def cancel(system: System, caller: Program, job_id: int) -> dict[str, Any]:
    """Take it back; one that runs is ended."""
    _own(system, caller, job_id)
    system.run_job.cancel(caller.person, job_id)
    return _own(system, caller, job_id)


@router.post("/jobs/{job_id}/raw", status_code=201, tags=["jobs"])
def send_raw(system: System, caller: Program, job_id: int, body: RawBody) -> dict[str, Any]:
    """The same package on raw rows: what it writes goes to the reviewers, with this context."""
    _own(system, caller, job_id)
    sent = system.run_job.send_raw(caller.person, job_id, context=body.context)
    return _own(system, caller, sent.id)


@router.get("/jobs/{job_id}/files/{name}", tags=["jobs"])
def result(system: System, caller: SignedIn, job_id: int, name: str) -> Response:
    """A file that it wrote on the sample."""
    _own(system, caller, job_id)
    body = system.job_views.result(caller.person, job_id, name)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(body, media_type="application/octet-stream", headers=headers)


@router.get("/releases/{release_id}/job", tags=["jobs"])
def behind(system: System, caller: SignedIn, release_id: int) -> dict[str, Any]:
    """For its reviewers: the code behind a request, what it ran on, and the end of what it printed."""
    return documents.job_record(system.job_views.behind(caller.in_person(), release_id))


def _own(system: Sandbox, caller: Caller, job_id: int) -> dict[str, Any]:
    view = system.job_views.one(caller.person, job_id)
    check_bound(caller, view.job.grant_id)
    return documents.job(view)


def _names(text: str) -> list[str]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise BadInput("outputs is no JSON list of names.", where="outputs", fix='Send ["table.csv"].')
    return value
