"""Datasets."""

from __future__ import annotations

from typing import Any

from sandbox.domain.policy_document import policy_to_document
from sandbox.flows.views import CatalogueEntry


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
