"""The catalogue: without login."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request, Response

from sandbox.domain.search import search
from sandbox.portal import documents
from sandbox.portal.api.conditional import headers_for, not_modified, only_parameters
from sandbox.portal.export import CatalogueExport, place_of
from sandbox.portal.requests import System

router = APIRouter()

JSON_LD = "application/ld+json"
SEARCH = ("q", "open_class", "domain", "mode", "frequency", "offset", "limit")


@router.get("/catalogue.jsonld", tags=["catalogue"])
def catalogue_jsonld(request: Request) -> Response:
    """The whole catalogue as DCAT-AP 3, for other catalogues."""
    export: CatalogueExport = request.app.state.export
    known = not_modified(request, export.state())
    if known is not None:
        return known
    state, body = export.file()
    return Response(body, media_type=JSON_LD, headers=headers_for(state))


@router.get("/datasets", tags=["catalogue"])
def datasets(
    request: Request,
    system: System,
    q: str = "",
    open_class: str = "",
    domain: str = "",
    mode: str = "",
    frequency: str = "",
    offset: int = 0,
    limit: int = 100,
) -> dict[str, Any]:
    """Datasets that fit, the best first, with how many there are for each value of each filter."""
    only_parameters(request, SEARCH)
    wanted = search(
        q,
        open_class=open_class,
        domain=domain,
        mode=mode,
        frequency=frequency,
        offset=offset,
        limit=limit,
    )
    return documents.catalogue_page(system.browse_catalogue.search(wanted), wanted)


@router.get("/datasets/{name}.jsonld", tags=["catalogue"])
def dataset_jsonld(system: System, name: str) -> Response:
    """One dataset as DCAT-AP 3."""
    graph = documents.dataset_graph(place_of(system), system.browse_catalogue.dataset(name))
    return Response(json.dumps(graph, ensure_ascii=False), media_type=JSON_LD)


@router.get("/datasets/{name}", tags=["catalogue"])
def dataset(system: System, name: str) -> dict[str, Any]:
    """One dataset with its schema, conditions and downloads."""
    return documents.catalogue_entry(system.browse_catalogue.dataset(name), address=place_of(system).api)


@router.get("/datasets/{name}/versions", tags=["catalogue"])
def versions(
    request: Request, system: System, name: str, offset: int = 0, limit: int = 20
) -> list[dict[str, Any]]:
    """Its versions, the newest first: number, day, snapshot, and what changed in the schema."""
    only_parameters(request, ("offset", "limit"))
    history = system.browse_catalogue.history(name, offset=offset, limit=limit)
    return [documents.version(entry) for entry in history]


@router.get("/datasets/{name}/citation", tags=["catalogue"])
def citation(system: System, name: str) -> dict[str, Any]:
    """How results have to name it: as text, as BibTeX, as CSL-JSON."""
    found = system.browse_catalogue.dataset(name).citation
    return {"text": found.text, "bibtex": found.bibtex, "csl": found.csl}


@router.get("/datasets/{name}/citation.bib", tags=["catalogue"])
def citation_bibtex(system: System, name: str) -> Response:
    """The citation for BibTeX."""
    found = system.browse_catalogue.dataset(name).citation
    return _file(found.bibtex, "application/x-bibtex; charset=utf-8", f"{found.key}.bib")


@router.get("/datasets/{name}/citation.json", tags=["catalogue"])
def citation_csl(system: System, name: str) -> Response:
    """The citation for reference managers, as CSL-JSON."""
    found = system.browse_catalogue.dataset(name).citation
    body = json.dumps([found.csl], ensure_ascii=False, indent=2)
    return _file(body, "application/vnd.citationstyles.csl+json", f"{found.key}.json")


@router.get("/datasets/{name}/data-dictionary.csv", tags=["catalogue"])
def data_dictionary(system: System, name: str) -> Response:
    """Every column with type, bounds, unit of measure, values and meaning."""
    entry = system.browse_catalogue.dataset(name)
    return _file(
        documents.dictionary_csv(entry.policy),
        "text/csv; charset=utf-8",
        documents.file_name(entry, "dictionary", "csv"),
    )


def _file(body: str, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(body, media_type=media_type, headers=headers)
