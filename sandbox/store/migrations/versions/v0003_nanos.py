"""Losses are kept in nanos of the lineage's own measure (rho or epsilon), and their columns say so."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_RENAMED = {
    "lineage_accounts": ("cap", "project_cap", "spent"),
    "project_accounts": ("cap", "spent"),
    "profiles": ("charged",),
    "questions": ("price", "charged"),
}


def upgrade() -> None:
    """Rename ``…_nano_rho`` to ``…_nano``; the databases carry their CHECKs over."""
    for table, parts in _RENAMED.items():
        for part in parts:
            op.execute(sa.text(f"ALTER TABLE {table} RENAME COLUMN {part}_nano_rho TO {part}_nano"))
