"""Base releases, with what each was charged."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make their table."""
    op.create_table(
        "bases",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("lineage", sa.Text(), nullable=False),
        sa.Column("dataset", sa.String(length=64), nullable=False),
        sa.Column("table", sa.Text(), nullable=False),
        sa.Column("snapshot", sa.String(length=64), nullable=False),
        sa.Column("charged_nano", sa.BigInteger(), nullable=False),
        sa.Column("charged_atto_delta", sa.BigInteger(), nullable=False),
        sa.Column("reserved_at", sa.String(length=32), nullable=False),
        sa.Column("released_at", sa.String(length=32), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.CheckConstraint("charged_nano > 0 AND charged_atto_delta >= 0", name=op.f("ck_bases_charged")),
        sa.ForeignKeyConstraint(["dataset"], ["datasets.name"], name=op.f("fk_bases_dataset")),
        sa.ForeignKeyConstraint(["lineage"], ["lineage_accounts.lineage"], name=op.f("fk_bases_lineage")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bases")),
        sa.UniqueConstraint("snapshot", name=op.f("uq_bases_snapshot")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_bases_lineage"), "bases", ["lineage"], unique=False)
