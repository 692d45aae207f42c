"""``/api/v1``: what notebooks, the command line and other programs call.

catalogue   what there is, for everybody
questions   prices, answers, what is left
access      applications, agreements, grants
blocks      who may not apply for a time
releases    outputs on their way out
system      the log, and health
common      what several of them need
"""

from __future__ import annotations

from fastapi import APIRouter

from sandbox.portal.api import access, blocks, catalogue, questions, releases, system
from sandbox.portal.api.releases import MAX_UPLOAD_BYTES

__all__ = ["MAX_UPLOAD_BYTES", "PARTS", "router"]

PARTS = (catalogue.router, questions.router, access.router, blocks.router, releases.router, system.router)

router = APIRouter()
for part in PARTS:
    router.include_router(part)
