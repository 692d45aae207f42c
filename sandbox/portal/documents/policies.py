"""Policies: a file beside what holds, and changes that wait for a second person."""

from __future__ import annotations

from typing import Any

from sandbox.domain.proposal import Proposal
from sandbox.flows.change_policy import Comparison
from sandbox.flows.policy_views import ProposalView


def policy_comparison(compared: Comparison) -> dict[str, Any]:
    return {
        "about": compared.about,
        "version": compared.version,
        "base_sha256": compared.base_hash,
        "policy_sha256": compared.policy_hash,
        "changes": [change.document() for change in compared.changes],
        "second_person": [change.key for change in compared.loosens],
        "publishing": [change.key for change in compared.publishing],
    }


def policy_proposal_brief(p: Proposal) -> dict[str, Any]:
    """That there is one, for who made the change."""
    return {"id": p.id, "state": str(p.state), "policy_sha256": p.policy_hash, "reason": p.reason}


def policy_proposal(view: ProposalView) -> dict[str, Any]:
    p = view.proposal
    return {
        "id": p.id,
        "about": p.about,
        "owner": view.owner,
        "state": str(p.state),
        "proposed_by": p.proposed_by,
        "proposed_at": p.proposed_at,
        "reason": p.reason,
        "base_sha256": p.base_hash,
        "policy_sha256": p.policy_hash,
        "proposal_sha256": p.sha256,
        "changes": list(p.difference),
        "publishing": list(view.publishing),
        "decided_by": p.decided_by,
        "decided_at": p.decided_at,
        "comment": p.comment,
        "allowed_actions": list(view.allowed_actions),
    }
