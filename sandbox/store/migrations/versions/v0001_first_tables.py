"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_audit_head_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "audit_log",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_log")),
    )
    op.create_index(op.f("ix_audit_log_action"), "audit_log", ["action"], unique=False)
    op.create_index(op.f("ix_audit_log_object"), "audit_log", ["object"], unique=False)
    op.create_table(
        "datasets",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("lineage", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("status IN ('published', 'suspended')", name=op.f("ck_datasets_status")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_datasets")),
    )
    op.create_index(op.f("ix_datasets_owner"), "datasets", ["owner"], unique=False)
    op.create_table(
        "failed_logins",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.String(length=32), nullable=False),
        sa.Column("last_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_failed_logins")),
    )
    op.create_index(op.f("ix_failed_logins_last_at"), "failed_logins", ["last_at"], unique=False)
    op.create_table(
        "lineage_accounts",
        sa.Column("lineage", sa.Text(), nullable=False),
        sa.Column("cap_nano_rho", sa.BigInteger(), nullable=False),
        sa.Column("cap_atto_delta", sa.BigInteger(), nullable=False),
        sa.Column("project_cap_nano_rho", sa.BigInteger(), nullable=False),
        sa.Column("project_cap_atto_delta", sa.BigInteger(), nullable=False),
        sa.Column("spent_nano_rho", sa.BigInteger(), nullable=False),
        sa.Column("spent_atto_delta", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("cap_nano_rho >= 0 AND cap_atto_delta >= 0", name=op.f("ck_lineage_accounts_cap")),
        sa.CheckConstraint(
            "spent_nano_rho >= 0 AND spent_atto_delta >= 0", name=op.f("ck_lineage_accounts_spent")
        ),
        sa.PrimaryKeyConstraint("lineage", name=op.f("pk_lineage_accounts")),
    )
    op.create_table(
        "people",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("added_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_people")),
    )
    op.create_table(
        "applications",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dataset", sa.String(length=64), nullable=False),
        sa.Column("applicant", sa.String(length=64), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("output_plan", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("agreement_hash", sa.String(length=64), nullable=False),
        sa.Column("submitted_at", sa.String(length=32), nullable=False),
        sa.Column("changed_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["applicant"], ["people.name"], name=op.f("fk_applications_applicant")),
        sa.ForeignKeyConstraint(["dataset"], ["datasets.name"], name=op.f("fk_applications_dataset")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_applications")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_applications_applicant"), "applications", ["applicant"], unique=False)
    op.create_index(op.f("ix_applications_dataset"), "applications", ["dataset"], unique=False)
    op.create_index(op.f("ix_applications_project"), "applications", ["project"], unique=False)
    op.create_table(
        "dataset_versions",
        sa.Column("dataset", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("policy_hash", sa.String(length=64), nullable=False),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("public_files", sa.Text(), nullable=False),
        sa.Column("published_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["dataset"], ["datasets.name"], name=op.f("fk_dataset_versions_dataset")),
        sa.PrimaryKeyConstraint("dataset", "version", name=op.f("pk_dataset_versions")),
    )
    op.create_table(
        "project_accounts",
        sa.Column("lineage", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("cap_nano_rho", sa.BigInteger(), nullable=False),
        sa.Column("cap_atto_delta", sa.BigInteger(), nullable=False),
        sa.Column("spent_nano_rho", sa.BigInteger(), nullable=False),
        sa.Column("spent_atto_delta", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("cap_nano_rho >= 0 AND cap_atto_delta >= 0", name=op.f("ck_project_accounts_cap")),
        sa.CheckConstraint(
            "spent_nano_rho >= 0 AND spent_atto_delta >= 0", name=op.f("ck_project_accounts_spent")
        ),
        sa.ForeignKeyConstraint(
            ["lineage"], ["lineage_accounts.lineage"], name=op.f("fk_project_accounts_lineage")
        ),
        sa.PrimaryKeyConstraint("lineage", "project", name=op.f("pk_project_accounts")),
    )
    op.create_table(
        "agreements",
        sa.Column(
            "application_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("written_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_agreements_application_id")
        ),
        sa.PrimaryKeyConstraint("application_id", name=op.f("pk_agreements")),
        sa.UniqueConstraint("sha256", name=op.f("uq_agreements_sha256")),
    )
    op.create_table(
        "grants",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("dataset", sa.String(length=64), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("starts", sa.String(length=10), nullable=False),
        sa.Column("ends", sa.String(length=10), nullable=False),
        sa.Column("agreement_hash", sa.String(length=64), nullable=False),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_grants_application_id")
        ),
        sa.ForeignKeyConstraint(["dataset"], ["datasets.name"], name=op.f("fk_grants_dataset")),
        sa.ForeignKeyConstraint(["person"], ["people.name"], name=op.f("fk_grants_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
        sa.UniqueConstraint("application_id", name=op.f("uq_grants_application_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_grants_dataset"), "grants", ["dataset"], unique=False)
    op.create_index(op.f("ix_grants_person"), "grants", ["person"], unique=False)
    op.create_index(op.f("ix_grants_project"), "grants", ["project"], unique=False)
    op.create_table(
        "questions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("grant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("lineage", sa.Text(), nullable=False),
        sa.Column("dataset", sa.String(length=64), nullable=False),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("policy_hash", sa.String(length=64), nullable=False),
        sa.Column("canonical", sa.Text(), nullable=False),
        sa.Column("question_hash", sa.String(length=64), nullable=False),
        sa.Column("price_nano_rho", sa.BigInteger(), nullable=False),
        sa.Column("price_atto_delta", sa.BigInteger(), nullable=False),
        sa.Column("charged_nano_rho", sa.BigInteger(), nullable=False),
        sa.Column("charged_atto_delta", sa.BigInteger(), nullable=False),
        sa.Column("idempotency_key", sa.String(length=200), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.String(length=32), nullable=False),
        sa.Column("ended_at", sa.String(length=32), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("answer_sha256", sa.String(length=64), nullable=False),
        sa.Column("same_as", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint(
            "state <> 'released' OR answer IS NOT NULL OR same_as IS NOT NULL",
            name=op.f("ck_questions_answered"),
        ),
        sa.CheckConstraint(
            "charged_nano_rho >= 0 AND charged_atto_delta >= 0", name=op.f("ck_questions_charged")
        ),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name=op.f("fk_questions_grant_id")),
        sa.ForeignKeyConstraint(
            ["lineage", "project"],
            ["project_accounts.lineage", "project_accounts.project"],
            name=op.f("fk_questions_lineage_project"),
        ),
        sa.ForeignKeyConstraint(["same_as"], ["questions.id"], name=op.f("fk_questions_same_as")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_questions")),
        sa.UniqueConstraint(
            "grant_id", "idempotency_key", name=op.f("uq_questions_grant_id_idempotency_key")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_questions_account", "questions", ["lineage", "project"], unique=False)
    op.create_index(
        "ix_questions_identity", "questions", ["dataset", "question_hash", "snapshot"], unique=False
    )
    op.create_index("ix_questions_state", "questions", ["state"], unique=False)
    op.create_table(
        "releases",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("grant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dataset", sa.String(length=64), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("requester", sa.String(length=64), nullable=False),
        sa.Column("context", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reviewers_needed", sa.Integer(), nullable=False),
        sa.Column("crate_sha256", sa.String(length=64), nullable=False),
        sa.Column("staged_at", sa.String(length=32), nullable=False),
        sa.Column("changed_at", sa.String(length=32), nullable=False),
        sa.CheckConstraint("status <> 'released' OR crate_sha256 <> ''", name=op.f("ck_releases_crate")),
        sa.ForeignKeyConstraint(["dataset"], ["datasets.name"], name=op.f("fk_releases_dataset")),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name=op.f("fk_releases_grant_id")),
        sa.ForeignKeyConstraint(["requester"], ["people.name"], name=op.f("fk_releases_requester")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_releases")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_releases_dataset"), "releases", ["dataset"], unique=False)
    op.create_index(op.f("ix_releases_requester"), "releases", ["requester"], unique=False)
    op.create_index(op.f("ix_releases_status"), "releases", ["status"], unique=False)
    op.create_table(
        "findings",
        sa.Column(
            "release_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("check", sa.Text(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("fix", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=True),
        sa.Column("column", sa.Text(), nullable=True),
        sa.Column("from_rows", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], name=op.f("fk_findings_release_id")),
        sa.PrimaryKeyConstraint("release_id", "position", name=op.f("pk_findings")),
    )
    op.create_table(
        "release_files",
        sa.Column(
            "release_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sql", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], name=op.f("fk_release_files_release_id")),
        sa.PrimaryKeyConstraint("release_id", "position", name=op.f("pk_release_files")),
    )
    op.create_table(
        "votes",
        sa.Column(
            "release_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("reviewer", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("cast_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], name=op.f("fk_votes_release_id")),
        sa.ForeignKeyConstraint(["reviewer"], ["people.name"], name=op.f("fk_votes_reviewer")),
        sa.PrimaryKeyConstraint("release_id", "reviewer", name=op.f("pk_votes")),
    )


def downgrade() -> None:
    """Never: the log and the ledger are not taken back."""
    raise NotImplementedError
