"""Pairs of records that a person said are not the same, and an index over the open questions.

What is not here: match keys of the new kinds; they are made anew when a map is adopted.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and the index."""
    op.create_table(
        "refused",
        sa.Column("map", sa.String(length=128), nullable=False),
        sa.Column("left_id", sa.String(length=64), nullable=False),
        sa.Column("right_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("map", "left_id", "right_id"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_refused_map_right_id"), "refused", ["map", "right_id"], unique=False)
    op.create_index(
        "ix_marks_asked",
        "marks",
        ["map"],
        unique=False,
        sqlite_where=sa.text("state = 'parked' AND cause = 'question'"),
        postgresql_where=sa.text("state = 'parked' AND cause = 'question'"),
    )
