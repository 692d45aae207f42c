"""Views as JSON. Each document about an object carries ``allowed_actions`` for the one who asks."""

from __future__ import annotations

from sandbox.portal.documents.access import application, grant, grant_actions
from sandbox.portal.documents.catalogue import catalogue_actions, catalogue_entry
from sandbox.portal.documents.policies import policy_comparison, policy_proposal
from sandbox.portal.documents.questions import budget, estimate
from sandbox.portal.documents.records import log
from sandbox.portal.documents.releases import finding, release

__all__ = [
    "application",
    "budget",
    "catalogue_actions",
    "catalogue_entry",
    "estimate",
    "finding",
    "grant",
    "grant_actions",
    "log",
    "policy_comparison",
    "policy_proposal",
    "release",
]
