"""Datasets: as they stand in a list, one by one, and version by version."""

from __future__ import annotations

from typing import Any

from sandbox.domain.public_view import public_terms
from sandbox.domain.search import Search
from sandbox.flows.browse_catalogue import CatalogueEntry, CataloguePage, VersionEntry
from sandbox.flows.open_data import FileFormat, Page

_IN_A_LIST = ("name", "title", "open_class", "domain", "description", "provider", "keywords")


def catalogue_entry(entry: CatalogueEntry, *, address: str) -> dict[str, Any]:
    """One dataset, with its schema.

    Args:
        address: of the API, without a slash at its end.
    """
    here = f"{address}/datasets/{entry.policy.name}"
    return {
        **public_terms(entry.policy),
        **_state(entry),
        "citation": entry.citation.text,
        "downloads": [
            {
                "table": file.table,
                "format": str(file.form),
                "media_type": file.form.media_type,
                "size_bytes": file.size_bytes,
                "sha256": file.sha256,
                "url": f"{here}/{file.table}.{file.form}",
            }
            for file in entry.files
        ],
        "allowed_actions": list(entry.allowed_actions),
    }


def catalogue_page(page: CataloguePage, search: Search) -> dict[str, Any]:
    """What a search found, without schemas."""
    return {
        "total": page.total,
        "offset": search.offset,
        "limit": search.limit,
        "counts": page.counts,
        "datasets": [_line(entry) for entry in page.entries],
    }


def version(entry: VersionEntry) -> dict[str, Any]:
    return {
        "version": entry.version,
        "published_at": entry.published_at,
        "snapshot": entry.snapshot,
        "changes": list(entry.changes),
    }


def rows(page: Page, entry: CatalogueEntry, *, table: str) -> dict[str, Any]:
    """A page of an open table's rows."""
    wanted, found = page.wanted, page.found
    columns = [(name, page.table.columns[name]) for name in wanted.columns]
    return {
        "dataset": entry.policy.name,
        "table": table,
        "version": entry.version,
        "snapshot": entry.snapshot,
        "columns": [
            {
                "name": name,
                "type": str(column.type),
                "measured_in": column.measured_in,
                "description": column.description,
            }
            for name, column in columns
        ],
        "offset": wanted.offset,
        "limit": wanted.limit,
        "total": found.total,
        "rows": [dict(zip(wanted.columns, row, strict=True)) for row in found.rows],
        "citation": entry.citation.text,
        "allowed_actions": list(entry.allowed_actions),
    }


def file_name(entry: CatalogueEntry, what: str, form: FileFormat | str) -> str:
    """What a downloaded file is called; it says which version it is of."""
    return f"{entry.policy.name}-v{entry.version}-{what}.{form}"


def _line(entry: CatalogueEntry) -> dict[str, Any]:
    terms = public_terms(entry.policy)
    closed = {"licence": "", "update_frequency": ""}
    return {
        **{name: terms[name] for name in _IN_A_LIST},
        **{name: terms.get(name, none) for name, none in closed.items()},
        "opened_by": [str(mode) for mode in entry.policy.open_modes],
        **_state(entry),
        "allowed_actions": list(entry.allowed_actions),
    }


def _state(entry: CatalogueEntry) -> dict[str, Any]:
    return {
        "class_name": entry.class_name,
        "version": entry.version,
        "first_published_at": entry.first_published_at,
        "published_at": entry.published_at,
        "snapshot": entry.snapshot,
        "suspended": entry.suspended,
    }
