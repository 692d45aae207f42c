"""Imports: what I asked to bring in, what waits for my decision, and one request with what is in its files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from sandbox.domain.errors import BadInput, CallerError, NotFound, SandboxError
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.import_request import ImportRequest, ImportState, ending
from sandbox.domain.people import Person, Role
from sandbox.flows.answer_question import grant_for
from sandbox.flows.import_views import ImportPreview, ImportView, places
from sandbox.language import marked as _
from sandbox.portal.api.imports import ImportBody, move_import, read_named
from sandbox.portal.forms import FormSender
from sandbox.portal.pages.grid import Grid, grid
from sandbox.portal.pages.rendering import go, render
from sandbox.portal.pages.stages import Stage, ways
from sandbox.portal.requests import InPerson, System
from sandbox.wiring import Sandbox

router = APIRouter(include_in_schema=False)

SHOWN_ROWS = 50
STAGES = (_("Checks"), _("Decision"), _("In the room"))
S = ImportState
# What a state means to a person, and where it stands on the way in.
MEANING: dict[ImportState, tuple[str, int]] = {
    S.CHECKING: ("The checks are running.", 1),
    S.WAITING: ("The checks let it through. The owner of the data or an administrator decides.", 2),
    S.REFUSED: ("It did not come in.", 2),
    S.WITHDRAWN: ("The requester took it back.", 0),
    S.LET_IN: ("It is in: notebooks and jobs of the project see it from their next start.", 3),
    S.REMOVED: ("It was taken away: notebooks and jobs that start now do not see it.", 3),
    S.EXPIRED: ("Its time is over: notebooks and jobs that start now do not see it.", 3),
}
_STOPPED = frozenset({S.REFUSED, S.REMOVED, S.EXPIRED})


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFile:
    """A file with its findings; its content for who decides."""

    name: str
    size_bytes: int
    sha256: str
    path: str
    findings: tuple[Finding, ...]
    preview: ImportPreview | None
    grid: Grid | None
    why_not_shown: str = ""


@router.get("/imports")
def imports(request: Request, system: System, person: InPerson) -> Response:
    """My requests; for who decides, what waits and what is in."""
    views = system.import_views
    decides = person.has(Role.OWNER) or person.has(Role.ADMINISTRATOR)
    return render(
        request,
        "imports.html",
        own=[(view, stages(view.request)) for view in views.own(person)],
        researcher=person.has(Role.RESEARCHER),
        decides=decides,
        queue=views.queue(person) if decides else (),
        there=views.there(person) if decides else (),
        counts=lambda view: _counts(view.findings),
        meaning=meaning,
    )


@router.get("/imports/new")
def form(request: Request, system: System, person: InPerson, grant: int | None = None) -> Response:
    """The form."""
    return _form(request, system, person, grant=grant, why="")


@router.post("/imports")
async def ask(
    request: Request,
    system: System,
    person: FormSender,
    grant: Annotated[int, Form()],
    why: Annotated[str, Form(max_length=10_000)] = "",
    files: Annotated[Sequence[UploadFile], File()] = (),
) -> Response:
    """Take it. A mistake brings the form back with what was written, but for the files."""

    def work(handed_in: list[tuple[str, bytes]]) -> Response:
        try:
            found = grant_for(system.store, person, grant_id=grant, dataset=None, today=_today(system))
            made = system.import_files.ask(person, found, files=handed_in, why=why)
        except CallerError as mistake:
            return _form(request, system, person, grant=grant, why=why, mistake=mistake)
        return go(f"/imports/{made.id}", done="import-asked")

    try:
        handed_in = await read_named(files)
    except CallerError as mistake:
        return await run_in_threadpool(_form, request, system, person, grant=grant, why=why, mistake=mistake)
    return await run_in_threadpool(work, handed_in)


@router.get("/imports/{import_id}")
def one(request: Request, system: System, person: InPerson, import_id: int) -> Response:
    """One request, for its project and who may decide."""
    return _page(request, system, person, import_id)


@router.post("/imports/{import_id}/{verb}")
def move(
    request: Request,
    system: System,
    person: FormSender,
    import_id: int,
    verb: str,
    version: Annotated[int, Form()] = 0,
    days: Annotated[str, Form(max_length=10)] = "",
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Do one of its ``allowed_actions``. What could not be done brings the page back with what was written."""
    try:
        body = ImportBody(version=version, days=_days(days), reason=reason)
        move_import(system, person, import_id, verb, body)
    except NotFound:
        raise
    except CallerError as mistake:
        return _page(request, system, person, import_id, mistake=mistake, reason=reason, days=days)
    return go(f"/imports/{import_id}", done=f"import-{verb}")


def meaning(request: ImportRequest) -> str:
    """What its state means to a person."""
    if request.state is S.REFUSED and not request.decided_by:
        return "A check refused it; its findings say why. Mend it, and ask again."
    return MEANING[request.state][0]


def stages(request: ImportRequest) -> tuple[Stage, ...]:
    """Where a request stands on its way in; nowhere when it was taken back."""
    at = MEANING[request.state][1]
    if request.state is S.REFUSED and not request.decided_by:
        at = 1
    return ways(STAGES, at, stopped=request.state in _STOPPED, finished=request.state is S.LET_IN)


def _days(text: str) -> int | None:
    if not text.strip():
        return None
    if not text.strip().isascii() or not text.strip().isdigit() or not 1 <= int(text) <= 3650:
        raise BadInput("This is no number of days from 1 to 3650.", where="days", fix="Or leave it empty.")
    return int(text)


def _form(
    request: Request,
    system: Sandbox,
    person: Person,
    *,
    grant: int | None,
    why: str,
    mistake: CallerError | None = None,
) -> Response:
    today = _today(system)
    grants = [g for g in system.store.grants.of_person(person.name) if g.holds_on(today)]
    terms = system.import_files.entrance.terms
    return render(
        request,
        "import_form.html",
        status=mistake.status if mistake else 200,
        grants=grants,
        chosen=grant,
        why=why,
        terms=terms,
        types=", ".join(terms.file_types),
        accept=",".join(f".{one}" for one in terms.file_types),
        mistake=mistake,
    )


def _page(
    request: Request,
    system: Sandbox,
    person: Person,
    import_id: int,
    *,
    mistake: CallerError | None = None,
    reason: str = "",
    days: str = "",
) -> Response:
    view = system.import_views.one(person, import_id)  # decides whether this person may see it at all
    return render(
        request,
        "import.html",
        status=mistake.status if mistake else 200,
        view=view,
        asked=view.request,
        mine=view.request.requester == person.name,
        stages=stages(view.request),
        meaning=meaning(view.request),
        files=[_shown(system, person, view, at) for at in range(len(view.request.files))],
        counts=_counts(view.findings),
        shown_rows=SHOWN_ROWS,
        mistake=mistake,
        reason=reason,
        days=days,
    )


def _shown(system: Sandbox, person: Person, view: ImportView, at: int) -> ShownFile:
    file = view.request.files[at]
    preview, why_not = None, ""
    if view.decides:
        try:
            preview = system.import_views.preview(person, view.request.id, file.name)
        except SandboxError as failure:
            why_not = failure.message
    table = None
    if preview is not None and ending(file.name) == "csv" and not preview.more:
        table = grid(preview.text.encode(), limit=SHOWN_ROWS)
    return ShownFile(
        name=file.name,
        size_bytes=file.size_bytes,
        sha256=file.sha256,
        path=dict(places(view.request))[file.name] if view.request.state is S.LET_IN else "",
        findings=tuple(f for f in view.findings if f.file == file.name),
        preview=preview,
        grid=table,
        why_not_shown=why_not,
    )


def _counts(findings: Sequence[Finding]) -> dict[str, int]:
    return {str(verdict): sum(f.verdict is verdict for f in findings) for verdict in Verdict}


def _today(system: Sandbox) -> date:
    return system.import_files.today()
