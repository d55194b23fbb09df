"""Conflicts: what a person is asked, and what a person was overruled in.

What is not here: how one is decided (`core.plan`) or resolved (`engine`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from syncd.core.model import Side, Value
from syncd.store.sql import among, beside, chunks
from syncd.store.tables import conflicts, links

WHOLE = "*"
"""In the place of a rule: the link itself."""

ORDERED = "ordered"
"""The state of what a person ordered about a link, until it is done; `choice` says what."""

_THESE = update(conflicts).where(among(conflicts.c.id))
_OF_LINKS, _STATE = select(conflicts).where(among(conflicts.c.link)), beside(conflicts.c.state)
_OPEN_OF = _OF_LINKS.where(
    conflicts.c.rule != WHOLE, (conflicts.c.state == "open") | conflicts.c.choice.is_not(None)
).order_by(conflicts.c.id)
_ORDERS = _OF_LINKS.where(_STATE == ORDERED).order_by(conflicts.c.run.desc(), conflicts.c.id.desc())
_STANDING = _OF_LINKS.where(_STATE.in_(("open", "kept", "taken")))
_KEPT = _OF_LINKS.where(_STATE == "kept")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """One row.

    `state`: open (a person is asked), overruled, kept (a drift that stays), taken, agreed, gone.
    `forced`: a person is asked whatever the rule's owner says.
    `choice`: what a person took, until the engine has carried it out.
    """

    id: int
    map: str
    link: int
    rule: str
    state: str
    left_id: str
    right_id: str
    left: Value
    right: Value
    lost: Side | None
    forced: bool
    reason: str
    choice: Mapping[str, Any] | None
    run: int | None
    at: datetime


class Conflicts:
    """Open ones are unique per link and rule; the others are history."""

    def __init__(self, connection: Connection) -> None:
        """Work on this connection."""
        self.connection = connection

    def open_of(self, link_ids: Iterable[int]) -> dict[int, dict[str, Conflict]]:
        """The open ones, and those with a choice, by link and rule."""
        found: dict[int, dict[str, Conflict]] = {}
        for chunk in chunks(link_ids):
            for row in self.connection.execute(_OPEN_OF, {"among": chunk}):
                found.setdefault(row.link, {})[row.rule] = _conflict(row)
        return found

    def orders(self, link_ids: Iterable[int]) -> dict[int, list[Conflict]]:
        """What a person ordered about whole links, about the newest run first."""
        found: dict[int, list[Conflict]] = {}
        for chunk in chunks(link_ids):
            for row in self.connection.execute(_ORDERS, {"among": chunk}):
                found.setdefault(row.link, []).append(_conflict(row))
        return found

    def ordered(self, map_key: str) -> int:
        """How many links of a map a person ordered something about that is not done yet."""
        query = select(func.count()).where(conflicts.c.state == ORDERED, conflicts.c.map == map_key)
        return int(self.connection.execute(query).scalar_one())

    def standing(self, link_ids: Iterable[int]) -> dict[tuple[int, str], list[Conflict]]:
        """What says that two values may differ, by link and rule: a person is asked, or it was kept so, or taken so."""
        found: dict[tuple[int, str], list[Conflict]] = {}
        for chunk in chunks(link_ids):
            for row in self.connection.execute(_STANDING, {"among": chunk}):
                found.setdefault((row.link, row.rule), []).append(_conflict(row))
        return found

    def kept_of(self, link_ids: Iterable[int]) -> list[Conflict]:
        """What stays different in these links."""
        found: list[Conflict] = []
        for chunk in chunks(link_ids):
            found += [_conflict(row) for row in self.connection.execute(_KEPT, {"among": chunk})]
        return found

    def ask(self, row: Mapping[str, Any]) -> None:
        """List an open conflict, or move the values of the one that is open; what was taken of its rule lapses."""
        same = (conflicts.c.link == row["link"], conflicts.c.rule == row["rule"])
        self.connection.execute(update(conflicts).where(*same, conflicts.c.choice.is_not(None)).values(choice=None))
        values = {name: row[name] for name in ("left_value", "right_value", "reason")}
        changed = self.connection.execute(update(conflicts).where(*same, conflicts.c.state == "open").values(values))
        if not changed.rowcount:
            self.connection.execute(conflicts.insert(), {"forced": False, **row, "state": "open"})

    def list_lost(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """List values that were passed over; their state says how (overruled, kept)."""
        if rows:
            self.connection.execute(conflicts.insert(), [{"forced": False, **row} for row in rows])

    def settle(self, conflict_ids: Iterable[int], state: str, now: datetime) -> None:
        """Close conflicts: taken by a person, agreed, or gone with their link."""
        for chunk in chunks(conflict_ids):
            self.connection.execute(_THESE.values(state=state, closed_at=now, choice=None), {"among": chunk})

    def unanswered(self, link_id: int) -> list[Conflict]:
        """What a person is asked of a link, or was asked when it was closed."""
        closed = select(links.c.closed_at).where(links.c.id == link_id).scalar_subquery()
        asked = (conflicts.c.state == "open") | ((conflicts.c.state == "gone") & (conflicts.c.closed_at == closed))
        query = select(conflicts).where(conflicts.c.link == link_id, asked)
        return [_conflict(row) for row in self.connection.execute(query.order_by(conflicts.c.id))]

    def reopen(self, conflict_ids: Iterable[int]) -> None:
        """Ask again."""
        for chunk in chunks(conflict_ids):
            self.connection.execute(_THESE.values(state="open", closed_at=None), {"among": chunk})

    def choose(self, conflict_id: int, choice: Mapping[str, Any] | None) -> None:
        """Note what a person took (None: no longer, because the values moved); the engine carries it out."""
        self.connection.execute(update(conflicts).where(conflicts.c.id == conflict_id).values(choice=choice))

    def get(self, conflict_id: int) -> Conflict | None:
        """One, by its id."""
        row = self.connection.execute(select(conflicts).where(conflicts.c.id == conflict_id)).one_or_none()
        return _conflict(row) if row is not None else None

    def count(self, state: str) -> int:
        """How many are in this state."""
        query = select(func.count()).where(conflicts.c.state == state)
        return int(self.connection.execute(query).scalar_one())

    def list(
        self, *, states: Sequence[str], map_key: str | None = None, rule: str | None = None, run: int | None = None,
        limit: int = 1000,
    ) -> list[Conflict]:  # fmt: skip
        """Those in these states, newest first."""
        query = select(conflicts).where(conflicts.c.state.in_(states))
        if map_key is not None:
            query = query.where(conflicts.c.map == map_key)
        if rule is not None:
            query = query.where(conflicts.c.rule == rule)
        if run is not None:
            query = query.where(conflicts.c.run == run)
        query = query.order_by(conflicts.c.id.desc()).limit(limit)
        return [_conflict(row) for row in self.connection.execute(query)]


def _conflict(row: Row[tuple[object, ...]]) -> Conflict:
    return Conflict(
        id=row.id, map=row.map, link=row.link, rule=row.rule, state=row.state, left_id=row.left_id,
        right_id=row.right_id, left=row.left_value, right=row.right_value,
        lost=Side(row.lost_side) if row.lost_side else None, forced=row.forced, reason=row.reason, choice=row.choice,
        run=row.run, at=row.at,
    )  # fmt: skip
