"""How much was done in each hour, for charts; indexes for lists; and views that a letter cannot break.

PostgreSQL's JSON refuses the letter NUL, which a text of a vendor may hold: the reports leave it out. What is not here:
what was done before this version.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# Not where a backslash that stands for itself comes before it.
NUL = r"regexp_replace({0}, '(?<!\\)((?:\\\\)*)\\u0000', '\1', 'g')::jsonb"
TIME = "to_timestamp({0} / 1000000.0) AS {1}"
VIEWS = {
    "report_changes": f"""
        SELECT journal.id AS write, run, map, side, record_id, field.key AS field,
               {NUL.format("journal.before")} ->> field.key AS old_value, field.value AS new_value,
               {TIME.format("closed_at", "changed_at")}
        FROM journal CROSS JOIN LATERAL jsonb_each_text({NUL.format("journal.fields")}) AS field
        WHERE outcome IN ('written', 'landed')""",
    "report_records": f"""
        SELECT system, kind, id, {NUL.format("fields")} AS fields, gone, {TIME.format("created_at", "created_at")},
               {TIME.format("modified_at", "modified_at")}, {TIME.format("read_at", "read_at")}
        FROM snapshots""",
}


def upgrade() -> None:
    """Make them."""
    parked = sa.text("state = 'parked'")
    keys = ["state", "map", "cause", "first_at", "side", "id"]
    op.create_index("ix_marks_parked", "marks", keys, sqlite_where=parked, postgresql_where=parked)
    if op.get_bind().dialect.name == "postgresql":
        for name, query in VIEWS.items():
            op.execute(f"CREATE OR REPLACE VIEW {name} AS {query}")
    chosen = sa.text("choice IS NOT NULL")
    op.drop_index("ix_conflicts_state_map", "conflicts")
    op.create_index("ix_conflicts_state_map_id", "conflicts", ["state", "map", "id"])
    op.create_index("ix_conflicts_state_map_rule_id", "conflicts", ["state", "map", "rule", "id"])
    keys = ["state", "map", "id"]
    op.create_index("ix_conflicts_chosen", "conflicts", keys, sqlite_where=chosen, postgresql_where=chosen)
    op.create_index("ix_journal_run_id", "journal", ["run", "id"])
    op.create_table(
        "tallies",
        sa.Column("pair", sa.String(64), nullable=False),
        sa.Column("hour", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pair", "hour", "what"),
        sqlite_with_rowid=False,
    )
