"""Applications and grants."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sandbox.domain.access import Block
from sandbox.domain.audit import Entry
from sandbox.flows.access_views import ApplicationView
from sandbox.flows.grant_views import GrantView
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
        "suspended": view.suspended,
        "over": view.over,
        "server_name": g.server_name,
        "application": g.application,
        "agreement_sha256": g.agreement_hash,
        "budget": budget(view.budget),
        "history": [asdict(q) for q in view.history],
        "spending": [asdict(spent) for spent in view.spending],
        "allowed_actions": grant_actions(view),
    }


def grant_actions(view: GrantView) -> list[str]:
    """What its holder may do under a grant now."""
    return ["open_notebook", "ask", "submit"] if view.holds else []


def application(view: ApplicationView, events: Sequence[Entry] | None = None) -> dict[str, Any]:
    """An application.

    Args:
        events: what the log says of it; None in a list of many.
    """
    a = view.application
    told = {} if events is None else {"events": [event(entry) for entry in events]}
    return {
        "id": a.id,
        "dataset": a.dataset,
        "title": view.title,
        "applicant": a.applicant,
        "owner": view.owner,
        **a.wish.document(),
        "state": str(a.state),
        "turn": a.turn,
        "version": a.version,
        "renews": a.renews or None,
        "renewal": view.renewal or None,
        "submitted_at": a.submitted_at,
        "decision_due": view.due.isoformat() if view.due else None,
        "turns": [
            {"turn": t.number, "written_at": t.written_at, "answer": t.answer, "wish": t.wish.document()}
            for t in view.turns
        ],
        "changes": [asdict(change) for change in view.changes],
        "agreement": json.loads(view.agreement) if view.agreement else None,
        "agreement_sha256": a.agreement_hash,
        "clauses": [{"clause": name, "text": text} for name, text in view.clauses],
        "signed": list(a.signed),
        "unsigned": list(a.unsigned) if a.agreement_hash else [],
        "gone": list(view.gone),
        "duties": [
            {"due": d.due.isoformat(), "blocks": d.blocks.isoformat(), "state": str(d.state)}
            for d in view.duties
        ],
        "reports": [{**asdict(r), "due": r.due.isoformat()} for r in view.reports],
        "certificate_sha256": a.certificate,
        **told,
        "allowed_actions": list(view.allowed_actions),
    }


def block(value: Block, *, may_lift: bool) -> dict[str, Any]:
    """A block, for the one it is on and for the owner."""
    return {
        "id": value.id,
        "person": value.person,
        "lineage": value.lineage,
        "clause": value.clause,
        "reason": value.reason,
        "until": value.until.isoformat(),
        "lifted": value.lifted,
        "allowed_actions": ["lift"] if may_lift else [],
    }


def event(entry: Entry) -> dict[str, Any]:
    """An entry of the log, for those whom its object concerns."""
    return {
        "entry": entry.seq,
        "at": entry.at,
        "actor": entry.event.actor,
        "action": entry.event.action,
        "clause": str(entry.event.facts.get("clause", "")),
        "reason": str(entry.event.facts.get("reason", "")),
    }
