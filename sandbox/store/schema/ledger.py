"""What was spent: accounts, questions, profiles and bases."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from sandbox.store.schema.base import Hash, Id, Name, Time, metadata

lineage_accounts = Table(
    "lineage_accounts",
    metadata,
    Column("lineage", Text, primary_key=True),
    Column(
        "accounting", String(16), nullable=False, server_default="zcdp"
    ),  # what its nanos are of, for life
    Column("cap_nano", BigInteger, nullable=False),
    Column("cap_atto_delta", BigInteger, nullable=False),
    Column("project_cap_nano", BigInteger, nullable=False),  # the quota a new project starts with
    Column("project_cap_atto_delta", BigInteger, nullable=False),
    Column("spent_nano", BigInteger, nullable=False, default=0),
    Column("spent_atto_delta", BigInteger, nullable=False, default=0),
    CheckConstraint("spent_nano >= 0 AND spent_atto_delta >= 0", name="spent"),
    CheckConstraint("cap_nano >= 0 AND cap_atto_delta >= 0", name="cap"),
)

# What was spent to learn how units contribute; each row is public once it is released.
profiles = Table(
    "profiles",
    metadata,
    Column("id", Id, primary_key=True),
    Column("lineage", Text, ForeignKey("lineage_accounts.lineage"), nullable=False, index=True),
    Column("dataset", Name, ForeignKey("datasets.name"), nullable=False),
    Column("table", Text, nullable=False),
    Column("snapshot", String(64), nullable=False, unique=True),  # a snapshot's profile is charged once
    Column("charged_nano", BigInteger, nullable=False),
    Column("charged_atto_delta", BigInteger, nullable=False),
    Column("reserved_at", Time, nullable=False),
    Column("released_at", Time, nullable=False, default=""),
    Column("document", Text, nullable=False, default=""),  # canonical JSON; empty until it is released
    Column("sha256", Hash, nullable=False, default=""),  # of the document: the profile's id
    CheckConstraint("charged_nano > 0 AND charged_atto_delta >= 0", name="charged"),
    sqlite_autoincrement=True,
)

# Base releases: tables of counts from which counts are answered free; likewise.
bases = Table(
    "bases",
    metadata,
    Column("id", Id, primary_key=True),
    Column("lineage", Text, ForeignKey("lineage_accounts.lineage"), nullable=False, index=True),
    Column("dataset", Name, ForeignKey("datasets.name"), nullable=False),
    Column("table", Text, nullable=False),
    Column("snapshot", String(64), nullable=False, unique=True),  # a snapshot's base is charged once
    Column("charged_nano", BigInteger, nullable=False),
    Column("charged_atto_delta", BigInteger, nullable=False),
    Column("reserved_at", Time, nullable=False),
    Column("released_at", Time, nullable=False, default=""),
    Column("document", Text, nullable=False, default=""),  # canonical JSON; empty until it is released
    Column("sha256", Hash, nullable=False, default=""),  # of the document: the base's id
    CheckConstraint("charged_nano > 0 AND charged_atto_delta >= 0", name="charged"),
    sqlite_autoincrement=True,
)

project_accounts = Table(
    "project_accounts",
    metadata,
    Column("lineage", Text, ForeignKey("lineage_accounts.lineage"), primary_key=True),
    Column("project", Text, primary_key=True),
    Column("cap_nano", BigInteger, nullable=False),
    Column("cap_atto_delta", BigInteger, nullable=False),
    Column("spent_nano", BigInteger, nullable=False, default=0),
    Column("spent_atto_delta", BigInteger, nullable=False, default=0),
    CheckConstraint("spent_nano >= 0 AND spent_atto_delta >= 0", name="spent"),
    CheckConstraint("cap_nano >= 0 AND cap_atto_delta >= 0", name="cap"),
)

questions = Table(
    "questions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("grant_id", Id, ForeignKey("grants.id"), nullable=False),
    Column("person", Name, nullable=False),
    Column("project", Text, nullable=False),
    Column("lineage", Text, nullable=False),
    Column("dataset", Name, nullable=False),
    Column("snapshot", Text, nullable=False),
    Column("policy_hash", Hash, nullable=False),
    Column("canonical", Text, nullable=False),
    Column("question_hash", Hash, nullable=False),  # of the canonical text
    Column("price_nano", BigInteger, nullable=False),  # what the answer costs to make: part of its identity
    Column("price_atto_delta", BigInteger, nullable=False),
    Column("charged_nano", BigInteger, nullable=False),  # the price, or 0 when an earlier answer served
    Column("charged_atto_delta", BigInteger, nullable=False),
    Column("idempotency_key", String(200)),  # null: none was given
    Column("state", String(16), nullable=False),
    Column("worker", Text, nullable=False),  # the process that runs it, for recovery
    Column("asked_at", Time, nullable=False),
    Column("ended_at", Time, nullable=False, default=""),
    Column("answer", LargeBinary),
    Column("answer_sha256", Hash, nullable=False, default=""),
    Column("same_as", Id, ForeignKey("questions.id")),  # the question whose answer served this one, free
    UniqueConstraint("grant_id", "idempotency_key"),
    ForeignKeyConstraint(["lineage", "project"], ["project_accounts.lineage", "project_accounts.project"]),
    CheckConstraint("charged_nano >= 0 AND charged_atto_delta >= 0", name="charged"),
    CheckConstraint("state <> 'released' OR answer IS NOT NULL OR same_as IS NOT NULL", name="answered"),
    Index("ix_questions_identity", "dataset", "question_hash", "snapshot"),
    Index("ix_questions_account", "lineage", "project"),
    Index("ix_questions_state", "state"),
    sqlite_autoincrement=True,
)
