"""The next turn of a request, by a form: which files stay, which are sent anew, and what to mend in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from sandbox.domain.errors import CallerError, NotFound
from sandbox.domain.findings import Verdict
from sandbox.domain.people import Person
from sandbox.portal.api.uploads import uploaded
from sandbox.portal.forms import FormSender
from sandbox.portal.pages.rendering import go, render
from sandbox.portal.requests import InPerson, System
from sandbox.wiring import Sandbox

router = APIRouter(include_in_schema=False)


@router.get("/releases/{release_id}/resubmit")
def form(request: Request, system: System, person: InPerson, release_id: int) -> Response:
    """The form, with what the checks and the reviewers ask for beside each file."""
    return _form(request, system, person, release_id)


@router.post("/releases/{release_id}/resubmit")
async def hand_in(
    request: Request,
    system: System,
    person: FormSender,
    release_id: int,
    version: Annotated[int, Form()],
    context: Annotated[str, Form(max_length=20_000)] = "",
    files: Annotated[Sequence[UploadFile], File()] = (),
    left_out: Annotated[Sequence[str], Form()] = (),
    sql_of: Annotated[Sequence[str], Form()] = (),
    sql: Annotated[Sequence[str], Form()] = (),
) -> Response:
    """Hand it in. A mistake brings the form back with what was written, but for the files.

    Args:
        sql_of, sql: file names, and the question behind each, in the same order.
    """
    questions = dict(zip(sql_of, sql, strict=False))

    def work(sent: list[tuple[str, bytes]]) -> Response:
        try:
            system.next_turn.hand_in(
                person,
                release_id,
                version=version,
                sent=sent,
                left_out=left_out,
                context=context,
                sql=questions,
            )
        except NotFound:
            raise
        except CallerError as mistake:
            return again(mistake)
        return go(f"/releases/{release_id}", done="next-turn")

    def again(mistake: CallerError) -> Response:
        return _form(
            request,
            system,
            person,
            release_id,
            context=context,
            left_out=left_out,
            sql=questions,
            mistake=mistake,
        )

    try:
        sent = await uploaded([file for file in files if file.filename])
    except CallerError as mistake:
        return await run_in_threadpool(again, mistake)
    return await run_in_threadpool(work, sent)


def _form(
    request: Request,
    system: Sandbox,
    person: Person,
    release_id: int,
    *,
    context: str | None = None,
    left_out: Sequence[str] = (),
    sql: Mapping[str, str] | None = None,
    mistake: CallerError | None = None,
) -> Response:
    view = system.views.release(person, release_id)
    release = system.next_turn.check(person, release_id)
    to_mend = {
        file.name: [f for f in view.findings if f.file == file.name and f.verdict is not Verdict.PASS]
        for file in release.files
    }
    return render(
        request,
        "release_resubmit.html",
        status=mistake.status if mistake else 200,
        view=view,
        release=release,
        to_mend=to_mend,
        context=release.context if context is None else context,
        left_out=left_out,
        sql={file.name: file.sql for file in release.files} | dict(sql or {}),
        mistake=mistake,
    )
