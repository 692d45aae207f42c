"""The whole database on one page. The same on SQLite and PostgreSQL.

- Losses are whole numbers (nanos of the lineage's measure, atto-delta); no float is stored anywhere.
- Times are text: ISO 8601, UTC, microseconds, so that they sort as they are and read the same on both databases.
- Documents (policies, agreements, facts) are text in canonical form, so that their hashes can be taken again.
- Nothing is deleted: every change of state is an UPDATE, and the log keeps what it was.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    true,
)

# Constraints have the same names everywhere, so that a migration can speak of them.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only in a column of exactly INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")
Hash = String(64)  # SHA-256, lower-case hexadecimal
Time = String(32)
Name = String(64)
# Compared by its bytes on both databases, so that all words with one beginning lie together.
Word = String(64).with_variant(String(64, collation="C"), "postgresql")

# Who

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

# What

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

# May

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

# The ledger

lineage_accounts = Table(
    "lineage_accounts",
    metadata,
    Column("lineage", Text, primary_key=True),
    Column(
        "accounting", String(16), nullable=False, server_default="zcdp"
    ),  # what its nanos are of, for life
    Column("cap_nano", BigInteger, nullable=False),
    Column("cap_atto_delta", BigInteger, nullable=False),
    Column("project_cap_nano", BigInteger, nullable=False),  # the quota a new project starts with
    Column("project_cap_atto_delta", BigInteger, nullable=False),
    Column("spent_nano", BigInteger, nullable=False, default=0),
    Column("spent_atto_delta", BigInteger, nullable=False, default=0),
    CheckConstraint("spent_nano >= 0 AND spent_atto_delta >= 0", name="spent"),
    CheckConstraint("cap_nano >= 0 AND cap_atto_delta >= 0", name="cap"),
)

# What was spent to learn how units contribute; each row is public once it is released.
profiles = Table(
    "profiles",
    metadata,
    Column("id", Id, primary_key=True),
    Column("lineage", Text, ForeignKey("lineage_accounts.lineage"), nullable=False, index=True),
    Column("dataset", Name, ForeignKey("datasets.name"), nullable=False),
    Column("table", Text, nullable=False),
    Column("snapshot", String(64), nullable=False, unique=True),  # a snapshot's profile is charged once
    Column("charged_nano", BigInteger, nullable=False),
    Column("charged_atto_delta", BigInteger, nullable=False),
    Column("reserved_at", Time, nullable=False),
    Column("released_at", Time, nullable=False, default=""),
    Column("document", Text, nullable=False, default=""),  # canonical JSON; empty until it is released
    Column("sha256", Hash, nullable=False, default=""),  # of the document: the profile's id
    CheckConstraint("charged_nano > 0 AND charged_atto_delta >= 0", name="charged"),
    sqlite_autoincrement=True,
)

# Base releases: tables of counts from which counts are answered free; likewise.
bases = Table(
    "bases",
    metadata,
    Column("id", Id, primary_key=True),
    Column("lineage", Text, ForeignKey("lineage_accounts.lineage"), nullable=False, index=True),
    Column("dataset", Name, ForeignKey("datasets.name"), nullable=False),
    Column("table", Text, nullable=False),
    Column("snapshot", String(64), nullable=False, unique=True),  # a snapshot's base is charged once
    Column("charged_nano", BigInteger, nullable=False),
    Column("charged_atto_delta", BigInteger, nullable=False),
    Column("reserved_at", Time, nullable=False),
    Column("released_at", Time, nullable=False, default=""),
    Column("document", Text, nullable=False, default=""),  # canonical JSON; empty until it is released
    Column("sha256", Hash, nullable=False, default=""),  # of the document: the base's id
    CheckConstraint("charged_nano > 0 AND charged_atto_delta >= 0", name="charged"),
    sqlite_autoincrement=True,
)

project_accounts = Table(
    "project_accounts",
    metadata,
    Column("lineage", Text, ForeignKey("lineage_accounts.lineage"), primary_key=True),
    Column("project", Text, primary_key=True),
    Column("cap_nano", BigInteger, nullable=False),
    Column("cap_atto_delta", BigInteger, nullable=False),
    Column("spent_nano", BigInteger, nullable=False, default=0),
    Column("spent_atto_delta", BigInteger, nullable=False, default=0),
    CheckConstraint("spent_nano >= 0 AND spent_atto_delta >= 0", name="spent"),
    CheckConstraint("cap_nano >= 0 AND cap_atto_delta >= 0", name="cap"),
)

questions = Table(
    "questions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("grant_id", Id, ForeignKey("grants.id"), nullable=False),
    Column("person", Name, nullable=False),
    Column("project", Text, nullable=False),
    Column("lineage", Text, nullable=False),
    Column("dataset", Name, nullable=False),
    Column("snapshot", Text, nullable=False),
    Column("policy_hash", Hash, nullable=False),
    Column("canonical", Text, nullable=False),
    Column("question_hash", Hash, nullable=False),  # of the canonical text
    Column("price_nano", BigInteger, nullable=False),  # what the answer costs to make: part of its identity
    Column("price_atto_delta", BigInteger, nullable=False),
    Column("charged_nano", BigInteger, nullable=False),  # the price, or 0 when an earlier answer served
    Column("charged_atto_delta", BigInteger, nullable=False),
    Column("idempotency_key", String(200)),  # null: none was given
    Column("state", String(16), nullable=False),
    Column("worker", Text, nullable=False),  # the process that runs it, for recovery
    Column("asked_at", Time, nullable=False),
    Column("ended_at", Time, nullable=False, default=""),
    Column("answer", LargeBinary),
    Column("answer_sha256", Hash, nullable=False, default=""),
    Column("same_as", Id, ForeignKey("questions.id")),  # the question whose answer served this one, free
    UniqueConstraint("grant_id", "idempotency_key"),
    ForeignKeyConstraint(["lineage", "project"], ["project_accounts.lineage", "project_accounts.project"]),
    CheckConstraint("charged_nano >= 0 AND charged_atto_delta >= 0", name="charged"),
    CheckConstraint("state <> 'released' OR answer IS NOT NULL OR same_as IS NOT NULL", name="answered"),
    Index("ix_questions_identity", "dataset", "question_hash", "snapshot"),
    Index("ix_questions_account", "lineage", "project"),
    Index("ix_questions_state", "state"),
    sqlite_autoincrement=True,
)

# Out

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

# Objected to, and stopped

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

# Society: what everybody may ask, say and read

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

# How people show who they are, and what they learnt

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

# The catalogue's index: made from the newest policies, and made again when it is missing or of an older form

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

# How policies change

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

# What outputs say together

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

# Code beside the rows

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

# Data at rest

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

# What comes in

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

# What people are told

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

# What reviewers write beside outputs

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

# The log

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
