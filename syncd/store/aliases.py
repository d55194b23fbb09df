"""Aliases: the ids that merges left behind, and what they lead to.

What is not here: what a merge means for a link (`engine.leaving`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, bindparam, select

from syncd.store.sql import among, chunks, upsert
from syncd.store.tables import aliases

_NEXT = select(aliases.c.id, aliases.c.became).where(
    aliases.c.system == bindparam("system"), aliases.c.kind == bindparam("kind"), among(aliases.c.id)
)

LONGEST = 50
"""Merges in a row that are followed; a vendor that turned a chain back upon itself must not hold us for ever."""


class Aliases:
    """Old ids by (system, kind, id)."""

    def __init__(self, connection: Connection) -> None:
        """Work on this connection."""
        self.connection = connection

    def put(self, system: str, kind: str, became: Mapping[str, str]) -> None:
        """Remember that these ids became those."""
        rows = [{"system": system, "kind": kind, "id": old, "became": new} for old, new in became.items()]
        upsert(self.connection, aliases, rows)

    def resolve(self, system: str, kind: str, ids: Iterable[str]) -> dict[str, str]:
        """What each of these ids is called now: the end of its chain, or itself."""
        found = {id_: id_ for id_ in ids}
        for _ in range(LONGEST):
            steps: dict[str, str] = {}
            for chunk in chunks(found.values()):
                rows = self.connection.execute(_NEXT, {"system": system, "kind": kind, "among": chunk})
                steps.update({row.id: row.became for row in rows})
            if not steps:
                break
            found = {id_: steps.get(now, now) for id_, now in found.items()}
        return found
