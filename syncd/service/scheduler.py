"""The schedule of the daemon: each tick at its interval, never twice at once, until told to stop.

What is not here: what a tick does (`engine`). Nothing is remembered: ticks are made anew from the set-up at each start.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from structlog.contextvars import bound_contextvars

from syncd.errors import Bug, SyncdError

logger = structlog.stdlib.get_logger("syncd.scheduler")


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
    idle: threading.Event = field(default_factory=threading.Event)
    again: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.idle.set()


class Scheduler:
    """Runs ticks in threads of its own. A tick that fails is logged and comes again at its next time."""

    def __init__(self, ticks: Sequence[Tick], *, threads: int = 4) -> None:
        """Take the ticks; their names are unique. Nothing runs before `run`."""
        self._ticks = {tick.name: tick for tick in ticks}
        self._states = {name: _State() for name in self._ticks}
        self._stop = threading.Event()
        pool = ThreadPoolExecutor(max(1, min(threads, len(self._ticks))))
        defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self._scheduler = BackgroundScheduler(timezone=UTC, executors={"default": pool}, job_defaults=defaults)

    def run(self, stop: threading.Event) -> None:
        """Tick until `stop` is set; returns when what was under way has ended."""
        self._stop = stop
        now = datetime.now(tz=UTC)
        for tick in self._ticks.values():
            seconds = tick.every.total_seconds()
            self._scheduler.add_job(
                self._run, "interval", args=[tick], id=tick.name, seconds=seconds, next_run_time=now
            )
        self._scheduler.start()
        try:
            # A signal may be handed to a thread that does not wait; Python hears of it when this one wakes.
            while not stop.wait(timeout=1.0):
                pass
        finally:
            stop.set()
            # Waiting inside, APScheduler holds the lock that a tick needs which wakes another one.
            self._scheduler.shutdown(wait=False)
            for state in self._states.values():
                with state.lock:  # whoever comes later sees that it is over
                    pass
                state.idle.wait()

    def wake(self, name: str) -> None:
        """Let a tick run now (a webhook came in); if it is running, once more afterwards."""
        state = self._states[name]
        with state.lock:
            state.again = True
            asleep = state.idle.is_set()
        if asleep and self._scheduler.running:
            with suppress(JobLookupError):  # told to stop just now
                self._scheduler.modify_job(name, next_run_time=datetime.now(tz=UTC))

    def _run(self, tick: Tick) -> None:
        state = self._states[tick.name]
        try:
            while self._begins(state):
                more = once(tick)
                with state.lock:
                    if not (more or state.again):
                        state.idle.set()
                        return
        finally:
            state.idle.set()

    def _begins(self, state: _State) -> bool:
        """Whether another bite may be taken; from here on the end of the run waits for it."""
        with state.lock:
            if self._stop.is_set():
                return False
            state.idle.clear()
            state.again = False
            return True


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
