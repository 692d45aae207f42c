"""The catalogue: without login."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from sandbox.portal import documents
from sandbox.portal.requests import System

router = APIRouter()


@router.get("/datasets", tags=["catalogue"])
def datasets(system: System) -> list[dict[str, Any]]:
    """Every dataset with its class, schema and conditions."""
    return [documents.catalogue_entry(e) for e in system.views.catalogue()]


@router.get("/datasets/{name}", tags=["catalogue"])
def dataset(system: System, name: str) -> dict[str, Any]:
    """One dataset."""
    return documents.catalogue_entry(system.views.dataset(name))


@router.get("/datasets/{name}/{table}.csv", tags=["catalogue"])
def download(system: System, name: str, table: str) -> Response:
    """The whole table of an unconditional dataset."""
    body = system.views.download(name, table)
    headers = {"Content-Disposition": f'attachment; filename="{name}-{table}.csv"'}
    return Response(body, media_type="text/csv; charset=utf-8", headers=headers)
