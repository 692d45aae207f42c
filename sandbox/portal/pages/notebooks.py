"""A notebook: open it, see how far it is, go there, stop it. All of it in the name of whoever looks at the page."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from sandbox.domain.errors import CallerError, OperatorError
from sandbox.domain.notebook_start import STAGES, NotebookState, Stage
from sandbox.domain.people import Person
from sandbox.domain.policy import Mode
from sandbox.flows.follow_notebook import NotebookView
from sandbox.language import gettext
from sandbox.language import marked as _
from sandbox.portal.forms import FormSender
from sandbox.portal.pages.rendering import fragment, go, render
from sandbox.portal.pages.stages import Stage as ShownStage
from sandbox.portal.pages.stages import ways
from sandbox.portal.requests import InPerson, System, token_of
from sandbox.settings import PORTAL_PREFIX
from sandbox.wiring import Sandbox

router = APIRouter(include_in_schema=False)

MEANING = {
    NotebookState.STOPPED: _("It does not run. A start takes some seconds; it begins with an empty memory."),
    NotebookState.STARTING: _("It is being opened. This page goes on by itself."),
    NotebookState.READY: _("It runs and waits for you."),
    NotebookState.STOPPING: _("It is being stopped."),
}
STAGE_NAMES = {
    Stage.WAITING: _("Asked for"),
    Stage.ROWS: _("Right to the data"),
    Stage.GATE: _("Gate"),
    Stage.CONTAINER: _("Container"),
    Stage.SERVER: _("Notebook and kernel"),
}
MODE_MEANS = {
    Mode.QUERY: _("You ask questions, and get answers with protective noise. No row can be read in it."),
    Mode.JOB: _(
        "You ask questions, try code on synthetic rows, and send it to the raw rows. No row can be read in it."
    ),
    Mode.ROOM: _(
        "The rows that the agreement opens lie in it, read-only. What you take out is reviewed first."
    ),
}


@router.get("/notebooks/{server}")
def notebook(request: Request, system: System, person: InPerson, server: str) -> Response:
    """How it is, and what may be done."""
    return _page(request, system, person, server)


@router.post("/notebooks/{server}/open")
def open_notebook(request: Request, system: System, person: FormSender, server: str) -> Response:
    """Have it started, and show how far it is."""
    try:
        system.follow_notebook.open(person, server, token=token_of(request))
    except (CallerError, OperatorError) as refused:
        return _page(request, system, person, server, refused=refused)
    return RedirectResponse(f"{PORTAL_PREFIX}/notebooks/{server}?opening=1", status_code=303)


@router.post("/notebooks/{server}/stop")
def stop_notebook(request: Request, system: System, person: FormSender, server: str) -> Response:
    """End it."""
    system.follow_notebook.stop(person, server, token=token_of(request))
    return go(f"/notebooks/{server}", done="notebook-stop")


@router.get("/piece/notebooks/{server}")
def progress(request: Request, system: System, person: InPerson, server: str, opening: str = "") -> Response:
    """How far it is, each second. Once it moves no more the whole page is read again."""
    found = system.follow_notebook.look(person, server, token=token_of(request))
    piece = fragment("notebook_state.html", **_shown(found, opening=bool(opening)))
    if not found.moves:
        piece.headers["HX-Refresh"] = "true"  # its buttons stand on the page: a piece has no form
    return piece


def _page(
    request: Request,
    system: Sandbox,
    person: Person,
    server: str,
    *,
    refused: CallerError | OperatorError | None = None,
) -> Response:
    found = system.follow_notebook.look(person, server, token=token_of(request))
    return render(
        request,
        "notebook.html",
        status=refused.status if refused else 200,
        actions=found.allowed_actions,
        means=MODE_MEANS[found.grant.mode],
        mistake=refused,
        clause=getattr(refused, "clause", ""),
        **_shown(found, opening=request.query_params.get("opening") == "1"),
    )


def _shown(found: NotebookView, *, opening: bool) -> dict[str, Any]:
    return {
        "notebook": found,
        "opening": opening,
        "meaning": MEANING[found.state],
        "steps": _steps(found),
    }


def _steps(found: NotebookView) -> tuple[ShownStage, ...]:
    if found.state not in (NotebookState.STARTING, NotebookState.READY):
        return ()
    ready = found.state is NotebookState.READY
    if found.stage is None and not ready:
        names: tuple[str, ...] = (gettext("Asked for"), gettext("Notebook and kernel"))
        at = 2
    else:
        names = tuple(gettext(STAGE_NAMES[stage]) for stage in STAGES)
        at = len(STAGES) if ready or found.stage is None else STAGES.index(found.stage) + 1
    return ways(names, at, stopped=False, finished=ready)
