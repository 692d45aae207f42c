"""What the checks would say, before anything is submitted."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.concurrency import run_in_threadpool

from sandbox.portal import documents
from sandbox.portal.api.common import grant_of
from sandbox.portal.api.uploads import sql_by_file, uploaded
from sandbox.portal.requests import Program, System

router = APIRouter()


@router.post("/checks", tags=["releases"])
async def check(
    system: System,
    caller: Program,
    files: Annotated[list[UploadFile], File()],
    sql: Annotated[str, Form()] = "{}",
    grant: Annotated[int | None, Form()] = None,
    dataset: Annotated[str | None, Form()] = None,
) -> dict[str, Any]:
    """Check files as a submission would, and keep none. ``outputs.yaml`` among them says what the others are."""
    questions = sql_by_file(sql)
    contents = await uploaded(files)

    def work() -> dict[str, Any]:
        held = grant_of(system, caller, grant=grant, dataset=dataset)
        return documents.checked(
            system.check_output.preview(caller.person, held, files=contents, sql=questions)
        )

    return await run_in_threadpool(work)
