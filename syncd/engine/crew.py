"""The workers of a run: one for each side of a map, which make way for the leads that come meanwhile. Rule 19.

What is not here: what a worker does with a batch (`worker`), and what a run may do at all (`run`).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeVar

from structlog.contextvars import bound_contextvars

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Action, Side
from syncd.engine.guard import may_exceed
from syncd.engine.namesakes import Taken
from syncd.engine.worker import Worker, backfilled
from syncd.engine.world import Pair, World
from syncd.errors import AuthError, Transient
from syncd.store.store import Tx

T = TypeVar("T")

PATIENCE = 10
"""How much longer it takes until the lead lane is looked at again, after the guard could mind or a vendor failed."""


@dataclass(slots=True, kw_only=True)
class Crew:
    """Takes what was due by a moment, in batches; and before the next batch, now and then, the lead lane of all maps.

    What is marked on a side is mostly written to the other: each side has a worker, so that no vendor waits for the
    other one's limits. They are in one map at a time. A plan is made by one worker, so that it is the same each time,
    and of all there is: children that are due because of a planned parent are weighed with it.
    `rests`, `hold`: as a worker has them. `counts`: what was done is added to them.
    """

    world: World
    pair: Pair
    run: int | None
    rests: str | None
    due_by: datetime
    hold: Callable[[Tx], None]
    counts: Counter[str]
    _names: dict[str, Taken] = field(default_factory=dict)
    _look_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.rests is None:
            self._look_at = self.due_by + self.world.pace.leads_every

    def work(self, m: FieldMap) -> int:
        """Batch after batch of one map, until nothing of it is left; how many units were taken."""
        workers = self._workers(m, due_by=self.due_by if self.rests is None else None)
        taken, way = 0, threading.Event()
        while True:
            taken += self._batches(workers, partial(self._makes_way, way))
            if not way.is_set():
                return taken
            way.clear()
            taken += self._leads()

    def _makes_way(self, way: threading.Event) -> bool:
        """Whether a worker makes way for the lead lane. When one of them does, the other does after its batch."""
        now = self.world.clock()
        if self._look_at is not None and now >= self._look_at and not way.is_set():
            self._look_at = now + self.world.pace.leads_every
            if any(self._lead_due(m, now) for m in self.pair.maps):
                way.set()
        return way.is_set()

    def _leads(self) -> int:
        """Work on the lead lane of all maps, with what that releases in the next map; how many units were taken.

        The guard is asked about all that is due by then, as where a run begins; if it could mind, they are left alone.
        Trouble is told of when their map has its turn: until then, what else is due is written.
        """
        taken = 0
        try:
            for m in self.pair.maps:
                if not self._lead_due(m, self.world.clock()):
                    continue
                with self.world.store.begin():
                    now = self.world.clock()  # no other transaction writes meanwhile: what is due by now is stored
                if may_exceed(self.world, self.pair, now, self._done()):
                    self._look_at = now + PATIENCE * self.world.pace.leads_every
                    break
                taken += self._batches(self._workers(m, due_by=now, leads=True), lambda: False)
        except (AuthError, Transient):
            self._look_at = self.world.clock() + PATIENCE * self.world.pace.leads_every
        return taken

    def _lead_due(self, m: FieldMap, now: datetime) -> bool:
        """Not of a map that continues another: what both have is the other's to look at first."""
        with self.world.store.read() as tx:
            return m.continues is None and backfilled(self.world, tx, m) and tx.marks.lead_due(m.key, now)

    def _done(self) -> Mapping[Action, int]:
        return {kind: sum(self.counts[f"{kind}:{outcome}"] for outcome in ("written", "ambiguous")) for kind in Action}

    def _workers(self, m: FieldMap, *, due_by: datetime | None, leads: bool = False) -> list[Worker]:
        sides = tuple(Side) if self.world.side_by_side and self.rests is None else (None,)
        names, matching = self._names.setdefault(m.key, {}), threading.Lock()
        return [
            Worker(
                self.world, m, self.run, self.rests, side, due_by, leads, self.hold, taken=names, matching=matching
            )
            for side in sides
        ]  # fmt: skip

    def _batches(self, workers: Sequence[Worker], makes_way: Callable[[], bool]) -> int:
        """Batch after batch, until nothing is due or they make way; how many units they took."""
        enough = threading.Event()

        def each(worker: Worker) -> int:
            taken = 0
            with bound_contextvars(map=worker.m.key):
                while not (self.world.stopping() or enough.is_set()) and (units := worker.step()):
                    taken += units
                    if makes_way():
                        break
            return taken

        try:
            return sum(side_by_side([partial(each, worker) for worker in workers], enough))
        finally:
            for worker in workers:
                self.counts.update(worker.counts)
                worker.counts.clear()


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
