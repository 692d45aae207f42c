"""The register of results: what was made with the data; reporting it, and confirming it."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from sandbox.domain.errors import BadInput, NotFound
from sandbox.domain.people import Person
from sandbox.domain.results import ResultKind, Told, Verb
from sandbox.portal.forms import FormSender
from sandbox.portal.pages.rendering import go, render
from sandbox.portal.requests import InPerson, System, Visitor

router = APIRouter(include_in_schema=False)

PER_PAGE = 20
DONE = {Verb.CONFIRM: "confirm", Verb.RETURN: "return", Verb.WITHDRAW: "off"}


@router.get("/results")
def results(
    request: Request,
    system: System,
    caller: Visitor,
    page: int = 1,
    dataset: str = "",
    kind: str = "",
) -> Response:
    """The register; above it what waits for the one who looks, and what they reported."""
    page = max(page, 1)
    person = caller.person if caller is not None and caller.grant_id is None else None
    wanted = next((k for k in ResultKind if k == kind), None)
    found = system.report_result.register(
        offset=(page - 1) * PER_PAGE, limit=PER_PAGE, dataset=dataset, kind=wanted
    )
    return render(
        request,
        "results.html",
        views=found.results,
        total=found.total,
        page=page,
        more=page * PER_PAGE < found.total,
        dataset=dataset,
        kind=wanted or "",
        kinds=list(ResultKind),
        datasets=[d for d in system.listed.all().values() if d.private],
        waiting=system.report_result.waiting(person) if person is not None else (),
        mine=system.report_result.mine(person) if person is not None else (),
        may_report=bool(person is not None and system.report_result.reportable(person)),
    )


def _told(
    kind: Annotated[ResultKind, Form()],
    made_on: Annotated[date, Form()],
    title: Annotated[str, Form()] = "",
    authors: Annotated[str, Form()] = "",
    link: Annotated[str, Form()] = "",
    how_used: Annotated[str, Form()] = "",
    citation_carried: Annotated[bool, Form()] = False,
) -> Told:
    """What the form says of a result."""
    return Told(
        kind=kind,
        title=title,
        authors=authors,
        link=link,
        made_on=made_on,
        how_used=how_used,
        citation_carried=citation_carried,
    )


ToldByForm = Annotated[Told, Depends(_told)]


@router.get("/results/report")
def report_form(request: Request, system: System, person: InPerson, grant: int = 0) -> Response:
    """The form to report a result under one's grants."""
    return _form(request, system, person, written={"grant": str(grant)})


@router.post("/results/report")
def report(
    request: Request,
    system: System,
    person: FormSender,
    grant: Annotated[int, Form()],
    told: ToldByForm,
) -> Response:
    """Report what was made. A mistake brings the form back with what was written."""
    try:
        system.report_result.report(person, grant, told)
    except BadInput as mistake:
        return _form(request, system, person, written=_written(told, grant=grant), mistake=mistake)
    return go("/results", done="reported")


@router.get("/results/{result_id}/amend")
def amend_form(request: Request, system: System, person: InPerson, result_id: int) -> Response:
    """The same form with what was told before."""
    view = system.report_result.view(person, result_id)
    if Verb.AMEND not in view.allowed_actions:
        raise NotFound("There is nothing to change here.", fix="See the register.")
    result = view.result
    written = _written(result.made, grant=result.grant_id)
    return _form(request, system, person, written=written, amends=result_id, version=result.version)


@router.post("/results/{result_id}/amend")
def amend(
    request: Request,
    system: System,
    person: FormSender,
    result_id: int,
    version: Annotated[int, Form()],
    told: ToldByForm,
) -> Response:
    """Tell it better, before it is confirmed."""
    try:
        system.report_result.amend(person, result_id, told, version=version)
    except BadInput as mistake:
        written = _written(told, grant=system.report_result.view(person, result_id).result.grant_id)
        return _form(
            request, system, person, written=written, mistake=mistake, amends=result_id, version=version
        )
    return go("/results", done="reported")


@router.post("/results/{result_id}/{verb}")
def decide(
    system: System,
    person: FormSender,
    result_id: int,
    verb: Verb,
    version: Annotated[int, Form()],
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Confirm, return or withdraw."""
    system.report_result.decide(person, result_id, verb, version=version, reason=reason)
    return go("/results", done=DONE[verb])


def _form(
    request: Request,
    system: System,
    person: Person,
    *,
    written: dict[str, str],
    mistake: BadInput | None = None,
    amends: int = 0,
    version: int = 0,
) -> Response:
    return render(
        request,
        "result_form.html",
        status=mistake.status if mistake else 200,
        grants=system.report_result.reportable(person),
        kinds=list(ResultKind),
        written=written,
        mistake=mistake,
        amends=amends,
        version=version,
        today=system.report_result.today(),
    )


def _written(told: Told, *, grant: int) -> dict[str, str]:
    return {
        "grant": str(grant),
        "kind": str(told.kind),
        "title": told.title,
        "authors": told.authors,
        "link": told.link,
        "made_on": told.made_on.isoformat(),
        "how_used": told.how_used,
        "citation_carried": "yes" if told.citation_carried else "",
    }
