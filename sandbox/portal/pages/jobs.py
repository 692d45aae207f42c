"""My jobs; one job with what it made on the sample, and the way to the raw rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from sandbox.domain.errors import BadInput
from sandbox.domain.job import FAILURE_TEXTS, LIVE, Job, JobFile, JobState, Language, Phase
from sandbox.domain.people import Person
from sandbox.language import marked as _
from sandbox.portal.forms import FormSender
from sandbox.portal.pages.grid import Grid, grid
from sandbox.portal.pages.rendering import go, render
from sandbox.portal.pages.stages import Stage, ways
from sandbox.portal.requests import InPerson, System
from sandbox.wiring import Sandbox

router = APIRouter(include_in_schema=False)

SHOWN_ROWS = 100
LOOK_AGAIN_S = 5  # while it waits or runs; the page carries no script

# What a state means to a person, and where it stands on the way: waiting, running, its end.
MEANING: dict[JobState, tuple[str, int]] = {
    JobState.QUEUED: ("It waits for its turn.", 1),
    JobState.RUNNING: ("It runs in a container without network.", 2),
    JobState.FINISHED: ("It ran to its end on the sample.", 3),
    JobState.HANDED_IN: (
        "It ran to its end on the raw rows. Its outputs went to the checks and reviewers.",
        3,
    ),
    JobState.ENDED_EARLY: ("It ended early.", 3),
    JobState.CANCELLED: ("It was taken back, or stopped.", 3),
    JobState.HELD: ("The data are suspended. It is queued again when they are resumed.", 1),
}
PHASES = {Phase.SAMPLE: _("on the sample"), Phase.RAW: _("on raw rows")}
_STAGES = {
    Phase.SAMPLE: (_("Queue"), _("Run"), _("Results")),
    Phase.RAW: (_("Queue"), _("Run"), _("Handed in")),
}
_STOPPED = frozenset({JobState.ENDED_EARLY, JobState.CANCELLED, JobState.HELD})
_FINISHED = frozenset({JobState.FINISHED, JobState.HANDED_IN})


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownResult:
    """A file of the sample's run, as a table where it is one."""

    file: JobFile
    grid: Grid | None


@router.get("/jobs")
def jobs(request: Request, system: System, person: InPerson) -> Response:
    """My jobs, newest first."""
    views = [(view, stages(view.job)) for view in system.job_views.all(person)]
    in_r = Language.R in system.run_job.languages()
    return render(request, "jobs.html", jobs=views, meaning=MEANING, phases=PHASES, in_r=in_r)


@router.get("/jobs/{job_id}")
def job(request: Request, system: System, person: InPerson, job_id: int) -> Response:
    """One of my jobs."""
    return _job_page(request, system, person, job_id)


@router.post("/jobs/{job_id}/cancel")
def cancel(system: System, person: FormSender, job_id: int) -> Response:
    """Take it back."""
    system.run_job.cancel(person, job_id)
    return go(f"/jobs/{job_id}", done="job-cancel")


@router.post("/jobs/{job_id}/raw")
def send_raw(
    request: Request,
    system: System,
    person: FormSender,
    job_id: int,
    context: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Send the same package to the raw rows. A context that says too little brings the page back."""
    try:
        sent = system.run_job.send_raw(person, job_id, context=context)
    except BadInput as mistake:
        return _job_page(request, system, person, job_id, written=context, mistake=mistake)
    return go(f"/jobs/{sent.id}", done="job-raw")


def stages(job: Job) -> tuple[Stage, ...]:
    """Where a job stands on its way."""
    _, at = MEANING[job.state]
    if job.state in (JobState.ENDED_EARLY, JobState.CANCELLED):
        at = 2 if job.started_at else 1
    return ways(_STAGES[job.phase], at, stopped=job.state in _STOPPED, finished=job.state in _FINISHED)


def _job_page(
    request: Request,
    system: Sandbox,
    person: Person,
    job_id: int,
    *,
    written: str = "",
    mistake: BadInput | None = None,
) -> Response:
    view = system.job_views.one(person, job_id)  # decides whether this person may see it at all
    results = [
        ShownResult(file=file, grid=_grid(file.name, system.job_views.result(person, job_id, file.name)))
        for file in view.job.results
    ]
    page = render(
        request,
        "job.html",
        status=mistake.status if mistake else 200,
        view=view,
        job=view.job,
        code=system.job_views.code(person, job_id),
        stages=stages(view.job),
        meaning=MEANING,
        phases=PHASES,
        failures=FAILURE_TEXTS,
        results=results,
        shown_rows=SHOWN_ROWS,
        written=written or view.job.context,
        mistake=mistake,
    )
    if view.job.state in LIVE and mistake is None:
        page.headers["Refresh"] = str(LOOK_AGAIN_S)
    return page


def _grid(name: str, content: bytes) -> Grid | None:
    return grid(content, limit=SHOWN_ROWS) if name.lower().endswith(".csv") else None
