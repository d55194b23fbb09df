"""Marks: "this ref may have changed", per map. Claimed with a lease, dropped only by who holds the fence.

What is not here: why a mark is parked or when it is due again (`engine`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, case, func, select

from syncd.core.model import Side
from syncd.store import marking
from syncd.store.links import Link, Links
from syncd.store.marking import COMING, DELETED, DUE, HELD, PARKED, PLANNED, WEIGHED
from syncd.store.sql import chunks
from syncd.store.tables import PARKED_ONES, marks

__all__ = ["COMING", "DELETED", "DUE", "HELD", "PARKED", "PLANNED", "WEIGHED", "Mark", "Marks", "Unit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One mark. `generation` moves with every new cause; `reread`: look by id before planning.

    `first_at`: since when it waits to be worked on, or when it first failed since then; what rests begins anew when it
    wakes. It is never to come, though `due_at` may be.
    `anew`: the rules that are decided anew where base says that nothing changed (`core.decision.Given`).
    """

    map: str
    side: Side
    id: str
    generation: int
    state: str
    lane: int
    due_at: datetime
    first_at: datetime
    attempts: int
    reread: bool
    pulled: bool
    cause: str | None
    reason: str | None
    waits_for: str | None
    plan: Any
    permit: Any
    anew: tuple[str, ...] | None

    @property
    def news(self) -> bool:
        """Whether it only says that something changed."""
        return not self.reread and self.cause is None and self.permit is None and self.anew is None


@dataclass(frozen=True, slots=True)
class Unit:
    """What is worked on at once: a link, or a ref without one, with the marks that ask for it, under one fence."""

    link: Link | None
    marks: tuple[Mark, ...]
    fence: int


class Marks:
    """Marks by (map, side, id)."""

    def __init__(self, connection: Connection) -> None:
        """Work on this connection."""
        self.connection = connection

    def add(
        self,
        map_key: str,
        side: Side,
        ids: Iterable[str],
        due_at: datetime,
        *,
        lane: int = 1,
        reread: bool = False,
        pulled: bool = False,
        cause: str | None = None,
        anew: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Mark these refs: a new mark, or a new generation of the one that is there.

        A parked one is due again; a held one stays held, and is planned again when a person has allowed it.
        `cause`: of a `reread`, why; two of different causes have none.
        `anew`: by id, the rules to decide anew.
        """
        rows = [
            {
                "map": map_key, "side": str(side), "id": id_, "generation": 1, "state": DUE, "lane": lane,
                "due_at": due_at, "first_at": due_at, "attempts": 0, "reread": reread, "pulled": pulled, "fence": 0,
                "cause": cause,
                "anew": list(anew[id_]) if anew and anew.get(id_) else None,
            }
            for id_ in dict.fromkeys(ids)
        ]  # fmt: skip
        if rows:
            self.connection.execute(marking.adding(self.connection.dialect.name), rows)

    def claim(
        self,
        map_key: str,
        now: datetime,
        until: datetime,
        fence: int,
        *,
        limit: int,
        linked_only: bool = False,
        side: Side | None = None,
        due_by: datetime | None = None,
        leads: bool = False,
    ) -> list[Unit]:
        """Lease due marks (of a side), lead lane first; a linked one leases its link and takes the other's along.

        `due_by`: what became due after it is left alone; None: nothing is. `leads`: the lead lane alone.
        """
        due = self._due(map_key, now, limit, linked_only=linked_only, side=side, due_by=due_by, leads=leads)
        units = self._units(map_key, due, now, fence)
        self._lease(units, until, fence)
        return units

    def first_side(
        self, map_key: str, now: datetime, *, linked_only: bool, due_by: datetime | None, leads: bool = False
    ) -> Side | None:
        """The side of the mark that would be claimed first; None: none is due."""
        first = self._due(map_key, now, 1, linked_only=linked_only, side=None, due_by=due_by, leads=leads)
        return first[0].side if first else None

    def _due(
        self, map_key: str, now: datetime, limit: int, *, linked_only: bool, side: Side | None,
        due_by: datetime | None, leads: bool,
    ) -> list[Mark]:  # fmt: skip
        query = marking.claiming(linked_only=linked_only, leads=leads)
        given = {"map": map_key, "by": now if due_by is None else min(now, due_by), "now": now, "limit": limit}
        # Each side's are found in their order by the index, however many of the other side are due before them.
        sides = tuple(Side) if side is None else (side,)
        rows = [row for at in sides for row in self.connection.execute(query, {**given, "at": str(at)})]
        return [_mark(row) for row in sorted(rows, key=lambda row: (row.lane, row.due_at))[:limit]]

    def _units(self, map_key: str, due: Sequence[Mark], now: datetime, fence: int) -> list[Unit]:
        of: dict[tuple[Side, str], Link] = {}
        for side in Side:
            ids = [mark.id for mark in due if mark.side is side]
            of.update({(side, id_): link for id_, link in Links(self.connection).of(map_key, side, ids).items()})
        free = self._free_links([link.id for link in of.values()], now)
        units: dict[object, Unit] = {}
        for mark in due:
            link = of.get((mark.side, mark.id))
            if link is not None and link.id not in free:
                continue
            key: object = link.id if link is not None else (mark.side, mark.id)
            before = units[key].marks if key in units else ()
            units[key] = Unit(link, (*before, mark), fence)
        return self._with_other_side(map_key, list(units.values()))

    def _free_links(self, ids: Sequence[int], now: datetime) -> set[int]:
        found: set[int] = set()
        for chunk in chunks(ids):
            found.update(self.connection.execute(marking.FREE_LINKS, {"among": chunk, "now": now}).scalars())
        return found

    def _with_other_side(self, map_key: str, units: Sequence[Unit]) -> list[Unit]:
        lonely = [unit for unit in units if unit.link is not None and len(unit.marks) == 1]
        others: dict[tuple[Side, str], Mark] = {}
        for side in Side:
            ids = [unit.link.id_on(side) for unit in lonely if unit.link and unit.marks[0].side is not side]
            others.update({(side, mark.id): mark for mark in self.get(map_key, side, ids).values()})
        whole: list[Unit] = []
        for unit in units:
            if unit.link is not None and len(unit.marks) == 1:
                side = unit.marks[0].side.other
                other = others.get((side, unit.link.id_on(side)))
                # The plan is for both: so is what becomes of it.
                if other is not None and other.state in {DUE, PARKED, HELD, PLANNED, WEIGHED}:
                    unit = Unit(unit.link, (*unit.marks, other), unit.fence)  # noqa: PLW2901  # the unit, made whole
            whole.append(unit)
        return whole

    def take_along(self, found: Sequence[tuple[Unit, str]], now: datetime, until: datetime) -> list[Unit]:
        """These units of one map, leased under their fence with what the other side's record has for news.

        `found`: each with the id of that record; one that two name goes with the first. News that is somebody's is left
        alone.
        """
        news: dict[tuple[Side, str], Mark] = {}
        for side in Side:
            ids = [id_ for unit, id_ in found if unit.marks[0].side is not side]
            for chunk in chunks(ids):
                given = {"map": found[0][0].marks[0].map, "at": str(side), "among": chunk, "now": now}
                news |= {(side, mark.id): mark for mark in map(_mark, self.connection.execute(marking.NEWS, given))}
        units: list[Unit] = []
        for unit, id_ in found:
            along = news.pop((unit.marks[0].side.other, id_), None)
            units.append(replace(unit, marks=(*unit.marks, along)) if along is not None else unit)
        if units:
            self._lease(units, until, units[0].fence)
        return units

    def _lease(self, units: Sequence[Unit], until: datetime, fence: int) -> None:
        for place, ids in _together((mark, None) for unit in units for mark in unit.marks):
            self.connection.execute(marking.LEASE, {**place, "among": ids, "until": until, "by": fence})
        self.lease_links([unit.link.id for unit in units if unit.link is not None], until, fence)

    def lease_links(self, ids: Sequence[int], until: datetime, fence: int) -> None:
        """Lease links under this fence."""
        for chunk in chunks(ids):
            self.connection.execute(marking.LEASE_LINKS, {"among": chunk, "until": until, "by": fence})

    def renew(self, fence: int, until: datetime) -> None:
        """Hold on to everything leased under this fence."""
        for query in marking.EXTEND:
            self.connection.execute(query, {"by": fence, "until": until})

    def holds(self, mark: Mark, fence: int, link: int | None) -> bool:
        """Whether nobody has claimed the mark, or its link, since this fence did, even if its lease ran out since."""
        if self.connection.execute(marking.FENCE, _place(mark)).scalar_one_or_none() != fence:
            return False
        if link is None:
            return True
        return bool(self.connection.execute(marking.LINK_FENCE, {"link": link}).scalar_one_or_none() == fence)

    def held(self, units: Sequence[Unit], fence: int) -> list[bool]:
        """`holds` for each of these units' first marks and links, in one look."""
        mine = {tuple(row) for row in self.connection.execute(marking.MINE, {"by": fence})}
        free = {unit.link.id for unit in units if unit.link is not None}
        for chunk in chunks(free.copy()):
            free -= set(self.connection.execute(marking.MY_LINKS, {"among": chunk, "by": fence}).scalars())
        firsts = [(unit.marks[0], unit.link) for unit in units]
        return [
            (mark.map, str(mark.side), mark.id) in mine and (link is None or link.id not in free)
            for mark, link in firsts
        ]

    def release(self, fence: int) -> None:
        """Give every lease of this fence back."""
        for query in marking.EXTEND:
            self.connection.execute(query, {"by": fence, "until": None})

    def done(self, several: Sequence[Mark], fence: int) -> int:
        """Drop marks that are settled; how many. One that was renewed meanwhile, or whose fence was lost, stays due."""
        dropped = 0
        for place, ids in _together((mark, mark.generation) for mark in several):
            dropped += self.connection.execute(marking.DONE, {**place, "among": ids, "by": fence}).rowcount
        return dropped

    def rest(self, mark: Mark, fence: int, state: str, /, **values: Any) -> bool:
        """Leave one mark in a state (due later, parked, planned, held) with its reason, unless it was renewed.

        `values` are columns; a `state` among them is a second thought, and goes before. Who allowed what is parked by
        now did not allow what comes of it later.
        """
        return bool(self.rest_all([(mark, {"state": state, **values})], fence))

    def rest_all(self, several: Iterable[tuple[Mark, Mapping[str, Any]]], fence: int) -> int:
        """The same for several, each with its columns, `state` among them; how many rest."""
        alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for mark, values in several:
            columns = {**values, **({"permit": None} if values["state"] == PARKED else {})}
            row = {**columns, **_place(mark), "seen": mark.generation, "by": fence}
            alike.setdefault(tuple(columns), []).append(row)
        return sum(self.connection.execute(marking.resting(names), rows).rowcount for names, rows in alike.items())

    def keep_plans(self, plans: Iterable[tuple[Mark, Mapping[str, Any]]]) -> None:
        """Store the plans of resting marks with them."""
        rows = [{**_place(mark), "seen": mark.generation, "kept": dict(plan)} for mark, plan in plans]
        if rows:
            self.connection.execute(marking.KEEP_PLAN, rows)

    def wake(self, waits_for: Iterable[str], now: datetime) -> int:
        """Make due what waits for any of these."""
        woken = (self.connection.execute(marking.WAKE, {"now": now, "among": chunk}) for chunk in chunks(waits_for))
        return sum(one.rowcount for one in woken)

    def retry(
        self, map_key: str | None, now: datetime, *, state: str = PARKED, ids: Sequence[str] = (),
        causes: Sequence[str] = (), reread: bool = True,
    ) -> int:  # fmt: skip
        """Make resting marks due again (of these ids, of these causes; empty: any); how many."""
        wanted = {"of": map_key, "among": list(ids) or None, "causes": list(causes) or None}
        given = {name: value for name, value in wanted.items() if value is not None}
        again = marking.retrying(frozenset(given), was=state, reread=reread)
        return int(self.connection.execute(again, {"was": state, "now": now, **given}).rowcount)

    def get(self, map_key: str, side: Side, ids: Iterable[str]) -> dict[str, Mark]:
        """Marks of these ids."""
        found: dict[str, Mark] = {}
        for chunk in chunks(ids):
            rows = self.connection.execute(marking.GET, {"map": map_key, "at": str(side), "among": chunk})
            found.update({row.id: _mark(row) for row in rows})
        return found

    def resting(self, state: str, map_key: str | None = None, *, limit: int = 10_000) -> list[Mark]:
        """Marks in a state, oldest first."""
        query, of = (marking.RESTING, {}) if map_key is None else (marking.RESTING_OF, {"map": map_key})
        return [_mark(row) for row in self.connection.execute(query, {"in": state, "limit": limit, **of})]

    def waiting(self, waits_for: str) -> list[Mark]:
        """Who waits for this."""
        return [_mark(row) for row in self.connection.execute(marking.WAITING, {"waits_for": waits_for})]

    def any_of(self, map_key: str, side: Side, cause: str) -> bool:
        """Whether a mark of a side has this cause."""
        at = (marks.c.map == map_key, marks.c.side == str(side), marks.c.cause == cause)
        return self.connection.execute(select(marks.c.id).where(*at).limit(1)).first() is not None

    def asking(self, map_key: str) -> bool:
        """Whether a record of a map is parked with a question."""
        asking = marking.asking(self.connection.dialect.name)
        return self.connection.execute(asking, {"map": map_key}).first() is not None

    def counts(self, now: datetime) -> list[tuple[str, str, bool, int, datetime]]:
        """(map, state, is it due now, how many, the oldest) for every map."""
        ready = and_(marks.c.state == DUE, marks.c.due_at <= now)
        query = select(marks.c.map, marks.c.state, ready.label("ready"), func.count(), func.min(marks.c.first_at))
        rows = self.connection.execute(query.group_by(marks.c.map, marks.c.state, "ready"))
        return [(row[0], row[1], bool(row[2]), row[3], row[4]) for row in rows]

    def causes(self) -> list[tuple[str, str | None, int]]:
        """(map, cause, how many) of what is parked."""
        query = select(marks.c.map, marks.c.cause, func.count()).where(PARKED_ONES)
        rows = self.connection.execute(query.group_by(marks.c.map, marks.c.cause))
        return [(row[0], row[1], row[2]) for row in rows]

    def any_due(self, map_key: str, now: datetime, *, linked_only: bool = False) -> bool:
        """Whether a mark of a map could be claimed now."""
        if linked_only and not Links(self.connection).any(map_key):
            return False
        given = {"map": map_key, "now": now}
        return (
            self.connection.execute(marking.LINKED_DUE if linked_only else marking.ANY_DUE, given).first() is not None
        )

    def lead_due(self, map_key: str, now: datetime) -> bool:
        """Whether a mark of a map's lead lane could be claimed now."""
        return self.connection.execute(marking.LEAD_DUE, {"map": map_key, "now": now}).first() is not None

    def maps_due(self, now: datetime) -> set[str]:
        """The maps of which a mark could be claimed now, linked or not."""
        return set(self.connection.execute(marking.MAPS_DUE, {"in": DUE, "now": now}).scalars())

    def due_count(self, map_key: str, now: datetime) -> int:
        """How many marks of a map could be claimed now that nobody has allowed yet."""
        return int(self.connection.execute(marking.DUE_COUNT, {"map": map_key, "now": now}).scalar_one())

    def next_due(self, map_keys: Sequence[str]) -> datetime | None:
        """When the next mark of these maps can be claimed: when it is due and its lease, if it has one, has ended."""
        moment = case((marks.c.leased_until > marks.c.due_at, marks.c.leased_until), else_=marks.c.due_at)
        query = select(func.min(moment)).where(marks.c.state == DUE, marks.c.map.in_(list(map_keys)))
        found: datetime | None = self.connection.execute(query).scalar_one()
        return found


def _place(mark: Mark) -> dict[str, Any]:
    return {"at_map": mark.map, "at_side": str(mark.side), "at_id": mark.id}


def _together(several: Iterable[tuple[Mark, int | None]]) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Marks of one map, side and generation (`seen`), as one statement takes them: where they are, and their ids."""
    groups: dict[tuple[str, Side, int | None], list[str]] = {}
    for mark, seen in several:
        groups.setdefault((mark.map, mark.side, seen), []).append(mark.id)
    for (map_key, side, seen), ids in groups.items():
        place = {"at_map": map_key, "at_side": str(side), **({"seen": seen} if seen is not None else {})}
        yield from ((place, chunk) for chunk in chunks(ids))


def _mark(row: Row[tuple[object, ...]]) -> Mark:
    values = row._mapping
    names = ("map", "id", "generation", "state", "lane", "due_at", "first_at", "attempts", "reread", "pulled",
             "cause", "reason", "waits_for", "plan", "permit", "anew")  # fmt: skip
    return Mark(side=Side(values["side"]), **{name: values[name] for name in names})
