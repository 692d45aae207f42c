"""The catalogue's index. It is filled when the store is opened."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    name = sa.String(64)
    word = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
    op.create_table(
        "catalogue_entries",
        sa.Column("dataset", name, nullable=False),
        sa.Column("form", sa.Integer(), nullable=False),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("open_class", sa.String(16), nullable=False),
        sa.Column("domain", sa.String(64), nullable=False),
        sa.Column("frequency", sa.String(32), nullable=False),
        sa.Column("download", sa.Boolean(), nullable=False),
        sa.Column("interface", sa.Boolean(), nullable=False),
        sa.Column("sandbox", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["dataset"], ["datasets.name"], name=op.f("fk_catalogue_entries_dataset")),
        sa.PrimaryKeyConstraint("dataset", name=op.f("pk_catalogue_entries")),
    )
    op.create_index("ix_catalogue_entries_title", "catalogue_entries", ["listed", "title", "dataset"])
    filters = ["listed", "open_class", "domain", "frequency", "download", "interface", "sandbox"]
    op.create_index("ix_catalogue_entries_filters", "catalogue_entries", filters)
    op.create_table(
        "catalogue_words",
        sa.Column("word", word, nullable=False),
        sa.Column("dataset", name, nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["dataset"], ["datasets.name"], name=op.f("fk_catalogue_words_dataset")),
        sa.PrimaryKeyConstraint("word", "dataset", name=op.f("pk_catalogue_words")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_catalogue_words_dataset"), "catalogue_words", ["dataset"])
