"""A deletion is proved twice: links remember when one of their records was first found deleted.

What is not here: the links themselves (0001).
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, and the index over the few that have it."""
    op.add_column("links", sa.Column("gone_at", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_links_leaving", "links", ["map"],
        sqlite_where=sa.text("gone_at IS NOT NULL"), postgresql_where=sa.text("gone_at IS NOT NULL"),
    )  # fmt: skip
