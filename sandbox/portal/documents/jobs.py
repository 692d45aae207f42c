"""Sent code: for its sender, and for those who review what it made."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sandbox.domain.job import Phase
from sandbox.flows.job_views import JobRecord, JobView


def job(view: JobView) -> dict[str, Any]:
    j = view.job
    sample = j.phase is Phase.SAMPLE
    return {
        "id": j.id,
        "dataset": j.dataset,
        "project": j.project,
        "grant": j.grant_id,
        "phase": str(j.phase),
        "state": str(j.state),
        "code": asdict(j.code),
        "inputs": [asdict(f) for f in j.inputs],
        "outputs": list(j.outputs),
        "package_sha256": j.package_sha256,
        "context": j.context,
        "sent_at": view.sent_at,
        "started_at": view.started_at,
        "ended_at": view.ended_at,
        "failure": str(j.failure) if j.failure else None,
        "told": view.told,
        "log": view.log if sample else None,
        "results": [asdict(f) for f in j.results] if sample else None,
        "raw": list(view.raw),
        "release": j.release or None,
        "allowed_actions": list(view.allowed_actions),
    }


def job_record(record: JobRecord) -> dict[str, Any]:
    j = record.job
    return {
        "id": j.id,
        "release": j.release,
        "code": {**asdict(j.code), "text": record.package.code[1].decode()},
        "inputs": [{**asdict(f), "text": text} for f, (_, text) in zip(j.inputs, record.inputs, strict=True)],
        "outputs": list(j.outputs),
        "package_sha256": j.package_sha256,
        "image": j.image,
        "snapshot": j.snapshot,
        "log": record.log,
        "started_at": j.started_at,
        "ended_at": j.ended_at,
    }
