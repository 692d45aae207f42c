"""What runs beside the rows, and what comes in to them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from sandbox.store.schema.base import Hash, Id, Name, Time, metadata

# A durable queue: what is queued is claimed by one worker, oldest first.
jobs = Table(
    "jobs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("grant_id", Id, ForeignKey("grants.id"), nullable=False, index=True),
    Column("dataset", Name, ForeignKey("datasets.name"), nullable=False, index=True),
    Column("project", Text, nullable=False),
    Column("person", Name, ForeignKey("people.name"), nullable=False, index=True),
    Column("phase", String(16), nullable=False),
    Column("outputs", Text, nullable=False),  # JSON list of names
    Column("package_sha256", Hash, nullable=False),  # of code, inputs and the names of outputs
    Column("context", Text, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("version", Integer, nullable=False),  # counts changes
    Column("attempts", Integer, nullable=False, default=0),
    Column("worker", Text, nullable=False, default=""),  # the process that runs it, for recovery
    Column("beat_at", Time, nullable=False, default=""),  # when that process was last heard of
    Column("sent_at", Time, nullable=False, index=True),
    Column("started_at", Time, nullable=False, default=""),
    Column("ended_at", Time, nullable=False, default=""),
    Column("failure", String(16), nullable=False, default=""),
    Column("reason", Text, nullable=False, default=""),  # why it is held, or was stopped
    Column("image", Text, nullable=False, default=""),  # the digest of the image that it ran in
    Column("snapshot", Text, nullable=False, default=""),  # of the dataset that it read
    Column("release_id", Id, ForeignKey("releases.id"), unique=True),  # null: it handed nothing in
    CheckConstraint("(state = 'handed_in') = (release_id IS NOT NULL)", name="handed_in"),
    CheckConstraint("(state = 'ended_early') = (failure <> '')", name="failure"),
    sqlite_autoincrement=True,
)

job_files = Table(
    "job_files",
    metadata,
    Column("job_id", Id, ForeignKey("jobs.id"), primary_key=True, autoincrement=False),
    Column("role", String(8), primary_key=True),  # code | input | result | log
    Column("position", Integer, primary_key=True, autoincrement=False),  # from 0
    Column("name", Text, nullable=False),
    Column("sha256", Hash, nullable=False),  # in the vault
    Column("size_bytes", BigInteger, nullable=False),
    CheckConstraint("role IN ('code', 'input', 'result', 'log')", name="role"),
)

imports = Table(
    "imports",
    metadata,
    Column("id", Id, primary_key=True),
    Column("grant_id", Id, ForeignKey("grants.id"), nullable=False, index=True),
    Column("dataset", Name, ForeignKey("datasets.name"), nullable=False, index=True),
    Column("project", Text, nullable=False, index=True),
    Column("requester", Name, ForeignKey("people.name"), nullable=False, index=True),
    Column("why", Text, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("asked_at", Time, nullable=False),
    Column("changed_at", Time, nullable=False),
    Column(
        "until", String(10), nullable=False, default=""
    ),  # ISO date, the last day; empty: no end of its own
    Column("decided_by", Text, nullable=False, default=""),
    Column("reason", Text, nullable=False, default=""),
    Column("seal", LargeBinary, nullable=False, default=b""),  # Ed25519, from the moment it is let in
    CheckConstraint("decided_by <> requester", name="second_person"),
    sqlite_autoincrement=True,
)

import_files = Table(
    "import_files",
    metadata,
    Column("import_id", Id, ForeignKey("imports.id"), primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("name", String(150), nullable=False),
    Column("sha256", Hash, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
)

import_findings = Table(
    "import_findings",
    metadata,
    Column("import_id", Id, ForeignKey("imports.id"), primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("file", Text, nullable=False),
    Column("check", String(32), nullable=False),
    Column("verdict", String(8), nullable=False),
    Column("place", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("fix", Text, nullable=False),
    Column("source", Text, nullable=False),
)
