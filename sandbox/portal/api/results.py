"""The register of results: read by everybody, filled by grants' holders, confirmed by owners."""

from __future__ import annotations

from datetime import date
from typing import Any

from fastapi import APIRouter, Response

from sandbox.domain.paging import MAX_PAGE
from sandbox.domain.results import ResultKind, Told, Verb
from sandbox.portal import documents
from sandbox.portal.api.common import Body, ReasonBody
from sandbox.portal.csv_files import csv_file
from sandbox.portal.documents.society import RESULT_COLUMNS
from sandbox.portal.requests import Program, SignedIn, System

router = APIRouter()


class ToldBody(Body):
    kind: ResultKind
    title: str
    authors: str
    link: str = ""
    made_on: date
    how_used: str
    citation_carried: bool

    def told(self) -> Told:
        return Told(**{name: getattr(self, name) for name in ToldBody.model_fields})


class ResultBody(ToldBody):
    grant: int


class AmendBody(ToldBody):
    version: int


class DecisionBody(ReasonBody):
    version: int


@router.get("/results", tags=["society"])
def results(
    system: System,
    offset: int = 0,
    limit: int = 50,
    dataset: str = "",
    kind: ResultKind | None = None,
) -> dict[str, Any]:
    """What was made with the data, and confirmed."""
    page = system.report_result.register(offset=offset, limit=limit, dataset=dataset, kind=kind)
    return documents.results(page)


@router.get("/results.csv", tags=["society"])
def results_csv(system: System) -> Response:
    """The whole register."""
    rows: list[dict[str, Any]] = []
    while True:
        page = system.report_result.register(offset=len(rows), limit=MAX_PAGE)
        rows += [documents.result(view) for view in page.results]
        if len(page.results) < MAX_PAGE:
            return csv_file("results", RESULT_COLUMNS, rows)


@router.get("/results/mine", tags=["society"])
def mine(system: System, caller: SignedIn) -> list[dict[str, Any]]:
    """What you reported, in every state."""
    return [documents.result(view) for view in system.report_result.mine(caller.in_person())]


@router.get("/results/waiting", tags=["society"])
def waiting(system: System, caller: SignedIn) -> list[dict[str, Any]]:
    """What waits for you to confirm."""
    return [documents.result(view) for view in system.report_result.waiting(caller.in_person())]


@router.post("/results", status_code=201, tags=["society"])
def report(system: System, caller: Program, body: ResultBody) -> dict[str, Any]:
    """Report what was made under a grant of yours."""
    person = caller.in_person()
    made = system.report_result.report(person, body.grant, body.told())
    return documents.result(system.report_result.view(person, made.id))


@router.post("/results/{result_id}/amend", tags=["society"])
def amend(system: System, caller: Program, result_id: int, body: AmendBody) -> dict[str, Any]:
    """Tell it better, before it is confirmed."""
    person = caller.in_person()
    system.report_result.amend(person, result_id, body.told(), version=body.version)
    return documents.result(system.report_result.view(person, result_id))


@router.post("/results/{result_id}/{verb}", tags=["society"])
def decide(system: System, caller: Program, result_id: int, verb: Verb, body: DecisionBody) -> dict[str, Any]:
    """Confirm, return or withdraw a result, as its ``allowed_actions`` say."""
    person = caller.in_person()
    system.report_result.decide(person, result_id, verb, version=body.version, reason=body.reason)
    return documents.result(system.report_result.view(person, result_id))
