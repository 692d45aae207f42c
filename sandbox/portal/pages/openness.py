"""Openness about ourselves, to look at: projects, figures with their pictures, breaches."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from sandbox.domain.breaches import Measure
from sandbox.domain.errors import BadInput, Conflict
from sandbox.domain.people import Person
from sandbox.language import marked as _
from sandbox.portal.forms import FormSender
from sandbox.portal.pages.rendering import go, render
from sandbox.portal.requests import System, Visitor

router = APIRouter(include_in_schema=False)

# What became of requests, as the report says it.
OUTCOMES = (
    _("in work"),
    _("returned for changes"),
    _("rejected by reviewers"),
    _("stopped by checks"),
    _("on hold"),
    _("recalled"),
)

PER_PAGE = 20
MEASURE_MEANS = {
    Measure.WARNING: _("a warning"),
    Measure.LIMIT: _("a limit, as the notice says"),
    Measure.CLOSURE: _("the grants were revoked"),
}


@router.get("/projects")
def projects(request: Request, system: System, page: int = 1, dataset: str = "", state: str = "") -> Response:
    """The public project register."""
    page = max(page, 1)
    found = system.project_register.page(
        offset=(page - 1) * PER_PAGE, limit=PER_PAGE, dataset=dataset, state=state
    )
    return render(
        request,
        "projects.html",
        lines=found.projects,
        total=found.total,
        page=page,
        more=page * PER_PAGE < found.total,
        dataset=dataset,
        state=state,
        states=("active", "suspended", "ahead", "ended", "revoked"),
        datasets=[d for d in system.listed.all().values() if d.private],
    )


@router.get("/transparency")
def transparency(request: Request, system: System) -> Response:
    """All figures about this installation."""
    report = system.transparency()
    months = list(report.questions_by_month.items())
    most = max((n for _, n in months), default=0)
    return render(
        request,
        "transparency.html",
        report=report,
        titles={d.name: d.title for d in system.listed.all().values()},
        months=months,
        most=most,
    )


@router.get("/breaches")
def breaches(request: Request, system: System, caller: Visitor, page: int = 1) -> Response:
    """Public notices of breaches."""
    return _breaches_page(request, system, _person(caller), page=page)


@router.post("/breaches")
def record(
    request: Request,
    system: System,
    person: FormSender,
    subject: Annotated[str, Form()],
    measure: Annotated[Measure, Form()],
    clause: Annotated[str, Form()] = "",
    notice: Annotated[str, Form()] = "",
    block_days: Annotated[int, Form()] = 0,
) -> Response:
    """Record a breach.

    Args:
        subject: ``dataset|project|person``, as the form lists them; the person may be empty.
    """
    written = {
        "subject": subject,
        "measure": str(measure),
        "clause": clause,
        "notice": notice,
        "block_days": str(block_days),
    }
    parts = subject.split("|")
    try:
        if len(parts) != 3:
            raise BadInput("Nobody is named.", where="subject", fix="Choose from the list.")
        dataset, project, about = parts
        system.record_breach.record(
            person,
            dataset=dataset,
            project=project,
            about=about,
            clause=clause,
            measure=measure,
            text=notice,
            block_days=block_days,
        )
    except (BadInput, Conflict) as mistake:
        return _breaches_page(request, system, person, written=written, mistake=mistake)
    return go("/breaches", done="recorded")


@router.post("/breaches/{breach_id}/lift")
def lift(system: System, person: FormSender, breach_id: int, reason: Annotated[str, Form()] = "") -> Response:
    """Say that it should not have been recorded."""
    system.record_breach.lift(person, breach_id, reason=reason)
    return go("/breaches", done="lifted")


def _breaches_page(
    request: Request,
    system: System,
    person: Person | None,
    *,
    page: int = 1,
    written: dict[str, str] | None = None,
    mistake: BadInput | Conflict | None = None,
) -> Response:
    page = max(page, 1)
    found = system.record_breach.page(person, offset=(page - 1) * PER_PAGE, limit=PER_PAGE)
    subjects = system.record_breach.subjects(person) if person is not None else ()
    wholes = {(dataset, project, "") for dataset, project, _ in subjects}
    return render(
        request,
        "breaches.html",
        status=mistake.status if mistake else 200,
        views=found.breaches,
        total=found.total,
        page=page,
        more=page * PER_PAGE < found.total,
        subjects=sorted({*subjects, *wholes}),
        measures=MEASURE_MEANS,
        written=written or {},
        mistake=mistake,
    )


def _person(caller: Visitor) -> Person | None:
    return caller.person if caller is not None and caller.grant_id is None else None
