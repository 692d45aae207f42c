"""The way in, for everybody: a search, what this place is, what is new, and where each reader goes on."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from sandbox.domain.policy import OpenClass
from sandbox.domain.search import search
from sandbox.language import marked as _
from sandbox.portal.pages.rendering import render
from sandbox.portal.requests import System
from sandbox.settings import PORTAL_PREFIX

router = APIRouter(include_in_schema=False)

NEWEST = 4
CATALOGUE_ASKS = ("q", "domain", "open_class", "mode", "frequency", "page")
CLASS_OPENS = {
    OpenClass.UNCONDITIONAL: _("Look at the rows and download them, without an account."),
    OpenClass.CONDITIONAL: _("Apply, sign an agreement, and work with the data where they are."),
    OpenClass.CLOSED: _("Listed, so that you know that they exist and who holds them."),
}


@dataclass(frozen=True, slots=True)
class Way:
    """A way in, for one kind of reader."""

    who: str
    what: str
    links: tuple[tuple[str, str], ...]  # (below the portal's prefix, label)


WAYS = (
    Way(
        _("You look for data"),
        _("Search the catalogue. If what you need is not there, say so: owners read that list."),
        (("/datasets", _("To the catalogue")), ("/demands", _("Wanted data"))),
    ),
    Way(
        _("You do research with sensitive data"),
        _("Apply for a dataset; with a grant you ask questions and work in a locked notebook."),
        (
            ("/datasets?open_class=conditional", _("Data on conditions")),
            ("/results", _("What others made of them")),
        ),
    ),
    Way(
        _("The data may be about you"),
        _("Object, or report an error, without an account. If your privacy is at stake, use stops at once."),
        (("/object", _("Object, or report an error")), ("/object/status", _("See how it stands"))),
    ),
    Way(
        _("You want to know what happens here"),
        _("Who works with what, what it cost in privacy, what left, and what went wrong."),
        (("/projects", _("Projects")), ("/transparency", _("Transparency"))),
    ),
)


@router.get("/")
def home(request: Request, system: System) -> Response:
    """The way in; a search that was sent to this address goes on to the catalogue."""
    if any(name in request.query_params for name in CATALOGUE_ASKS):
        return RedirectResponse(f"{PORTAL_PREFIX}/datasets?{request.url.query}", status_code=303)
    found = system.browse_catalogue.search(search(limit=1))
    counts = found.counts["open_class"]
    return render(
        request,
        "home.html",
        classes=[
            (value, system.site.class_names[value], CLASS_OPENS[value], counts.get(value, 0))
            for value in OpenClass
        ],
        newest=system.browse_catalogue.newest(NEWEST),
        ways=WAYS,
    )
