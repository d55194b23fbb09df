"""Views for reports: what other programs may read without knowing our tables.

What is not here: anything stored; they say what the tables say.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

VIEWS = {
    "report_runs": """
        SELECT id AS run, pair, mode, state, {started_at} AS started_at, {ended_at} AS ended_at
        FROM runs""",
    "report_links": """
        SELECT id AS link, map, left_id, right_id, state, reason, {made_at} AS made_at, {closed_at} AS closed_at
        FROM links""",
    "report_handoffs": """
        SELECT id AS write, run, map, side, source_id, record_id, {closed_at} AS made_at
        FROM journal
        WHERE action = 'create' AND outcome IN ('written', 'landed')""",
    "report_writes": """
        SELECT id AS write, run, map, side, action, outcome, link, source_id, record_id, error,
               {opened_at} AS opened_at, {closed_at} AS closed_at
        FROM journal""",
    "report_changes": """
        SELECT journal.id AS write, run, map, side, record_id, field.key AS field, {old} AS old_value,
               {new} AS new_value, {closed_at} AS changed_at
        FROM journal{each}
        WHERE outcome IN ('written', 'landed')""",
    "report_records": """
        SELECT system, kind, id, {read_fields} AS fields, gone, {created_at} AS created_at,
               {modified_at} AS modified_at, {read_at} AS read_at
        FROM snapshots""",
    "report_conflicts": """
        SELECT id AS conflict, map, rule, state, left_id, right_id, {left_value} AS left_value,
               {right_value} AS right_value, lost_side, reason, run, {at} AS at, {closed_at} AS closed_at
        FROM conflicts""",
}
TIMES = ("started_at", "ended_at", "made_at", "closed_at", "opened_at", "created_at", "modified_at", "read_at", "at")
SQLITE = {
    **{name: f"strftime('%Y-%m-%dT%H:%M:%SZ', {name} / 1000000, 'unixepoch')" for name in TIMES},
    "each": ", json_each(journal.fields) AS field",
    "old": "json_extract(journal.before, '$.\"' || field.key || '\"')",
    "new": "field.value",
    "read_fields": "fields",
    "left_value": "left_value",
    "right_value": "right_value",
}
POSTGRESQL = {
    **{name: f"to_timestamp({name} / 1000000.0)" for name in TIMES},
    "each": " CROSS JOIN LATERAL jsonb_each_text(journal.fields::jsonb) AS field",
    "old": "journal.before::jsonb ->> field.key",
    "new": "field.value",
    "read_fields": "fields::jsonb",
    "left_value": "left_value",
    "right_value": "right_value",
}


def upgrade() -> None:
    """Make the views."""
    words = SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL
    for name, text in VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {text.format(**words)}")
