"""Leases of whole pieces of work: a feed that is read, a pair that is run. One process at a time holds one.

What is not here: the leases of marks and links, which are claimed in batches (`marks`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, and_, or_, select, update

from syncd.store.sql import inserting


class Leases:
    """Leases in the rows of one table; its primary key names the work, in the order of its columns."""

    def __init__(self, connection: Connection, table: Table) -> None:
        """Work on this connection."""
        self.connection, self.table = connection, table

    def take(self, *key: str, now: datetime, until: datetime, fence: int) -> bool:
        """Lease it until then, under this fence; false if somebody holds it."""
        table, columns = self.table, self.table.primary_key.columns.keys()
        row = {**dict(zip(columns, key, strict=True)), "fence": 0}
        new = inserting(self.connection.dialect.name, table).on_conflict_do_nothing(index_elements=list(columns))
        self.connection.execute(new, row)
        free = or_(table.c.leased_until.is_(None), table.c.leased_until < now)
        query = update(table).where(self._at(key), free).values(leased_until=until, fence=fence)
        return bool(self.connection.execute(query).rowcount)

    def hold(self, *key: str, until: datetime, fence: int) -> bool:
        """Hold on to it; false if it was taken over or taken away, even if the lease ran out in between."""
        query = update(self.table).where(self._ours(key, fence)).values(leased_until=until)
        return bool(self.connection.execute(query).rowcount)

    def held(self, *key: str, fence: int) -> bool:
        """Whether nobody has taken it over since this fence did."""
        query = select(self.table.c.fence).where(self._ours(key, fence))
        return self.connection.execute(query).one_or_none() is not None

    def give_back(self, *key: str, fence: int) -> None:
        """Give it back, if it is still ours."""
        self.connection.execute(update(self.table).where(self._ours(key, fence)).values(leased_until=None))

    def _at(self, key: tuple[str, ...]) -> Any:
        return and_(*(column == part for column, part in zip(self.table.primary_key.columns, key, strict=True)))

    def _ours(self, key: tuple[str, ...], fence: int) -> Any:
        return and_(self._at(key), self.table.c.fence == fence, self.table.c.leased_until.is_not(None))
