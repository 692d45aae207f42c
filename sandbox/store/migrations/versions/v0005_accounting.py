"""How a lineage's losses add up, beside its account: for its whole life."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; until now there was one accounting."""
    column = sa.Column("accounting", sa.String(16), nullable=False, server_default="zcdp")
    op.add_column("lineage_accounts", column)
