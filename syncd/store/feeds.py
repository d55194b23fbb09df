"""Cursors: where each feed was read up to.

What is not here: what a cursor means; it is the connector's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from syncd.store.sql import upsert
from syncd.store.tables import feeds

_GET = select(feeds).where(feeds.c.system == bindparam("of_system"), feeds.c.kind == bindparam("of_kind"))
_BACKFILLED = select(feeds.c.system, feeds.c.kind).where(feeds.c.backfilled)


@dataclass(frozen=True, slots=True)
class FeedState:
    """A feed's stored state; `read_to` is the horizon in the vendor's clock."""

    system: str
    kind: str
    cursor: Mapping[str, Any] | None = None
    read_to: datetime | None = None
    backfilled: bool = False
    polled_at: datetime | None = None


class Feeds:
    """One row per (system, kind)."""

    def __init__(self, connection: Connection) -> None:
        """Work on this connection."""
        self.connection = connection

    def get(self, system: str, kind: str) -> FeedState:
        """The state; a fresh one if the feed was never read."""
        row = self.connection.execute(_GET, {"of_system": system, "of_kind": kind}).one_or_none()
        return _state(row) if row is not None else FeedState(system, kind)

    def all(self) -> list[FeedState]:
        """Every feed that was ever read."""
        return [_state(row) for row in self.connection.execute(select(feeds).order_by(feeds.c.system, feeds.c.kind))]

    def backfilled(self) -> set[tuple[str, str]]:
        """The (system, kind) of every feed that was read through once."""
        return {(row.system, row.kind) for row in self.connection.execute(_BACKFILLED)}

    def reset(self, system: str, kind: str) -> None:
        """Read a feed from the beginning once more; its horizon stays.

        Whoever reads it right now loses its lease: the page in his hand would move the cursor onwards again.
        """
        query = update(feeds).where(feeds.c.system == system, feeds.c.kind == kind)
        self.connection.execute(query.values(cursor=None, backfilled=False, leased_until=None))

    def move(self, state: FeedState) -> None:
        """Store a feed's state; the horizon only moves upwards."""
        before = self.get(state.system, state.kind)
        read_to = max((t for t in (before.read_to, state.read_to) if t is not None), default=None)
        row = {
            "system": state.system,
            "kind": state.kind,
            "cursor": state.cursor,
            "read_to": read_to,
            "backfilled": state.backfilled,
            "polled_at": state.polled_at,
            "fence": 0,
        }
        upsert(self.connection, feeds, [row], update=("cursor", "read_to", "backfilled", "polled_at"))


def _state(row: Row[tuple[object, ...]]) -> FeedState:
    return FeedState(row.system, row.kind, row.cursor, row.read_to, row.backfilled, row.polled_at)
