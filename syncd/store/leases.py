"""Leases of whole pieces of work: a feed that is read, a pair that is run. One process at a time holds one.

What is not here: the leases of marks and links, which are claimed in batches (`marks`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, and_, bindparam, or_, select, update

from syncd.store.sql import inserting


class Leases:
    """Leases in the rows of one table; its primary key names the work, in the order of its columns."""

    def __init__(self, connection: Connection, table: Table) -> None:
        """Work on this connection."""
        self.connection, self.table = connection, table
        self._say = _statements(connection.dialect.name, table)

    def take(self, *key: str, now: datetime, until: datetime, fence: int) -> bool:
        """Lease it until then, under this fence; false if somebody holds it."""
        given = {**self._at(key), "now": now, "until": until, "by": fence}
        if self.connection.execute(self._say.take, given).rowcount:
            return True
        columns = self.table.primary_key.columns.keys()
        new = self.connection.execute(self._say.new, {**dict(zip(columns, key, strict=True)), "fence": 0})
        return bool(new.rowcount and self.connection.execute(self._say.take, given).rowcount)

    def hold(self, *key: str, until: datetime, fence: int) -> bool:
        """Hold on to it; false if it was taken over or taken away, even if the lease ran out in between."""
        return bool(self.connection.execute(self._say.hold, {**self._at(key), "by": fence, "until": until}).rowcount)

    def held(self, *key: str, fence: int) -> bool:
        """Whether nobody has taken it over since this fence did."""
        return self.connection.execute(self._say.held, {**self._at(key), "by": fence}).one_or_none() is not None

    def taken(self, now: datetime) -> set[tuple[str, ...]]:
        """All that somebody holds; the table has a row for each feed, or pair, and no others."""
        table = self.table
        held = select(*table.primary_key.columns).where(table.c.leased_until >= now)
        return {tuple(row) for row in self.connection.execute(held)}

    def give_back(self, *key: str, fence: int) -> None:
        """Give it back, if it is still ours."""
        self.connection.execute(self._say.give_back, {**self._at(key), "by": fence})

    def _at(self, key: tuple[str, ...]) -> dict[str, str]:
        return {f"of_{column}": part for column, part in zip(self.table.primary_key.columns.keys(), key, strict=True)}


@dataclass(frozen=True, slots=True)
class _Statements:
    """What is said to a table, once made."""

    new: Any
    take: Any
    hold: Any
    held: Any
    give_back: Any


@cache
def _statements(dialect: str, table: Table) -> _Statements:
    columns = table.primary_key.columns
    until = bindparam("until", type_=table.c.leased_until.type)
    at = and_(*(column == bindparam(f"of_{column.name}") for column in columns))
    ours = and_(at, table.c.fence == bindparam("by"), table.c.leased_until.is_not(None))
    free = or_(table.c.leased_until.is_(None), table.c.leased_until < bindparam("now"))
    return _Statements(
        new=inserting(dialect, table).on_conflict_do_nothing(index_elements=list(columns.keys())),
        take=update(table).where(at, free).values(leased_until=until, fence=bindparam("by")),
        hold=update(table).where(ours).values(leased_until=until),
        held=select(table.c.fence).where(ours),
        give_back=update(table).where(ours).values(leased_until=None),
    )
