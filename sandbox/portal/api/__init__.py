"""``/api/v1``: what notebooks, the command line and other programs call.

catalogue   what there is, for everybody
open_data   files and rows, for everybody
questions   prices, answers, what is left
access      applications, agreements, grants
releases    outputs on their way out
system      the log, and health
conditional answers that a program may keep
common      what several of them need
"""

from __future__ import annotations

from fastapi import APIRouter

from sandbox.portal.api import access, catalogue, open_data, questions, releases, system
from sandbox.portal.api.releases import MAX_UPLOAD_BYTES

__all__ = ["MAX_UPLOAD_BYTES", "PARTS", "router"]

PARTS = (
    catalogue.router,
    open_data.router,
    questions.router,
    access.router,
    releases.router,
    system.router,
)

router = APIRouter()
for part in PARTS:
    router.include_router(part)
