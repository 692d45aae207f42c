"""The log."""

from __future__ import annotations

from typing import Any

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
