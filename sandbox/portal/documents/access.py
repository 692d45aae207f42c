"""Applications and grants."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from sandbox.flows.views import ApplicationView, GrantView
from sandbox.portal.documents.questions import budget


def grant(view: GrantView) -> dict[str, Any]:
    g = view.grant
    return {
        "id": g.id,
        "dataset": g.dataset,
        "title": view.title,
        "project": g.project,
        "purpose": g.purpose,
        "mode": str(g.mode),
        "starts": g.starts.isoformat(),
        "ends": g.ends.isoformat(),
        "holds": view.holds,
        "server_name": g.server_name,
        "agreement_sha256": g.agreement_hash,
        "budget": budget(view.budget),
        "history": [asdict(q) for q in view.history],
        "allowed_actions": grant_actions(view),
    }


def grant_actions(view: GrantView) -> list[str]:
    """What its holder may do under a grant now."""
    return ["open_notebook", "ask", "submit"] if view.holds else []


def application(view: ApplicationView) -> dict[str, Any]:
    a = view.application
    return {
        "id": a.id,
        "dataset": a.dataset,
        "title": view.title,
        "applicant": a.applicant,
        "owner": view.owner,
        "project": a.project,
        "purpose": a.purpose,
        "legal_basis": a.legal_basis,
        "mode": str(a.mode),
        "days": a.days,
        "output_plan": a.output_plan,
        "state": str(a.state),
        "agreement": json.loads(view.agreement) if view.agreement else None,
        "agreement_sha256": a.agreement_hash,
        "allowed_actions": list(view.allowed_actions),
    }
