"""Blocks: who may not apply for some data until a day, and letting them again."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from sandbox.domain.access import Block
from sandbox.domain.errors import NotFound
from sandbox.domain.people import Person
from sandbox.portal import documents
from sandbox.portal.requests import Program, SignedIn, System
from sandbox.wiring import Sandbox

router = APIRouter()


@router.get("/blocks", tags=["access"])
def blocks(system: System, caller: SignedIn) -> list[dict[str, Any]]:
    """Those that keep you from applying now, and those on data of yours."""
    person = caller.in_person()
    mine, by_me = system.access_views.blocks(person), system.access_views.blocks_by(person)
    return [
        *(documents.block(one, may_lift=False) for one in mine if one not in by_me),
        *(documents.block(one, may_lift=True) for one in by_me),
    ]


@router.post("/blocks/{block_id}/lift", tags=["access"])
def lift(system: System, caller: Program, block_id: int) -> dict[str, Any]:
    """Let somebody apply for your data again before the block's last day."""
    return documents.block(lift_block(system, caller.in_person(), block_id), may_lift=False)


def lift_block(system: Sandbox, person: Person, block_id: int) -> Block:
    """Lift one of the blocks on a person's own data; pages and the API share it."""
    for block in system.access_views.blocks_by(person):
        if block.id == block_id:
            return system.end_access.lift(person, block_id, lineage=block.lineage)
    raise NotFound(f"There is no block {block_id} on data of yours.", fix="See which there are.")
