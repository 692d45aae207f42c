"""Views as JSON. Each document about an object carries ``allowed_actions`` for the one who asks."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from sandbox.domain.findings import Finding
from sandbox.domain.policy_document import policy_to_document
from sandbox.flows.answer_question import Estimate
from sandbox.flows.views import ApplicationView, BudgetView, CatalogueEntry, GrantView, LogPage, ReleaseView


def catalogue_entry(entry: CatalogueEntry) -> dict[str, Any]:
    policy = policy_to_document(entry.policy)
    # The pool's names are nobody's business but the platform's: reviewers stay unknown to requesters.
    policy.get("release", {}).pop("pool", None)
    return {
        **policy,
        "suspended": entry.suspended,
        "snapshot": entry.snapshot,
        "sizes_bytes": entry.sizes_bytes,
        "allowed_actions": catalogue_actions(entry),
    }


def catalogue_actions(entry: CatalogueEntry) -> list[str]:
    """What anybody may do with a dataset now."""
    if entry.suspended:
        return []
    return ["download"] if entry.sizes_bytes else ["apply"] if entry.policy.private else []


def estimate(value: Estimate) -> dict[str, Any]:
    return {
        "question": value.question,
        "price": {
            "accounting": str(value.plan.guarantee.accounting),
            "nano": value.plan.loss.nano,
            "atto_delta": value.plan.loss.atto_delta,
            "epsilon": value.epsilon,
            "delta": value.delta,
        },
        "columns": [asdict(c) for c in value.plan.columns],
        "bounding": {
            "text": value.plan.text,
            "estimated_loss_percent": value.plan.bounding_loss.percent if value.plan.bounding_loss else None,
            "estimated_loss_text": value.plan.bounding_loss.text if value.plan.bounding_loss else "",
        },
        "charge": {"nano": value.charge.nano, "free": value.charge.nano == 0},
        "percent_of_project": value.percent_of_project,
        "asks_left": value.asks_left,
        "affordable": value.affordable,
    }


def budget(value: BudgetView) -> dict[str, Any]:
    return {
        "dataset": value.dataset,
        "project": value.project,
        "epsilon_cap": value.epsilon_cap,
        "epsilon_left": value.epsilon_left,
        "delta": value.delta,
        "percent_left": value.percent_left,
        "lineage_percent_left": value.lineage_percent_left,
        "nano": {"cap": value.account.cap.nano, "spent": value.account.spent.nano},
    }


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


def finding(value: Finding) -> dict[str, Any]:
    return {**asdict(value), "verdict": str(value.verdict)}


def release(view: ReleaseView) -> dict[str, Any]:
    r = view.release
    return {
        "id": r.id,
        "dataset": r.dataset,
        "title": view.title,
        "project": r.project,
        "grant": r.grant_id,
        "status": str(r.status),
        "version": r.version,
        "context": r.context,
        "files": [asdict(f) for f in r.files],
        "findings": [finding(f) for f in view.findings],
        "votes": [asdict(v) for v in view.votes],
        "votes_in": view.votes_in,
        "votes_needed": r.reviewers_needed,
        "crate_sha256": r.crate_sha256,
        "allowed_actions": [str(a) for a in view.allowed_actions],
    }


def log(page: LogPage) -> dict[str, Any]:
    return {
        "total": page.total,
        "entries": [
            {
                "seq": e.seq,
                "at": e.at,
                "actor": e.event.actor,
                "action": e.event.action,
                "object": e.event.object,
                "facts": dict(e.event.facts),
                "hash": e.hash,
            }
            for e in page.entries
        ],
    }
