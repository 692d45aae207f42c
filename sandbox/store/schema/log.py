"""The log, and where its chain stands."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    Table,
    Text,
)

from sandbox.store.schema.base import Hash, Id, Time, metadata

audit_log = Table(
    "audit_log",
    metadata,
    Column("seq", Id, primary_key=True, autoincrement=False),  # from 1, without gaps
    Column("at", Time, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("object", Text, nullable=False, index=True),
    Column("facts", Text, nullable=False),  # canonical JSON
    Column("previous", Hash, nullable=False),
    Column("hash", Hash, nullable=False),
    Index("ix_audit_log_actor_seq", "actor", "seq"),
    Index("ix_audit_log_action_seq", "action", "seq"),
    Index("ix_audit_log_at_seq", "at", "seq"),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("seq", BigInteger, nullable=False),
    Column("hash", Hash, nullable=False),
    Column("signature", Text, nullable=False),  # Ed25519 over the domain's Head.signed_bytes(), hexadecimal
    CheckConstraint("id = 1", name="one_row"),
)
