"""How equal both sides were when they were last compared: per map and rule, how much was compared, and what was found.

What is not here: comparing (`engine.audit`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from syncd.store.sql import upsert
from syncd.store.tables import parity


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """One rule of one map. `rule` is empty for the records themselves. `classes`: how often each finding was made.

    `whole`: every link was looked at between `began_at` and `at`; else it is a round that goes on.
    """

    map: str
    rule: str
    whole: bool
    compared: int
    classes: Mapping[str, int]
    began_at: datetime
    at: datetime


class Parities:
    """The last whole round of each map, and the one that goes on."""

    def __init__(self, connection: Connection) -> None:
        """Work on this connection."""
        self.connection = connection

    def of(self, map_key: str | None = None, *, whole: bool | None = None) -> list[Parity]:
        """What is known (of a map; of whole rounds or the running one), by map and rule."""
        query = select(parity).order_by(parity.c.map, parity.c.rule, parity.c.whole)
        if map_key is not None:
            query = query.where(parity.c.map == map_key)
        if whole is not None:
            query = query.where(parity.c.whole == whole)
        return [Parity(**row._mapping) for row in self.connection.execute(query)]

    def put(self, rows: Iterable[Parity]) -> None:
        """Store these in the place of what was there."""
        names = Parity.__dataclass_fields__
        upsert(self.connection, parity, [{name: getattr(row, name) for name in names} for row in rows])

    def replace(self, map_key: str, rows: Iterable[Parity]) -> None:
        """A whole round has ended: it is all that is known of the map from now on."""
        self.connection.execute(delete(parity).where(parity.c.map == map_key))
        self.put(rows)

    def complete(self, map_key: str) -> None:
        """The round that goes on has seen every link: it is the last whole one now."""
        of_map = parity.c.map == map_key
        if self.of(map_key, whole=False):
            self.connection.execute(delete(parity).where(of_map, parity.c.whole.is_(True)))
            self.connection.execute(update(parity).where(of_map).values(whole=True))
