"""``/api/v1``: what notebooks, the command line and other programs call.

catalogue   what there is, for everybody
questions   prices, answers, what is left
access      applications, agreements, grants
releases    outputs on their way out
policies    changes that wait for a second person
system      the log, and health
common      what several of them need
"""

from __future__ import annotations

from fastapi import APIRouter

from sandbox.portal.api import access, catalogue, policies, questions, releases, system
from sandbox.portal.api.releases import MAX_UPLOAD_BYTES

__all__ = ["MAX_UPLOAD_BYTES", "PARTS", "router"]

PARTS = (
    catalogue.router,
    questions.router,
    access.router,
    releases.router,
    policies.router,
    system.router,
)

router = APIRouter()
for part in PARTS:
    router.include_router(part)
