"""Match keys as numbers, by a number for each side of a map: half the place, and found without a detour.

And an index of the journal by link and outcome, instead of one over those without an outcome.

What is not here: what a key is made of; the numbers are the bytes that were stored before.
"""

from hashlib import blake2b

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ROWS = 10_000


def upgrade() -> None:
    """Make the table anew, and move what it held."""
    new = op.create_table(
        "numbered_keys",
        sa.Column("scope", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", "id"),
        sqlite_with_rowid=False,
    )
    connection, after = op.get_bind(), ("", "", "", b"")
    query = sa.text(
        "SELECT map, side, id, key FROM match_keys WHERE (map, side, id, key) > (:map, :side, :id, :key) "
        "ORDER BY map, side, id, key LIMIT :most"
    )
    while True:
        given = dict(zip(("map", "side", "id", "key"), after, strict=True), most=_ROWS)
        rows = [tuple(row) for row in connection.execute(query, given)]
        if not rows:
            break
        values = [
            {"scope": _number(f"{m}\x1f{side}".encode()), "key": _signed(key), "id": id_} for m, side, id_, key in rows
        ]
        connection.execute(new.insert(), values)
        after = rows[-1]
    op.drop_table("match_keys")
    op.rename_table("numbered_keys", "match_keys")
    op.create_index(op.f("ix_match_keys_scope_id"), "match_keys", ["scope", "id"], unique=False)
    op.drop_index("ix_journal_open_link", table_name="journal")
    op.create_index(op.f("ix_journal_link_outcome"), "journal", ["link", "outcome"], unique=False)


def _number(text: bytes) -> int:
    return _signed(blake2b(text, digest_size=8).digest())


def _signed(key: bytes) -> int:
    return int.from_bytes(bytes(key), "big", signed=True)
