"""An index by which the last run of a pair in a state is found, however many came after it."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    op.create_index("ix_runs_pair_state_id", "runs", ["pair", "state", "id"])
