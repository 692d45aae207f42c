"""The log for everybody: heads and proofs, and one's own entries."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from sandbox.portal import documents
from sandbox.portal.requests import SignedIn, System

router = APIRouter()


@router.get("/log/head", tags=["log"])
def head(system: System) -> dict[str, Any]:
    """The newest kept head: keep it, and nobody can rewrite what came before it unnoticed."""
    return system.log_views.head().document()


@router.get("/log/consistency", tags=["log"])
def consistency(system: System, old: int, new: int | None = None) -> dict[str, Any]:
    """That the log of a kept head goes on as another's."""
    return system.log_views.consistency(old, new).document()


@router.get("/log/mine", tags=["log"])
def mine(
    system: System, caller: SignedIn, before: int | None = None, limit: int = 100, action: str = ""
) -> dict[str, Any]:
    """What concerns you: your own, and of an owner's datasets what was done with them; newest first."""
    page = system.log_views.page(caller.in_person(), before=before, limit=limit, action=action)
    return {"entries": documents.own_entries(page), "before": page[-1].seq if len(page) == limit else None}


@router.get("/log/mine.jsonl", tags=["log"])
def mine_exported(system: System, caller: SignedIn) -> StreamingResponse:
    """All of it as JSON Lines: the newest kept head, then each entry with its proof."""
    return StreamingResponse(
        system.log_views.export(caller.in_person()), media_type="application/jsonl; charset=utf-8"
    )


@router.get("/log/entries/{seq}", tags=["log"])
def entry(system: System, caller: SignedIn, seq: int) -> dict[str, Any]:
    """One entry that you may see, with the proof that it is in the log."""
    proved = system.log_views.prove(caller.in_person(), seq)
    return {**proved.proof.document(), "head": proved.head.document()}
