"""The daemon: feeds and pairs ticked by a schedule, until told to stop; a system in trouble pauses alone.

What is not here: the steps (`engine`), what becomes of a system in trouble (`health`), and hearing webhooks (`web`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol

import structlog

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Ref, Side
from syncd.engine.intake import hint, tick
from syncd.engine.lookout import look_everywhere, narrowed
from syncd.engine.maps import adopt
from syncd.engine.run import awaited, due, work
from syncd.engine.world import Pair, World
from syncd.errors import ConfigError
from syncd.service.health import Health
from syncd.service.nightly import Nights
from syncd.service.scheduler import Scheduler, Tick
from syncd.service.states import UNFIT
from syncd.service.worlds import Compiled

log = structlog.stdlib.get_logger("syncd.daemon")

MAPS = "maps"
"""The tick that compiles the maps anew."""
NET = 30
"""Each pair is run unasked, too, after so many looks: if the look that wakes it is ever at fault, nothing stands."""


class Carrier(Protocol):
    """What sees to it that ticks are done at their times: this process's scheduler, or a cluster's queue."""

    def run(self, stop: threading.Event) -> None:
        """Tick until `stop` is set; returns when what was under way has ended."""

    def wake(self, *names: str) -> None:
        """Let ticks run now."""


def run(world: World, pair: Pair) -> bool:
    """One run; whether another one is worth it right now.

    Not if it took nothing: what is due then belongs to somebody else.
    """
    return bool(work(world, pair).counts["units"]) and due(world, pair)


def feeds(pairs: Sequence[Pair]) -> Mapping[tuple[str, str], timedelta]:
    """(system, kind) -> how often it is read; those that only paused pairs have are not."""
    found: dict[tuple[str, str], timedelta] = {}
    for pair in (pair for pair in pairs if pair.mode != "paused"):
        for end in (m.end(side) for m in pair.maps for side in Side):
            found[end.system, end.kind] = min(found.get((end.system, end.kind), pair.every), pair.every)
    return found


def scheduled(ticks: Sequence[Tick]) -> Carrier:
    """This process does all ticks itself."""
    return Scheduler(ticks)


@dataclass(slots=True)
class Daemon:
    """One process's work. `idle`: how often it looks in which pairs something is due.

    `nights`: when the audit looks; None: never. `more`: what else is to be done at its times.
    `pairs_again` compiles its pairs against the vendors' fields as they are now; done every `fresh`, so that a new
    pick-list value, user or field is known without a restart.
    """

    world: World
    idle: timedelta = timedelta(seconds=1)
    pairs_again: Callable[[], Compiled] | None = None
    fresh: timedelta = timedelta(minutes=10)
    nights: Nights | None = None
    more: Sequence[Tick] = ()
    _carrier: Carrier | None = None
    _health: Health = field(init=False)
    _unfit: Mapping[str, ConfigError] = field(default_factory=dict)
    _tried: Mapping[str, FieldMap] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """How the systems are is kept beside the world, which is made anew with the maps."""
        self._health = Health.of(self.world)

    def run(self, stop: threading.Event, carry: Callable[[Sequence[Tick]], Carrier] = scheduled) -> None:
        """Sync until `stop` is set; what is under way is finished."""
        self.world = replace(self.world, stopping=stop.is_set)
        if not self._health.until_done(stop, self.prepare):
            return
        self._carrier = carry(self.ticks())
        log.info("started", pairs=[pair.name for pair in self.world.pairs], feeds=len(feeds(self.world.pairs)))
        self._carrier.run(stop)
        log.info("stopped")

    def ticks(self) -> list[Tick]:
        """All there is to do, again and again."""
        reads = [self._feed_tick(*feed, every) for feed, every in feeds(self.world.pairs).items()]
        look = Tick("due", self.idle, self.look)
        pairs = [Tick(f"pair {pair.name}", self.idle * NET, self._guarded(pair.name)) for pair in self.world.pairs]
        maps = [Tick(MAPS, self.fresh, self.compile_again, local=True)] if self.pairs_again is not None else []
        return [look, *reads, *pairs, *maps, *self._audits(), *self.more]

    def wake_maps(self) -> None:
        """Compile the maps now: somebody has changed one."""
        if self._carrier is not None:
            self._carrier.wake(MAPS)

    def hinted(self, refs: Sequence[Ref]) -> None:
        """Somebody says that these have changed: noted when this returns, looked at soon. Raises Transient."""
        marked = hint(self.world, refs)
        self._wake(pair for pair in self.world.pairs if any(m.key in marked for m in pair.maps))

    def look(self) -> bool:
        """Wake every pair in which something is due, unless it runs, or one of its systems rests."""
        self._wake(pair for pair in awaited(self.world) if not self._rests(pair))
        return False

    def _wake(self, pairs: Iterable[Pair]) -> None:
        names = [f"pair {pair.name}" for pair in pairs]
        if names and self._carrier is not None:
            self._carrier.wake(*names)

    def _rests(self, pair: Pair) -> bool:
        return self._health.rests(pair.left) or self._health.rests(pair.right)

    def prepare(self) -> None:
        """The maps are adopted, and systems that were in trouble are asked at once. Raises AuthError and Transient."""
        self._note_unfit()  # they were compiled just now
        adopt(self.world)
        self._health.begin(self.world.connectors)

    def _feed_tick(self, system: str, kind: str, every: timedelta) -> Tick:
        def once() -> bool:
            if self._health.rests(system):
                return False
            done = self._health.tried(lambda: tick(self.world, system, kind))
            if done is None:
                return False
            self._health.clear(self.world, system)  # it has answered; a pair's run may have asked nobody
            if done.moved:
                self._wake(pair for pair in self.world.pairs if (system, kind) in pair.kinds)
            return done.due

        return Tick(f"feed {system}:{kind}", every, once)

    def compile_again(self) -> bool:
        """Pairs go on as they compile now; one whose system is in trouble, or whose maps fit no longer, as it was.

        What does not fit is told, and its writes are refused field by field.
        """
        if self.pairs_again is None:
            return False
        found = self.pairs_again()
        for error in found.troubles.values():
            self._health.bear(error)
        for name, unfit in found.unfit.items():
            log.error("maps no longer fit", pair=name, problems=[str(problem) for problem in unfit.problems])
            look_everywhere(self.world, self._pair(name).kinds)
        still = {name: one for name, one in self._unfit.items() if name not in found.pairs}
        self._unfit = {**still, **found.unfit}
        self._note_unfit()
        self._take(found.pairs)
        return False

    def _take(self, pairs: Mapping[str, Pair]) -> None:
        """These go on with newer maps, but for those that have lost all custom fields of a side: see `lookout`."""
        new = {name: pair for name, pair in pairs.items() if pair is not self._pair(name)}
        if new:
            with self.world.store.read() as tx:
                lost = narrowed(tx, self._with(new))
            if lost:
                look_everywhere(self.world, lost)
            new = {name: pair for name, pair in new.items() if not set(lost) & set(pair.kinds)}
            self.world = self._with(new)
            adopt(self.world, new.values())
        self._try_unmapped()

    def _try_unmapped(self) -> None:
        """An option that a vendor has now does not show in a map's digest; planning again asks nobody.

        Of maps that are new to this process, so of all at first: nobody knows what was new while none worked.
        """
        new = [key for key, m in self.world.maps.items() if self._tried.get(key) is not m] if self._tried else [None]
        if new:
            with self.world.store.begin() as tx:
                for key in new:
                    tx.marks.retry(key, self.world.clock(), causes=("unmapped",), reread=False)
        self._tried = self.world.maps

    def _with(self, pairs: Mapping[str, Pair]) -> World:
        return replace(self.world, pairs=tuple(pairs.get(pair.name, pair) for pair in self.world.pairs))

    def _pair(self, name: str) -> Pair:
        return next(pair for pair in self.world.pairs if pair.name == name)

    def _note_unfit(self) -> None:
        problems = [str(problem) for error in self._unfit.values() for problem in error.problems]
        with self.world.store.read() as tx:
            known = tx.runs.fact(UNFIT)
        if list(known or ()) != problems:
            with self.world.store.begin() as tx:
                tx.runs.set_fact(UNFIT, problems or None)

    def _audits(self) -> list[Tick]:
        if self.nights is None:
            return []
        bite, every = self.nights.bite, self.nights.every
        live = [pair.name for pair in self.world.pairs if pair.mode != "paused"]
        return [Tick(f"audit {name}", every, self._guarded(name, bite)) for name in live]

    def _guarded(self, name: str, do: Callable[[World, Pair], object] | None = None) -> Callable[[], bool]:
        """What is done for a pair, a run or something else, unless one of its systems rests."""

        def once() -> bool:
            pair = self._pair(name)
            if self._rests(pair):
                return False
            return bool(self._health.tried(lambda: (do or run)(self.world, pair)))

        return once
