"""What a day has changed: whether a person had allowed a write, and an index to count a map's writes since a moment.

What is not here: when writes of before this version were allowed; they count as not.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the index."""
    op.add_column("journal", sa.Column("permitted", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index(op.f("ix_journal_map_opened_at"), "journal", ["map", "opened_at"], unique=False)
