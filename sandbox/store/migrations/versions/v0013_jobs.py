"""The queue of jobs, and their files."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "jobs",
        sa.Column("id", number, nullable=False),
        sa.Column("grant_id", number, nullable=False),
        sa.Column("dataset", sa.String(length=64), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("phase", sa.String(length=16), nullable=False),
        sa.Column("outputs", sa.Text(), nullable=False),
        sa.Column("package_sha256", sa.String(length=64), nullable=False),
        sa.Column("context", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("beat_at", sa.String(length=32), nullable=False),
        sa.Column("sent_at", sa.String(length=32), nullable=False),
        sa.Column("started_at", sa.String(length=32), nullable=False),
        sa.Column("ended_at", sa.String(length=32), nullable=False),
        sa.Column("failure", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("image", sa.Text(), nullable=False),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("release_id", number, nullable=True),
        sa.CheckConstraint(
            "(state = 'handed_in') = (release_id IS NOT NULL)", name=op.f("ck_jobs_handed_in")
        ),
        sa.CheckConstraint("(state = 'ended_early') = (failure <> '')", name=op.f("ck_jobs_failure")),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name=op.f("fk_jobs_grant_id")),
        sa.ForeignKeyConstraint(["dataset"], ["datasets.name"], name=op.f("fk_jobs_dataset")),
        sa.ForeignKeyConstraint(["person"], ["people.name"], name=op.f("fk_jobs_person")),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], name=op.f("fk_jobs_release_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("release_id", name=op.f("uq_jobs_release_id")),
        sqlite_autoincrement=True,
    )
    for name in ("grant_id", "dataset", "person", "state", "sent_at"):
        op.create_index(op.f(f"ix_jobs_{name}"), "jobs", [name], unique=False)
    op.create_table(
        "job_files",
        sa.Column("job_id", number, autoincrement=False, nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("role IN ('code', 'input', 'result', 'log')", name=op.f("ck_job_files_role")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_files_job_id")),
        sa.PrimaryKeyConstraint("job_id", "role", "position", name=op.f("pk_job_files")),
    )
