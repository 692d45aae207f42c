"""What everybody may ask, say and read."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
)

from sandbox.store.schema.base import Hash, Id, Name, Time, metadata

demands = Table(
    "demands",
    metadata,
    Column("id", Id, primary_key=True),
    Column("title", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("holder", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("wish_sha256", Hash, nullable=False, unique=True),  # the same wish is asked once
    Column("contact", Text, nullable=False, default=""),  # for administrators' eyes only
    Column("asker", Name, ForeignKey("people.name")),  # null: a visitor
    Column("state", String(16), nullable=False, index=True),
    Column("version", Integer, nullable=False),  # counts answers
    Column("answer", Text, nullable=False, default=""),
    Column("opened_as", Name, ForeignKey("datasets.name")),
    Column("merged_into", Id, ForeignKey("demands.id")),
    Column("hidden", Text, nullable=False, default=""),  # the reason; empty when it is shown
    Column("visitor_votes", Integer, nullable=False, default=0),
    Column("asked_at", Time, nullable=False, index=True),
    Column("changed_at", Time, nullable=False),
    CheckConstraint("visitor_votes >= 0", name="votes"),
    sqlite_autoincrement=True,
)

demand_votes = Table(
    "demand_votes",
    metadata,
    Column("demand_id", Id, ForeignKey("demands.id"), primary_key=True, autoincrement=False),
    Column("person", Name, ForeignKey("people.name"), primary_key=True),  # one vote each
    Column("cast_at", Time, nullable=False),
)

ratings = Table(
    "ratings",
    metadata,
    Column("dataset", Name, ForeignKey("datasets.name"), primary_key=True),
    Column("person", Name, ForeignKey("people.name"), primary_key=True),  # one rating each
    Column("stars", Integer, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("hidden", Text, nullable=False, default=""),  # why the sentence is hidden
    Column("rated_at", Time, nullable=False),
    CheckConstraint("stars BETWEEN 1 AND 5", name="stars"),
)

results = Table(
    "results",
    metadata,
    Column("id", Id, primary_key=True),
    Column("grant_id", Id, ForeignKey("grants.id"), nullable=False),
    Column("dataset", Name, ForeignKey("datasets.name"), nullable=False, index=True),
    Column("project", Text, nullable=False, index=True),
    Column("reporter", Name, ForeignKey("people.name"), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("title", Text, nullable=False),
    Column("authors", Text, nullable=False),
    Column("link", Text, nullable=False),
    Column("made_on", String(10), nullable=False),  # ISO date
    Column("how_used", Text, nullable=False),
    Column("citation_carried", Boolean, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("reported_at", Time, nullable=False),
    Column("changed_at", Time, nullable=False),
    sqlite_autoincrement=True,
)

breaches = Table(
    "breaches",
    metadata,
    Column("id", Id, primary_key=True),
    Column("dataset", Name, ForeignKey("datasets.name"), nullable=False, index=True),
    Column("project", Text, nullable=False, index=True),
    Column("person", Name, ForeignKey("people.name")),  # null: the project as a whole
    Column("clause", Text, nullable=False),
    Column("measure", String(16), nullable=False),
    Column("notice", Text, nullable=False),
    Column("lifted", Text, nullable=False, default=""),  # why it was taken back
    Column("recorded_at", Time, nullable=False),
    sqlite_autoincrement=True,
)
