"""The few statements that every table group needs, for both databases.

What is not here: any statement about one table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")

CHUNK = 500
"""Values in one IN list: far below SQLite's limit, and a plan that PostgreSQL likes."""


def chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """The items in lists of at most CHUNK, each value once."""
    whole = list(dict.fromkeys(items))
    for start in range(0, len(whole), CHUNK):
        yield whole[start : start + CHUNK]


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    update: Mapping[str, Any] | Sequence[str] | None = None,
) -> None:
    """Insert rows, or change those whose primary key is there.

    `update`: the columns taken from the new row, or column -> SQL expression; all but the key when None.
    """
    if not rows:
        return
    insert = postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
    key = [column.name for column in table.primary_key.columns]
    names = list(update) if update is not None else [name for name in rows[0] if name not in key]
    new = insert.excluded
    changes = {name: update[name] if isinstance(update, Mapping) else new[name] for name in names}
    connection.execute(insert.on_conflict_do_update(index_elements=key, set_=changes), [dict(row) for row in rows])
