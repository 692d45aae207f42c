"""Outputs and what was found in them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sandbox.domain.findings import Finding, Verdict
from sandbox.flows.check_output import Checked
from sandbox.flows.views import ReleaseView
from sandbox.portal.documents.comments import review_comment
from sandbox.portal.documents.planted import unveiled


def finding(value: Finding) -> dict[str, Any]:
    return {**asdict(value), "verdict": str(value.verdict)}


def checked(value: Checked) -> dict[str, Any]:
    return {
        "verdict": str(value.verdict),
        "findings": [finding(f) for f in value.findings],
        "bits_leaving": dict(value.bits_leaving),
        "threshold": value.threshold,
        "allowed_actions": ["submit"] if value.verdict is not Verdict.FAIL else [],
    }


def release(view: ReleaseView) -> dict[str, Any]:
    r = view.release
    return {
        "id": r.id,
        "dataset": r.dataset,
        "title": view.title,
        "project": r.project,
        "grant": r.grant_id,
        "status": str(r.status),
        "held_from": str(r.held_from) if r.held_from else None,
        "reason": r.reason,
        "version": r.version,
        "context": r.context,
        "job": view.job or None,
        "files": [{"name": f.name} if view.sealed else asdict(f) for f in r.files],
        "findings": [finding(f) for f in view.findings],
        "turn": r.turn,
        "supersedes": r.supersedes or None,
        "builds_on": list(r.builds_on),
        "waiting_since": r.waiting_since or None,
        "votes": [asdict(v) for v in view.votes],
        "early_votes": [asdict(v) for v in view.early],
        "comments": [review_comment(c, may_void=c in view.voidable) for c in view.comments],
        "split_comments": list(view.split_comments),
        "votes_in": view.votes_in,
        "votes_needed": view.votes_needed,
        "crate_sha256": r.crate_sha256,
        "planted": unveiled(view.planted) if view.planted else None,
        "allowed_actions": [str(a) for a in view.allowed_actions],
    }
