"""Conflicts as a list shows them: a page at a time, the newest first, and how many of which field there are.

Nothing here goes through more rows than it is told to. What is not here: asking and settling them (`conflicts`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select

from syncd.core.model import Side
from syncd.store.conflicts import ORDERED, Conflict
from syncd.store.sql import among, chunks
from syncd.store.store import Tx
from syncd.store.tables import conflicts

OPEN, DECIDED, OVERRULED, DONE = "open", "decided", "overruled", "done"

STATES: Mapping[str, Sequence[str]] = {
    OPEN: ("open",),
    DECIDED: ("open", "overruled", "kept"),
    OVERRULED: ("overruled", "kept"),
    DONE: ("taken", "agreed", "gone"),
}
"""By list, the states that stand there. DECIDED: those of which a person took a side that is not carried out yet."""

_NAMES = {"left": "left_value", "right": "right_value", "lost": "lost_side"}


@dataclass(frozen=True, slots=True)
class Listed:
    """A conflict, and when it was settled."""

    conflict: Conflict
    closed_at: datetime | None


def page(
    tx: Tx, which: str, maps: Iterable[str], *, rule: str | None = None, before: int | None = None, limit: int
) -> tuple[list[Listed], int | None]:
    """Of a list in these maps the newest, or those before one; and before which the next page begins, if there is one.

    Each state of each map is asked for by itself, so that an index has them in their order.
    """
    found: list[Listed] = []
    for key in maps:
        for state in STATES[which]:
            query = select(conflicts).where(conflicts.c.map == key, *_of(which, [state]))
            query = query.where(conflicts.c.rule == rule) if rule is not None else query
            query = query.where(conflicts.c.id < before) if before is not None else query
            rows = tx.connection.execute(query.order_by(conflicts.c.id.desc()).limit(limit + 1))
            found += [_listed(row._mapping) for row in rows]
    found.sort(key=lambda one: one.conflict.id, reverse=True)
    return found[:limit], found[limit - 1].conflict.id if len(found) > limit else None


def counted(tx: Tx, which: str, *, most: int) -> tuple[Counter[tuple[str, str]], bool]:
    """How many stand on a list, by map and rule: of `most` at most; and whether there are more."""
    few = select(conflicts.c.map, conflicts.c.rule).where(*_of(which, STATES[which])).limit(most + 1).subquery()
    query = select(few.c.map, few.c.rule, func.count()).group_by(few.c.map, few.c.rule)
    found = Counter({(row[0], row[1]): int(row[2]) for row in tx.connection.execute(query)})
    return found, found.total() > most


def these(tx: Tx, ids: Iterable[int]) -> dict[int, Listed]:
    """Those of these that there are, whatever became of them; what was ordered about whole links is none of them."""
    found: dict[int, Listed] = {}
    for chunk in chunks(ids):
        query = select(conflicts).where(among(conflicts.c.id), conflicts.c.state != ORDERED)
        found |= {row.id: _listed(row._mapping) for row in tx.connection.execute(query, {"among": chunk})}
    return found


def _of(which: str, states: Sequence[str]) -> list[ColumnElement[bool]]:
    chosen = conflicts.c.choice.is_not(None) if which == DECIDED else conflicts.c.choice.is_(None)
    return [conflicts.c.state.in_(states) if len(states) > 1 else conflicts.c.state == states[0], chosen]


def _listed(row: Mapping[Any, Any]) -> Listed:
    values = {one.name: row[_NAMES.get(one.name, one.name)] for one in fields(Conflict)}
    lost = Side(values["lost"]) if values["lost"] else None
    return Listed(Conflict(**{**values, "lost": lost}), row["closed_at"])
