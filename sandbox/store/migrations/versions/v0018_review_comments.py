"""Comments beside outputs, and why a vote sent a request back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0016"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Of earlier votes nobody said it in one word."""
    op.add_column("votes", sa.Column("cause", sa.String(32), nullable=False, server_default=""))
    op.create_table(
        "review_comments",
        sa.Column("release_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=True),
        sa.Column("column", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("written_at", sa.String(32), nullable=False),
        sa.Column("voided", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], name=op.f("fk_review_comments_release_id")),
        sa.ForeignKeyConstraint(["author"], ["people.name"], name=op.f("fk_review_comments_author")),
        sa.PrimaryKeyConstraint("release_id", "author", "number", name=op.f("pk_review_comments")),
    )
