"""Which two records a person said are not the same: never asked about again, never linked again.

What is not here: saying so (`engine.by_hand`), and what outweighs it: our own sync key (`core.match`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, delete, select

from syncd.core.model import Side
from syncd.store.sql import among, chunks, upsert
from syncd.store.tables import refused

_OF = {
    side: select(refused.c.left_id, refused.c.right_id).where(refused.c.map == bindparam("map"), among(column))
    for side, column in ((Side.LEFT, refused.c.left_id), (Side.RIGHT, refused.c.right_id))
}


class Refusals:
    """Refused pairs by map."""

    def __init__(self, connection: Connection) -> None:
        """Work on this connection."""
        self.connection = connection

    def add(self, map_key: str, left_id: str, right_id: str, at: datetime) -> None:
        """Remember that these two are not the same."""
        row = {"map": map_key, "left_id": left_id, "right_id": right_id, "at": at}
        upsert(self.connection, refused, [row])

    def remove(self, map_key: str, left_id: str, right_id: str) -> bool:
        """A person thinks otherwise now; whether it was remembered."""
        pair = and_(refused.c.map == map_key, refused.c.left_id == left_id, refused.c.right_id == right_id)
        return bool(self.connection.execute(delete(refused).where(pair)).rowcount)

    def of(self, map_key: str, side: Side, ids: Iterable[str]) -> set[tuple[str, str]]:
        """The refused pairs, left id and right id, that these ids of a side are in."""
        found: set[tuple[str, str]] = set()
        for chunk in chunks(ids):
            rows = self.connection.execute(_OF[side], {"map": map_key, "among": chunk})
            found.update((row.left_id, row.right_id) for row in rows)
        return found
