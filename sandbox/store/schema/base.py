"""What all tables share: their list, the names of constraints, and kinds of columns."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, MetaData, String

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
