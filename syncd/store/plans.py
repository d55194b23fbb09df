"""Marks that rest with a plan: what a run would write if it may. Planned, weighed for the guard, or held for a person.

What is not here: marks that are worked on (`marks`), and making a plan (`engine`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Update, select, update

from syncd.store.marks import DUE, HELD, PARKED, WEIGHED
from syncd.store.tables import marks

DISCARDED = "a person discarded what was to be written"


class Plans:
    """Resting plans, by map."""

    def __init__(self, connection: Connection) -> None:
        """Work on this connection."""
        self.connection = connection

    def of(self, map_key: str, state: str) -> list[dict[str, Any]]:
        """The plans of the marks in a state, one per link or new record: both marks of a link may hold one."""
        query = select(marks.c.plan).where(marks.c.map == map_key, marks.c.state == state)
        found = [plan for plan in self.connection.execute(query.order_by(marks.c.first_at)).scalars() if plan]
        return list({(plan["left"], plan["right"]): plan for plan in found}.values())

    def any_weighed(self, map_key: str) -> bool:
        """Whether a run that was killed while it planned for the guard left marks behind, or one is planning now."""
        query = select(marks.c.id).where(marks.c.map == map_key, marks.c.state == WEIGHED)
        return self.connection.execute(query.limit(1)).one_or_none() is not None

    def unweigh(self, map_key: str, due_at: datetime) -> int:
        """What was weighed is due as before: since then, and with its failures so far; how many marks."""
        return self._move(map_key, WEIGHED, state=DUE, due_at=due_at, plan=None)

    def hold(self, map_key: str) -> int:
        """What was weighed and is too much waits for a person; how many marks."""
        return self._move(map_key, WEIGHED, state=HELD)

    def permit(self, map_key: str, now: datetime) -> int:
        """A person allows what is held: due again, with its plan as the permission; how many marks."""
        return self._move(map_key, HELD, state=DUE, due_at=now, first_at=now, attempts=0, permit=marks.c.plan)

    def discard(self, map_key: str) -> int:
        """A person does not want what is held: parked until the record changes or is tried again; how many marks."""
        return self._move(map_key, HELD, state=PARKED, cause="discarded", reason=DISCARDED, plan=None, permit=None)

    def _move(self, map_key: str, resting: str, **values: Any) -> int:
        query: Update = update(marks).where(marks.c.map == map_key, marks.c.state == resting)
        query = query.values(**values, generation=marks.c.generation + 1)
        return int(self.connection.execute(query).rowcount)
