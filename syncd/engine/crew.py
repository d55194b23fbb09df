"""The workers of a run: one for each side of a map, and before each of their batches the leads that came meanwhile.

What is not here: what a worker does with a batch (`worker`), and what a run may do at all (`run`).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeVar

from structlog.contextvars import bound_contextvars

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Side
from syncd.engine.guard import may_exceed
from syncd.engine.namesakes import Taken
from syncd.engine.worker import Worker, backfilled
from syncd.engine.world import Pair, World
from syncd.errors import AuthError, Transient
from syncd.store.store import Tx

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Crew:
    """Takes what was due by a moment, in batches, and the leads of all maps before the next batch.

    What is marked on a side is mostly written to the other: each side has a worker, so that no vendor waits for the
    other one's limits. A plan is made by one, so that it is the same each time, and of all there is: children that are
    due because of a planned parent are weighed with it.
    `rests`, `hold`: as a worker has them. `counts`: what was done.
    """

    world: World
    pair: Pair
    run: int | None
    rests: str | None
    due_by: datetime
    hold: Callable[[Tx], None]
    counts: Counter[str] = field(default_factory=Counter)
    _names: dict[str, Taken] = field(default_factory=dict)
    _matching: dict[str, threading.Lock] = field(default_factory=dict)
    _leads_may_go: bool = True

    def __post_init__(self) -> None:
        for m in self.pair.maps:
            self._names[m.key], self._matching[m.key] = {}, threading.Lock()

    def work(self, m: FieldMap) -> int:
        """Batch after batch of one map, until nothing of it is left; how many units were taken."""
        sides = tuple(Side) if self.world.side_by_side and self.rests is None else (None,)
        shift = _Shift(sides)
        try:
            return sum(side_by_side([partial(self._side, m, side, shift) for side in sides], shift.enough))
        finally:
            for worker in shift.workers:
                self.counts.update(worker.counts)

    def _side(self, m: FieldMap, side: Side | None, shift: _Shift) -> int:
        """One side's batches. What has none left goes on to look for leads as long as the other side is at work."""
        live, often = self.rests is None, self.world.pace.leads_every
        worker = self._worker(shift, m, side, due_by=self.due_by if live else None)
        taken, looked = 0, self.due_by
        while not self._must_end(shift):
            units = _batch(worker)
            taken += units
            if not units:
                shift.done(side)
                if not live or shift.over.wait(often.total_seconds()):
                    break
            if live and self._leads_may_go and self.world.clock() - looked >= often:
                taken += self._leads(shift, side)
                looked = self.world.clock()
        return taken

    def _leads(self, shift: _Shift, side: Side | None) -> int:
        """Hand over the leads that wait, and in the next map what they released; how many units were taken.

        The guard is asked about all that is due by then, as where a run begins; if it could mind, they are left alone.
        Trouble is told of when their map has its turn: until then, what else is due is written.
        """
        taken = 0
        for m in self.pair.maps:
            if self._must_end(shift) or not self._leads_wait(m, side):
                continue
            with self.world.store.begin():
                now = self.world.clock()  # no other transaction writes meanwhile: what is due by now is stored
            if may_exceed(self.world, self.pair, now, self._done(shift)):
                self._leads_may_go = False
                break
            worker = self._worker(shift, m, side, due_by=now, leads=True)
            try:
                while not self._must_end(shift) and (units := _batch(worker)):
                    taken += units
            except (AuthError, Transient):
                self._leads_may_go = False
                break
        return taken

    def _leads_wait(self, m: FieldMap, side: Side | None) -> bool:
        with self.world.store.read() as tx:
            return backfilled(self.world, tx, m) and tx.marks.lead_due(m.key, side, self.world.clock())

    def _done(self, shift: _Shift) -> Counter[str]:
        """What this run did so far, by kind. What others count in is copied at once."""
        done: Counter[str] = Counter()
        for counts in (dict(self.counts), *(dict(worker.counts) for worker in list(shift.workers))):
            for name, number in counts.items():
                done[name.partition(":")[0]] += number
        return done

    def _worker(
        self, shift: _Shift, m: FieldMap, side: Side | None, *, due_by: datetime | None, leads: bool = False
    ) -> Worker:  # fmt: skip
        worker = Worker(
            self.world, m, self.run, self.rests, side, due_by, leads, self.hold,
            taken=self._names[m.key], matching=self._matching[m.key],
        )  # fmt: skip
        shift.workers.append(worker)
        return worker

    def _must_end(self, shift: _Shift) -> bool:
        return self.world.stopping() or shift.enough.is_set()


class _Shift:
    """The work on one map. `enough`: it is to end early; `over`: no side has anything left of what it came for."""

    def __init__(self, sides: Iterable[Side | None]) -> None:
        self.workers: list[Worker] = []
        self.enough, self.over, self._at_work = threading.Event(), threading.Event(), set(sides)

    def done(self, side: Side | None) -> None:
        """A side has nothing left."""
        self._at_work.discard(side)
        if not self._at_work:
            self.over.set()


def _batch(worker: Worker) -> int:
    with bound_contextvars(map=worker.m.key):
        return worker.step()


def side_by_side(works: Sequence[Callable[[], T]], enough: threading.Event) -> list[T]:
    """What each gave, each in a thread of its own; AuthError goes before other trouble.

    Whatever ends one of them early sets `enough`, and the others end with the page or batch that they are at.
    """

    def carried_out(one: Callable[[], T]) -> T:
        with _setting(enough):
            return one()

    with ThreadPoolExecutor(len(works)) as pool, _setting(enough):
        # What is bound to the log here goes along.
        running = [pool.submit(copy_context().run, carried_out, one) for one in works]
        wait(running)
    troubles = [trouble for one in running if (trouble := one.exception()) is not None]
    if troubles:
        raise min(troubles, key=lambda trouble: not isinstance(trouble, AuthError))
    return [one.result() for one in running]


@contextmanager
def _setting(enough: threading.Event) -> Iterator[None]:
    try:
        yield
    except BaseException:
        enough.set()
        raise
