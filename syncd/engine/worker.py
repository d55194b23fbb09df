"""One batch of one map down the steps: claim, settle, read, plan, journal, write, confirm.

What is not here: what each step does (its own module), and how often it is done (`run`, `service`).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Action, Side
from syncd.engine.confirm import finish
from syncd.engine.fence import all_ours, take_news
from syncd.engine.flips import freeze
from syncd.engine.inheriting import inherit
from syncd.engine.item import DRIFT, UNTOLD, Item, Rest, again, described, park, permitted
from syncd.engine.late import landed_late
from syncd.engine.leaving import come_back, follow, leave
from syncd.engine.linking import local, look_up, make_links, plan_creates, snapshots_for
from syncd.engine.namesakes import Taken
from syncd.engine.planning import parents_for, plan_links
from syncd.engine.reading import read_anew
from syncd.engine.settling import settle
from syncd.engine.standstill import stand_still
from syncd.engine.succession import call_left_over, look_at_twins
from syncd.engine.undo import undo
from syncd.engine.world import World
from syncd.engine.writing import Writer, journal
from syncd.errors import AuthError, Refused, SyncdError, Transient
from syncd.kit.connector import Capabilities
from syncd.store.marks import HELD, PARKED, PLANNED, WEIGHED, Unit
from syncd.store.sql import chunks
from syncd.store.store import Tx

QUOTA = timedelta(seconds=10)
"""How much of a vendor's limit one batch may take."""

log = structlog.get_logger("syncd.engine")


def within_quota(can: Capabilities, records: float) -> int | None:
    """How many records fit into a batch's share of a vendor's limit, so many to a request; None: any number."""
    return None if can.pace is None else max(1, int(can.pace * records * QUOTA.total_seconds()))


def backfilled(world: World, tx: Tx, m: FieldMap) -> bool:
    """Whether both sides were read through once: before that, nothing is created or linked. Rule 4.

    Those of the map that it continues as well: whoever has a twin there may have been read on one side only.
    """
    return tx.feeds.backfilled() >= feeds_of(world, m)


def feeds_of(world: World, m: FieldMap) -> set[tuple[str, str]]:
    """The (system, kind) of both sides of a map, and of the map that it continues."""
    first = world.maps.get(m.continues.map) if m.continues is not None else None
    ends = (one.end(side) for one in (m, first) if one is not None for side in Side)
    return {(end.system, end.kind) for end in ends}


@dataclass(slots=True)
class Worker:
    """Works on one map within one run. `rests`: the state in which planned marks rest when nothing may be written.

    `side`: of which side it takes marks; None: of both. `due_by`: it leaves alone what became due after it; None:
    nothing. `leads`: it takes new leads alone. `hold`: asked before every batch; it raises when the run
    that this worker belongs to must end.
    `matching`: shared by the workers of a map; what one links, the other need not look for.
    """

    world: World
    m: FieldMap
    run: int | None = None
    rests: str | None = None
    side: Side | None = None
    due_by: datetime | None = None
    leads: bool = False
    hold: Callable[[Tx], None] = lambda _tx: None
    counts: Counter[str] = field(default_factory=Counter)
    alone: int = 0
    taken: Taken = field(default_factory=dict)
    matching: threading.Lock = field(default_factory=threading.Lock)

    def step(self) -> int:
        """One batch; how many units were taken. Raises AuthError and Transient after giving the leases back."""
        units = self._claim()
        if not units:
            return 0
        items = [Item(self.m, u, u.link, side=u.marks[0].side if u.link is None else None) for u in units]
        trouble: SyncdError | None = None
        try:
            self._steps(items)
        except (AuthError, Transient) as error:
            trouble = error
        except Refused as error:
            self._isolate(items, park("refused", str(error)))
        except Exception:
            log.exception("bug", map=self.m.key)
            self._isolate(items, park("bug", "an error of syncd itself; see the log"))
        self._finish(items, trouble)
        if trouble is not None:
            raise trouble
        return len(units)

    def _isolate(self, items: Sequence[Item], alone: Rest) -> None:
        """One bad record never stops the others: after a batch that syncd tripped over, each goes alone."""
        if len(items) == 1:
            items[0].fail(alone)
            return
        self.alone = len(items)
        for item in items:
            item.fail(again("isolated", "syncd tripped over a batch it was in", after=timedelta(0), count=False))

    def _claim(self) -> list[Unit]:
        with self.world.store.begin() as tx:
            now = self.world.clock()
            until = now + self.world.pace.lease
            self.hold(tx)
            which: dict[str, Any] = {
                "linked_only": not backfilled(self.world, tx, self.m),
                "due_by": self.due_by,
                "leads": self.leads,
            }
            # Of one side at a time: what is written across for it fills that vendor's batches.
            side = self.side or tx.marks.first_side(self.m.key, now, **which)
            if side is None:
                return []
            limit = 1 if self.alone else self._bite(side)
            self.alone = max(0, self.alone - 1)
            return tx.marks.claim(self.m.key, now, until, tx.runs.next_fence(), limit=limit, side=side, **which)

    def _bite(self, side: Side) -> int:
        """How many marks of a side a batch may take: no more than can be created across in its time."""
        most, can = self.world.pace.batch, self.world.connector(self.m, side.other).capabilities
        return most if self.rests is not None else min(most, within_quota(can, can.write_batch) or most)

    def _steps(self, items: Sequence[Item]) -> None:
        with self.world.store.read() as tx:
            snapshots_for(tx, self.m, items)
        settle(self.world, items, self.run)
        with self.world.store.read() as tx:
            stand_still(self.world, tx, items)
        follow(self.world, items)
        self._reread(items)
        come_back(self.world, items)
        leave(self.world, self.m, items)
        undo(self.world, items, planned=self.rests is not None)
        self._link(items)
        self._plan(items)
        if self.rests is not None:
            self._rest_planned(items)
            return
        self._hold_unpermitted(items)
        self._cut(items)
        intents = any(item.operations for item in items if item.stands())
        with self.world.store.begin(durable=intents) as tx:
            until = self._hold_on(tx, items)
            journal(self.world, tx, items, self.run)
        Writer(self.world, self.run, until, self.counts).write(items)

    def _cut(self, items: Sequence[Item]) -> None:
        """No lead waits long behind what a slow vendor has to write: what goes beyond the batch's time comes next."""
        for side in Side:
            can, spent = self.world.connector(self.m, side).capabilities, 0
            most = within_quota(can, can.write_batch)
            for item in [item for item in items if item.stands() and side in item.operations]:
                if most is not None and spent >= most:
                    item.fail(again("quota", "others are written first", after=timedelta(0), count=False))
                compared = item.operations[side].action is not Action.CREATE and not can.free_compare
                spent += 2 if compared else 1

    def _hold_on(self, tx: Tx, items: Sequence[Item]) -> datetime:
        """Renew the leases before anything is written: looking may have taken longer than they last."""
        until = self.world.clock() + self.world.pace.lease
        stand_still(self.world, tx, [item for item in items if item.operations])
        still = all_ours(tx, [item for item in items if item.stands()])
        if still:
            tx.marks.renew(still[0].unit.fence, until)
        return until

    def _reread(self, items: Sequence[Item]) -> None:
        """Look by id where a mark asks for it, or where one side of a link was never read."""
        for side in Side:
            end = self.m.end(side)
            reading = [i for i in items if i.stands() and i.id_on(side) is not None and self._must_read(i, side)]
            can = self.world.connectors[end.system].capabilities
            for item in reading[within_quota(can, can.read_batch) or len(reading) :]:
                cause = item.carried or "unread"
                item.fail(again(cause, "others are read first", after=timedelta(0), reread=True, count=False))
            if asking := [item for item in reading if item.stands()]:
                if any(item.carried in (DRIFT, UNTOLD) for item in asking):
                    self.world.connectors[end.system].forget_schema()  # the field may be there again
                read_anew(self.world, self.m, side, asking)
        still = [item for item in items if item.stands()]
        for item in still:
            item.looked = True
        with self.world.store.read() as tx:
            snapshots_for(tx, self.m, still)

    def _must_read(self, item: Item, side: Side) -> bool:
        return side not in item.snapshots or item.asks(side)

    def _link(self, items: Sequence[Item]) -> None:
        """Unlinked units: whose is it? Local knowledge first, then the vendor is asked before anything is created."""
        m, world = self.m, self.world
        with self.matching:
            with world.store.read() as tx:
                heirs = local(world, tx, m, items)
                stand_still(world, tx, items)
                parents = parents_for(world, tx, m, items, planned=self.rests is not None)
                # What is only planned is in no snapshot: its names are remembered for the whole run.
                plan_creates(world, tx, m, items, parents.twins, self.taken if self.rests is not None else {})
            self._join([item for item in items if item not in heirs])
        look_at_twins(world, m, heirs)
        look_up(world, m, items)
        with world.store.read() as tx:
            stand_still(world, tx, items)
        self._join(items)

    def _join(self, items: Sequence[Item]) -> None:
        """Link those whose twin was found; where nothing may be written, both rest with one plan."""
        found = [item for item in items if item.twin is not None and item.link is None and item.stands()]
        if not found:
            return
        if self.rests is not None:
            with self.world.store.begin() as tx:
                take_news(self.world, tx, all_ours(tx, found))
            return
        before = [(item, item.link, item.unit) for item in items]
        try:
            with self.world.store.begin() as tx:
                made = make_links(self.world, tx, self.m, items)
                landed_late(self.world, tx, self.m, made)
                inherit(self.world, tx, self.m, made)
        except BaseException:
            for item, link, unit in before:  # what was undone in the store was never linked
                item.link, item.unit = link, unit
            raise

    def _plan(self, items: Sequence[Item]) -> None:
        freeze(self.world, items)
        with self.world.store.read() as tx:
            snapshots_for(tx, self.m, [item for item in items if item.stands()])
            parents = parents_for(self.world, tx, self.m, items, planned=self.rests is not None)
            plan_links(self.world, tx, self.m, items, parents)
            call_left_over(self.world, tx, self.m, items)

    def _rest_planned(self, items: Sequence[Item]) -> None:
        """Nothing may be written: what would be written rests with its plan."""
        for item in items:
            if item.stands() and (item.operations or item.twin is not None):
                item.rest = Rest(state=str(self.rests), cause="planned", reason="waits for permission to write")
                self.counts.update(f"plan:{operation.action}" for operation in item.operations.values())

    def _hold_unpermitted(self, items: Sequence[Item]) -> None:
        """What a person allowed may be written; what goes beyond it, or is held by the other side's mark, is held."""
        for item in items:
            permits = [mark.permit for mark in item.unit.marks if mark.permit]
            beyond = bool(permits) and not any(permitted(item, permit) for permit in permits)
            still = any(mark.state == HELD for mark in item.unit.marks)
            if item.stands() and item.operations and (beyond or still):
                item.rest = Rest(state=HELD, cause="held", reason="goes beyond what was allowed")

    def _finish(self, items: Sequence[Item], trouble: SyncdError | None) -> None:
        with self.world.store.begin() as tx:
            ended = [item for item in items if trouble is None or not item.stands() or item.written]
            self._finish_safely(tx, all_ours(tx, ended))
            if items:
                tx.marks.release(items[0].unit.fence)
        self.counts["units"] += len(items)
        self.counts.update(f"rest:{item.rest.cause}" for item in items if item.rest is not None)
        if trouble is not None:
            log.warning("trouble", map=self.m.key, error=str(trouble))

    def _finish_safely(self, tx: Tx, items: Sequence[Item]) -> None:
        """One bad record never stops the others: what syncd itself trips over is parked alone."""
        try:
            with tx.connection.begin_nested():
                self._finish_together(tx, items)
        except Exception:
            if len(items) > 1:
                for item in items:
                    self._finish_safely(tx, [item])
                return
            log.exception("bug", map=self.m.key, mark=items[0].mark.id)
            rest = {"cause": "bug", "reason": "an error of syncd itself; see the log", "due_at": self.world.clock()}
            for mark in items[0].unit.marks:
                tx.marks.rest(mark, items[0].unit.fence, PARKED, **rest)

    def _finish_together(self, tx: Tx, items: Sequence[Item]) -> None:
        plans = [
            (item, described(item))
            for item in items
            if item.rest is not None and item.rest.state in (PLANNED, HELD, WEIGHED)
        ]
        finish(self.world, tx, items, self.run)
        tx.marks.keep_plans((mark, plan) for item, plan in plans for mark in item.unit.marks)
        ends = {side: self.m.end(side) for side in Side}
        known = [(end, id_) for item, _ in plans for side, end in ends.items() if (id_ := item.id_on(side)) is not None]
        tx.marks.wake([f"{end.system}:{end.kind}:{id_}" for end, id_ in known], self.world.clock())
        self._withdraw(tx, [item for item, _ in plans if item.twin is not None])

    def _withdraw(self, tx: Tx, found: Sequence[Item]) -> None:
        """A record that is to be linked is not to be created for: such a plan is made again."""
        for side in Side:
            twins = [str(item.twin) for item in found if item.side is side.other]
            others = tx.marks.get(self.m.key, side, twins)
            ids = [id_ for id_, one in others.items() if one.state == PLANNED and one.plan and one.plan["creates"]]
            for chunk in chunks(ids):
                tx.marks.retry(self.m.key, self.world.clock(), state=PLANNED, ids=chunk, reread=False)
