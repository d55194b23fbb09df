"""What is on its way to the other side for the first time, and what arrived: read newest first, a page at a time.

A hand-off is a record of a map that goes first (`lane: lead`) and that its map wants made on the other side.
What is not here: how it is shown (`pages.handoffs`), and the statements (`store.handoffs`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from heapq import merge
from itertools import islice
from typing import Generic, TypeVar

from syncd.console.causes import cause_of
from syncd.core.fieldmap import FieldMap
from syncd.core.model import Side
from syncd.engine.absorb import LEAD_LANE, NORMAL_LANE
from syncd.engine.linking import wanted
from syncd.engine.lookalikes import belongs
from syncd.engine.world import World
from syncd.store import handoffs as stored
from syncd.store.handoffs import Made, Place, Resting
from syncd.store.marks import COMING, DUE, HELD, PARKED, PLANNED, WEIGHED
from syncd.store.snapshots import Snapshot
from syncd.store.store import Tx

Row = TypeVar("Row")

AT_ONCE = 50
LOOKED_AT = 2000
"""Rows that are looked at for one page; one that found too few of them goes on from there."""

COUNTED = 300
"""What rests is counted if it is no more than this."""

MEASURED = 1000
"""Hand-offs whose time is measured: the newest."""

AFRESH = timedelta(days=7)
"""A record that was older than this when it was handed over waited for a person, not for syncd: it is not measured."""

WAITING, SENT, LINKED, NEEDS, FAILED = "waiting", "sent", "linked", "needs", "failed"
STATES = {WAITING: (DUE, COMING, PLANNED, WEIGHED, PARKED), NEEDS: (PARKED, HELD), FAILED: (PARKED,)}


@dataclass(frozen=True, slots=True)
class Lane:
    """A map whose records go first, and the side that they come from."""

    map: FieldMap
    side: Side


@dataclass(frozen=True, slots=True)
class Rests:
    """One that has not arrived. `shot` None: somebody told of it, and it was not read yet."""

    lane: Lane
    mark: Resting
    shot: Snapshot | None


@dataclass(frozen=True, slots=True)
class Took:
    """How long a hand-off took. `heard`: since syncd had heard of it; else since the record was made."""

    seconds: float
    heard: bool


@dataclass(slots=True)
class Listed(Generic[Row]):
    """A page of a list. `before`: where it goes on; None: that was all."""

    rows: list[Row] = field(default_factory=list)
    before: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """How a lane does. `week`, `day`: how many were handed over; `cut`: at least so many; `took`: sorted seconds.

    `heard`: since syncd had heard of each; else since each was made.
    """

    lane: Lane
    week: int
    day: int
    cut: bool
    took: Sequence[float]
    heard: bool

    def share(self, share: float) -> float | None:
        """The time within which this share of them was done."""
        return self.took[max(0, -int(-len(self.took) * share // 1) - 1)] if self.took else None


def lanes(world: World) -> list[Lane]:
    """Every way of a hand-off: to the right where the map makes records there, else to the left."""
    return [
        Lane(m, Side.LEFT if m.right.when is not None else Side.RIGHT)
        for m in world.maps.values()
        if m.lane == "lead" and (m.left.when is not None or m.right.when is not None)
    ]


@dataclass
class OnWay:
    """What is on its way in some lanes, in one view of the store. `since`: nothing older."""

    world: World
    tx: Tx
    lanes: Sequence[Lane]
    since: datetime | None = None

    @cached_property
    def away(self) -> Mapping[str, set[str]]:
        """What was sent and has no answer yet, by map: it rests too, and is told of as sent."""
        return {
            one.map.key: {row.source_id for row in stored.sent(self.tx, one.map.key, one.side.other, most=LOOKED_AT)}
            for one in self.lanes
        }

    def resting(self, tab: str, before: Place | None) -> Listed[Rests]:
        """What has not arrived and stands under this tab, what became due last first."""
        rows, found, last, looked = self._merged(tab, before), list[Rests](), before, 0
        ended = False
        while len(found) <= AT_ONCE and looked < LOOKED_AT and not ended:
            some = list(islice(rows, stored.CHUNK))
            looked += len(some)
            found += self._wanted(tab, some)
            last = some[-1].mark.place if some else last
            ended = len(some) < stored.CHUNK
        if len(found) > AT_ONCE:
            found, last, ended = found[:AT_ONCE], found[AT_ONCE - 1].mark.place, False
        return Listed(found, None if ended or last is None else written(last))

    def count(self, tab: str) -> int | None:
        """How many stand under a tab; None where that is not known without going through too many."""
        rows = list(islice(self._merged(tab, None), COUNTED + 1))
        return len(self._wanted(tab, rows)) if len(rows) <= COUNTED else None

    def count_sent(self) -> int | None:
        """How many were sent and have no answer yet."""
        several = [stored.sent(self.tx, one.map.key, one.side.other, most=COUNTED + 1) for one in self.lanes]
        count = sum(self._late_enough(one.opened_at) for rows in several for one in rows)
        return count if all(len(rows) <= COUNTED for rows in several) else None

    def sent(self) -> Listed[tuple[Lane, Made]]:
        """What was sent and has no answer yet, the newest first; never many."""
        found = [
            (lane, one)
            for lane in self.lanes
            for one in stored.sent(self.tx, lane.map.key, lane.side.other, most=AT_ONCE)
            if self._late_enough(one.opened_at)
        ]
        return Listed(sorted(found, key=lambda row: -row[1].id)[:AT_ONCE])

    def made(self, before: int | None) -> Listed[tuple[Lane, Made]]:
        """What arrived, the newest first."""
        found, looked, last = list[tuple[Lane, Made]](), 0, before
        each = [_made_of(lane, stored.made(self.tx, lane.map.key, before)) for lane in self.lanes]
        for lane, one in merge(*each, key=lambda row: row[1].id, reverse=True):
            if not self._late_enough(one.opened_at):
                break
            if len(found) == AT_ONCE or looked == LOOKED_AT:
                return Listed(found, str(last))
            last, looked = one.id, looked + 1
            if arrived(lane, one):
                found.append((lane, one))
        return Listed(found)

    def level(self, lane: Lane, now: datetime) -> Level:
        """How many were handed over lately, and how long they took."""
        end, found, cut = lane.map.end(lane.side), list[Made](), False
        for looked, one in enumerate(stored.made(self.tx, lane.map.key, None)):
            if one.opened_at < now - timedelta(days=7):
                break
            if len(found) == MEASURED or looked == 2 * MEASURED:
                cut = True
                break
            if arrived(lane, one):
                found.append(one)
        created = stored.created(self.tx, end.system, end.kind, [one.source_id for one in found])
        told = [how for one in found if (how := took_of(created.get(one.source_id), one)) is not None]
        heard = any(one.heard for one in told)
        took = sorted(one.seconds for one in told if one.heard is heard)
        day = sum(one.opened_at >= now - timedelta(days=1) for one in found)
        return Level(lane=lane, week=len(found), day=day, cut=cut, took=took, heard=heard)

    def _late_enough(self, at: datetime) -> bool:
        return self.since is None or at >= self.since

    def _merged(self, tab: str, before: Place | None) -> Iterator[Rests]:
        each = [
            _resting_of(lane, stored.resting(self.tx, lane.map.key, at, due, before))
            for lane in self.lanes
            for at in STATES[tab]
            for due in (LEAD_LANE, NORMAL_LANE)
        ]
        for one in merge(*each, key=lambda row: row.mark.place, reverse=True):
            if not self._late_enough(one.mark.place.due_at):
                return
            yield one

    def _wanted(self, tab: str, rows: Sequence[Rests]) -> list[Rests]:
        """Those of the tab that have no link, and that their map wants made; each with what is known of it."""
        rows = [one for one in rows if one.mark.place.side is one.lane.side and _stands_under(tab, one.mark)]
        found: dict[tuple[str, str], Rests] = {}
        for lane in self.lanes:
            ids = [one.mark.place.id for one in rows if one.lane is lane]
            end, out = lane.map.end(lane.side), self.away[lane.map.key] if ids else set()
            out = out | stored.linked(self.tx, lane.map.key, lane.side, ids)
            shots = self.tx.snapshots.get(end.system, end.kind, ids)
            for one in rows:
                id_ = one.mark.place.id
                if one.lane is lane and id_ not in out and _on_its_way(lane, one.mark, shots.get(id_)):
                    found[lane.map.key, id_] = Rests(lane, one.mark, shots.get(id_))
        order = [(one.lane.map.key, one.mark.place.id) for one in rows]
        return [found[at] for at in order if at in found]


def arrived(lane: Lane, one: Made) -> bool:
    """Whether a creation is a hand-off of this lane that came through."""
    return one.side is lane.side.other and one.outcome in ("written", "landed")


def took_of(created: datetime | None, one: Made) -> Took | None:
    """How long a hand-off took; None where that is a measure of nothing."""
    if one.closed_at is None:
        return None
    if one.heard_at is not None:
        return Took(max(0.0, (one.closed_at - one.heard_at).total_seconds()), heard=True)
    took = one.closed_at - created if created is not None else None
    if took is None or not timedelta() <= took <= AFRESH:
        return None
    return Took(took.total_seconds(), heard=False)


def written(place: Place) -> str:
    """Where a list goes on, as a link carries it."""
    return "|".join((place.due_at.isoformat(), place.map, str(place.side), place.id))


def place_of(text: str | None) -> Place | None:
    """Where the last page ended, as its link says; nothing else is taken for one."""
    try:
        at, map_key, side, id_ = (text or "").split("|", 3)
        moment = datetime.fromisoformat(at)
        return Place(moment, map_key, Side(side), id_) if moment.tzinfo is not None else None
    except ValueError:
        return None


def _resting_of(lane: Lane, rows: Iterator[Resting]) -> Iterator[Rests]:
    return (Rests(lane, one, None) for one in rows)


def _made_of(lane: Lane, rows: Iterator[Made]) -> Iterator[tuple[Lane, Made]]:
    return ((lane, one) for one in rows)


def _stands_under(tab: str, one: Resting) -> bool:
    """Whether what rests for this cause stands under this tab."""
    if one.state != PARKED:
        return True
    passing = cause_of(one.cause).alone
    if tab == WAITING or passing:
        return tab == WAITING and passing
    return (one.cause == "refused") is (tab == FAILED)


def _on_its_way(lane: Lane, one: Resting, shot: Snapshot | None) -> bool:
    if shot is None:
        return one.state == DUE
    m, side, record = lane.map, lane.side, shot.record
    return shot.gone is None and belongs(m, side, record) and wanted(m, side, record, pulled=one.pulled)
