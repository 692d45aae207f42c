"""What people are told, what is sent to them, and how they want it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """The tables; ``Notices.found`` begins where the log stands."""
    op.add_column("people", sa.Column("language", sa.String(16), nullable=False, server_default=""))
    _notices()
    _sending()


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("topic", sa.String(16), nullable=False),
        sa.Column("urgency", sa.String(8), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("read_at", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.name"], name=op.f("fk_notices_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.UniqueConstraint("seq", "person", name=op.f("uq_notices_seq_person")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_notices_unread", "notices", ["person", "read_at", "id"], unique=False)
    op.create_index("ix_notices_newest", "notices", ["person", "id"], unique=False)
    op.create_table(
        "notice_cursor",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_notice_cursor_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_cursor")),
    )


def _sending() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("notices", sa.Text(), nullable=False),
        sa.Column("digest", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("made_at", sa.String(32), nullable=False),
        sa.Column("due_at", sa.String(32), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.String(32), nullable=False),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.name"], name=op.f("fk_outbox_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_made", "outbox", ["person", "channel", "made_at"], unique=False)
    op.create_index("ix_outbox_waiting", "outbox", ["state", "due_at"], unique=False)
    op.create_table(
        "notice_choices",
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("pace", sa.String(16), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.name"], name=op.f("fk_notice_choices_person")),
        sa.PrimaryKeyConstraint("person", "channel", name=op.f("pk_notice_choices")),
    )
    op.create_table(
        "mail_addresses",
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("address", sa.String(254), nullable=False),
        sa.Column("asked", sa.String(254), nullable=False),
        sa.Column("asked_at", sa.String(32), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("asked_day", sa.String(10), nullable=False),
        sa.Column("asked_times", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.name"], name=op.f("fk_mail_addresses_person")),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_mail_addresses")),
    )
