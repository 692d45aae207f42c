"""How every part is, for administrators; a piece of the page keeps it fresh where scripts run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sandbox.domain.people import Person
from sandbox.flows.look_at_health import Condition, PartHealth
from sandbox.language import marked as _
from sandbox.portal.pages.rendering import fragment, render
from sandbox.portal.requests import InPerson, System
from sandbox.wiring import Sandbox

router = APIRouter(include_in_schema=False)

# What each program does: its name alone tells an administrator little.
PROGRAMS = {
    "engine": _("answers questions with noise; the only one that reads closed files"),
    "gate": _("looks at all that a notebook sends and gets"),
    "launcher": _("starts and ends notebooks and jobs; the only one that speaks to the container engine"),
    "proxy": _("takes what browsers send to the portal, the hub and notebooks"),
    "hub": _("JupyterHub: signs people in and asks for their notebooks"),
    "portal": _("these pages, and the interface for programs"),
    "worker": _("runs the code that was sent"),
    "post": _("sends notices by e-mail and webhook"),
}
# How the parts that are no programs are called.
PARTS = (
    _("database"),
    _("disk"),
    _("anchor"),
    _("signed heads"),
    _("jobs"),
    _("notices to send"),
    _("images"),
    _("last attack on ourselves"),
)
GROUPS = {
    "processes": _("Processes"),
    "storage": _("Storage"),
    "log": _("Log"),
    "queues": _("Queues"),
    "isolation": _("Isolation"),
}


@router.get("/health")
def health(request: Request, system: System, person: InPerson) -> Response:
    """Every part, with what to do about it."""
    return render(request, "health.html", **_seen(system, person))


@router.get("/piece/health")
def piece(system: System, person: InPerson) -> Response:
    """The same without the page around it."""
    return fragment("health_piece.html", **_seen(system, person))


def _seen(system: Sandbox, person: Person) -> dict[str, Any]:
    parts = system.look_at_health(person)
    return {
        "groups": [(label, [p for p in parts if p.group == group]) for group, label in GROUPS.items()],
        "programs": PROGRAMS,
        "worst": _worst(parts),
        "wanting": sum(part.condition is not Condition.OK for part in parts),
        "at": system.store.now().isoformat(),
    }


def _worst(parts: Sequence[PartHealth]) -> Condition:
    conditions = {part.condition for part in parts}
    for condition in (Condition.DOWN, Condition.LOOK):
        if condition in conditions:
            return condition
    return Condition.OK
