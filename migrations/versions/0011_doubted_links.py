"""Links of a store that was restored from a copy: what happened since is not known of them.

What is not here: links that are in doubt by now; there are none.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("links", sa.Column("doubted", sa.Boolean(), nullable=True))
