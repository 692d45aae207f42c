"""My outputs; one request, as its requester sees it or as a cockpit for its reviewers; votes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from sandbox.domain.errors import CallerError, NotFound, SandboxError
from sandbox.domain.people import Person
from sandbox.domain.planted import Planting
from sandbox.domain.release import OUT, WAITING, Cause, Decision, Release, Status, Vote
from sandbox.flows.compare_outputs import Lineage
from sandbox.language import marked as _
from sandbox.portal.forms import FormSender
from sandbox.portal.pages.planted import FLAWS
from sandbox.portal.pages.rendering import go, render
from sandbox.portal.pages.shown_files import SHOWN_ROWS, counts, shown_files
from sandbox.portal.pages.stages import Stage, ways
from sandbox.portal.requests import InPerson, System
from sandbox.wiring import Sandbox

router = APIRouter(include_in_schema=False)

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
    Status.PLANTED: ("It was planted to measure what reviewers find, and ended with their decision.", 3),
}
STOPPED = frozenset(
    {
        Status.BLOCKED,
        Status.RETURNED,
        Status.REJECTED,
        Status.WITHDRAWN,
        Status.ON_HOLD,
        Status.RECALLED,
        Status.PLANTED,
    }
)
# My outputs, by who has to do something now.
BACK = frozenset({Status.BLOCKED, Status.RETURNED})
WITH_ME, WITH_OTHERS, IS_OUT, ENDED = "back", "waiting", "out", "ended"
SHOWN: dict[str, frozenset[Status]] = {
    WITH_ME: BACK,
    WITH_OTHERS: frozenset(
        {
            Status.CHECKING,
            Status.SUBMITTED,
            Status.PARTIALLY_REVIEWED,
            Status.REVIEWED,
            Status.APPROVED,
            Status.ON_HOLD,
        }
    ),
    IS_OUT: OUT,
    ENDED: frozenset({Status.REJECTED, Status.WITHDRAWN, Status.RECALLED, Status.PLANTED}),
}
SHOWN_WORDS = {
    WITH_ME: _("came back to me"),
    WITH_OTHERS: _("with the checks and reviewers"),
    IS_OUT: _("out"),
    ENDED: _("ended"),
}
PER_PAGE = 25
STAGES = (_("Checks"), _("Review"), _("Decision"), _("Release"))
CAUSES: dict[Cause, str] = {
    Cause.SMALL_COUNTS: _("Small counts"),
    Cause.UNROUNDED: _("Counts that are not rounded"),
    Cause.CONTEXT: _("Context is missing"),
    Cause.NO_TABLE: _("The table behind it is missing"),
    Cause.FILE_TYPE: _("File type"),
    Cause.DIFFERENCING: _("Differences to other releases"),
    Cause.OTHER: _("Something else"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The cell that a reviewer is about to write about, as a link names it."""

    file: str = ""
    row: int | None = None
    column: str = ""


@router.get("/releases")
def releases(request: Request, system: System, person: InPerson, show: str = "", page: int = 1) -> Response:
    """My requests, newest first."""
    counts = system.views.counts(person)
    by_group = {name: sum(counts.get(s, 0) for s in statuses) for name, statuses in SHOWN.items()}
    show = show if show in SHOWN else ""
    total = by_group[show] if show else sum(counts.values())
    page = min(max(page, 1), max(1, -(-total // PER_PAGE)))
    views = system.views.releases(
        person, statuses=SHOWN.get(show, ()), offset=(page - 1) * PER_PAGE, limit=PER_PAGE
    )
    return render(
        request,
        "releases.html",
        planting=system.site.review.planted is Planting.ALLOWED,
        requests=[(view, stages(view.release)) for view in views],
        meaning=MEANING,
        show=show,
        groups=[(name, SHOWN_WORDS[name], n) for name, n in by_group.items() if n or name == show],
        total=total,
        all=sum(counts.values()),
        page=page,
        more=page * PER_PAGE < total,
    )


@router.get("/releases/{release_id}")
def release(
    request: Request,
    system: System,
    person: InPerson,
    release_id: int,
    file: Annotated[str, Query(max_length=100)] = "",
    row: int | None = None,
    column: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """One request, for its requester and its reviewers."""
    return release_page(request, system, person, release_id, about=About(file=file, row=row, column=column))


@router.post("/releases/{release_id}/vote")
def vote(
    request: Request,
    system: System,
    person: FormSender,
    release_id: int,
    version: Annotated[int, Form()],
    decision: Annotated[Decision, Form()],
    comment: Annotated[str, Form(max_length=2000)] = "",
    cause: Annotated[Cause | Literal[""], Form()] = "",
) -> Response:
    """Vote. What is not taken brings the page back, as it is now, with what was written."""
    said = cause or None
    try:
        system.review_release.vote(
            person, release_id, version=version, decision=decision, comment=comment, cause=said
        )
    except CallerError as mistake:
        written = Vote(reviewer=person.name, decision=decision, comment=comment, cause=said)
        try:
            return release_page(request, system, person, release_id, written=written, mistake=mistake)
        except NotFound:  # it is not theirs to see
            raise mistake from None
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
    at = MEANING[release.held_from or status][1]
    return ways(STAGES, at, stopped=status in STOPPED, finished=finished)


def release_page(
    request: Request,
    system: Sandbox,
    person: Person,
    release_id: int,
    *,
    written: Vote | None = None,
    about: About | None = None,
    commented: str = "",
    mistake: CallerError | None = None,
) -> Response:
    """The page of a request.

    Args:
        written: a vote that was not taken.
        about: the cell that a comment will be about.
        commented: a comment that was not taken.
    """
    view = system.views.release(person, release_id)  # decides whether this person may see it at all
    mine = view.release.requester == person.name
    files = shown_files(system, person, view)
    return render(
        request,
        "release.html" if mine else "review_request.html",
        status=mistake.status if mistake else 200,
        view=view,
        release=view.release,
        mine=mine,
        stages=stages(view.release),
        meaning=MEANING,
        files=files,
        bits=sum(shown.bits_leaving for shown in files),
        record=system.job_views.behind(person, release_id) if view.job and not mine else None,
        counts=counts(view.findings),
        decisions=list(Decision),
        causes=CAUSES,
        flaws=FLAWS,
        shown_rows=SHOWN_ROWS,
        written=written,
        about=about or About(),
        commented=commented,
        mistake=mistake,
        lineage=None if mine else _lineage(system, person, release_id),
        clock=None
        if mine or view.release.status not in WAITING
        else system.review_queue.clock(view.release, days=view.review_days),
    )


def _lineage(system: Sandbox, person: Person, release_id: int) -> Lineage | None:
    """None where it may not be shown now, such as for a suspended dataset: the request is still shown."""
    try:
        return system.compare_outputs.lineage(person, release_id)
    except SandboxError:
        return None
