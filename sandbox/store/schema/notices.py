"""What people are told, and what is sent out of the portal."""

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
    UniqueConstraint,
)

from sandbox.store.schema.base import Id, Name, Time, metadata

# Derived from the log, in its order: ``seq`` is the entry. Worded when it is shown.
notices = Table(
    "notices",
    metadata,
    Column("id", Id, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("person", Name, ForeignKey("people.name"), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("topic", String(16), nullable=False),
    Column("urgency", String(8), nullable=False),
    Column("details", Text, nullable=False),  # canonical JSON: name -> text
    Column("link", Text, nullable=False),  # a path of the portal
    Column("at", Time, nullable=False),  # the minute of the event
    Column("read_at", Time, nullable=False, default=""),  # empty: not yet
    UniqueConstraint("seq", "person"),  # an entry is told once to each
    Index("ix_notices_unread", "person", "read_at", "id"),
    Index("ix_notices_newest", "person", "id"),
    sqlite_autoincrement=True,
)

# How far the log was read.
notice_cursor = Table(
    "notice_cursor",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("seq", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

# What is to leave the portal, and what has left it.
outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column(
        "key", String(128), nullable=False, unique=True
    ),  # the same at every try: a receiver knows it again
    Column("person", Name, ForeignKey("people.name"), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("notices", Text, nullable=False),  # JSON list of numbers; empty: a code that confirms an address
    Column("digest", Boolean, nullable=False),
    Column("state", String(16), nullable=False),
    Column("made_at", Time, nullable=False),
    Column("due_at", Time, nullable=False),  # when it is tried next
    Column("attempts", Integer, nullable=False, default=0),
    Column("ended_at", Time, nullable=False, default=""),
    Column("failure", Text, nullable=False, default=""),  # of the newest try, in words of ours
    Index("ix_outbox_waiting", "state", "due_at"),
    Index("ix_outbox_made", "person", "channel", "made_at"),
    sqlite_autoincrement=True,
)

notice_choices = Table(
    "notice_choices",
    metadata,
    Column("person", Name, ForeignKey("people.name"), primary_key=True),
    Column("channel", String(16), primary_key=True),
    Column("pace", String(16), nullable=False),
)

mail_addresses = Table(
    "mail_addresses",
    metadata,
    Column("person", Name, ForeignKey("people.name"), primary_key=True),
    Column("address", String(254), nullable=False, default=""),  # confirmed; empty: none is
    Column("asked", String(254), nullable=False, default=""),  # to be confirmed; empty: none is
    Column("asked_at", Time, nullable=False, default=""),
    Column("tries", Integer, nullable=False, default=0),  # wrong codes since then
    Column("asked_day", String(10), nullable=False, default=""),  # ISO date
    Column("asked_times", Integer, nullable=False, default=0),  # on that day
)
