"""My outputs; the reviewers' queue; one request with its files, findings and votes."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from sandbox.domain.errors import BadInput, NotAllowed, SandboxError
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.people import Person
from sandbox.domain.release import OUT, Decision, Release, StagedFile, Status, Vote
from sandbox.flows.views import ReleaseView
from sandbox.portal.forms import FormSender
from sandbox.portal.pages.grid import Grid, grid
from sandbox.portal.pages.rendering import go, render
from sandbox.portal.pages.stages import Stage, ways
from sandbox.portal.requests import InPerson, System
from sandbox.wiring import Sandbox

router = APIRouter(include_in_schema=False)

SHOWN_ROWS = 200

# What a status means to a person, and where it stands on the way out: checks, review, decision, release.
MEANING = {
    Status.CHECKING: ("The checks are running.", 1),
    Status.BLOCKED: ("A check failed. Mend the file and hand it in as its next turn.", 1),
    Status.SUBMITTED: ("The checks let it through. It waits for the reviewers.", 2),
    Status.PARTIALLY_REVIEWED: ("Some votes are in. They stay hidden until the last one.", 2),
    Status.REVIEWED: ("All votes are in.", 3),
    Status.RETURNED: ("The reviewers ask for changes. Hand in the changed files as its next turn.", 3),
    Status.REJECTED: ("The reviewers rejected it.", 3),
    Status.APPROVED: ("The reviewers approved it. The crate is being sealed.", 3),
    Status.RELEASED: ("It is out: download the signed crate.", 4),
    Status.SUPERSEDED: ("It is out; a later release stands in its place.", 4),
    Status.WITHDRAWN: ("The requester took it back.", 0),
    Status.ON_HOLD: ("It is on hold, and goes on from where it was when the hold ends.", 2),
    Status.RECALLED: ("It was called back: do not use or pass on copies of it.", 4),
}
STOPPED = frozenset(
    {
        Status.BLOCKED,
        Status.RETURNED,
        Status.REJECTED,
        Status.WITHDRAWN,
        Status.ON_HOLD,
        Status.RECALLED,
    }
)
STAGES = ("Checks", "Review", "Decision", "Release")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFile:
    """A file with its findings, and what leaves of it: a table, a text, or a picture's pixels (PNG in base 64)."""

    file: StagedFile
    findings: tuple[Finding, ...]
    grid: Grid | None
    text: str = ""
    picture: str = ""
    bits_leaving: int = 0
    why_not_shown: str = ""


@router.get("/releases")
def releases(request: Request, system: System, person: InPerson) -> Response:
    """My requests, newest first."""
    views = [(view, stages(view.release)) for view in system.views.releases(person)]
    return render(request, "releases.html", requests=views, meaning=MEANING)


@router.get("/review")
def review(request: Request, system: System, person: InPerson) -> Response:
    """What waits for this reviewer's vote, oldest first."""
    queue = system.review_queue.of(person)
    return render(
        request,
        "review.html",
        queue=queue,
        counts=[_counts(one.view.findings) for one in queue],
        turnaround=system.review_queue.turnaround(person),
    )


@router.get("/releases/{release_id}")
def release(request: Request, system: System, person: InPerson, release_id: int) -> Response:
    """One request, for its requester and its reviewers."""
    return _release_page(request, system, person, release_id)


@router.post("/releases/{release_id}/vote")
def vote(
    request: Request,
    system: System,
    person: FormSender,
    release_id: int,
    version: Annotated[int, Form()],
    decision: Annotated[Decision, Form()],
    comment: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Vote. A vote without its reason brings the page back with what was written."""
    try:
        system.review_release.vote(person, release_id, version=version, decision=decision, comment=comment)
    except BadInput as mistake:
        written = Vote(reviewer=person.name, decision=decision, comment=comment)
        return _release_page(request, system, person, release_id, written=written, mistake=mistake)
    return go(f"/releases/{release_id}", done="vote")


@router.post("/releases/{release_id}/withdraw")
def withdraw(system: System, person: FormSender, release_id: int) -> Response:
    """Take a request back."""
    system.review_release.withdraw(person, release_id)
    return go(f"/releases/{release_id}", done="withdraw")


def stages(release: Release) -> tuple[Stage, ...]:
    """Where a request stands on its way out; nowhere when it was taken back."""
    status = release.status
    finished = status in OUT
    _, at = MEANING[release.held_from or status]
    return ways(STAGES, at, stopped=status in STOPPED, finished=finished)


def _release_page(
    request: Request,
    system: Sandbox,
    person: Person,
    release_id: int,
    *,
    written: Vote | None = None,
    mistake: BadInput | None = None,
) -> Response:
    view = system.views.release(person, release_id)  # decides whether this person may see it at all
    mine = view.release.requester == person.name
    return render(
        request,
        "release.html",
        status=mistake.status if mistake else 200,
        view=view,
        release=view.release,
        mine=mine,
        stages=stages(view.release),
        meaning=MEANING,
        files=[] if view.sealed else [_shown(system, person, view, file) for file in view.release.files],
        record=system.job_views.behind(person, release_id) if view.job and not mine else None,
        counts=_counts(view.findings),
        decisions=list(Decision),
        shown_rows=SHOWN_ROWS,
        written=written,
        mistake=mistake,
    )


def _shown(system: Sandbox, person: Person, view: ReleaseView, file: StagedFile) -> ShownFile:
    findings = tuple(f for f in view.findings if f.file == file.name)
    try:
        preview = system.see_release.preview(person, view.release.id, file.name)
    except NotAllowed as refused:  # such as a suspended dataset: the request is still shown
        return ShownFile(file=file, findings=findings, grid=None, why_not_shown=refused.message)
    except SandboxError as failure:
        return ShownFile(file=file, findings=findings, grid=None, why_not_shown=failure.message)
    is_table = preview.table is not None
    shown = grid(preview.shown, limit=SHOWN_ROWS, findings=preview.findings) if is_table else None
    text = "" if is_table else preview.shown.decode()
    picture = "" if is_table or text else base64.b64encode(preview.rebuilt).decode()
    return ShownFile(
        file=file,
        findings=findings,
        grid=shown,
        text=text,
        picture=picture,
        bits_leaving=preview.bits_leaving,
        why_not_shown="" if shown or text or picture else "This file cannot be shown; its findings say why.",
    )


def _counts(findings: Sequence[Finding]) -> dict[str, int]:
    return {str(verdict): sum(f.verdict is verdict for f in findings) for verdict in Verdict}
