"""Files and packages that ask to come in: handed in by researchers, decided by the owner or an administrator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from sandbox.domain.errors import NotFound, TooLarge
from sandbox.domain.import_request import ImportVerb
from sandbox.domain.people import Person
from sandbox.portal import documents
from sandbox.portal.api.common import Body, check_bound, grant_of
from sandbox.portal.requests import Program, SignedIn, System
from sandbox.wiring import Sandbox

router = APIRouter()

MAX_IMPORT_BYTES = 64 * 2**20  # of one request; the site's own limits are at most that


class ImportBody(Body):
    version: int | None = None
    days: int | None = Field(default=None, ge=1, le=3650)
    reason: str = Field(default="", max_length=2000)


@router.get("/imports", tags=["imports"])
def imports(system: System, caller: SignedIn) -> list[dict[str, Any]]:
    """Your requests and what was let in for your projects, newest first; a notebook's: those of its grant."""
    if caller.grant_id is not None:
        grant = grant_of(system, caller, grant=None, dataset=None)
        return [documents.import_request(v) for v in system.import_views.of_grant(caller.person, grant)]
    return [documents.import_request(v) for v in system.import_views.own(caller.person)]


@router.post("/imports", status_code=201, tags=["imports"])
async def ask(
    system: System,
    caller: Program,
    why: Annotated[str, Form(max_length=10_000)],
    files: Annotated[list[UploadFile], File()],
    grant: Annotated[int | None, Form()] = None,
    dataset: Annotated[str | None, Form(max_length=100)] = None,
) -> dict[str, Any]:
    """Ask to bring files in. They are checked at once, and then looked at by a person."""
    handed_in = await read_named(files)

    def work() -> dict[str, Any]:
        request = system.import_files.ask(
            caller.person,
            grant_of(system, caller, grant=grant, dataset=dataset),
            files=handed_in,
            why=why,
            from_notebook=caller.grant_id is not None,
        )
        return documents.import_request(system.import_views.one(caller.person, request.id))

    return await run_in_threadpool(work)


@router.get("/imports/queue", tags=["imports"])
def queue(system: System, caller: SignedIn) -> list[dict[str, Any]]:
    """What waits for your decision, oldest first."""
    return [documents.import_request(v) for v in system.import_views.queue(caller.in_person())]


@router.get("/imports/{import_id}", tags=["imports"])
def one(system: System, caller: SignedIn, import_id: int) -> dict[str, Any]:
    """One request with what the checks found."""
    view = system.import_views.one(caller.person, import_id)
    check_bound(caller, view.request.grant_id)
    return documents.import_request(view)


@router.get("/imports/{import_id}/files/{name}", tags=["imports"])
def preview(system: System, caller: SignedIn, import_id: int, name: str) -> dict[str, Any]:
    """What is in a file, as text or as a list, for who decides."""
    return documents.import_preview(system.import_views.preview(caller.in_person(), import_id, name))


@router.post("/imports/{import_id}/{verb}", tags=["imports"])
def move(
    system: System, caller: Program, import_id: int, verb: str, body: ImportBody | None = None
) -> dict[str, Any]:
    """Do one of its ``allowed_actions``: let_in, refuse, withdraw, remove."""
    person = caller.in_person()
    move_import(system, person, import_id, verb, body or ImportBody())
    return documents.import_request(system.import_views.one(person, import_id))


def move_import(system: Sandbox, person: Person, import_id: int, verb: str, body: ImportBody) -> None:
    """One step, by its name; for programs and pages alike.

    Raises:
        NotFound: no person takes a step of this name.
    """
    importing = system.import_files
    version = body.version or 0  # one that nobody looked at is none
    match verb:
        case ImportVerb.LET_IN:
            importing.let_in(person, import_id, version=version, days=body.days, reason=body.reason)
        case ImportVerb.REFUSE:
            importing.refuse(person, import_id, version=version, reason=body.reason)
        case ImportVerb.WITHDRAW:
            importing.withdraw(person, import_id)
        case ImportVerb.REMOVE:
            importing.remove(person, import_id, reason=body.reason)
        case _:
            raise NotFound(f"There is no step {verb[:40]!r}.", fix="See 'allowed_actions'.")


async def read_named(uploads: Sequence[UploadFile]) -> list[tuple[str, bytes]]:
    """(name, content) of uploaded files, together no more than one request may hold; empty fields are left out."""
    files, total = [], 0
    for upload in uploads:
        content = await upload.read(MAX_IMPORT_BYTES + 1)
        total += len(content)
        if total > MAX_IMPORT_BYTES:
            raise TooLarge(
                f"All files together may hold {MAX_IMPORT_BYTES:,} bytes.",
                fix="Bring in fewer or smaller files.",
            )
        if content or upload.filename:
            files.append((upload.filename or "", content))
    return files
