"""Accounts that close, second factors, identities at a provider, training."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Everybody who was here stays active; nobody has a second factor yet."""
    active = sa.Column("active", sa.Boolean, nullable=False, server_default=sa.true())
    op.add_column("people", active)
    op.add_column("people", sa.Column("last_sign_in_at", sa.String(32), nullable=False, server_default=""))
    op.create_table(
        "second_factors",
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("pending", sa.LargeBinary, nullable=False),
        sa.Column("enrolled_at", sa.String(32), nullable=False),
        sa.Column("last_step", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("person", name="pk_second_factors"),
        sa.ForeignKeyConstraint(["person"], ["people.name"], name="fk_second_factors_person"),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("made_at", sa.String(32), nullable=False),
        sa.Column("used_at", sa.String(32), nullable=False),
        sa.Column("withdrawn", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_recovery_codes"),
        sa.ForeignKeyConstraint(["person"], ["people.name"], name="fk_recovery_codes_person"),
    )
    op.create_index("ix_recovery_codes_person", "recovery_codes", ["person"])
    op.create_table(
        "outside_identities",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("bound_at", sa.String(32), nullable=False),
        sa.Column("ended_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outside_identities"),
        sa.ForeignKeyConstraint(["person"], ["people.name"], name="fk_outside_identities_person"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outside_identities_person", "outside_identities", ["person"])
    op.create_index("ix_outside_identities_subject", "outside_identities", ["issuer", "subject"])
    op.create_table(
        "training_records",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("course", sa.String(64), nullable=False),
        sa.Column("until", sa.String(10), nullable=False),
        sa.Column("recorded_at", sa.String(32), nullable=False),
        sa.Column("recorded_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_training_records"),
        sa.ForeignKeyConstraint(["person"], ["people.name"], name="fk_training_records_person"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_training_records_person", "training_records", ["person"])
