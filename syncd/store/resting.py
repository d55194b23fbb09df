"""What rests and what was written, a page at a time; and a person's word about a part of what is held.

What is not here: marks that are worked on (`marks`), the plans of a whole map (`plans`), every write of a run at once
(`journal`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Select, func, literal, or_, select, tuple_, type_coerce, update

from syncd.core.model import Action, Side
from syncd.store.journal import Intent
from syncd.store.marks import DUE, HELD, PARKED, Mark
from syncd.store.plans import DISCARDED
from syncd.store.runs import Run
from syncd.store.sql import among, beside, chunks
from syncd.store.store import Tx
from syncd.store.tables import PARKED_ONES, journal, marks, runs

T = TypeVar("T")
Key = tuple[Side, str]
"""A mark of one map."""

_SINCE: tuple[ColumnElement[Any], ...] = (type_coerce(marks.c.first_at, BigInteger()), marks.c.side, marks.c.id)
_DUE: tuple[ColumnElement[Any], ...] = (
    marks.c.lane, type_coerce(marks.c.due_at, BigInteger()), marks.c.side, marks.c.id,
)  # fmt: skip
_BETWEEN = "~"


@dataclass(frozen=True, slots=True)
class Leaf(Generic[T]):
    """A page of a list. `after`: where the next one begins, None if this is the last."""

    rows: list[T]
    after: str | None = None


def parked(tx: Tx, map_key: str, cause: str, *, after: str = "", limit: int) -> Leaf[Mark]:
    """What is parked in a map for this cause, whatever waits longest first."""
    query = select(*_SINCE).where(marks.c.map == map_key, PARKED_ONES, marks.c.cause == cause)
    keys, more = _page(tx, query, _SINCE, after, limit)
    return Leaf(_marks(tx, map_key, keys), more)


def reasons(tx: Tx, map_key: str, cause: str, *, most: int) -> list[tuple[Side, str, str]]:
    """Side, id and reason of what is parked for this cause: of `most` that wait longest."""
    query = select(marks.c.side, marks.c.id, marks.c.reason).where(
        marks.c.map == map_key, PARKED_ONES, marks.c.cause == cause
    )
    return [(Side(row[0]), row[1], row[2] or "") for row in tx.connection.execute(query.order_by(*_SINCE).limit(most))]


def held(tx: Tx, map_key: str, *, after: str = "", limit: int, state: str = HELD) -> Leaf[Mark]:
    """What is held in a map, or rests with its plan in another state: of a link's two marks the one planned later."""
    query = select(*_DUE).where(marks.c.map == map_key, marks.c.state == state, marks.c.plan.is_not(None))
    keys, more = _page(tx, query, _DUE, after, limit)
    found = _marks(tx, map_key, keys)
    twins = _twins(tx, map_key, found)
    return Leaf([mark for mark in found if not _older(mark, twins.get((mark.side, mark.id)))], more)


def held_count(tx: Tx, map_key: str, *, most: int, state: str = HELD) -> int:
    """How many marks of a map are held, or rest in another state, counted no further than `most`."""
    query = select(marks.c.id).where(marks.c.map == map_key, marks.c.state == state).limit(most)
    return int(tx.connection.execute(select(func.count()).select_from(query.subquery())).scalar_one())


def held_still(tx: Tx, map_key: str, shown: Mapping[Key, int]) -> dict[Key, list[Mark]]:
    """Those that are held as they were when somebody looked (`shown`: their generations), each with its link's other.

    What was decided, changed or planned anew since is not among them.
    """
    found: dict[Key, list[Mark]] = {}
    for side in Side:
        ids = [id_ for at, id_ in shown if at is side]
        marks_ = tx.marks.get(map_key, side, ids)
        found |= {
            (side, id_): [mark]
            for id_, mark in marks_.items()
            if mark.state == HELD and mark.plan and mark.generation == shown[side, id_]
        }
    twins = _twins(tx, map_key, [several[0] for several in found.values()])
    return {key: [*several, *([twins[key]] if key in twins else [])] for key, several in found.items()}


def permit(tx: Tx, map_key: str, several: Sequence[Mark], now: datetime) -> int:
    """A person allows what these held marks plan: due again, with the plan as the permission; how many marks."""
    return _move(tx, map_key, several, state=DUE, due_at=now, first_at=now, attempts=0, permit=marks.c.plan)


def discard(tx: Tx, map_key: str, several: Sequence[Mark]) -> int:
    """A person does not want what these held marks plan: parked; how many marks."""
    return _move(tx, map_key, several, state=PARKED, plan=None, permit=None, cause=DISCARDED,
                 reason="a person discarded what was to be written")  # fmt: skip


def skip(tx: Tx, map_key: str, several: Sequence[Mark]) -> int:
    """A person passes over what is parked: it rests until it changes or is tried again; how many marks."""
    return _move(tx, map_key, several, was=PARKED, waits_for=None, cause=DISCARDED, reason="a person passed over it")


def hold_again(tx: Tx, map_key: str, at: datetime, now: datetime) -> int:
    """What was allowed at this moment and nobody has begun with is held as before; how many marks."""
    free = or_(marks.c.leased_until.is_(None), marks.c.leased_until < now)
    query = update(marks).where(
        marks.c.map == map_key, marks.c.state == DUE, marks.c.due_at == at, marks.c.permit.is_not(None),
        marks.c.plan.is_not(None), free,
    )  # fmt: skip
    values: dict[str, Any] = {"state": HELD, "permit": None, "generation": marks.c.generation + 1}
    return int(tx.connection.execute(query.values(values)).rowcount)


def runs_before(
    tx: Tx, *, pair: str | None = None, state: str | None = None, before: int | None = None, limit: int
) -> list[Run]:
    """The newest runs, or those before one."""
    query = select(runs).order_by(runs.c.id.desc()).limit(limit)
    for column, wanted in ((runs.c.pair, pair), (runs.c.state, state)):
        query = query.where(column == wanted) if wanted is not None else query
    query = query.where(runs.c.id < before) if before is not None else query
    return [
        Run(row.id, row.pair, row.mode, row.state, row.started_at, row.ended_at, row.counts or {}, row.digest)
        for row in tx.connection.execute(query)
    ]


def written(tx: Tx, run: int, *, after: int = 0, limit: int) -> Leaf[Intent]:
    """What a run wrote, oldest first; `after`: the last write of the page before."""
    query = select(journal).where(journal.c.run == run, journal.c.id > after).order_by(journal.c.id)
    found = [_intent(row._mapping) for row in tx.connection.execute(query.limit(limit + 1))]
    return Leaf(found[:limit], str(found[limit - 1].id) if len(found) > limit else None)


def _intent(row: Mapping[Any, Any]) -> Intent:
    values = {one.name: row[one.name] for one in fields(Intent)}
    return Intent(**{**values, "side": Side(values["side"]), "action": Action(values["action"])})


def _page(
    tx: Tx, query: Select[Any], order: Sequence[ColumnElement[Any]], after: str, limit: int
) -> tuple[list[Key], str | None]:
    """The keys of the marks of a page, and where the next one begins."""
    if after:
        query = query.where(tuple_(*order) > _literal(order, after))
    rows = tx.connection.execute(query.order_by(*order).limit(limit + 1)).all()
    more = _BETWEEN.join(map(str, rows[limit - 1])) if len(rows) > limit else None
    return [(Side(row[-2]), row[-1]) for row in rows[:limit]], more


def _literal(order: Sequence[ColumnElement[Any]], place: str) -> ColumnElement[Any]:
    """A place in an order, as it was told; the beginning where it is no place."""
    told = place.split(_BETWEEN, len(order) - 1)
    whole = [isinstance(column.type, BigInteger) or column.type.python_type is int for column in order]
    fits = len(told) == len(order) and all(
        one.isdecimal() and len(one) < 19 for one, number in zip(told, whole, strict=True) if number
    )
    values = told if fits else ["0" if number else "" for number in whole]
    return tuple_(*(
        literal(int(one) if number else one, column.type)
        for one, number, column in zip(values, whole, order, strict=True)
    ))  # fmt: skip


def _marks(tx: Tx, map_key: str, keys: Iterable[Key]) -> list[Mark]:
    """These marks, in this order."""
    wanted = list(keys)
    found = {side: tx.marks.get(map_key, side, [id_ for at, id_ in wanted if at is side]) for side in Side}
    return [found[side][id_] for side, id_ in wanted if id_ in found[side]]


def _twins(tx: Tx, map_key: str, several: Sequence[Mark]) -> dict[Key, Mark]:
    """By a mark that rests, the one of the other side that rests alike and plans for the same link."""
    found: dict[Key, Mark] = {}
    for side in Side:
        of = {str(mark.plan[str(side.other)]): mark for mark in several if mark.side is side and _linked(mark)}
        for id_, twin in tx.marks.get(map_key, side.other, of).items():
            if twin.state == of[id_].state and twin.plan and twin.plan[str(side)] == of[id_].id:
                found[side, of[id_].id] = twin
    return found


def _linked(mark: Mark) -> bool:
    return bool(mark.plan) and all(mark.plan[str(side)] is not None for side in Side)


def _older(mark: Mark, twin: Mark | None) -> bool:
    return twin is not None and (mark.due_at, mark.side) < (twin.due_at, twin.side)


def _move(tx: Tx, map_key: str, several: Sequence[Mark], was: str = HELD, **values: Any) -> int:
    moved = 0
    for side in Side:
        for ids in chunks(mark.id for mark in several if mark.side is side):
            query = update(marks).where(
                marks.c.map == map_key, marks.c.side == str(side), among(marks.c.id), beside(marks.c.state) == was
            )
            query = query.values(**values, generation=marks.c.generation + 1)
            moved += int(tx.connection.execute(query, {"among": ids}).rowcount)
    return moved
