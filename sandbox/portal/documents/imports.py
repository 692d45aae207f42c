"""Requests to bring files in."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sandbox.flows.import_views import ImportPreview, ImportView, places
from sandbox.portal.documents.releases import finding


def import_request(view: ImportView) -> dict[str, Any]:
    r = view.request
    seen = dict(places(r)) if r.state == "let_in" else {}
    return {
        "id": r.id,
        "dataset": r.dataset,
        "title": view.title,
        "project": r.project,
        "grant": r.grant_id,
        "requester": r.requester,
        "why": r.why,
        "state": str(r.state),
        "version": r.version,
        "asked_at": r.asked_at,
        "files": [{**asdict(f), "path": seen.get(f.name)} for f in r.files],
        "findings": [finding(f) for f in view.findings],
        "until": r.until.isoformat() if r.until else None,
        "decided_by": r.decided_by,
        "reason": r.reason,
        "allowed_actions": list(view.allowed_actions),
    }


def import_preview(preview: ImportPreview) -> dict[str, Any]:
    """What is in a file: the beginning of a text, or a package's own words and files."""
    wheel = preview.wheel
    return {
        **asdict(preview.file),
        "text": preview.text,
        "more": preview.more,
        "package": None
        if wheel is None
        else {
            "name": wheel.name,
            "version": str(wheel.version),
            "summary": wheel.summary,
            "licence": wheel.licence,
            "needs": [str(need) for need in wheel.needs],
            "entry_points": list(wheel.entry_points),
            "native": list(wheel.native),
            "files": sorted(wheel.installed),
        },
    }
