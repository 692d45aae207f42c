"""Who may: applications, agreements, grants, blocks, reports on use."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from sandbox.store.schema.base import Hash, Id, Name, Time, metadata

applications = Table(
    "applications",
    metadata,
    Column("id", Id, primary_key=True),
    Column("dataset", Name, ForeignKey("datasets.name"), nullable=False, index=True),
    Column("applicant", Name, ForeignKey("people.name"), nullable=False, index=True),
    Column("project", Text, nullable=False, index=True),  # of the newest turn
    Column("state", String(16), nullable=False, index=True),
    Column("turn", Integer, nullable=False),  # the newest of application_turns
    Column("version", Integer, nullable=False),  # counts changes
    Column("renews", Id, ForeignKey("applications.id")),  # null: it renews none
    Column("agreement_hash", Hash, nullable=False, default=""),
    Column("submitted_at", Time, nullable=False),  # of the newest turn; empty for a draft
    Column("changed_at", Time, nullable=False),
    Column("certificate_sha256", Hash, nullable=False, default=""),  # in the vault, once closed
    sqlite_autoincrement=True,
)

# Each turn as it was handed in: what changed between two is shown to the owner.
application_turns = Table(
    "application_turns",
    metadata,
    Column("application_id", Id, ForeignKey("applications.id"), primary_key=True, autoincrement=False),
    Column("turn", Integer, primary_key=True, autoincrement=False),  # from 1
    Column("wish", Text, nullable=False),  # canonical JSON
    Column("written_at", Time, nullable=False),
    Column("answer", Text, nullable=False, default=""),  # why it came back
)

signatures = Table(
    "signatures",
    metadata,
    Column("application_id", Id, ForeignKey("applications.id"), primary_key=True, autoincrement=False),
    Column("person", Name, ForeignKey("people.name"), primary_key=True),
    Column("agreement_hash", Hash, primary_key=True),
    Column("signed_at", Time, nullable=False),
)

agreements = Table(
    "agreements",
    metadata,
    Column("sha256", Hash, primary_key=True),
    Column("application_id", Id, ForeignKey("applications.id"), nullable=False, index=True),
    Column("body", LargeBinary, nullable=False),  # the canonical document, as it was signed
    Column("signature", LargeBinary, nullable=False),  # Ed25519, 64 bytes
    Column("written_at", Time, nullable=False),
)

grants = Table(
    "grants",
    metadata,
    Column("id", Id, primary_key=True),
    Column("application_id", Id, ForeignKey("applications.id"), nullable=False),
    Column("person", Name, ForeignKey("people.name"), nullable=False, index=True),
    Column("dataset", Name, ForeignKey("datasets.name"), nullable=False, index=True),
    Column("project", Text, nullable=False, index=True),
    Column("purpose", Text, nullable=False),
    Column("mode", String(16), nullable=False),
    Column("starts", String(10), nullable=False),  # ISO date
    Column("ends", String(10), nullable=False),  # ISO date, the last day it holds
    Column("agreement_hash", Hash, nullable=False),
    Column("revoked", Boolean, nullable=False, default=False),
    UniqueConstraint("application_id", "person"),
    sqlite_autoincrement=True,
)

# Who may not apply for a lineage's data any more.
blocks = Table(
    "blocks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("person", Name, ForeignKey("people.name"), nullable=False, index=True),
    Column("lineage", Text, nullable=False),
    Column("clause", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("until", String(10), nullable=False),  # ISO date, the last day it holds
    Column("made_by", Name, nullable=False),
    Column("made_at", Time, nullable=False),
    Column("lifted_at", Time, nullable=False, default=""),
    sqlite_autoincrement=True,
)

# What came of the data, as its users say; one report for each day on which one is due.
feedback = Table(
    "feedback",
    metadata,
    Column("application_id", Id, ForeignKey("applications.id"), primary_key=True, autoincrement=False),
    Column("due", String(10), primary_key=True),  # ISO date
    Column("person", Name, ForeignKey("people.name"), nullable=False),
    Column("usefulness", Integer, nullable=False),  # 1 to 5
    Column("text", Text, nullable=False),
    Column("given_at", Time, nullable=False),
    CheckConstraint("usefulness BETWEEN 1 AND 5", name="usefulness"),
)
