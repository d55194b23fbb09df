"""The audit: which rules of a mark are decided anew, and how equal both sides were when they were last compared.

What is not here: where the next slice begins; that is a fact among the others.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the table."""
    op.add_column("marks", sa.Column("anew", sa.Text(), nullable=True))
    op.create_table(
        "parity",
        sa.Column("map", sa.String(length=128), nullable=False),
        sa.Column("rule", sa.String(length=200), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("compared", sa.Integer(), nullable=False),
        sa.Column("classes", sa.Text(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("map", "rule", "whole"),
        sqlite_with_rowid=False,
    )
