"""The tables. The only place that knows the columns.

What is not here: how values travel into them (`columns`), statements (the sibling modules) and how the tables come to
be (`migrations/`).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from syncd.store.columns import Json, Moment

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
)


def _id() -> Column[int]:
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


feeds = Table(
    "feeds",
    metadata,
    Column("system", String(64), primary_key=True),
    Column("kind", String(64), primary_key=True),
    Column("cursor", Json),
    Column("read_to", Moment),
    Column("backfilled", Boolean, nullable=False, default=False),
    Column("polled_at", Moment),
    Column("leased_until", Moment),
    Column("fence", BigInteger, nullable=False, default=0),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("system", String(64), primary_key=True),
    Column("kind", String(64), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("fields", Json, nullable=False),
    Column("missing", Json),
    Column("version", String(64)),
    Column("modified_at", Moment),
    Column("created_at", Moment),
    Column("read_at", Moment),
    Column("mine", Boolean),
    Column("was", Json),
    Column("gone", String(16)),
    sqlite_with_rowid=False,
)

aliases = Table(
    "aliases",
    metadata,
    Column("system", String(64), primary_key=True),
    Column("kind", String(64), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("became", String(64), nullable=False),
    sqlite_with_rowid=False,
)

links = Table(
    "links",
    metadata,
    _id(),
    Column("map", String(128), nullable=False),
    Column("left_id", String(64), nullable=False),
    Column("right_id", String(64), nullable=False),
    Column("state", String(8), nullable=False),
    Column("reason", Text),
    Column("left_base", Json),
    Column("right_base", Json),
    Column("ruleset", Integer),
    Column("unknown", Json),
    Column("made_at", Moment, nullable=False),
    Column("closed_at", Moment),
    Column("gone_at", Moment),
    Column("doubted", Boolean),
    Column("leased_until", Moment),
    Column("fence", BigInteger, nullable=False, default=0),
    Index("ux_links_left", "map", "left_id", unique=True, sqlite_where=text("state = 'open'"),
          postgresql_where=text("state = 'open'")),
    Index("ux_links_right", "map", "right_id", unique=True, sqlite_where=text("state = 'open'"),
          postgresql_where=text("state = 'open'")),
    Index("ix_links_closed_left", "map", "left_id", sqlite_where=text("state = 'closed'"),
          postgresql_where=text("state = 'closed'")),
    Index("ix_links_closed_right", "map", "right_id", sqlite_where=text("state = 'closed'"),
          postgresql_where=text("state = 'closed'")),
    Index("ix_links_leaving", "map", sqlite_where=text("gone_at IS NOT NULL"),
          postgresql_where=text("gone_at IS NOT NULL")),
    Index("ix_links_leased", "fence", sqlite_where=text("leased_until IS NOT NULL"),
          postgresql_where=text("leased_until IS NOT NULL")),
)  # fmt: skip

rulesets = Table(
    "rulesets",
    metadata,
    _id(),
    Column("map", String(128), nullable=False),
    Column("digest", String(32), nullable=False),
    Column("names", Json, nullable=False),
    UniqueConstraint("map", "digest"),
)

ASKED = text("state = 'parked' AND cause = 'question'")
"""A mark whose record may be the same as another; spelled out, so that the index over them is used."""

PARKED_ONES = text("state = 'parked'")
"""A mark that waits for a person or a changed world; spelled out for the same reason."""

marks = Table(
    "marks",
    metadata,
    Column("map", String(128), primary_key=True),
    Column("side", String(5), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("generation", BigInteger, nullable=False, default=1),
    Column("state", String(8), nullable=False),
    Column("lane", Integer, nullable=False, default=1),
    Column("due_at", Moment, nullable=False),
    Column("first_at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("reread", Boolean, nullable=False, default=False),
    Column("pulled", Boolean, nullable=False, default=False),
    Column("cause", String(32)),
    Column("reason", Text),
    Column("waits_for", String(200)),
    Column("plan", Json),
    Column("permit", Json),
    Column("anew", Json),
    Column("leased_until", Moment),
    Column("fence", BigInteger, nullable=False, default=0),
    Index(None, "state", "map", "lane", "due_at"),
    Index(None, "state", "map", "side", "lane", "due_at"),
    Index(None, "waits_for"),
    Index("ix_marks_asked", "map", sqlite_where=ASKED, postgresql_where=ASKED),
    Index("ix_marks_parked", "state", "map", "cause", "first_at", "side", "id", sqlite_where=PARKED_ONES,
          postgresql_where=PARKED_ONES),
    Index("ix_marks_leased", "fence", sqlite_where=text("leased_until IS NOT NULL"),
          postgresql_where=text("leased_until IS NOT NULL")),
    sqlite_with_rowid=False,
)  # fmt: skip

match_keys = Table(
    "match_keys",
    metadata,
    Column("scope", BigInteger, primary_key=True, autoincrement=False),
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    Column("id", String(64), primary_key=True),
    Index(None, "scope", "id"),
    sqlite_with_rowid=False,
)
"""`scope`: a number that stands for a side of a map, `key` for a key; both are made of their texts."""

refused = Table(
    "refused",
    metadata,
    Column("map", String(128), primary_key=True),
    Column("left_id", String(64), primary_key=True),
    Column("right_id", String(64), primary_key=True),
    Column("at", Moment, nullable=False),
    Index(None, "map", "right_id"),
    sqlite_with_rowid=False,
)

paused = Table(
    "paused",
    metadata,
    Column("system", String(64), primary_key=True),
    Column("kind", String(64), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("at", Moment, nullable=False),
    sqlite_with_rowid=False,
)

journal = Table(
    "journal",
    metadata,
    _id(),
    Column("run", BigInteger),
    Column("map", String(128), nullable=False),
    Column("side", String(5), nullable=False),
    Column("action", String(8), nullable=False),
    Column("link", BigInteger),
    Column("record_id", String(64)),
    Column("source_id", String(64), nullable=False),
    Column("fields", Json, nullable=False),
    Column("before", Json, nullable=False),
    Column("rules", Json, nullable=False),
    Column("version", String(64)),
    Column("outcome", String(16)),
    Column("error", Text),
    Column("heard_at", Moment),
    Column("opened_at", Moment, nullable=False),
    Column("lands_by", Moment),
    Column("closed_at", Moment),
    Column("fence", BigInteger, nullable=False, default=0),
    Column("permitted", Boolean, nullable=False, server_default=false()),
    Index(None, "map", "opened_at"),
    Index("ix_journal_open", "map", "source_id", sqlite_where=text("outcome IS NULL"),
          postgresql_where=text("outcome IS NULL")),
    Index("ix_journal_made", "map", "id", sqlite_where=text("action = 'create'"),
          postgresql_where=text("action = 'create'")),
    Index(None, "run", "id"),
    Index(None, "link", "outcome"),
    Index(None, "map", "source_id"),
    Index(None, "map", "record_id"),
)  # fmt: skip

claims = Table(
    "claims",
    metadata,
    Column("system", String(64), primary_key=True),
    Column("kind", String(64), primary_key=True),
    Column("key", LargeBinary(8), primary_key=True),
    Column("intent", BigInteger, nullable=False, index=True),
)

CHOSEN = text("choice IS NOT NULL")
"""A conflict of which a person has taken a side; spelled out for the same reason."""

conflicts = Table(
    "conflicts",
    metadata,
    _id(),
    Column("map", String(128), nullable=False),
    Column("link", BigInteger, nullable=False),
    Column("rule", String(200), nullable=False),
    Column("state", String(16), nullable=False),
    Column("left_id", String(64), nullable=False),
    Column("right_id", String(64), nullable=False),
    Column("left_value", Json),
    Column("right_value", Json),
    Column("lost_side", String(5)),
    Column("reason", Text, nullable=False),
    Column("forced", Boolean, nullable=False, default=False),
    Column("choice", Json),
    Column("run", BigInteger),
    Column("at", Moment, nullable=False),
    Column("closed_at", Moment),
    Index("ux_conflicts_open", "link", "rule", unique=True, sqlite_where=text("state = 'open'"),
          postgresql_where=text("state = 'open'")),
    Index(None, "link"),
    Index(None, "state", "map", "id"),
    Index(None, "state", "map", "rule", "id"),
    Index("ix_conflicts_chosen", "state", "map", "id", sqlite_where=CHOSEN, postgresql_where=CHOSEN),
)  # fmt: skip

runs = Table(
    "runs",
    metadata,
    _id(),
    Column("pair", String(64), nullable=False),
    Column("mode", String(8), nullable=False),
    Column("state", String(12), nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("counts", Json),
    Column("digest", String(64)),
    Index(None, "pair", "id"),
    Index(None, "pair", "state", "id"),
)

pairs = Table(
    "pairs",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("leased_until", Moment),
    Column("fence", BigInteger, nullable=False, default=0),
)

systems = Table(
    "systems",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("state", String(12), nullable=False),
    Column("reason", Text),
    Column("since", Moment, nullable=False),
    Column("again_at", Moment),
)

facts = Table(
    "facts",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("value", Json),
)

parity = Table(
    "parity",
    metadata,
    Column("map", String(128), primary_key=True),
    Column("rule", String(200), primary_key=True),
    Column("whole", Boolean, primary_key=True),
    Column("compared", Integer, nullable=False),
    Column("classes", Json, nullable=False),
    Column("began_at", Moment, nullable=False),
    Column("at", Moment, nullable=False),
    sqlite_with_rowid=False,
)

turns = Table(
    "turns",
    metadata,
    Column("key", String(128), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("free_at", Moment, nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("sentence", Text, nullable=False),
    Column("since", Moment, nullable=False),
    Column("told_at", Moment),
    Column("over_at", Moment),
)

accounts = Table(
    "accounts",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("secret", Text),
    Column("failures", Integer, nullable=False, default=0),
    Column("locked_until", Moment),
    Column("made_at", Moment, nullable=False),
    Column("ended_at", Moment),
)

tokens = Table(
    "tokens",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("account", String(64), nullable=False),
    Column("label", String(200), nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Index(None, "account", "kind"),
    Index(None, "kind", "ends_at"),
)

deeds = Table(
    "deeds",
    metadata,
    _id(),
    Column("at", Moment, nullable=False, index=True),
    Column("account", String(64), nullable=False),
    Column("deed", String(64), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("detail", Json, nullable=False),
)

versions = Table(
    "versions",
    metadata,
    _id(),
    Column("map", String(128), nullable=False),
    Column("at", Moment, nullable=False),
    Column("account", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("text", Text, nullable=False),
    Index(None, "map", "id"),
)

tallies = Table(
    "tallies",
    metadata,
    Column("pair", String(64), primary_key=True),
    Column("hour", Moment, primary_key=True, autoincrement=False),
    Column("what", String(32), primary_key=True),
    Column("count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
