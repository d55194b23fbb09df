"""Marks that become due together when the last of them is made, so that the guard weighs them as one.

What is not here: who is marked so (`engine.applying`), and any other mark (`marks`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, func, update

from syncd.core.model import Side
from syncd.store.marks import COMING, DUE, PARKED, PLANNED
from syncd.store.sql import inserting
from syncd.store.tables import marks


class Coming:
    """Coming marks, by map."""

    def __init__(self, connection: Connection) -> None:
        """Work on this connection."""
        self.connection = connection

    def add(
        self, map_key: str, side: Side, ids: Iterable[str], now: datetime, *,
        lane: int, anew: Mapping[str, Sequence[str]] | None = None,
    ) -> None:  # fmt: skip
        """Let these refs come. A mark that is there stays what it is: nobody may ever let the coming ones go.

        `anew`: by id, the rules to decide anew, whatever the mark's state.
        """
        rows = [
            {
                "map": map_key, "side": str(side), "id": id_, "state": COMING, "lane": lane, "due_at": now,
                "first_at": now, "anew": list(anew[id_]) if anew and anew.get(id_) else None,
            }
            for id_ in dict.fromkeys(ids)
        ]  # fmt: skip
        if rows:
            self.connection.execute(_adding(self.connection.dialect.name), rows)

    def release(self, map_key: str, now: datetime, due: datetime | None = None) -> int:
        """What was coming is due (now, or at this moment), with what is parked or planned in this map; how many."""
        query = update(marks).where(marks.c.map == map_key, marks.c.state.in_([COMING, PARKED, PLANNED]))
        values = {"state": DUE, "due_at": due or now, "first_at": now, "attempts": 0, "waits_for": None, "plan": None}
        return int(self.connection.execute(query.values(**values, generation=marks.c.generation + 1)).rowcount)


@cache
def _adding(dialect: str) -> Any:
    statement = inserting(dialect, marks)
    changes = {
        "generation": marks.c.generation + 1,
        "anew": func.coalesce(statement.excluded.anew, marks.c.anew),
    }
    return statement.on_conflict_do_update(index_elements=["map", "side", "id"], set_=changes)
