"""The catalogue, for everybody."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sandbox.domain.catalogue_terms import OpenMode
from sandbox.domain.errors import Busy
from sandbox.domain.people import Person, Role
from sandbox.domain.policy import DatasetPolicy, Mode, OpenClass
from sandbox.domain.privacy_loss import Loss
from sandbox.domain.search import MAX_OFFSET, search
from sandbox.flows.browse_catalogue import CatalogueEntry
from sandbox.flows.rate_dataset import RatingView
from sandbox.flows.report_result import ResultViews
from sandbox.language import marked as _
from sandbox.portal.pages.facets import chosen_values, facets
from sandbox.portal.pages.grid import Cell, Grid
from sandbox.portal.pages.rendering import render
from sandbox.portal.requests import System, Visitor
from sandbox.wiring import Sandbox

router = APIRouter(include_in_schema=False)

PREVIEW_ROWS = 20
SAMPLE_ROWS = 5
PER_PAGE = 20
VERSIONS = 10
CLASS_MEANS = {
    OpenClass.UNCONDITIONAL: "Anyone may preview and download it, without signing in.",
    OpenClass.CONDITIONAL: "Open on conditions: apply, sign the agreement, work inside the sandbox.",
    OpenClass.CLOSED: "Listed so that you know it exists. It is not opened.",
}
MODE_MEANS = {
    Mode.QUERY: _("questions only; answers carry protective noise"),
    Mode.JOB: _("your code runs beside the data; outputs are reviewed"),
    Mode.ROOM: _("rows readable inside the locked notebook; outputs are reviewed"),
}
OPEN_MODE_MEANS = {
    OpenMode.DOWNLOAD: _("whole files"),
    OpenMode.INTERFACE: _("rows page by page, for programs"),
    OpenMode.SANDBOX: _("inside, under an agreement"),
}


@router.get("/datasets")
def catalogue(
    request: Request,
    system: System,
    q: str = "",
    domain: str = "",
    open_class: str = "",
    mode: str = "",
    frequency: str = "",
    page: int = 1,
) -> Response:
    """Datasets by words, field, class, way of opening and frequency; page by page."""
    offset = min(max(page, 1) - 1, MAX_OFFSET // PER_PAGE) * PER_PAGE
    wanted = search(
        q,
        open_class=open_class,
        domain=domain,
        mode=mode,
        frequency=frequency,
        offset=offset,
        limit=PER_PAGE,
    )
    found = system.browse_catalogue.search(wanted)
    chosen = chosen_values(wanted, q)
    last = max(1, -(-found.total // PER_PAGE))
    return render(
        request,
        "catalogue.html",
        entries=found.entries,
        total=found.total,
        first=offset + 1,
        q=q,
        chosen={name: value for name, value in chosen.items() if name != "q"},
        narrowed=bool(chosen),
        facets=facets(found.counts, chosen, system.site.class_names),
        page=offset // PER_PAGE + 1,
        last=last,
        same=urlencode(chosen),
        classes=[(value, system.site.class_names[value], CLASS_MEANS[value]) for value in OpenClass],
    )


@router.get("/datasets/{name}")
def dataset(request: Request, system: System, caller: Visitor, name: str) -> Response:
    """One dataset: what it is, its schema, its terms, and the way in."""
    entry = system.browse_catalogue.dataset(name)
    actions = entry.allowed_actions
    person = caller.person if caller is not None and caller.grant_id is None else None
    return render(
        request,
        "dataset.html",
        entry=entry,
        policy=entry.policy,
        actions=actions,
        versions=system.browse_catalogue.history(name, limit=VERSIONS),
        suspensions=system.objection_views.suspensions(name),
        destroyed=system.destroy_data.of(name) is not None,
        previews=_previews(system, entry) if "read_rows" in actions else {},
        samples=_samples(system, entry),
        may_apply=person is not None and person.has(Role.RESEARCHER),
        grants=system.access_views.current(person, name) if person is not None else (),
        class_means=CLASS_MEANS,
        mode_means=MODE_MEANS,
        open_mode_means=OPEN_MODE_MEANS,
        society=_society(system, person, name),
        costs=_costs(entry.policy),
    )


def _costs(policy: DatasetPolicy) -> tuple[float, float] | None:
    """ε that one project may use, and one question; not their percent of the whole ε, which do not simply add."""
    if policy.budget is None:
        return None
    parts = (policy.budget.per_project, policy.budget.per_question)
    project, question = (policy.guarantee.epsilon(Loss(part.nano)) for part in parts)
    return project, question


@dataclass(frozen=True, slots=True, kw_only=True)
class Society:
    """What people say about a dataset, and made with it."""

    rating: RatingView
    results: ResultViews
    projects: int
    may_hide: bool


def _society(system: Sandbox, person: Person | None, name: str) -> Society:
    return Society(
        rating=system.rate_dataset.view(person, name),
        results=system.report_result.register(dataset=name, limit=5),
        projects=system.project_register.page(dataset=name, limit=1).total,
        may_hide=person is not None and person.has(Role.ADMINISTRATOR),
    )


def _previews(system: Sandbox, entry: CatalogueEntry) -> dict[str, Grid]:
    """The first rows of each open table; without them when too many are reading rows at this moment."""
    previews = {}
    for table in dict.fromkeys(file.table for file in entry.files):
        with suppress(Busy):
            previews[table] = _preview(system, entry.policy.name, table)
    return previews


def _preview(system: Sandbox, name: str, table: str) -> Grid:
    page = system.open_data.rows(name, table, limit=PREVIEW_ROWS)
    return Grid(
        columns=tuple(Cell(text=column) for column in page.wanted.columns),
        rows=tuple(tuple(Cell(text=_text(value)) for value in row) for row in page.found.rows),
        more=page.found.total > PREVIEW_ROWS,
    )


def _samples(system: Sandbox, entry: CatalogueEntry) -> dict[str, Grid]:
    """Made-up rows of a conditional dataset's tables."""
    return {
        name: Grid(
            columns=tuple(Cell(text=column) for column in rows[0]),
            rows=tuple(tuple(Cell(text=_text(value)) for value in row.values()) for row in rows),
            more=False,
        )
        for name, rows in system.show_sample.rows(entry.policy.name, limit=SAMPLE_ROWS).items()
        if rows
    }


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
