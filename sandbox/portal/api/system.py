"""The log, and whether the system answers."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from sandbox.domain.errors import OperatorError
from sandbox.portal import documents
from sandbox.portal.requests import SignedIn, System

router = APIRouter()


@router.get("/log", tags=["log"])
def log(
    system: System, caller: SignedIn, offset: int = 0, limit: int = 100, action: str = ""
) -> dict[str, Any]:
    """The log, newest first, for auditors."""
    return documents.log(system.views.log(caller.in_person(), offset=offset, limit=limit, action=action))


@router.get("/health", tags=["system"])
def health(system: System) -> dict[str, str]:
    """Whether the portal and its store answer, and whether the engine does."""
    system.store.log.head()
    try:
        system.engine.health()
    except OperatorError:
        return {"status": "ok", "engine": "does not answer"}
    return {"status": "ok", "engine": "answers"}
