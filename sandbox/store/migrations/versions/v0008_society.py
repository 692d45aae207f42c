"""What society asks and is told: demands and their votes, ratings, results, breaches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make their tables."""
    _demands()
    _ratings()
    _results()
    _breaches()


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _demands() -> None:
    op.create_table(
        "demands",
        sa.Column("id", _id(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("wish_sha256", sa.String(length=64), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("asker", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("opened_as", sa.String(length=64), nullable=True),
        sa.Column("merged_into", _id(), nullable=True),
        sa.Column("hidden", sa.Text(), nullable=False),
        sa.Column("visitor_votes", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.String(length=32), nullable=False),
        sa.Column("changed_at", sa.String(length=32), nullable=False),
        sa.CheckConstraint("visitor_votes >= 0", name=op.f("ck_demands_votes")),
        sa.ForeignKeyConstraint(["asker"], ["people.name"], name=op.f("fk_demands_asker")),
        sa.ForeignKeyConstraint(["merged_into"], ["demands.id"], name=op.f("fk_demands_merged_into")),
        sa.ForeignKeyConstraint(["opened_as"], ["datasets.name"], name=op.f("fk_demands_opened_as")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_demands")),
        sa.UniqueConstraint("wish_sha256", name=op.f("uq_demands_wish_sha256")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_demands_asked_at"), "demands", ["asked_at"], unique=False)
    op.create_index(op.f("ix_demands_state"), "demands", ["state"], unique=False)
    op.create_table(
        "demand_votes",
        sa.Column("demand_id", _id(), autoincrement=False, nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("cast_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["demand_id"], ["demands.id"], name=op.f("fk_demand_votes_demand_id")),
        sa.ForeignKeyConstraint(["person"], ["people.name"], name=op.f("fk_demand_votes_person")),
        sa.PrimaryKeyConstraint("demand_id", "person", name=op.f("pk_demand_votes")),
    )


def _ratings() -> None:
    op.create_table(
        "ratings",
        sa.Column("dataset", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("hidden", sa.Text(), nullable=False),
        sa.Column("rated_at", sa.String(length=32), nullable=False),
        sa.CheckConstraint("stars BETWEEN 1 AND 5", name=op.f("ck_ratings_stars")),
        sa.ForeignKeyConstraint(["dataset"], ["datasets.name"], name=op.f("fk_ratings_dataset")),
        sa.ForeignKeyConstraint(["person"], ["people.name"], name=op.f("fk_ratings_person")),
        sa.PrimaryKeyConstraint("dataset", "person", name=op.f("pk_ratings")),
    )


def _results() -> None:
    op.create_table(
        "results",
        sa.Column("id", _id(), nullable=False),
        sa.Column("grant_id", _id(), nullable=False),
        sa.Column("dataset", sa.String(length=64), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("reporter", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("authors", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("made_on", sa.String(length=10), nullable=False),
        sa.Column("how_used", sa.Text(), nullable=False),
        sa.Column("citation_carried", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reported_at", sa.String(length=32), nullable=False),
        sa.Column("changed_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["dataset"], ["datasets.name"], name=op.f("fk_results_dataset")),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name=op.f("fk_results_grant_id")),
        sa.ForeignKeyConstraint(["reporter"], ["people.name"], name=op.f("fk_results_reporter")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_results")),
        sqlite_autoincrement=True,
    )
    for column in ("dataset", "project", "reporter", "state"):
        op.create_index(op.f(f"ix_results_{column}"), "results", [column], unique=False)


def _breaches() -> None:
    op.create_table(
        "breaches",
        sa.Column("id", _id(), nullable=False),
        sa.Column("dataset", sa.String(length=64), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=True),
        sa.Column("clause", sa.Text(), nullable=False),
        sa.Column("measure", sa.String(length=16), nullable=False),
        sa.Column("notice", sa.Text(), nullable=False),
        sa.Column("lifted", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["dataset"], ["datasets.name"], name=op.f("fk_breaches_dataset")),
        sa.ForeignKeyConstraint(["person"], ["people.name"], name=op.f("fk_breaches_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_breaches")),
        sqlite_autoincrement=True,
    )
    for column in ("dataset", "project"):
        op.create_index(op.f(f"ix_breaches_{column}"), "breaches", [column], unique=False)
