"""Files and packages that researchers ask to bring in, and what the checks said about them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the three tables."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "imports",
        sa.Column("id", number, nullable=False),
        sa.Column("grant_id", number, nullable=False),
        sa.Column("dataset", sa.String(64), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("requester", sa.String(64), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.String(32), nullable=False),
        sa.Column("changed_at", sa.String(32), nullable=False),
        sa.Column("until", sa.String(10), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("decided_by <> requester", name=op.f("ck_imports_second_person")),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name=op.f("fk_imports_grant_id")),
        sa.ForeignKeyConstraint(["dataset"], ["datasets.name"], name=op.f("fk_imports_dataset")),
        sa.ForeignKeyConstraint(["requester"], ["people.name"], name=op.f("fk_imports_requester")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
        sqlite_autoincrement=True,
    )
    for column in ("grant_id", "dataset", "project", "requester", "state"):
        op.create_index(op.f(f"ix_imports_{column}"), "imports", [column], unique=False)
    op.create_table(
        "import_files",
        sa.Column("import_id", number, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(150), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_import_files_import_id")),
        sa.PrimaryKeyConstraint("import_id", "position", name=op.f("pk_import_files")),
    )
    op.create_table(
        "import_findings",
        sa.Column("import_id", number, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("check", sa.String(32), nullable=False),
        sa.Column("verdict", sa.String(8), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("fix", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_import_findings_import_id")),
        sa.PrimaryKeyConstraint("import_id", "position", name=op.f("pk_import_findings")),
    )
