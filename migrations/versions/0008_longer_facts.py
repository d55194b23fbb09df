"""Names of facts long enough for what they name: a pair and a map, a system and one of its kinds.

What is not here: names of pairs, systems and maps; the config and the maps are held to shorter ones.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Widen the column."""
    with op.batch_alter_table("facts") as facts:
        facts.alter_column("name", existing_type=sa.String(64), type_=sa.String(200), existing_nullable=False)
