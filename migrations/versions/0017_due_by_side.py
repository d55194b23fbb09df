"""What is due is found side by side: a batch takes one side's, however many of the other side's are due before it."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    op.create_index("ix_marks_state_map_side_lane_due_at", "marks", ["state", "map", "side", "lane", "due_at"])
