"""Marks that rest with a plan: what a run would write if it may. Planned, weighed for the guard, or held for a person.

What is not here: marks that are worked on (`marks`), and making a plan (`engine`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Update, bindparam, cast, func, literal, select, tuple_, update
from sqlalchemy.dialects.postgresql import JSON

from syncd.core.model import Side
from syncd.store.marking import MAPS_IN, NOT_YET
from syncd.store.marks import DUE, HELD, PARKED, WEIGHED
from syncd.store.sql import CHUNK, among
from syncd.store.tables import marks

DISCARDED = "discarded"
"""The cause of what is parked because a person did not want it written."""

Where = ColumnElement[bool]

_NOT_ALLOWED: Where = marks.c.permit.is_(None)
_IN_STATES = select(marks.c.id).where(marks.c.map == bindparam("map"), among(marks.c.state)).limit(1)


@dataclass(frozen=True, slots=True)
class Brief:
    """What a plan comes to. `sides`: those whose record is written to."""

    action: str
    creates: bool
    sides: frozenset[str]


def _brief(plan: Mapping[str, Any]) -> Brief:
    sides = frozenset(str(write["side"]) for write in plan["writes"])
    return Brief(str(plan["action"]), plan["creates"] is not None, sides)


class Plans:
    """Resting plans, by map."""

    def __init__(self, connection: Connection) -> None:
        """Work on this connection."""
        self.connection = connection

    def briefs(self, map_key: str, state: str) -> list[Brief]:
        """What these plans come to, one per link or new record: both marks of a link may hold one.

        The plans themselves are read a page at a time.
        """
        return self._newest(map_key, state)

    def weighed(self, map_key: str) -> list[Brief]:
        """What the weighed plans come to that nobody has allowed."""
        return self._newest(map_key, WEIGHED, _NOT_ALLOWED)

    def count(self, map_key: str, state: str) -> int:
        """How many there are, one per link or new record."""
        sqlite = self.connection.dialect.name == "sqlite"
        parts = [
            func.json_extract(marks.c.plan, f"$.{side}") if sqlite else cast(marks.c.plan, JSON)[str(side)].astext
            for side in Side
        ]
        each = select(*(part.label(f"id_{side}") for part, side in zip(parts, Side, strict=True))).where(
            marks.c.map == map_key, marks.c.state == state, marks.c.plan.is_not(None)
        )
        return int(self.connection.execute(select(func.count()).select_from(each.distinct().subquery())).scalar_one())

    def _newest(self, map_key: str, state: str, *which: Where) -> list[Brief]:
        """The newest plan of each link or new record, in brief."""
        found: dict[tuple[str | None, str | None], tuple[datetime, Brief]] = {}
        for at, plan in self._each(map_key, state, *which):
            of = plan["left"], plan["right"]
            if of not in found or found[of][0] <= at:
                found[of] = at, _brief(plan)
        return [brief for _, brief in found.values()]

    def _each(self, map_key: str, state: str, *which: Where) -> Iterator[tuple[datetime, dict[str, Any]]]:
        """Every plan and when it came to rest, a page at a time, in the order of the index."""
        place = (marks.c.lane, marks.c.due_at, marks.c.side, marks.c.id)
        query = select(marks.c.plan, *place).where(marks.c.map == map_key, marks.c.state == state, *which)
        query = query.order_by(*place).limit(CHUNK)
        page = self.connection.execute(query).all()
        while page:
            yield from ((row.due_at, row.plan) for row in page if row.plan)
            last = (literal(value, column.type) for value, column in zip(page[-1][1:], place, strict=True))
            page = self.connection.execute(query.where(tuple_(*place) > tuple_(*last))).all()

    def any(self, map_key: str, states: Sequence[str]) -> bool:
        """Whether marks rest in one of these states."""
        return self.connection.execute(_IN_STATES, {"map": map_key, "among": states}).one_or_none() is not None

    def maps(self, state: str) -> set[str]:
        """The maps of which marks rest in a state."""
        return set(self.connection.execute(MAPS_IN, {"in": state}).scalars())

    def unweigh(self, map_key: str, due_at: datetime) -> int:
        """What was weighed is due as before: since then, and with its failures so far; how many marks."""
        return self._move(map_key, WEIGHED, state=DUE, due_at=due_at, **NOT_YET)

    def hold(self, map_key: str) -> int:
        """What was weighed and is too much waits for a person, unless one has allowed it; how many marks."""
        return self._move(map_key, WEIGHED, _NOT_ALLOWED, state=HELD)

    def permit(self, map_key: str, now: datetime) -> int:
        """A person allows what is held: due again, with its plan as the permission; how many marks."""
        return self._move(map_key, HELD, state=DUE, due_at=now, first_at=now, attempts=0, permit=marks.c.plan)

    def discard(self, map_key: str) -> int:
        """A person does not want what is held: parked until the record changes or is tried again; how many marks."""
        return self._move(map_key, HELD, state=PARKED, plan=None, permit=None, cause=DISCARDED,
                          reason="a person discarded what was to be written")  # fmt: skip

    def _move(self, map_key: str, resting: str, *which: Where, **values: Any) -> int:
        query: Update = update(marks).where(marks.c.map == map_key, marks.c.state == resting, *which)
        query = query.values(**values, generation=marks.c.generation + 1)
        return int(self.connection.execute(query).rowcount)
