"""Reviewers by dataset, findings by check, the log by person, action and time: found without reading all."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

INDICES = {
    "ix_audit_log_actor_seq": ["actor", "seq"],
    "ix_audit_log_action_seq": ["action", "seq"],
    "ix_audit_log_at_seq": ["at", "seq"],
}


def upgrade() -> None:
    """Reviewers and titles are filled in with the catalogue's index, whose form changed."""
    op.add_column("catalogue_entries", sa.Column("shown_title", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "dataset_reviewers",
        sa.Column("reviewer", sa.String(64), nullable=False),
        sa.Column("dataset", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["dataset"], ["datasets.name"], name=op.f("fk_dataset_reviewers_dataset")),
        sa.PrimaryKeyConstraint("reviewer", "dataset", name=op.f("pk_dataset_reviewers")),
    )
    op.create_index("ix_dataset_reviewers_dataset", "dataset_reviewers", ["dataset"])
    op.create_index("ix_findings_check", "findings", ["check", "release_id"])
    op.drop_index("ix_audit_log_action", "audit_log")
    for name, columns in INDICES.items():
        op.create_index(name, "audit_log", columns)
