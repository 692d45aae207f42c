"""What holds for the whole installation, and how policies change."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    Integer,
    String,
    Table,
    Text,
)

from sandbox.store.schema.base import Hash, Id, Time, metadata

# What held for the whole installation, version by version; a dataset's are in dataset_versions.
site_versions = Table(
    "site_versions",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),  # from 1
    Column("policy", Text, nullable=False),  # JSON
    Column("policy_hash", Hash, nullable=False),
    Column("made_at", Time, nullable=False),
)

policy_proposals = Table(
    "policy_proposals",
    metadata,
    Column("id", Id, primary_key=True),
    Column("about", Text, nullable=False, index=True),  # dataset:NAME | site
    Column("base_hash", Hash, nullable=False),  # of the policy that it changes
    Column("policy", Text, nullable=False),  # JSON
    Column("policy_hash", Hash, nullable=False),
    Column("difference", Text, nullable=False),  # canonical JSON list
    Column("reason", Text, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_at", Time, nullable=False),
    Column("state", String(16), nullable=False),
    Column("decided_by", Text, nullable=False, default=""),
    Column("decided_at", Time, nullable=False, default=""),
    Column("comment", Text, nullable=False, default=""),
    CheckConstraint(
        "decided_by <> proposed_by OR state NOT IN ('approved', 'applied')", name="second_person"
    ),
    sqlite_autoincrement=True,
)
