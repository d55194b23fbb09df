"""What is on its way to the other side for the first time: what rests without a link, and what was made; newest first.

Everything is read from an index, so many rows at a time, from where the last page ended.
What is not here: which of these a map wants to be made (`console.pages.handoffs`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, literal, select, text, tuple_

from syncd.core.model import Action, Side
from syncd.store.sql import among, chunks
from syncd.store.store import Tx
from syncd.store.tables import journal, links, marks, snapshots

CHUNK = 100
"""Rows that are read at once."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a list of what rests was left: when a mark was due, and which it was."""

    due_at: datetime
    map: str
    side: Side
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resting:
    """A mark, without its plan."""

    place: Place
    state: str
    cause: str | None
    pulled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A creation. `outcome` None: nobody knows yet; `record_id`: what it made.

    `heard_at`: since when the one that it was made for waited to be worked on; older rows do not tell.
    """

    id: int
    map: str
    run: int | None
    side: Side
    source_id: str
    record_id: str | None
    outcome: str | None
    heard_at: datetime | None
    opened_at: datetime
    closed_at: datetime | None


_RESTING = [marks.c[name] for name in ("due_at", "side", "id", "state", "cause", "pulled")]
_NAMES = ("id", "map", "run", "side", "source_id", "record_id", "outcome", "heard_at", "opened_at", "closed_at")
_MADE = [journal.c[name] for name in _NAMES]
_OPEN = (
    select(*_MADE, journal.c.action)
    .where(journal.c.map == bindparam("map"), journal.c.side == bindparam("side"), journal.c.outcome.is_(None))
    .order_by(journal.c.source_id)  # as in `journal`: by the index over open writes
)
_CREATES = text("action = 'create'")  # spelled out, so that the index over them is used
_LINKED = {
    side: select(column).where(links.c.map == bindparam("map"), links.c.state == "open", among(column))
    for side, column in ((Side.LEFT, links.c.left_id), (Side.RIGHT, links.c.right_id))
}
_CREATED = select(snapshots.c.id, snapshots.c.created_at).where(
    snapshots.c.system == bindparam("system"), snapshots.c.kind == bindparam("kind"), among(snapshots.c.id)
)


def resting(tx: Tx, map_key: str, state: str, lane: int, before: Place | None) -> Iterator[Resting]:
    """What rests in a state in a map, on either side, what became due last first; read as far as it is asked for."""
    at = and_(marks.c.state == state, marks.c.map == map_key, marks.c.lane == lane)
    order = (marks.c.due_at.desc(), marks.c.side.desc(), marks.c.id.desc())
    while True:
        query = select(*_RESTING).where(at).order_by(*order).limit(CHUNK)
        rows = tx.connection.execute(query if before is None else query.where(_beyond(map_key, before))).all()
        for row in rows:
            before = Place(row.due_at, map_key, Side(row.side), row.id)
            yield Resting(place=before, state=row.state, cause=row.cause, pulled=bool(row.pulled))
        if len(rows) < CHUNK:
            return


def _beyond(map_key: str, before: Place) -> ColumnElement[bool]:
    if map_key < before.map:
        return marks.c.due_at <= before.due_at
    if map_key > before.map:
        return marks.c.due_at < before.due_at
    own = (literal(before.due_at, marks.c.due_at.type), literal(str(before.side)), literal(before.id))
    return tuple_(marks.c.due_at, marks.c.side, marks.c.id) < tuple_(*own)


def made(tx: Tx, map_key: str, before: int | None) -> Iterator[Made]:
    """The creations of a map on either side, the newest first; read as far as it is asked for."""
    while True:
        query = select(*_MADE).where(journal.c.map == map_key, _CREATES).order_by(journal.c.id.desc()).limit(CHUNK)
        rows = tx.connection.execute(query if before is None else query.where(journal.c.id < before)).all()
        for row in rows:
            before = row.id
            yield _made(row)
        if len(rows) < CHUNK:
            return


def sent(tx: Tx, map_key: str, side: Side, *, most: int) -> list[Made]:
    """Creations on a side of which nobody knows the outcome yet, the newest first."""
    rows = tx.connection.execute(_OPEN, {"map": map_key, "side": str(side)}).all()
    mine = [row for row in rows if row.action == str(Action.CREATE)]
    return [_made(row) for row in sorted(mine, key=lambda row: -row.id)[:most]]


def _made(row: Any) -> Made:
    told = {name: row._mapping[name] for name in _NAMES}
    return Made(**{**told, "side": Side(row.side)})


def linked(tx: Tx, map_key: str, side: Side, ids: Collection[str]) -> set[str]:
    """Those of these ids that have a link."""
    found: set[str] = set()
    for chunk in chunks(ids):
        found.update(tx.connection.execute(_LINKED[side], {"map": map_key, "among": chunk}).scalars())
    return found


def created(tx: Tx, system: str, kind: str, ids: Collection[str]) -> Mapping[str, datetime]:
    """When these records were made, by their vendor's clock, as far as it tells."""
    found: dict[str, datetime] = {}
    for chunk in chunks(ids):
        rows = tx.connection.execute(_CREATED, {"system": system, "kind": kind, "among": chunk})
        found |= {row.id: row.created_at for row in rows if row.created_at is not None}
    return found
