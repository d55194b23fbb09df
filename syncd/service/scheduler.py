"""The schedule of the daemon: each tick at its interval, never twice at once, until told to stop.

What is not here: what a tick does (`engine`). Nothing is remembered: ticks are made anew from the set-up at each start.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from structlog.contextvars import bound_contextvars

from syncd.errors import Bug, SyncdError

logger = structlog.stdlib.get_logger("syncd.scheduler")

THREADS = 32
"""Ticks that a process does at once, at most: more would only wait for each other, and for the store's connections."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Work that returns after each bite: `work()` says whether more is due right now, then it is called again.

    `local`: it concerns this very process, so no other one can do it instead.
    """

    name: str
    every: timedelta
    work: Callable[[], bool]
    local: bool = False


@dataclass(slots=True)
class _State:
    """`idle`: it neither works nor waits for a thread. `again`: somebody woke it since it began to work."""

    idle: threading.Event = field(default_factory=threading.Event)
    again: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.idle.set()


class Scheduler:
    """Runs ticks in threads of its own. A tick that fails is logged and comes again at its next time.

    So many `threads` take turns, a bite each; local ticks wait for none of the others.
    """

    def __init__(self, ticks: Sequence[Tick], *, threads: int = THREADS) -> None:
        """Take the ticks; their names are unique. Nothing runs before `run`."""
        self._ticks = {tick.name: tick for tick in ticks}
        self._states = {name: _State() for name in self._ticks}
        self._stop = threading.Event()
        several = {local: sum(tick.local is local for tick in ticks) for local in (True, False)}
        self._pools = {
            True: ThreadPoolExecutor(max(1, several[True])),
            False: ThreadPoolExecutor(max(1, min(threads, several[False]))),
        }
        defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self._scheduler = BackgroundScheduler(timezone=UTC, job_defaults=defaults)

    def run(self, stop: threading.Event) -> None:
        """Tick until `stop` is set; returns when what was under way has ended."""
        self._stop = stop
        now = datetime.now(tz=UTC)
        for tick in self._ticks.values():
            seconds = tick.every.total_seconds()
            self._scheduler.add_job(self._come, "interval", args=[tick], seconds=seconds, next_run_time=now)
        self._scheduler.start()
        try:
            # A signal may be handed to a thread that does not wait; Python hears of it when this one wakes.
            while not stop.wait(timeout=1.0):
                pass
        finally:
            stop.set()
            self._scheduler.shutdown(wait=False)
            for state in self._states.values():
                with state.lock:  # whoever comes later sees that it is over
                    pass
                state.idle.wait()
            for pool in self._pools.values():
                pool.shutdown()

    def wake(self, *names: str) -> None:
        """Let ticks run now; one that is at it, once more afterwards."""
        for name in names:
            self._come(self._ticks[name], again=True)

    def _come(self, tick: Tick, *, again: bool = False) -> None:
        """Its time has come, or (`again`) it was woken."""
        state = self._states[tick.name]
        with state.lock:
            if state.idle.is_set() and not self._stop.is_set():
                state.idle.clear()
                self._pools[tick.local].submit(self._run, tick)
            else:
                state.again = state.again or again

    def _run(self, tick: Tick) -> None:
        """One bite; if more is due, the next one behind all that wait for a thread."""
        state, more = self._states[tick.name], False
        with state.lock:
            state.again = False
        try:
            more = not self._stop.is_set() and once(tick)
        finally:
            with state.lock:
                if (more or state.again) and not self._stop.is_set():
                    self._pools[tick.local].submit(self._run, tick)
                else:
                    state.idle.set()


def once(tick: Tick) -> bool:
    """One bite of a tick; what goes wrong in it is logged. Whether more is due right now."""
    with bound_contextvars(tick=tick.name):
        try:
            return tick.work()
        except Bug:
            logger.exception("tick failed")
        except SyncdError as error:
            logger.warning("tick failed", error=str(error), remedy=type(error).__name__)
        except Exception:
            # The daemon outlives a mistake in one tick: it is told with its trace, and the others go on.
            logger.exception("tick failed")
    return False


@contextmanager
def meanwhile(ticks: Sequence[Tick]) -> Iterator[None]:
    """These tick in threads of their own, for as long as this lasts."""
    over = threading.Event()
    thread = threading.Thread(target=Scheduler(ticks).run, args=(over,), name="meanwhile")
    if ticks:
        thread.start()
    try:
        yield
    finally:
        over.set()
        if ticks:
            thread.join()
