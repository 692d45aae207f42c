"""Requests to let files out in turns: what each brought, votes by turn, and the earlier releases that one names."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_VOTES = "release_id, reviewer, position, decision, comment, cast_at"


def upgrade() -> None:
    """What there is already was made in a first turn."""
    for table in ("releases", "release_files", "findings", "output_cells"):
        op.add_column(table, sa.Column("turn", sa.Integer(), nullable=False, server_default="1"))
    _votes()
    op.create_table(
        "release_turns",
        sa.Column("release_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("turn", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("context", sa.Text(), nullable=False),
        sa.Column("staged_at", sa.String(32), nullable=False),
        sa.Column("waiting_since", sa.String(32), nullable=False),
        sa.Column("decided_at", sa.String(32), nullable=False),
        sa.Column("decision", sa.String(16), nullable=False),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], name=op.f("fk_release_turns_release_id")),
        sa.PrimaryKeyConstraint("release_id", "turn", name=op.f("pk_release_turns")),
    )
    # When earlier ones came to the reviewers was not kept apart; they were staged a moment before.
    op.execute(
        sa.text(
            "INSERT INTO release_turns"
            " (release_id, turn, context, staged_at, waiting_since, decided_at, decision)"
            " SELECT id, 1, context, staged_at,"
            " CASE WHEN status IN ('checking', 'blocked') THEN '' ELSE staged_at END, '', '' FROM releases"
        )
    )
    op.create_table(
        "release_links",
        sa.Column("release_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("earlier_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("supersedes", sa.Boolean(), nullable=False),
        sa.CheckConstraint("earlier_id < release_id", name=op.f("ck_release_links_earlier")),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], name=op.f("fk_release_links_release_id")),
        sa.ForeignKeyConstraint(["earlier_id"], ["releases.id"], name=op.f("fk_release_links_earlier_id")),
        sa.PrimaryKeyConstraint("release_id", "earlier_id", name=op.f("pk_release_links")),
    )
    op.create_index(op.f("ix_release_links_earlier_id"), "release_links", ["earlier_id"], unique=False)


def _votes() -> None:
    """One vote of each reviewer in each turn: the key changes, so the table is made anew."""
    op.execute(sa.text("CREATE TABLE votes_before AS SELECT * FROM votes"))
    op.drop_table("votes")
    op.create_table(
        "votes",
        sa.Column("release_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("turn", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reviewer", sa.String(64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("decision", sa.String(16), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("cast_at", sa.String(32), nullable=False),
        sa.Column("voided", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], name=op.f("fk_votes_release_id")),
        sa.ForeignKeyConstraint(["reviewer"], ["people.name"], name=op.f("fk_votes_reviewer")),
        sa.PrimaryKeyConstraint("release_id", "turn", "reviewer", name=op.f("pk_votes")),
    )
    op.execute(
        sa.text(f"INSERT INTO votes ({_VOTES}, turn, voided) SELECT {_VOTES}, 1, '' FROM votes_before")  # noqa: S608
    )
    op.drop_table("votes_before")
