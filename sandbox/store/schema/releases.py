"""What leaves: requests, their files, findings, votes and comments, what outputs say together, what was planted."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from sandbox.store.schema.base import Hash, Id, Name, Time, metadata

releases = Table(
    "releases",
    metadata,
    Column("id", Id, primary_key=True),
    Column("grant_id", Id, ForeignKey("grants.id"), nullable=False),
    Column("dataset", Name, ForeignKey("datasets.name"), nullable=False, index=True),
    Column("project", Text, nullable=False),
    Column("requester", Name, ForeignKey("people.name"), nullable=False, index=True),
    Column("context", Text, nullable=False),  # of the present turn
    Column("status", String(32), nullable=False, index=True),
    Column("version", Integer, nullable=False),  # counts changes
    Column("turn", Integer, nullable=False, default=1, server_default="1"),
    Column("reviewers_needed", Integer, nullable=False),
    Column("crate_sha256", Hash, nullable=False, default=""),
    Column("staged_at", Time, nullable=False),
    Column("changed_at", Time, nullable=False),
    Column("held_from", String(32), nullable=False, default=""),  # on hold: where it goes on
    Column("held_by", Name, nullable=False, default=""),  # on hold: the owner; empty: a suspension
    Column("reason", Text, nullable=False, default=""),  # why it is on hold, or was recalled
    CheckConstraint("status <> 'released' OR crate_sha256 <> ''", name="crate"),
    CheckConstraint("(status = 'on_hold') = (held_from <> '')", name="held"),
    sqlite_autoincrement=True,
)

release_files = Table(
    "release_files",
    metadata,
    Column("release_id", Id, ForeignKey("releases.id"), primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),  # from 0; a later turn's go on
    Column("name", Text, nullable=False),
    Column("sha256", Hash, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sql", Text, nullable=False),
    Column("turn", Integer, nullable=False, default=1, server_default="1"),
)

findings = Table(
    "findings",
    metadata,
    Column("release_id", Id, ForeignKey("releases.id"), primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("file", Text, nullable=False),
    Column("check", Text, nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("place", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("fix", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("row", Integer),
    Column("column", Text),
    Column("from_rows", Boolean, nullable=False),
    Column("turn", Integer, nullable=False, default=1, server_default="1"),
    Column("detail", Text, nullable=False, default="", server_default=""),  # for reviewers and the owner
    Index("ix_findings_check", "check", "release_id"),
)

votes = Table(
    "votes",
    metadata,
    Column("release_id", Id, ForeignKey("releases.id"), primary_key=True, autoincrement=False),
    Column("turn", Integer, primary_key=True, autoincrement=False),
    Column("reviewer", Name, ForeignKey("people.name"), primary_key=True),  # one vote each in a turn
    Column("position", Integer, nullable=False),
    Column("decision", String(16), nullable=False),
    Column("comment", Text, nullable=False),
    Column("cast_at", Time, nullable=False),
    Column("voided", Text, nullable=False),  # why it counts no more; empty: it does
    Column("cause", String(32), nullable=False, default="", server_default=""),  # of one that sends back
)

# What each turn brought, and how long it took.
release_turns = Table(
    "release_turns",
    metadata,
    Column("release_id", Id, ForeignKey("releases.id"), primary_key=True, autoincrement=False),
    Column("turn", Integer, primary_key=True, autoincrement=False),  # from 1
    Column("context", Text, nullable=False),
    Column("staged_at", Time, nullable=False),
    Column("waiting_since", Time, nullable=False),  # with the reviewers, or back with them; empty: not yet
    Column("decided_at", Time, nullable=False),  # by them; empty: not yet
    Column("decision", String(16), nullable=False),  # the verb; empty: not yet
)

# Which earlier releases one names.
release_links = Table(
    "release_links",
    metadata,
    Column("release_id", Id, ForeignKey("releases.id"), primary_key=True, autoincrement=False),
    Column("earlier_id", Id, ForeignKey("releases.id"), primary_key=True, autoincrement=False, index=True),
    Column("supersedes", Boolean, nullable=False),  # it stands in its place; else it builds on it
    CheckConstraint("earlier_id < release_id", name="earlier"),
)

# Every number of every request, as ``domain.output_cell`` has it; numbers are decimal text.
output_cells = Table(
    "output_cells",
    metadata,
    Column("release_id", Id, ForeignKey("releases.id"), primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),  # from 0
    Column("lineage", Text, nullable=False),
    Column("snapshot", Text, nullable=False),
    Column("source", Text, nullable=False),  # the relation's text; empty: no question was given
    Column("file", Text, nullable=False),
    Column("row", Integer, nullable=False),
    Column("column", Text, nullable=False),
    Column("population", Text, nullable=False),  # JSON list
    Column("columns", Text, nullable=False),  # that the population looks at, one on each line
    Column("population_mark", String(16), nullable=False),  # the beginning of its SHA-256, to be found by
    Column("base", Text, nullable=False),  # JSON list; empty: it is no share
    Column("dims", Text, nullable=False),  # JSON list of names and labels
    Column("labels_mark", String(16), nullable=False),  # of the labels in one order
    Column("counted", String(16), nullable=False),
    Column("of", Text, nullable=False),
    Column("value", Text),  # null: suppressed
    Column("low", Text, nullable=False),
    Column("high", Text),  # null: nothing bounds it
    Column("step", Text, nullable=False),
    Column("units", Integer),  # private; null: not computed again
    Column("margin", Boolean, nullable=False),
    Column("turn", Integer, nullable=False, default=1, server_default="1"),
    Index("ix_output_cells_space", "lineage", "source", "snapshot"),
    Index("ix_output_cells_population", "lineage", "population_mark"),
    Index("ix_output_cells_labels", "lineage", "labels_mark"),
)

# Numbered for each author apart, so that a number tells nothing of what others wrote.
review_comments = Table(
    "review_comments",
    metadata,
    Column("release_id", Id, ForeignKey("releases.id"), primary_key=True, autoincrement=False),
    Column("author", Name, ForeignKey("people.name"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),  # from 1
    Column("turn", Integer, nullable=False),
    Column("file", Text, nullable=False),  # empty: all files together
    Column("row", Integer),  # 0-based data row; null: no cell
    Column("column", Text, nullable=False),  # empty: the whole file
    Column("text", Text, nullable=False),
    Column("written_at", Time, nullable=False),
    Column("voided", Text, nullable=False),  # why it counts no more; empty: it does
)

# Known to who sent and who planted it alone, until it is decided.
planted_outputs = Table(
    "planted_outputs",
    metadata,
    Column("release_id", Id, ForeignKey("releases.id"), primary_key=True, autoincrement=False),
    Column("statement", Text, nullable=False),  # canonical JSON
    Column("salt", Hash, nullable=False),
    Column("commitment", Hash, nullable=False),  # of both; it is on the log from the start
    Column("planted_by", Name, nullable=False),  # the operator has no account
    Column("planted_at", Time, nullable=False),
    Column("entry", Id, nullable=False, unique=True),  # of the log
    Column("outcome", String(16), nullable=False),  # empty: not decided yet
    Column("decision", String(16), nullable=False),
    Column("decided_at", Time, nullable=False),
    CheckConstraint("(outcome = '') = (decided_at = '')", name="decided"),
)
