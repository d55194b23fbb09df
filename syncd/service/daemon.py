"""The daemon: feeds and pairs ticked by a schedule, until told to stop; a system in trouble pauses alone.

What is not here: the steps (`engine`) and listening for webhooks (`web`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import structlog

from syncd.core.model import Ref, Side
from syncd.engine.intake import hint, tick
from syncd.engine.lookout import hides, look_everywhere, narrowed
from syncd.engine.maps import adopt
from syncd.engine.run import due, work
from syncd.engine.world import Pair, World
from syncd.errors import AuthError, ConfigError, Transient
from syncd.service.nightly import Nights
from syncd.service.scheduler import Scheduler, Tick
from syncd.store.runs import SystemState

log = structlog.stdlib.get_logger("syncd.daemon")

T = TypeVar("T")

AUTH_AGAIN = timedelta(minutes=1)
"""How soon a refused key is tried again: the operator may have mended it."""


class Carrier(Protocol):
    """What sees to it that ticks are done at their times: this process's scheduler, or a cluster's queue."""

    def run(self, stop: threading.Event) -> None:
        """Tick until `stop` is set; returns when what was under way has ended."""

    def wake(self, name: str) -> None:
        """Let a tick run now."""


def run(world: World, pair: Pair) -> bool:
    """One run; whether another one is worth it right now.

    Not if it took nothing: what is due then belongs to somebody else.
    """
    return bool(work(world, pair).counts["units"]) and due(world, pair)


def scheduled(ticks: Sequence[Tick]) -> Carrier:
    """This process does all ticks itself."""
    return Scheduler(ticks, threads=len(ticks))


@dataclass(slots=True)
class Daemon:
    """One process's work. `idle`: how often pairs look whether something is due.

    `nights`: when the audit looks; None: never.
    `pairs_again` compiles the maps against the vendors' fields as they are now; done every `fresh`, so that a new
    pick-list value, user or field is known without a restart.
    """

    world: World
    idle: timedelta = timedelta(seconds=1)
    pairs_again: Callable[[], tuple[Pair, ...]] | None = None
    fresh: timedelta = timedelta(minutes=10)
    nights: Nights | None = None
    _carrier: Carrier | None = None
    _again: dict[str, datetime] = field(default_factory=dict)

    def run(self, stop: threading.Event, carry: Callable[[Sequence[Tick]], Carrier] = scheduled) -> None:
        """Sync until `stop` is set; what is under way is finished."""
        self.world = replace(self.world, stopping=stop.is_set)
        self.prepare()
        self._carrier = carry(self.ticks())
        log.info("started", pairs=[pair.name for pair in self.world.pairs], feeds=len(self._feeds()))
        self._carrier.run(stop)
        log.info("stopped")

    def ticks(self) -> list[Tick]:
        """All there is to do, again and again."""
        feeds = [self._feed_tick(*feed, every) for feed, every in self._feeds().items()]
        pairs = [Tick(f"pair {pair.name}", self.idle, self._guarded(pair.name)) for pair in self.world.pairs]
        maps = [Tick("maps", self.fresh, self.compile_again, local=True)] if self.pairs_again is not None else []
        return [*feeds, *pairs, *maps, *self._audits()]

    def hinted(self, refs: Sequence[Ref]) -> None:
        """Somebody says that these have changed: noted when this returns, looked at soon. Raises Transient."""
        marked = hint(self.world, refs)
        for pair in self.world.pairs:
            if self._carrier is not None and any(m.key in marked for m in pair.maps):
                self._carrier.wake(f"pair {pair.name}")

    def prepare(self) -> None:
        """The maps are adopted.

        Systems that were in trouble when the last process ended are asked at once, and told well if they are.
        """
        now = self.world.clock()
        adopt(self.world)
        with self.world.store.read() as tx:
            states = [tx.runs.system(name) for name in self.world.connectors]
            self._again.update({one.name: now for one in states if one is not None and one.state != "ok"})

    def _feeds(self) -> Mapping[tuple[str, str], timedelta]:
        found: dict[tuple[str, str], timedelta] = {}
        for pair in self.world.pairs:
            if pair.mode == "paused":
                continue
            for end in (m.end(side) for m in pair.maps for side in Side):
                found[end.system, end.kind] = min(found.get((end.system, end.kind), pair.every), pair.every)
        return found

    def _feed_tick(self, system: str, kind: str, every: timedelta) -> Tick:
        def once() -> bool:
            if self._resting(system):
                return False
            done = self._watched([system], lambda: tick(self.world, system, kind))
            if done is not None and done.moved and self._carrier is not None:
                for pair in self.world.pairs:
                    if system in (pair.left, pair.right):
                        self._carrier.wake(f"pair {pair.name}")
            return done is not None and done.due

        return Tick(f"feed {system}:{kind}", every, once)

    def compile_again(self) -> bool:
        """Maps that fit no longer are told, and the old ones go on: their writes are refused field by field."""
        if self.pairs_again is None:
            return False
        systems = sorted({system for pair in self.world.pairs for system in (pair.left, pair.right)})
        try:
            pairs = self._watched(systems, self.pairs_again)
        except ConfigError as error:
            log.error("maps no longer fit", problems=[str(problem) for problem in error.problems])
            look_everywhere(self.world, self.world.readers)
            return False
        if pairs is not None:
            world = replace(self.world, pairs=pairs)
            with self.world.store.read() as tx:
                lost = narrowed(tx, world)
            if lost:
                look_everywhere(self.world, lost)
                return False
            self.world = world
            adopt(self.world)
            # An option that the vendor has now does not show in a map's digest; planning again asks nobody.
            with self.world.store.begin() as tx:
                tx.marks.retry(None, self.world.clock(), causes=("unmapped",), reread=False)
        return False

    def _audits(self) -> list[Tick]:
        if self.nights is None:
            return []
        bite, every = self.nights.bite, self.nights.every
        live = [pair.name for pair in self.world.pairs if pair.mode != "paused"]
        return [Tick(f"audit {name}", every, self._guarded(name, bite)) for name in live]

    def _guarded(self, name: str, do: Callable[[World, Pair], object] | None = None) -> Callable[[], bool]:
        """What is done for a pair, a run or something else, unless one of its systems rests."""

        def once() -> bool:
            pair = next(pair for pair in self.world.pairs if pair.name == name)
            if self._resting(pair.left) or self._resting(pair.right):
                return False
            return bool(self._watched([pair.left, pair.right], lambda: (do or run)(self.world, pair)))

        return once

    def _resting(self, system: str) -> bool:
        until = self._again.get(system)
        return until is not None and self.world.clock() < until

    def _watched(self, systems: list[str], do: Callable[[], T]) -> T | None:
        """Do it; note whose trouble it is. A refused key pauses the system, a passing trouble lets it wait."""
        try:
            done = do()
        except AuthError as error:
            named = [error.system] if error.system else systems
            self._note(named, "paused", str(error), min(AUTH_AGAIN, self.world.pace.retry_max))
            log.error("paused", systems=named, error=str(error), permission=error.permission)
            return None
        except Transient as error:
            wait = timedelta(seconds=error.retry_after) if error.retry_after else timedelta(seconds=5)
            named = [error.system] if error.system else systems
            self._note(named, "waiting", str(error), wait)
            log.warning("waiting", systems=named, error=str(error), seconds=wait.total_seconds())
            return None
        if len(systems) == 1:  # it has answered; a pair may have asked nobody
            self._clear(systems[0])
        return done

    def _note(self, systems: list[str], state: str, reason: str, wait: timedelta) -> None:
        now = self.world.clock()
        with self.world.store.begin() as tx:
            for system in systems:
                self._again[system] = now + wait
                tx.runs.set_system(SystemState(system, state, reason, now, now + wait))

    def _clear(self, system: str) -> None:
        """Tell that a system is well, unless another kind of it is hidden, or another process has just met trouble.

        What was parked because it asked to wait for too long is tried again.
        """
        now, ours = self.world.clock(), self._again.pop(system, None) is not None
        with self.world.store.read() as tx:
            noted = tx.runs.system(system)
        if noted is None or noted.state == "ok" or not (ours or noted.again_at is None or noted.again_at <= now):
            return
        with self.world.store.begin() as tx:
            if not hides(tx, self.world, system):
                tx.runs.set_system(SystemState(system, "ok", None, now))
                for m in self.world.maps.values():
                    if system in (m.end(side).system for side in Side):
                        tx.marks.retry(m.key, now, causes=("later",), reread=False)
