"""The catalogue, for everybody."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sandbox.domain.people import Role
from sandbox.domain.policy import Domain, Mode, OpenClass
from sandbox.flows.views import CatalogueEntry
from sandbox.portal import documents
from sandbox.portal.pages.grid import Grid, grid
from sandbox.portal.pages.rendering import render
from sandbox.portal.requests import System, Visitor
from sandbox.wiring import Sandbox

router = APIRouter(include_in_schema=False)

PREVIEW_ROWS = 20
CLASS_MEANS = {
    OpenClass.UNCONDITIONAL: "Anyone may preview and download it, without signing in.",
    OpenClass.CONDITIONAL: "Open on conditions: apply, sign the agreement, work inside the sandbox.",
    OpenClass.CLOSED: "Listed so that you know it exists. It is not opened.",
}
MODE_MEANS = {
    Mode.QUERY: "questions only; answers carry protective noise",
    Mode.JOB: "your code runs beside the data; outputs are reviewed",
    Mode.ROOM: "rows readable inside the locked notebook; outputs are reviewed",
}


@router.get("/")
def catalogue(
    request: Request, system: System, q: str = "", domain: str = "", open_class: str = ""
) -> Response:
    """Every dataset, narrowed by text, field and class."""
    entries = system.views.catalogue()
    shown = [entry for entry in entries if _fits(entry, q=q, domain=domain, open_class=open_class)]
    return render(
        request,
        "catalogue.html",
        entries=shown,
        total=len(entries),
        q=q,
        domain=domain,
        open_class=open_class,
        domains=list(Domain),
        classes=list(OpenClass),
        class_means=CLASS_MEANS,
    )


@router.get("/datasets/{name}")
def dataset(request: Request, system: System, caller: Visitor, name: str) -> Response:
    """One dataset: what it is, its schema, its terms, and the way in."""
    entry = system.views.dataset(name)
    actions = documents.catalogue_actions(entry)
    return render(
        request,
        "dataset.html",
        entry=entry,
        policy=entry.policy,
        actions=actions,
        previews=_previews(system, entry) if "download" in actions else {},
        may_apply=caller is not None and caller.grant_id is None and caller.person.has(Role.RESEARCHER),
        class_means=CLASS_MEANS,
        mode_means=MODE_MEANS,
        preview_rows=PREVIEW_ROWS,
    )


def _previews(system: Sandbox, entry: CatalogueEntry) -> dict[str, Grid | None]:
    name = entry.policy.name
    return {
        table: grid(system.views.download(name, table), limit=PREVIEW_ROWS) for table in entry.sizes_bytes
    }


def _fits(entry: CatalogueEntry, *, q: str, domain: str, open_class: str) -> bool:
    policy = entry.policy
    text = " ".join(
        (policy.name, policy.title, policy.description, policy.provider, policy.domain)
    ).casefold()
    return (
        all(word in text for word in q.casefold().split())
        and domain in ("", policy.domain)
        and open_class in ("", policy.open_class)
    )
