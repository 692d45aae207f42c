"""Open data: whole files and pages of rows, without login."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse

from sandbox.domain.canonical import content_hash
from sandbox.flows.open_data import FileFormat
from sandbox.portal import documents
from sandbox.portal.api.conditional import headers_for, not_modified, only_parameters
from sandbox.portal.export import place_of
from sandbox.portal.requests import System
from sandbox.wiring import Sandbox

router = APIRouter()


@router.head("/datasets/{name}/{table}.csv", include_in_schema=False)
@router.get("/datasets/{name}/{table}.csv", tags=["open data"])
def download_csv(request: Request, system: System, name: str, table: str) -> Response:
    """A whole table as CSV. A part of it with ``Range``; nothing again with ``If-None-Match``."""
    return _download(request, system, name, table, FileFormat.CSV)


@router.head("/datasets/{name}/{table}.parquet", include_in_schema=False)
@router.get("/datasets/{name}/{table}.parquet", tags=["open data"])
def download_parquet(request: Request, system: System, name: str, table: str) -> Response:
    """A whole table as Parquet, likewise."""
    return _download(request, system, name, table, FileFormat.PARQUET)


@router.get("/datasets/{name}/tables/{table}/rows", tags=["open data"])
def rows(
    request: Request,
    system: System,
    name: str,
    table: str,
    columns: str = "",
    filter: Annotated[list[str], Query()] = [],  # noqa: B006 - FastAPI copies it
    offset: int = 0,
    limit: int = 100,
) -> Response:
    """Rows of a table, page by page: chosen columns (``a,b``), rows that meet filters (``score:ge:90``)."""
    only_parameters(request, ("columns", "filter", "offset", "limit"))
    entry = system.browse_catalogue.dataset(name)
    tag = content_hash([entry.snapshot, entry.version, request.url.path, request.url.query])
    known = not_modified(request, tag) if "read_rows" in entry.allowed_actions else None
    if known is not None:
        return known
    page = system.open_data.rows(name, table, columns=columns, filters=filter, offset=offset, limit=limit)
    document: dict[str, Any] = documents.rows(page, entry, table=table)
    rest = request.url.include_query_params(offset=offset + limit).query
    more = offset + limit < page.found.total
    here = f"{place_of(system).api}/datasets/{name}/tables/{table}/rows"
    document["next"] = f"{here}?{rest}" if more else None
    body = json.dumps(document, ensure_ascii=False, allow_nan=False)
    return Response(body, media_type="application/json", headers=headers_for(tag))


def _download(request: Request, system: Sandbox, name: str, table: str, form: FileFormat) -> Response:
    file = system.open_data.file(name, table, form)
    known = not_modified(request, file.sha256)
    if known is not None:
        return known
    charset = "; charset=utf-8; header=present" if form is FileFormat.CSV else ""
    return FileResponse(
        system.open_data.path(file),
        media_type=form.media_type + charset,
        filename=documents.file_name(system.browse_catalogue.dataset(name), table, form),
        headers=headers_for(file.sha256),
    )
