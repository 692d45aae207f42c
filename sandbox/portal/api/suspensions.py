"""Stopping data by hand, and what becomes of outputs that are under way or out."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from sandbox.portal import documents
from sandbox.portal.api.common import Body, ReasonBody
from sandbox.portal.requests import Program, System

router = APIRouter()


class SuspendBody(Body):
    reason: str = Field(max_length=2000)  # in words that everybody may read
    table: str = Field(default="", max_length=200)
    column: str = Field(default="", max_length=200)


@router.get("/datasets/{name}/suspensions", tags=["catalogue"])
def suspensions(system: System, name: str) -> list[dict[str, Any]]:
    """What is suspended of a dataset now, and why."""
    system.browse_catalogue.dataset(name)  # says that there is none, as the catalogue does
    return [documents.suspension(s) for s in system.objection_views.suspensions(name)]


@router.post("/datasets/{name}/suspend", tags=["objections"])
def suspend(system: System, caller: Program, name: str, body: SuspendBody) -> list[dict[str, Any]]:
    """Stop a dataset of yours, or a column of it, at once: questions, notebooks, samples, requests under way."""
    system.suspend_dataset.suspend(
        caller.in_person(), name, reason=body.reason, table=body.table, column=body.column
    )
    return [documents.suspension(s) for s in system.objection_views.suspensions(name)]


@router.post("/datasets/{name}/resume", tags=["objections"])
def resume(system: System, caller: Program, name: str, body: SuspendBody) -> list[dict[str, Any]]:
    """End what you suspended by hand. Gives what still suspends it: an objection ends by its decision alone."""
    left = system.suspend_dataset.resume(
        caller.in_person(), name, reason=body.reason, table=body.table, column=body.column
    )
    return [documents.suspension(s) for s in left]


@router.post("/releases/{release_id}/hold", tags=["releases"])
def hold(system: System, caller: Program, release_id: int, body: ReasonBody) -> dict[str, Any]:
    """Hold a request that is made of your data, where it is."""
    held = system.hold_releases.hold(caller.in_person(), release_id, reason=body.reason)
    return documents.held(held, caller.in_person().name)


@router.post("/releases/{release_id}/let_go", tags=["releases"])
def let_go(system: System, caller: Program, release_id: int) -> dict[str, Any]:
    """Let go of a request that you held; it goes on from where it was."""
    gone = system.hold_releases.let_go(caller.in_person(), release_id)
    system.review_release.finish_approved()
    return documents.held(gone, caller.in_person().name)


@router.post("/releases/{release_id}/recall", tags=["releases"])
def recall(system: System, caller: Program, release_id: int, body: ReasonBody) -> dict[str, Any]:
    """Call a released output back: its crate is not handed out any more, and says why."""
    called = system.hold_releases.recall(caller.in_person(), release_id, reason=body.reason)
    return documents.held(called, caller.in_person().name)
