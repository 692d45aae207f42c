"""The catalogue, for everybody; and applying for what is in it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from sandbox.domain.application import Wish
from sandbox.domain.errors import BadInput
from sandbox.domain.people import Role
from sandbox.domain.policy import Domain, Mode, OpenClass
from sandbox.flows.views import CatalogueEntry
from sandbox.portal import documents
from sandbox.portal.forms import FormSender
from sandbox.portal.pages.grid import Grid, grid
from sandbox.portal.pages.rendering import go, render
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
    return _dataset_page(request, system, caller, name)


@router.post("/datasets/{name}/apply")
def apply(
    request: Request,
    system: System,
    person: FormSender,
    caller: Visitor,
    name: str,
    project: Annotated[str, Form()] = "",
    purpose: Annotated[str, Form()] = "",
    legal_basis: Annotated[str, Form()] = "",
    mode: Annotated[Mode, Form()] = Mode.QUERY,
    days: Annotated[int, Form()] = 90,
    output_plan: Annotated[str, Form()] = "",
) -> Response:
    """Hand in an application. A mistake brings the form back with what was written."""
    written = {
        "project": project,
        "purpose": purpose,
        "legal_basis": legal_basis,
        "mode": str(mode),
        "days": str(days),
        "output_plan": output_plan,
    }
    try:
        system.request_access.apply(
            person,
            dataset=name,
            wish=Wish(
                project=project,
                purpose=purpose,
                legal_basis=legal_basis,
                mode=mode,
                days=days,
                output_plan=output_plan,
            ),
        )
    except BadInput as mistake:
        return _dataset_page(request, system, caller, name, written=written, mistake=mistake)
    return go("/grants", done="applied")


def _dataset_page(
    request: Request,
    system: Sandbox,
    caller: Visitor,
    name: str,
    *,
    written: dict[str, str] | None = None,
    mistake: BadInput | None = None,
) -> Response:
    entry = system.views.dataset(name)
    actions = documents.catalogue_actions(entry)
    return render(
        request,
        "dataset.html",
        status=mistake.status if mistake else 200,
        entry=entry,
        policy=entry.policy,
        actions=actions,
        previews=_previews(system, entry) if "download" in actions else {},
        may_apply=caller is not None and caller.grant_id is None and caller.person.has(Role.RESEARCHER),
        written=written or {},
        mistake=mistake,
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
