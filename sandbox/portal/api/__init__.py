"""``/api/v1``: what notebooks, the command line and other programs call.

catalogue   what there is, for everybody
open_data   files and rows, for everybody
questions   prices, answers, what is left
access      applications, agreements, grants
blocks      who may not apply for a time
jobs        code that runs beside the rows
review      the reviewers' queue and figures; the next turn of a request
releases    outputs on their way out
comments    what reviewers write beside them
planted     outputs with a known flaw
checks      what the checks would say
uploads     files as programs send them
imports     files and packages on their way in
objections  handed in by anybody, decided by owners
suspensions stopping data, holding and recalling outputs
demands     what people ask to be opened; ratings
results     what was made with the data
openness    projects, breaches, all figures
people      my account; people, for administrators
at_rest     keys of the data, and their destruction
policies    changes that wait for a second person
drafts      datasets that an owner prepares
notices     what I am told, and how I am reached
log         heads, proofs, and one's own entries
system      the whole log, and health
conditional answers that a program may keep
common      what several of them need
"""

from __future__ import annotations

from fastapi import APIRouter

from sandbox.portal.api import (
    access,
    at_rest,
    blocks,
    catalogue,
    checks,
    comments,
    demands,
    drafts,
    imports,
    jobs,
    log,
    notices,
    objections,
    open_data,
    openness,
    people,
    planted,
    policies,
    questions,
    releases,
    results,
    review,
    suspensions,
    system,
)
from sandbox.portal.api.imports import MAX_IMPORT_BYTES
from sandbox.portal.api.uploads import MAX_UPLOAD_BYTES

__all__ = ["MAX_IMPORT_BYTES", "MAX_UPLOAD_BYTES", "PARTS", "router"]

PARTS = (
    catalogue.router,
    open_data.router,
    questions.router,
    access.router,
    blocks.router,
    jobs.router,
    comments.router,
    planted.router,
    review.router,  # before it: its queue is no number
    releases.router,
    checks.router,
    imports.router,
    objections.router,
    suspensions.router,
    demands.router,
    results.router,
    openness.router,
    people.router,
    policies.router,
    drafts.router,
    notices.router,
    at_rest.router,
    log.router,
    system.router,
)

router = APIRouter()
for part in PARTS:
    router.include_router(part)
