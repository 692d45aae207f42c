"""What there is: datasets, their versions, the keys that close them, and the catalogue's index."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from sandbox.store.schema.base import Hash, Name, Time, Word, metadata

datasets = Table(
    "datasets",
    metadata,
    Column("name", Name, primary_key=True),
    Column("owner", Text, nullable=False, index=True),
    Column("lineage", Text, nullable=False),
    Column("version", Integer, nullable=False),  # the newest of dataset_versions
)

dataset_versions = Table(
    "dataset_versions",
    metadata,
    Column("dataset", Name, ForeignKey("datasets.name"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),  # from 1
    Column("policy", Text, nullable=False),  # canonical JSON
    Column("policy_hash", Hash, nullable=False),
    Column("snapshot", Text, nullable=False),
    Column("report", Text, nullable=False),  # canonical JSON, for the owner's eyes only
    Column("public_files", Text, nullable=False),  # canonical JSON: file -> SHA-256 in the vault
    Column("published_at", Time, nullable=False),
    # JSON: table -> file in the raw store; empty where nobody noted it
    Column("raw_files", Text, nullable=False, default="{}"),
)

catalogue_entries = Table(
    "catalogue_entries",
    metadata,
    Column("dataset", Name, ForeignKey("datasets.name"), primary_key=True),
    Column("form", Integer, nullable=False),  # which program's index it is
    Column("listed", Boolean, nullable=False),
    Column("title", Text, nullable=False),  # as titles are sorted
    Column("shown_title", Text, nullable=False, server_default=""),  # as it is written
    Column("open_class", String(16), nullable=False),
    Column("domain", String(64), nullable=False),
    Column("frequency", String(32), nullable=False),  # empty: nothing is said of a closed one's
    Column("download", Boolean, nullable=False),
    Column("interface", Boolean, nullable=False),
    Column("sandbox", Boolean, nullable=False),
    # Pages by title, and counts by every filter, from the index alone.
    Index("ix_catalogue_entries_title", "listed", "title", "dataset"),
    Index(
        "ix_catalogue_entries_filters",
        "listed",
        "open_class",
        "domain",
        "frequency",
        "download",
        "interface",
        "sandbox",
    ),
)

catalogue_words = Table(
    "catalogue_words",
    metadata,
    Column("word", Word, primary_key=True),
    Column("dataset", Name, ForeignKey("datasets.name"), primary_key=True, index=True),
    Column("weight", Integer, nullable=False),  # where the word stands, see domain.search
    sqlite_with_rowid=False,
)

# Who is named to review which dataset's outputs.
dataset_reviewers = Table(
    "dataset_reviewers",
    metadata,
    Column("reviewer", Name, primary_key=True),
    Column("dataset", Name, ForeignKey("datasets.name"), primary_key=True, index=True),
)

data_keys = Table(
    "data_keys",
    metadata,
    Column("id", String(32), primary_key=True),  # from the public half itself
    Column("dataset", Name, nullable=False, index=True),  # made before its first version
    Column("public", Hash, nullable=False),  # 32 bytes, hexadecimal; the secret half is the engine's
    Column("made_at", Time, nullable=False),
    Column("ended_at", Time, nullable=False, default=""),  # empty: files are closed with it
)

destructions = Table(
    "destructions",
    metadata,
    Column("dataset", Name, ForeignKey("datasets.name"), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", Time, nullable=False),
    Column("finished_at", Time, nullable=False, default=""),  # empty: under way
    Column("certificate", Text, nullable=False, default=""),  # canonical JSON
    Column("signature", Text, nullable=False, default=""),  # Ed25519, hexadecimal
)
