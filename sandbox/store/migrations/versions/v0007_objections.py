"""Objections; suspensions in a table of their own; requests that can be held; raw files by version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_RELEASES = (
    "id, grant_id, dataset, project, requester, context, status, version, reviewers_needed, crate_sha256, "
    "staged_at, changed_at"
)


def upgrade() -> None:
    """A dataset that is suspended gets a row; its status goes."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            sa.text("PRAGMA defer_foreign_keys = ON")
        )  # until this transaction ends: tables are made anew
    _new_tables()
    op.execute(
        sa.text(
            'INSERT INTO suspensions (dataset, "table", "column", reason, made_by, since, ended) '
            "SELECT name, '', '', 'Suspended by its owner.', owner, "
            "(SELECT max(published_at) FROM dataset_versions WHERE dataset = name), '' "
            "FROM datasets WHERE status = 'suspended'"
        )
    )
    _datasets()
    op.add_column("dataset_versions", sa.Column("raw_files", sa.Text(), nullable=False, server_default="{}"))
    _releases()


def _new_tables() -> None:
    op.create_table(
        "objections",
        sa.Column("id", ID, nullable=False),
        sa.Column("dataset", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("scope", sa.String(16), nullable=False),
        sa.Column("table", sa.Text(), nullable=False),
        sa.Column("column", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("unit_file", sa.Text(), nullable=False),
        sa.Column("secret_sha256", sa.String(64), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at_once", sa.Boolean(), nullable=False),
        sa.Column("named", sa.Boolean(), nullable=False),
        sa.Column("data_version", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.String(32), nullable=False),
        sa.Column("changed_at", sa.String(32), nullable=False),
        sa.Column("decided_by", sa.String(64), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["dataset"], ["datasets.name"], name=op.f("fk_objections_dataset")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_objections")),
        sqlite_autoincrement=True,
    )
    for column in ("dataset", "received_at", "state"):
        op.create_index(op.f(f"ix_objections_{column}"), "objections", [column], unique=False)
    op.create_table(
        "objection_contacts",
        sa.Column("objection_id", ID, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["objection_id"], ["objections.id"], name=op.f("fk_objection_contacts_objection_id")
        ),
        sa.PrimaryKeyConstraint("objection_id", name=op.f("pk_objection_contacts")),
    )
    op.create_table(
        "objection_evidence",
        sa.Column("objection_id", ID, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["objection_id"], ["objections.id"], name=op.f("fk_objection_evidence_objection_id")
        ),
        sa.PrimaryKeyConstraint("objection_id", "position", name=op.f("pk_objection_evidence")),
    )
    op.create_table(
        "suspensions",
        sa.Column("id", ID, nullable=False),
        sa.Column("dataset", sa.String(64), nullable=False),
        sa.Column("table", sa.Text(), nullable=False),
        sa.Column("column", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("objection_id", ID, nullable=True),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("since", sa.String(32), nullable=False),
        sa.Column("ended", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["dataset"], ["datasets.name"], name=op.f("fk_suspensions_dataset")),
        sa.ForeignKeyConstraint(
            ["objection_id"], ["objections.id"], name=op.f("fk_suspensions_objection_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suspensions")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_suspensions_dataset"), "suspensions", ["dataset"], unique=False)


def _datasets() -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(op.f("ck_datasets_status"), "datasets", type_="check")
        op.drop_column("datasets", "status")
        return
    op.execute(sa.text("CREATE TABLE datasets_before AS SELECT * FROM datasets"))
    op.drop_table("datasets")
    op.create_table(
        "datasets",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("lineage", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_datasets")),
    )
    op.create_index(op.f("ix_datasets_owner"), "datasets", ["owner"], unique=False)
    columns = "name, owner, lineage, version"
    op.execute(sa.text(f"INSERT INTO datasets ({columns}) SELECT {columns} FROM datasets_before"))  # noqa: S608
    op.drop_table("datasets_before")


def _releases() -> None:
    held = "(status = 'on_hold') = (held_from <> '')"
    more = (
        sa.Column("held_from", sa.String(32), nullable=False, server_default=""),
        sa.Column("held_by", sa.String(64), nullable=False, server_default=""),
        sa.Column("reason", sa.Text(), nullable=False, server_default=""),
    )
    if op.get_bind().dialect.name != "sqlite":
        for column in more:
            op.add_column("releases", column)
        op.create_check_constraint(op.f("ck_releases_held"), "releases", held)
        return
    op.execute(sa.text("CREATE TABLE releases_before AS SELECT * FROM releases"))
    op.drop_table("releases")
    op.create_table(
        "releases",
        sa.Column("id", ID, nullable=False),
        sa.Column("grant_id", ID, nullable=False),
        sa.Column("dataset", sa.String(64), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("requester", sa.String(64), nullable=False),
        sa.Column("context", sa.Text(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reviewers_needed", sa.Integer(), nullable=False),
        sa.Column("crate_sha256", sa.String(64), nullable=False),
        sa.Column("staged_at", sa.String(32), nullable=False),
        sa.Column("changed_at", sa.String(32), nullable=False),
        *more,
        sa.CheckConstraint("status <> 'released' OR crate_sha256 <> ''", name=op.f("ck_releases_crate")),
        sa.CheckConstraint(held, name=op.f("ck_releases_held")),
        sa.ForeignKeyConstraint(["dataset"], ["datasets.name"], name=op.f("fk_releases_dataset")),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name=op.f("fk_releases_grant_id")),
        sa.ForeignKeyConstraint(["requester"], ["people.name"], name=op.f("fk_releases_requester")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_releases")),
        sqlite_autoincrement=True,
    )
    for name in ("dataset", "requester", "status"):
        op.create_index(op.f(f"ix_releases_{name}"), "releases", [name], unique=False)
    op.execute(sa.text(f"INSERT INTO releases ({_RELEASES}) SELECT {_RELEASES} FROM releases_before"))  # noqa: S608
    op.drop_table("releases_before")
