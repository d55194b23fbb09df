"""The ids that merges left behind.

What is not here: other changes; each has its own file, and none is edited once released.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "aliases",
        sa.Column("system", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("became", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("system", "kind", "id"),
        sqlite_with_rowid=False,
    )
