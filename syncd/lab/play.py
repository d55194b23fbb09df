"""People at work, vendors that answer badly, a daemon that is killed again and again: then all of it comes to rest.

What is not here: what must hold after it (`laws`, `causes`, `meetings`, `compare`), gathered by `prove`.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from syncd.core.plural import counted
from syncd.engine.world import World
from syncd.lab.people import Crowd, at_work
from syncd.lab.process import InVain, Process
from syncd.lab.settled import Rest
from syncd.lab.stage import Stage

TIMING: Mapping[str, Any] = {
    "overlap": "6s", "lag": "3s", "settle": "6s", "settle_every": "3s", "gone_every": "5s", "landing": "6s",
    "lease": "2s", "retry_first": "500ms", "retry_max": "4s", "proofs": "2s", "timeout": "5s", "retry_for": "15s",
    "idle": "100ms", "batch": 50,
}  # fmt: skip
"""Every duration, and the size of a step, shortened in proportion; nothing else differs from production.

What is sent may land for longer than its answer is waited for, or a write that a busy sandbox carries out late counts
as one that did not land.
"""

SHARED: Mapping[str, Any] = {"lease": "6s"}
"""What several workers need besides: a lease that a busy machine does not overrun."""

TROUBLE: tuple[Mapping[str, Any], ...] = (
    {"fault": "lost", "writes_only": True, "rate": 0.05},
    {"fault": "lost", "writes_only": True, "rate": 0.01, "status": 502},
    {"fault": "reset", "writes_only": True, "rate": 0.03},
    {"fault": "slow", "writes_only": True, "rate": 0.02, "delay": 0.7},
    {"fault": "503", "writes_only": True, "rate": 0.01},
    {"fault": "truncate", "writes_only": True, "rate": 0.005},
    {"fault": "html", "rate": 0.002},
    {"fault": "429", "rate": 0.004},
    {"fault": "429-retry-after", "rate": 0.002, "retry_after": 1.0},
    {"fault": "500", "rate": 0.002},
    {"fault": "504", "rate": 0.002},
    {"fault": "reset", "rate": 0.002},
    {"fault": "slow", "rate": 0.005, "delay": 0.5},
)
"""What both vendors do meanwhile: one write in twenty loses its answer, some never arrive, and reads fail too."""

LAG: Mapping[str, Any] = {"index_lag": 2.0}
"""The right side's index lags by up to 3 seconds, the longest that its feeds' durations are made for."""

QUIET, IDLE = 6.0, 6.0
"""Seconds of rest that count as rest, and seconds after it in which nobody may write: each longer than every cycle."""

Say = Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class Played:
    """What was played. `idle_writes`: requests that wrote although nobody did anything. `seconds` by part of the play.

    `failed`: why it was broken off, if it was: the daemon ended by itself, or never came to rest.
    """

    kills: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    idle_writes: list[dict[str, Any]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    failed: str | None = None


@dataclass(slots=True, kw_only=True)
class Play:
    """One play on a stage. It ends when the crowd has gone home, or after `seconds` of work.

    `between`: seconds from one kill to the next, at least and at most. `least`: the crowd stays until so many kills.
    `patience`: seconds to come to rest in.
    """

    stage: Stage
    world: World
    processes: Sequence[Process]
    crowd: Crowd
    seed: int
    between: tuple[float, float]
    least: int = 0
    seconds: float | None = None
    patience: float = 300.0
    say: Say = lambda _: None
    played: Played = field(default_factory=Played)

    def run(self) -> Played:
        """All of it. What goes wrong with the daemon is in `failed`."""
        try:
            with self._timed("trouble"):
                self._trouble()
            with self._timed("settling"):
                self._settle()
            with self._timed("idling"):
                self._idle()
            self._stop()
        except InVain as error:
            self.played.failed = str(error)
        self.played.requests = sum(mark - self.stage.since[name] for name, mark in self._marks().items())
        return self.played

    def _trouble(self) -> None:
        """People work and vendors fail while one process after the other is killed."""
        dice = random.Random(f"kills:{self.seed}")
        for vendor in self.stage.vendors.values():
            vendor.faults(*TROUBLE)
        for process in self.processes:
            process.start()
        end = time.monotonic() + self.seconds if self.seconds is not None else None
        self.crowd.late = self.least > 0
        with at_work(self.crowd) as people:
            while people.is_alive() and (end is None or time.monotonic() < end):
                self._wait(people, dice.uniform(*self.between), end)
                self._kill_one(dice)
                self.crowd.late = self.played.kills < self.least
        for vendor in self.stage.vendors.values():
            for rule in vendor.played():
                self.played.faults[rule["fault"]] += rule["played"]
            vendor.faults()

    def _wait(self, people: threading.Thread, seconds: float, end: float | None) -> None:
        until = min(time.monotonic() + seconds, end or float("inf"))
        while people.is_alive() and time.monotonic() < until:
            people.join(timeout=min(1.0, max(0.0, until - time.monotonic())))
            self.say(f"{counted(self.crowd.edits, 'edit')}, {counted(self.played.kills, 'kill')}")

    def _kill_one(self, dice: random.Random) -> None:
        """Kill a process at work, and start it again; one time in ten kill it once more while it starts."""
        process = dice.choice(self.processes)
        self._let_write(dice.randint(1, 30), 8.0)
        time.sleep(dice.uniform(0.0, 0.2))
        self._kill(process)
        if dice.random() < 0.1:
            time.sleep(dice.uniform(0.1, 2.0))
            self._kill(process)

    def _kill(self, process: Process) -> None:
        process.must_live()
        process.kill()
        self.played.kills += 1
        process.start()

    def _let_write(self, writes: int, within: float) -> None:
        """Wait until so much was written, so that a process is killed at work and not at rest."""
        marks, written = self._marks(), 0
        end = time.monotonic() + within
        while written < writes and time.monotonic() < end:
            time.sleep(0.1)
            for name, vendor in self.stage.vendors.items():
                more, marks[name] = vendor.written(marks[name])
                written += more

    def _settle(self) -> None:
        """Wait until nothing is due, nobody writes, and it stays so for a while."""
        rest = Rest(self.world, self.stage)
        end = time.monotonic() + self.patience
        while not rest.held(QUIET):
            for process in self.processes:
                process.must_live()
            if time.monotonic() > end:
                raise InVain(f"it did not come to rest within {self.patience:g} s")
            self.say("settling")
            time.sleep(0.25)

    def _idle(self) -> None:
        """Several cycles in which nobody does anything."""
        marks = self._marks()
        time.sleep(IDLE)
        self.played.idle_writes = self._writes(marks)

    def _stop(self) -> None:
        for process in self.processes:
            process.must_live()
            if (code := process.stop()) != 0:
                raise InVain(f"told to end, `syncd {process.verb}` ended with {code}")

    def _marks(self) -> dict[str, int]:
        return {name: vendor.mark() for name, vendor in self.stage.vendors.items()}

    def _writes(self, since: Mapping[str, int]) -> list[dict[str, Any]]:
        return [write for name, vendor in self.stage.vendors.items() for write in vendor.writes(since[name])]

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.played.seconds[what] = round(time.monotonic() - began, 1)
