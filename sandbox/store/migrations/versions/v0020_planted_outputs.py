"""Outputs that were planted, with the hash that the log has of each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """None before."""
    op.create_table(
        "planted_outputs",
        sa.Column("release_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("salt", sa.String(64), nullable=False),
        sa.Column("commitment", sa.String(64), nullable=False),
        sa.Column("planted_by", sa.String(64), nullable=False),
        sa.Column("planted_at", sa.String(32), nullable=False),
        sa.Column("entry", NUMBER, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("decision", sa.String(16), nullable=False),
        sa.Column("decided_at", sa.String(32), nullable=False),
        sa.CheckConstraint("(outcome = '') = (decided_at = '')", name=op.f("ck_planted_outputs_decided")),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], name=op.f("fk_planted_outputs_release_id")),
        sa.PrimaryKeyConstraint("release_id", name=op.f("pk_planted_outputs")),
        sa.UniqueConstraint("entry", name=op.f("uq_planted_outputs_entry")),
    )
