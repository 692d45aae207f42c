"""What waits for reviewers, and how long decisions took."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sandbox.domain.release_clock import Clock
from sandbox.flows.review_queue import DatasetTurnaround, Queued
from sandbox.portal.documents.planted import planted_figures
from sandbox.portal.documents.releases import release


def queued(value: Queued) -> dict[str, Any]:
    return {**release(value.view), **_clock(value.clock), "kinds": list(value.kinds), "voted": value.voted}


def dataset_turnaround(value: DatasetTurnaround) -> dict[str, Any]:
    return {
        "dataset": value.dataset,
        "title": value.title,
        "review_days": value.days,
        **asdict(value.figures),
        "causes": value.causes,
        "agreement": asdict(value.agreement),
        "planted": planted_figures(value.planted),
        "allowed_actions": [],
    }


def _clock(value: Clock) -> dict[str, Any]:
    return {"due": value.due.isoformat(), "overdue_days": value.overdue_days}
