"""Openness about ourselves: projects, breaches, and all figures. Without login."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from sandbox.domain.breaches import Measure
from sandbox.domain.paging import MAX_PAGE
from sandbox.portal import documents
from sandbox.portal.api.common import Body, ReasonBody
from sandbox.portal.csv_files import csv_file
from sandbox.portal.documents.society import (
    BREACH_COLUMNS,
    PROJECT_COLUMNS,
    project,
    transparency_rows,
)
from sandbox.portal.requests import Program, System, Visitor

router = APIRouter()


class BreachBody(Body):
    dataset: str
    project: str
    person: str = ""
    clause: str
    measure: Measure
    notice: str
    block_days: int = 0


@router.get("/projects", tags=["society"])
def projects(
    system: System, offset: int = 0, limit: int = 50, dataset: str = "", state: str = ""
) -> dict[str, Any]:
    """Who is allowed what: projects with dataset, purposes, modes, period, state and budget spent."""
    return documents.projects(
        system.project_register.page(offset=offset, limit=limit, dataset=dataset, state=state)
    )


@router.get("/projects.csv", tags=["society"])
def projects_csv(system: System) -> Response:
    """The whole register."""
    return csv_file("projects", PROJECT_COLUMNS, map(project, system.project_register.all()))


@router.get("/transparency", tags=["society"])
def transparency(system: System) -> dict[str, Any]:
    """All figures about this installation, and the log's head."""
    return documents.transparency(system.transparency())


@router.get("/transparency.csv", tags=["society"])
def transparency_csv(system: System) -> Response:
    """The same, one figure a line."""
    rows = transparency_rows(system.transparency())
    return csv_file("transparency", ("figure", "of", "value"), rows)


@router.get("/breaches", tags=["society"])
def breaches(system: System, caller: Visitor, offset: int = 0, limit: int = 50) -> dict[str, Any]:
    """Public notices of breaches, each with its clause and measure."""
    person = caller.person if caller is not None and caller.grant_id is None else None
    return documents.breaches(system.record_breach.page(person, offset=offset, limit=limit))


@router.get("/breaches.csv", tags=["society"])
def breaches_csv(system: System) -> Response:
    """All of them."""
    rows: list[dict[str, Any]] = []
    while True:
        page = system.record_breach.page(None, offset=len(rows), limit=MAX_PAGE)
        rows += [documents.breach(view) for view in page.breaches]
        if len(page.breaches) < MAX_PAGE:
            return csv_file("breaches", BREACH_COLUMNS, rows)


@router.post("/breaches", status_code=201, tags=["society"])
def record(system: System, caller: Program, body: BreachBody) -> dict[str, Any]:
    """Record a breach as the dataset's owner or an administrator. A closure revokes the grants."""
    person = caller.in_person()
    recorded = system.record_breach.record(
        person,
        dataset=body.dataset,
        project=body.project,
        about=body.person,
        clause=body.clause,
        measure=body.measure,
        text=body.notice,
        block_days=body.block_days,
    )
    return documents.breach(system.record_breach.one(person, recorded.id))


@router.post("/breaches/{breach_id}/lift", tags=["society"])
def lift(system: System, caller: Program, breach_id: int, body: ReasonBody) -> dict[str, Any]:
    """Say that a breach should not have been recorded."""
    person = caller.in_person()
    system.record_breach.lift(person, breach_id, reason=body.reason)
    return documents.breach(system.record_breach.one(person, breach_id))
