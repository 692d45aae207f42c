"""Views as JSON. Each document about an object carries ``allowed_actions`` for the one who asks."""

from __future__ import annotations

from sandbox.portal.documents.access import application, block, grant, grant_actions
from sandbox.portal.documents.catalogue import catalogue_actions, catalogue_entry
from sandbox.portal.documents.questions import budget, estimate
from sandbox.portal.documents.records import log
from sandbox.portal.documents.releases import finding, release

__all__ = [
    "application",
    "block",
    "budget",
    "catalogue_actions",
    "catalogue_entry",
    "estimate",
    "finding",
    "grant",
    "grant_actions",
    "log",
    "release",
]
