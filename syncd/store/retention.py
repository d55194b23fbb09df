"""What is older than it is kept: taken out a little at a time. What is not here: how long that is (`config`).

Links, snapshots and what waits are never too old: they are what the sync goes by.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from syncd.store.tables import conflicts, deeds, journal, runs, tokens

ENDED = ("overruled", "agreed", "gone")
"""States of conflicts that are over. What was taken or kept is not: it says why two sides differ."""


def prune_journal(connection: Connection, maps: Sequence[str], before: datetime, *, most: int) -> int:
    """Writes of these maps that began before then and have an outcome; how many went."""
    count = 0
    for key in maps:
        where = (journal.c.map == key, journal.c.opened_at < before, journal.c.outcome.is_not(None))
        ids = connection.execute(select(journal.c.id).where(*where).order_by(journal.c.opened_at).limit(most - count))
        count += connection.execute(delete(journal).where(journal.c.id.in_(ids.scalars().all()))).rowcount
    return count


def prune_runs(connection: Connection, before: datetime, *, most: int) -> int:
    """Runs that ended before then; how many went. The oldest are looked at, so many as may go."""
    rows = connection.execute(select(runs.c.id, runs.c.ended_at).order_by(runs.c.id).limit(most))
    ids = [row.id for row in rows if row.ended_at is not None and row.ended_at < before]
    return int(connection.execute(delete(runs).where(runs.c.id.in_(ids))).rowcount)


def prune_conflicts(connection: Connection, before: datetime, *, most: int) -> int:
    """Conflicts from before then that nobody is asked about; how many went."""
    where = (conflicts.c.state.in_(ENDED), func.coalesce(conflicts.c.closed_at, conflicts.c.at) < before)
    ids = connection.execute(select(conflicts.c.id).where(*where).limit(most)).scalars().all()
    return int(connection.execute(delete(conflicts).where(conflicts.c.id.in_(ids))).rowcount)


def prune_deeds(connection: Connection, before: datetime, *, most: int) -> int:
    """What people did before then; how much went."""
    ids = connection.execute(select(deeds.c.id).where(deeds.c.at < before).order_by(deeds.c.at).limit(most))
    return int(connection.execute(delete(deeds).where(deeds.c.id.in_(ids.scalars().all()))).rowcount)


def prune_tokens(connection: Connection, before: datetime, *, most: int) -> int:
    """What let somebody in until then; how many went."""
    count = 0
    for kind in ("visit", "invite", "api", "oidc"):
        where = (tokens.c.kind == kind, tokens.c.ends_at <= before)
        found = connection.execute(select(tokens.c.digest).where(*where).limit(most - count)).scalars().all()
        count += connection.execute(delete(tokens).where(tokens.c.digest.in_(found))).rowcount
    return count
