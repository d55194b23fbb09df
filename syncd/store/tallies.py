"""How much was done in each hour, summed up as it ended: charts look at hours, not at every run and write.

What is not here: what is counted (`service.tally`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, select

from syncd.store.sql import inserting
from syncd.store.tables import tallies

ALL = ""
"""The pair under which all pairs are counted together."""


@dataclass(frozen=True, slots=True)
class Tally:
    """So many of something in the hour that began then."""

    pair: str
    hour: datetime
    what: str
    count: int


class Tallies:
    """By pair, hour and what."""

    def __init__(self, connection: Connection) -> None:
        """Work on this connection."""
        self.connection = connection

    def add(self, counts: Mapping[tuple[str, datetime, str], int]) -> None:
        """Count so many more of each (pair, hour, what)."""
        if counts:
            statement = inserting(self.connection.dialect.name, tallies)
            more = statement.on_conflict_do_update(
                index_elements=list(tallies.primary_key.columns.keys()),
                set_={"count": tallies.c.count + statement.excluded.count},
            )
            rows = [{"pair": key[0], "hour": key[1], "what": key[2], "count": n} for key, n in sorted(counts.items())]
            self.connection.execute(more, rows)

    def of(self, pair: str, since: datetime) -> list[Tally]:
        """A pair's hours from then on, oldest first."""
        query = _OF.order_by(tallies.c.hour, tallies.c.what)
        return [Tally(*row) for row in self.connection.execute(query, {"of": pair, "since": since})]

    def forget(self, pairs: Iterable[str], before: datetime, *, most: int) -> int:
        """Let go of hours before then; how many rows."""
        count = 0
        for pair in pairs:
            where = (tallies.c.pair == pair, tallies.c.hour < before)
            hours = select(tallies.c.hour).where(*where).order_by(tallies.c.hour).limit(most)
            last = self.connection.execute(select(func.max(hours.subquery().c.hour))).scalar_one()
            if last is not None:
                gone = delete(tallies).where(tallies.c.pair == pair, tallies.c.hour <= last, tallies.c.hour < before)
                count += self.connection.execute(gone).rowcount
        return count


_OF = select(tallies.c.pair, tallies.c.hour, tallies.c.what, tallies.c.count).where(
    tallies.c.pair == bindparam("of"), tallies.c.hour >= bindparam("since")
)
