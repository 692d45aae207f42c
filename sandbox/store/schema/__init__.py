"""The whole database, by subject. The same on SQLite and PostgreSQL.

- Losses are whole numbers (nanos of the lineage's measure, atto-delta); no float is stored anywhere.
- Times are text: ISO 8601, UTC, microseconds, so that they sort as they are and read the same on both databases.
- Documents (policies, agreements, facts) are text in canonical form, so that their hashes can be taken again.
- Nothing is deleted: every change of state is an UPDATE, and the log keeps what it was.
"""

from __future__ import annotations

from sandbox.store.schema.access import (
    agreements,
    application_turns,
    applications,
    blocks,
    feedback,
    grants,
    signatures,
)
from sandbox.store.schema.base import Hash, Id, Name, Time, Word, metadata
from sandbox.store.schema.datasets import (
    catalogue_entries,
    catalogue_words,
    data_keys,
    dataset_reviewers,
    dataset_versions,
    datasets,
    destructions,
)
from sandbox.store.schema.ledger import (
    bases,
    lineage_accounts,
    profiles,
    project_accounts,
    questions,
)
from sandbox.store.schema.log import (
    audit_head,
    audit_log,
)
from sandbox.store.schema.notices import (
    mail_addresses,
    notice_choices,
    notice_cursor,
    notices,
    outbox,
)
from sandbox.store.schema.objections import (
    objection_contacts,
    objection_evidence,
    objections,
    suspensions,
)
from sandbox.store.schema.people import (
    failed_logins,
    outside_identities,
    people,
    recovery_codes,
    second_factors,
    training_records,
)
from sandbox.store.schema.policies import (
    policy_proposals,
    site_versions,
)
from sandbox.store.schema.releases import (
    findings,
    output_cells,
    planted_outputs,
    release_files,
    release_links,
    release_turns,
    releases,
    review_comments,
    votes,
)
from sandbox.store.schema.society import (
    breaches,
    demand_votes,
    demands,
    ratings,
    results,
)
from sandbox.store.schema.work import (
    import_files,
    import_findings,
    imports,
    job_files,
    jobs,
)

__all__ = [
    "Hash",
    "Id",
    "Name",
    "Time",
    "Word",
    "agreements",
    "application_turns",
    "applications",
    "audit_head",
    "audit_log",
    "bases",
    "blocks",
    "breaches",
    "catalogue_entries",
    "catalogue_words",
    "data_keys",
    "dataset_reviewers",
    "dataset_versions",
    "datasets",
    "demand_votes",
    "demands",
    "destructions",
    "failed_logins",
    "feedback",
    "findings",
    "grants",
    "import_files",
    "import_findings",
    "imports",
    "job_files",
    "jobs",
    "lineage_accounts",
    "mail_addresses",
    "metadata",
    "notice_choices",
    "notice_cursor",
    "notices",
    "objection_contacts",
    "objection_evidence",
    "objections",
    "outbox",
    "output_cells",
    "outside_identities",
    "people",
    "planted_outputs",
    "policy_proposals",
    "profiles",
    "project_accounts",
    "questions",
    "ratings",
    "recovery_codes",
    "release_files",
    "release_links",
    "release_turns",
    "releases",
    "results",
    "review_comments",
    "second_factors",
    "signatures",
    "site_versions",
    "suspensions",
    "training_records",
    "votes",
]
