"""Who somebody is: names, roles, how they show it, and what they learnt."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    true,
)

from sandbox.store.schema.base import Hash, Id, Name, Time, metadata

people = Table(
    "people",
    metadata,
    Column("name", Name, primary_key=True),
    # argon2id, with its parameters; empty: no password, a provider says who it is
    Column("password_hash", Text, nullable=False),
    Column("roles", Text, nullable=False),  # canonical JSON list
    Column("added_at", Time, nullable=False),
    Column("active", Boolean, nullable=False, default=True, server_default=true()),
    Column("last_sign_in_at", Time, nullable=False, default="", server_default=""),
    # BCP 47, of what is said to them; empty: the site's
    Column("language", String(16), nullable=False, default="", server_default=""),
)

# Counted for unknown names too: a counter that only real names have would tell which names are real.
failed_logins = Table(
    "failed_logins",
    metadata,
    Column("name", Name, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("locked_until", Time, nullable=False),
    Column("last_at", Time, nullable=False, index=True),
)

second_factors = Table(
    "second_factors",
    metadata,
    Column("person", Name, ForeignKey("people.name"), primary_key=True),
    Column("secret", LargeBinary, nullable=False),  # encrypted; empty: not enrolled
    Column("pending", LargeBinary, nullable=False),  # encrypted, until its first code is typed; else empty
    Column("enrolled_at", Time, nullable=False, default=""),
    Column(
        "last_step", BigInteger, nullable=False
    ),  # of the last code used: it and those before serve no more
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("hash", Hash, primary_key=True),  # HMAC-SHA256 of name and code, with a key beside the database
    Column("person", Name, ForeignKey("people.name"), nullable=False, index=True),
    Column("made_at", Time, nullable=False),
    Column("used_at", Time, nullable=False, default=""),
    Column("withdrawn", Boolean, nullable=False, default=False),  # newer ones replaced it
)

# Whom an OpenID Connect provider means by a subject.
outside_identities = Table(
    "outside_identities",
    metadata,
    Column("id", Id, primary_key=True),
    Column("issuer", Text, nullable=False),
    Column("subject", String(255), nullable=False),
    Column("person", Name, ForeignKey("people.name"), nullable=False, index=True),
    Column("bound_at", Time, nullable=False),
    Column("ended_at", Time, nullable=False, default=""),  # empty: it holds
    Index("ix_outside_identities_subject", "issuer", "subject"),
    sqlite_autoincrement=True,
)

training_records = Table(
    "training_records",
    metadata,
    Column("id", Id, primary_key=True),
    Column("person", Name, ForeignKey("people.name"), nullable=False, index=True),
    Column("course", String(64), nullable=False),
    Column("until", String(10), nullable=False),  # ISO date, the last day it counts
    Column("recorded_at", Time, nullable=False),
    Column("recorded_by", Text, nullable=False),
    sqlite_autoincrement=True,
)
