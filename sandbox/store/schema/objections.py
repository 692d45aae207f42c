"""What was objected to, and what is stopped."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
)

from sandbox.store.schema.base import Hash, Id, Name, Time, metadata

objections = Table(
    "objections",
    metadata,
    Column("id", Id, primary_key=True),
    Column("dataset", Name, ForeignKey("datasets.name"), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("scope", String(16), nullable=False),
    Column("table", Text, nullable=False),
    Column("column", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("unit_file", Text, nullable=False),  # in the raw store: whom it is about; empty once forgotten
    Column("secret_sha256", Hash, nullable=False),  # of the tracking word
    Column("state", String(32), nullable=False, index=True),
    Column("version", Integer, nullable=False),  # counts changes
    Column("at_once", Boolean, nullable=False),  # it suspended when it came
    Column("named", Boolean, nullable=False),  # from an account
    Column("data_version", Integer, nullable=False),  # of the dataset, when it came
    Column("received_at", Time, nullable=False, index=True),
    Column("changed_at", Time, nullable=False),
    Column("decided_by", Name, nullable=False),
    Column("answer", Text, nullable=False),
    sqlite_autoincrement=True,
)

# Apart: for the owner and administrators alone.
objection_contacts = Table(
    "objection_contacts",
    metadata,
    Column("objection_id", Id, ForeignKey("objections.id"), primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("contact", Text, nullable=False),
    Column("person", Name, nullable=False),  # the account; empty without one
)

objection_evidence = Table(
    "objection_evidence",
    metadata,
    Column("objection_id", Id, ForeignKey("objections.id"), primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),  # from 1
    Column("sha256", Hash, nullable=False),  # in the vault
    Column("kind", String(8), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
)

# What may not be used now, and what once might not. A dataset is suspended as long as a row says so.
suspensions = Table(
    "suspensions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("dataset", Name, ForeignKey("datasets.name"), nullable=False, index=True),
    Column("table", Text, nullable=False),
    Column("column", Text, nullable=False),  # empty: the whole dataset
    Column("reason", Text, nullable=False),
    Column("objection_id", Id, ForeignKey("objections.id")),  # null: by hand
    Column("made_by", Name, nullable=False),
    Column("since", Time, nullable=False),
    Column("ended", Time, nullable=False, default=""),
    sqlite_autoincrement=True,
)
