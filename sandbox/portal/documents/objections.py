"""Objections, suspensions, and outputs that are held or called back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sandbox.domain.objection import Objection
from sandbox.domain.people import Person
from sandbox.domain.release import Release
from sandbox.domain.release_hold import owner_verbs
from sandbox.domain.suspension import Suspension
from sandbox.flows.objection_views import ObjectionView, TrackedView


def suspension(value: Suspension) -> dict[str, Any]:
    """For everybody."""
    return {
        "dataset": value.dataset,
        "table": value.table,
        "column": value.column,
        "reason": value.reason,
        "since": value.since,
        "objection": value.objection or None,
    }


def tracked(view: TrackedView) -> dict[str, Any]:
    """For who handed it in."""
    return {
        **_objection(view.objection, view.title),
        "suspended": view.suspended,
        "allowed_actions": list(view.allowed_actions),
    }


def objection(view: ObjectionView) -> dict[str, Any]:
    """For who decides it."""
    o = view.objection
    return {
        **_objection(o, view.title),
        "owner": view.owner,
        "version": o.version,
        "text": o.text,
        "contact": asdict(view.contact),
        "at_once": o.at_once,
        "evidence": [asdict(file) for file in o.evidence],
        "decided_by": o.decided_by,
        "suspension": suspension(view.suspension) if view.suspension is not None else None,
        "depending": [
            {**_release(d.release), "allowed_actions": list(d.allowed_actions)} for d in view.depending
        ],
        "other_open_objections": list(view.others),
        "allowed_actions": list(view.allowed_actions),
    }


def held(release: Release, owner: str) -> dict[str, Any]:
    """A request or an output, for the owner of its data."""
    person = Person(name=owner, roles=frozenset())
    return {**_release(release), "allowed_actions": list(owner_verbs(release, person, owner=owner))}


def _objection(o: Objection, title: str) -> dict[str, Any]:
    return {
        "number": o.id,
        "dataset": o.dataset,
        "title": title,
        "kind": str(o.kind),
        "scope": str(o.scope),
        "table": o.table,
        "column": o.column,
        "state": str(o.state),
        "received_at": o.received_at,
        "decision_due": o.due.isoformat() if o.due else None,
        "answer": o.answer,
    }


def _release(release: Release) -> dict[str, Any]:
    return {
        "id": release.id,
        "dataset": release.dataset,
        "project": release.project,
        "requester": release.requester,
        "status": str(release.status),
        "held_from": str(release.held_from) if release.held_from else None,
        "reason": release.reason,
        "files": [file.name for file in release.files],
        "crate_sha256": release.crate_sha256,
    }
