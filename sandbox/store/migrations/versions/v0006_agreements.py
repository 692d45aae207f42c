"""Applications in turns, agreements that several people sign, blocks, and what people report back."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOVED = ("purpose", "legal_basis", "mode", "days", "output_plan")


def upgrade() -> None:
    """Take what was asked for into turns, and let a grant be one of several."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            sa.text("PRAGMA defer_foreign_keys = ON")
        )  # until this transaction ends: tables are made anew
    _new_tables()
    _applications()
    _agreements()
    _grants()


def _new_tables() -> None:
    op.create_table(
        "application_turns",
        sa.Column("application_id", ID, autoincrement=False, nullable=False),
        sa.Column("turn", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("wish", sa.Text(), nullable=False),
        sa.Column("written_at", sa.String(32), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_application_turns_application_id")
        ),
        sa.PrimaryKeyConstraint("application_id", "turn", name=op.f("pk_application_turns")),
    )
    op.create_table(
        "signatures",
        sa.Column("application_id", ID, autoincrement=False, nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("agreement_hash", sa.String(64), nullable=False),
        sa.Column("signed_at", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_signatures_application_id")
        ),
        sa.ForeignKeyConstraint(["person"], ["people.name"], name=op.f("fk_signatures_person")),
        sa.PrimaryKeyConstraint("application_id", "person", "agreement_hash", name=op.f("pk_signatures")),
    )
    op.create_table(
        "blocks",
        sa.Column("id", ID, nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("lineage", sa.Text(), nullable=False),
        sa.Column("clause", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("until", sa.String(10), nullable=False),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("made_at", sa.String(32), nullable=False),
        sa.Column("lifted_at", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.name"], name=op.f("fk_blocks_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blocks")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_blocks_person"), "blocks", ["person"], unique=False)
    op.create_table(
        "feedback",
        sa.Column("application_id", ID, autoincrement=False, nullable=False),
        sa.Column("due", sa.String(10), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("usefulness", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("given_at", sa.String(32), nullable=False),
        sa.CheckConstraint("usefulness BETWEEN 1 AND 5", name=op.f("ck_feedback_usefulness")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_feedback_application_id")
        ),
        sa.ForeignKeyConstraint(["person"], ["people.name"], name=op.f("fk_feedback_person")),
        sa.PrimaryKeyConstraint("application_id", "due", name=op.f("pk_feedback")),
    )


def _applications() -> None:
    bind = op.get_bind()
    columns = ", ".join(("id", "project", "submitted_at", *_MOVED))
    for row in bind.execute(sa.text(f"SELECT {columns} FROM applications")).mappings().all():  # noqa: S608
        wish = {
            "project": row["project"],
            **{name: row[name] for name in _MOVED},
            "organisation": "",
            "members": [],
            "tables": {},
            "epsilon": "",
        }
        written = json.dumps(wish, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        bind.execute(
            sa.text("INSERT INTO application_turns VALUES (:id, 1, :wish, :at, '')"),
            {"id": row["id"], "wish": written, "at": row["submitted_at"]},
        )
    for name in ("turn", "version"):
        op.add_column("applications", sa.Column(name, sa.Integer(), nullable=False, server_default="1"))
    kind = "INTEGER" if bind.dialect.name == "sqlite" else "BIGINT"
    op.execute(
        sa.text(
            f"ALTER TABLE applications ADD COLUMN renews {kind} "
            "CONSTRAINT fk_applications_renews REFERENCES applications (id)"
        )
    )
    op.add_column(
        "applications", sa.Column("certificate_sha256", sa.String(64), nullable=False, server_default="")
    )
    for name in _MOVED:
        op.execute(sa.text(f"ALTER TABLE applications DROP COLUMN {name}"))
    op.create_index(op.f("ix_applications_state"), "applications", ["state"], unique=False)


def _agreements() -> None:
    """Named by what they say: an application that comes back is agreed about again."""
    op.execute(sa.text("CREATE TABLE agreements_before AS SELECT * FROM agreements"))
    op.drop_table("agreements")
    op.create_table(
        "agreements",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("application_id", ID, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("written_at", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_agreements_application_id")
        ),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_agreements")),
    )
    op.create_index(op.f("ix_agreements_application_id"), "agreements", ["application_id"], unique=False)
    columns = "sha256, application_id, body, signature, written_at"
    op.execute(sa.text(f"INSERT INTO agreements ({columns}) SELECT {columns} FROM agreements_before"))  # noqa: S608
    op.drop_table("agreements_before")


def _grants() -> None:
    op.execute(
        sa.text(
            "INSERT INTO signatures SELECT application_id, person, agreement_hash, "
            "(SELECT changed_at FROM applications WHERE applications.id = application_id) FROM grants"
        )
    )
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(op.f("uq_grants_application_id"), "grants", type_="unique")
        op.create_unique_constraint(
            op.f("uq_grants_application_id_person"), "grants", ["application_id", "person"]
        )
        return
    op.execute(sa.text("CREATE TABLE grants_before AS SELECT * FROM grants"))
    op.drop_table("grants")
    op.create_table(
        "grants",
        sa.Column("id", ID, nullable=False),
        sa.Column("application_id", ID, nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("dataset", sa.String(64), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("starts", sa.String(10), nullable=False),
        sa.Column("ends", sa.String(10), nullable=False),
        sa.Column("agreement_hash", sa.String(64), nullable=False),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_grants_application_id")
        ),
        sa.ForeignKeyConstraint(["dataset"], ["datasets.name"], name=op.f("fk_grants_dataset")),
        sa.ForeignKeyConstraint(["person"], ["people.name"], name=op.f("fk_grants_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
        sa.UniqueConstraint("application_id", "person", name=op.f("uq_grants_application_id_person")),
        sqlite_autoincrement=True,
    )
    for column in ("dataset", "person", "project"):
        op.create_index(op.f(f"ix_grants_{column}"), "grants", [column], unique=False)
    op.execute(sa.text("INSERT INTO grants SELECT * FROM grants_before"))
    op.drop_table("grants_before")
