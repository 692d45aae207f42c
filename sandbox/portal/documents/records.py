"""The log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.domain.audit import Entry
from sandbox.flows.views import LogPage


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


def own_entries(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Without hashes: a chain's hashes would let a reader guess at the entries between their own."""
    return [
        {
            "seq": e.seq,
            "at": e.at,
            "actor": e.event.actor,
            "action": e.event.action,
            "object": e.event.object,
            "facts": dict(e.event.facts),
        }
        for e in entries
    ]
