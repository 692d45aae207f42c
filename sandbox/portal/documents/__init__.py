"""Views as JSON. Each document about an object carries ``allowed_actions`` for the one who asks."""

from __future__ import annotations

from sandbox.portal.documents.access import application, block, grant, grant_actions
from sandbox.portal.documents.catalogue import catalogue_entry, catalogue_page, file_name, rows, version
from sandbox.portal.documents.comments import review_comment
from sandbox.portal.documents.dcat import catalogue_graph, dataset_graph
from sandbox.portal.documents.dictionary import dictionary_csv
from sandbox.portal.documents.drafts import draft, draft_line
from sandbox.portal.documents.imports import import_preview, import_request
from sandbox.portal.documents.jobs import job, job_record
from sandbox.portal.documents.notices import notice, notices_page, reached
from sandbox.portal.documents.objections import held, objection, suspension, tracked
from sandbox.portal.documents.people import account, person
from sandbox.portal.documents.planted import planted, planted_figures, planted_share
from sandbox.portal.documents.policies import policy_comparison, policy_proposal, policy_proposal_brief
from sandbox.portal.documents.questions import budget, estimate
from sandbox.portal.documents.records import log, own_entries
from sandbox.portal.documents.releases import checked, finding, release
from sandbox.portal.documents.review import dataset_turnaround, queued
from sandbox.portal.documents.society import (
    breach,
    breaches,
    demand,
    demands,
    projects,
    ratings,
    result,
    results,
    transparency,
)

__all__ = [
    "account",
    "application",
    "block",
    "breach",
    "breaches",
    "budget",
    "catalogue_entry",
    "catalogue_graph",
    "catalogue_page",
    "checked",
    "dataset_graph",
    "dataset_turnaround",
    "demand",
    "demands",
    "dictionary_csv",
    "draft",
    "draft_line",
    "estimate",
    "file_name",
    "finding",
    "grant",
    "grant_actions",
    "held",
    "import_preview",
    "import_request",
    "job",
    "job_record",
    "log",
    "notice",
    "notices_page",
    "objection",
    "own_entries",
    "person",
    "planted",
    "planted_figures",
    "planted_share",
    "policy_comparison",
    "policy_proposal",
    "policy_proposal_brief",
    "projects",
    "queued",
    "ratings",
    "reached",
    "release",
    "result",
    "results",
    "review_comment",
    "rows",
    "suspension",
    "tracked",
    "transparency",
    "version",
]
