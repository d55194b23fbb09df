"""Which records a person wants left alone for a while, whatever changes on either side.

What is not here: saying so, and what it means on the way down the steps (both `engine.standstill`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select

from syncd.store.sql import among, chunks, upsert
from syncd.store.tables import paused

_OF_KIND = (paused.c.system == bindparam("in_system"), paused.c.kind == bindparam("in_kind"), among(paused.c.id))
_OF = select(paused.c.id, paused.c.at).where(*_OF_KIND)
_REMOVE = delete(paused).where(*_OF_KIND)


class Paused:
    """Records by (system, kind, id)."""

    def __init__(self, connection: Connection) -> None:
        """Work on this connection."""
        self.connection = connection

    def add(self, system: str, kind: str, id: str, at: datetime) -> None:
        """Leave this record alone from now on."""
        upsert(self.connection, paused, [{"system": system, "kind": kind, "id": id, "at": at}])

    def remove(self, system: str, kind: str, ids: Iterable[str]) -> None:
        """Go on with these."""
        for chunk in chunks(ids):
            self.connection.execute(_REMOVE, {"in_system": system, "in_kind": kind, "among": chunk})

    def of(self, system: str, kind: str, ids: Iterable[str]) -> dict[str, datetime]:
        """Those of these that are paused, and since when."""
        found: dict[str, datetime] = {}
        for chunk in chunks(ids):
            rows = self.connection.execute(_OF, {"in_system": system, "in_kind": kind, "among": chunk})
            found.update((row.id, row.at) for row in rows)
        return found
