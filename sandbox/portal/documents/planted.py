"""Planted outputs, for those who may know of them; and what was found of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sandbox.domain.planted import Planted, PlantedFigures, Share
from sandbox.flows.plant_output import PlantedView


def planted(value: PlantedView) -> dict[str, Any]:
    """With statement and salt once they are on the log."""
    p = value.planted
    opened = {"statement": p.statement, "salt": p.salt} if p.outcome else {}
    return {
        "release": p.release,
        "dataset": value.dataset,
        "status": str(value.status),
        **unveiled(p),
        "planted_by": p.planted_by,
        "planted_at": p.planted_at,
        "decision": str(p.decision) if p.decision else None,
        "decided_at": p.decided_at or None,
        "commitment": p.commitment,
        "entry": p.entry,
        **opened,
        "allowed_actions": [],
    }


def unveiled(value: Planted) -> dict[str, Any]:
    """What was to be found, and whether it was."""
    return {
        "flaw": str(value.flaw),
        "file": value.file,
        "place": value.place,
        "words": value.words,
        "outcome": str(value.outcome) if value.outcome else None,
    }


def planted_share(value: Share) -> dict[str, Any]:
    return asdict(value)


def planted_figures(value: PlantedFigures) -> dict[str, Any]:
    return {
        **planted_share(value.all),
        "by_flaw": {str(flaw): planted_share(one) for flaw, one in value.by_flaw.items()},
    }
