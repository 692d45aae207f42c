"""Objections and reports of errors: handed in by anybody, decided by the owner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Response, UploadFile
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from sandbox.domain.errors import TooLarge
from sandbox.domain.objection import Kind, Scope
from sandbox.flows.object import Wish
from sandbox.portal import documents
from sandbox.portal.api.common import Body
from sandbox.portal.api.uploads import MAX_UPLOAD_BYTES
from sandbox.portal.requests import AnyProgram, Program, SignedIn, System

router = APIRouter()


class TrackBody(Body):
    number: int
    word: str = Field(max_length=200)


class DecisionBody(Body):
    reason: str = Field(default="", max_length=10_000)
    version: int | None = None


@router.post("/objections", status_code=201, tags=["objections"])
async def receive(
    system: System,
    who: AnyProgram,
    dataset: Annotated[str, Form(max_length=100)],
    kind: Annotated[Kind, Form()],
    text: Annotated[str, Form(max_length=10_000)],
    scope: Annotated[Scope, Form()] = Scope.DATASET,
    table: Annotated[str, Form(max_length=200)] = "",
    column: Annotated[str, Form(max_length=200)] = "",
    unit: Annotated[str, Form(max_length=1000)] = "",
    name: Annotated[str, Form(max_length=1000)] = "",
    contact: Annotated[str, Form(max_length=1000)] = "",
    evidence: Annotated[Sequence[UploadFile], File()] = (),
) -> dict[str, Any]:
    """Object, or report an error; no account is needed. Keep ``number`` and ``word``: they are shown once."""
    contents = await read_all(evidence)

    def work() -> dict[str, Any]:
        wish = Wish(
            dataset=dataset,
            kind=kind,
            text=text,
            scope=scope,
            table=table,
            column=column,
            unit=unit,
            name=name,
            contact=contact,
        )
        taken = system.object_to_data.receive(who, wish, evidence=contents)
        return {**documents.tracked(system.objection_views.tracked(taken.objection)), "word": taken.word}

    return await run_in_threadpool(work)


@router.post("/objections/status", tags=["objections"])
def status(system: System, who: AnyProgram, body: TrackBody) -> dict[str, Any]:
    """How an objection stands, by its number and tracking word. By POST: addresses are written into logs."""
    objection = system.object_to_data.track(body.number, body.word)
    return documents.tracked(system.objection_views.tracked(objection))


@router.post("/objections/withdraw", tags=["objections"])
def withdraw(system: System, who: AnyProgram, body: TrackBody) -> dict[str, Any]:
    """Take your objection back, by its number and tracking word."""
    objection = system.object_to_data.withdraw(body.number, body.word)
    return documents.tracked(system.objection_views.tracked(objection))


@router.get("/objections", tags=["objections"])
def objections(system: System, caller: SignedIn) -> list[dict[str, Any]]:
    """Those that you decide: what waits first, by its deadline."""
    views = system.objection_views.objections(caller.in_person(), decided=None)
    return [documents.objection(view) for view in views]


@router.get("/objections/{objection_id}", tags=["objections"])
def objection(system: System, caller: SignedIn, objection_id: int) -> dict[str, Any]:
    """One that you decide, with who handed it in and the released outputs that depend on what it is about."""
    return documents.objection(system.objection_views.objection(caller.in_person(), objection_id))


@router.post("/objections/{objection_id}/{verb}", tags=["objections"])
def decide(
    system: System, caller: Program, objection_id: int, verb: str, body: DecisionBody | None = None
) -> dict[str, Any]:
    """Move one by one of its ``allowed_actions``: look, suspend, uphold, correct, withhold, dismiss …"""
    person, given = caller.in_person(), body or DecisionBody()
    system.decide_objection(person, objection_id, verb, reason=given.reason, version=given.version)
    return documents.objection(system.objection_views.objection(person, objection_id))


@router.get("/objections/{objection_id}/evidence/{position}", tags=["objections"])
def evidence(system: System, caller: SignedIn, objection_id: int, position: int) -> Response:
    """A file that came with it: a download, under a name of ours, that no browser shows."""
    name, body = system.decide_objection.evidence(caller.in_person(), objection_id, position)
    return Response(
        body,
        media_type="application/octet-stream",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Security-Policy": "sandbox; default-src 'none'",
        },
    )


async def read_all(uploads: Sequence[UploadFile]) -> list[bytes]:
    """The contents of uploaded files, which together hold no more than a request may; empty fields are left out."""
    contents, total = [], 0
    for upload in uploads:
        content = await upload.read(MAX_UPLOAD_BYTES + 1)
        total += len(content)
        if total > MAX_UPLOAD_BYTES:
            raise TooLarge(
                f"All files together may hold {MAX_UPLOAD_BYTES} bytes.", fix="Send fewer or smaller files."
            )
        if content or upload.filename:
            contents.append(content)
    return contents
