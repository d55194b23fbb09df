"""The daemon as a process of its own, killed and started again while people work. Not here: what is asserted."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from syncd.app import App
from syncd.lab.compare import Comparison, compare
from syncd.lab.laws import Breach, Laws
from syncd.lab.people import Crowd
from syncd.lab.stage import Stage

TIMING: Mapping[str, Any] = {
    "overlap": "6s", "lag": "3s", "settle": "6s", "settle_every": "3s", "gone_every": "10s", "landing": "2s",
    "lease": "2s", "retry_first": "500ms", "retry_max": "4s", "proofs": "2s", "timeout": "5s", "retry_for": "15s",
    "idle": "100ms", "batch": 50,
}  # fmt: skip
"""Every duration, and the size of a step, shortened in proportion; nothing else differs from production."""

TROUBLE: tuple[Mapping[str, Any], ...] = (
    {"fault": "lost", "writes_only": True, "rate": 0.05},
    {"fault": "lost", "writes_only": True, "rate": 0.01, "status": 502},
    {"fault": "reset", "writes_only": True, "rate": 0.03},
    {"fault": "slow", "writes_only": True, "rate": 0.02, "delay": 0.7},
    {"fault": "503", "writes_only": True, "rate": 0.01},
)
"""What both vendors do to requests meanwhile: one write in twenty loses its answer, some never arrive."""


@dataclass(slots=True)
class Process:
    """`syncd run` (or another verb) as a process. `log`: all that it said, over all its lives."""

    stage: Stage
    log: Path
    verb: str = "run"
    _child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it must not be running."""
        command = [sys.executable, "-m", "syncd", self.verb, "--config", str(self.stage.config)]
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(command, env=self.stage.process_environ(), stdout=log, stderr=log)

    def kill(self) -> None:
        """Kill it with -9, whatever it is at."""
        if self._child is not None:
            self._child.send_signal(signal.SIGKILL)
            self._child.wait(timeout=30)
        self._child = None

    def stop(self, within: float = 30.0) -> int:
        """Ask it to end (SIGTERM); its exit code."""
        assert self._child is not None
        self._child.send_signal(signal.SIGTERM)
        try:
            return self._child.wait(timeout=within)
        finally:
            if self._child.poll() is None:
                self.kill()
            self._child = None

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._child is not None and self._child.poll() is None

    def said(self) -> str:
        """Its log so far."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def wait_for(self, text: str, *, since: int = 0, within: float = 30.0) -> None:
        """Wait until it says this, behind the first `since` characters of its log."""
        until(lambda: text in self.said()[since:], within=within, what=f"the daemon to say {text!r}: {self.log}")


def until(done: Callable[[], bool], *, within: float, what: str, every: float = 0.1) -> None:
    """Wait until something holds; AssertionError if it does not within so many seconds."""
    end = time.monotonic() + within
    while not done():
        assert time.monotonic() < end, f"waited {within:g} s for {what}"
        time.sleep(every)


def allow_searches(stage: Stage) -> None:
    """Let the daemon search as often as this stage's vendor allows; the real one allows five per second."""
    text = stage.config.read_text(encoding="utf-8")
    stage.config.write_text(text.replace("token = {", 'search_rate = "50/1"\ntoken = {'), encoding="utf-8")


@contextmanager
def running(stage: Stage) -> Iterator[Process]:
    """A process that is certainly gone at the end."""
    process = Process(stage, stage.folder / "daemon.log")
    try:
        yield process
    finally:
        process.kill()


@contextmanager
def crowd_at_work(crowd: Crowd) -> Iterator[None]:
    """People act for as long as the block lasts; what went wrong with them is raised at its end."""
    stop, trouble = threading.Event(), []

    def work() -> None:
        try:
            crowd.work(stop)
        except Exception as error:
            trouble.append(error)

    thread = threading.Thread(target=work, name="crowd")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if trouble:
        raise trouble[0]


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What one play came to."""

    kills: int
    acts: Mapping[str, int]
    edits: int
    breaches: list[Breach]
    in_flight: int
    comparison: Comparison
    idle_writes: list[dict[str, Any]]
    status: dict[str, Any]
    parked: list[dict[str, Any]]
    played: Mapping[str, int]
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Play:
    """Leads sync both ways, people edit, answers are lost, the daemon is killed again and again; then all is looked at.

    `kills`: how often. `per_second`: how often people act.
    """

    folder: Path
    seed: int
    leads: int = 300
    kills: int = 20
    per_second: float = 10.0
    seconds: dict[str, float] = field(default_factory=dict)

    def run(self) -> Outcome:
        """All of it; takes a minute or two."""
        with self._stage() as stage, running(stage) as process:
            allow_searches(stage)
            crowd = Crowd(stage, self.seed, self.per_second)
            self._trouble(stage, *TROUBLE)
            with self._timed("trouble"), crowd_at_work(crowd):
                self._kill_at_random(stage, process)
                self._let_work(stage, 120.0)
            played = self._played(stage)
            self._trouble(stage)
            with App.open(stage.config, environ=stage.environ) as app:
                with self._timed("settling"):
                    self._settle(app, stage, process)
                with self._timed("idling"):
                    idle = self._idle(stage)
                assert process.alive(), process.said()[-2000:]
                assert process.stop() == 0
                with self._timed("looking"):
                    laws = Laws(app.world, stage.vendors)
                    return Outcome(
                        kills=self.kills, acts=crowd.acts, breaches=laws.check(), edits=laws.edits,
                        in_flight=laws.in_flight, idle_writes=idle,
                        comparison=compare(app.world, stage.vendors, app.connectors),
                        status=app.status(), parked=app.parked(), played=played, seconds=self.seconds,
                    )  # fmt: skip

    def _stage(self) -> Stage:
        """The stage, with vendors that are quick, but not so quick that everything is done before the first kill.

        Their indexes lag by up to 6 and 3 seconds, the longest that the feeds' durations are made for.
        """
        lag = {"kind": "normal", "scale": 0.02}
        return Stage(
            folder=self.folder, leads=self.leads, seed=self.seed, rate="100/1", every="2s", timing=TIMING,
            left_settings={"search_rate": "50/1", "index_lag": lag}, right_settings={"index_lag": 2.0},
        )  # fmt: skip

    def _kill_at_random(self, stage: Stage, process: Process) -> None:
        dice = random.Random(f"kills:{self.seed}")
        for _ in range(self.kills):
            since = len(process.said())
            process.start()
            if dice.random() < 0.9:
                process.wait_for('"started"', since=since)
                self._let_write(stage, dice.randint(1, 30), 8.0)
                time.sleep(dice.uniform(0.0, 0.2))
            else:
                time.sleep(dice.uniform(0.1, 2.0))
            assert process.alive(), process.said()[-2000:]
            process.kill()
        process.start()

    def _let_write(self, stage: Stage, writes: int, within: float) -> None:
        """Wait until the daemon has written so often, so that it is killed at work and not at rest."""
        marks = {vendor: vendor.mark() for vendor in stage.vendors.values()}
        end = time.monotonic() + within
        while time.monotonic() < end:
            time.sleep(0.05)
            if sum(len(vendor.writes(mark)) for vendor, mark in marks.items()) >= writes:
                break

    def _let_work(self, stage: Stage, seconds: float) -> None:
        """Leave the daemon alone while people go on and answers get lost, until it has caught up, or for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and len(stage.right.records("contacts")) < self.leads:
            time.sleep(0.5)
        time.sleep(5.0)

    def _settle(self, app: App, stage: Stage, process: Process) -> None:
        """Wait until nothing is due, nothing moves in either vendor, and it stays so for a while."""
        quiet_since, last = time.monotonic(), (-1, -1)
        end = time.monotonic() + 180
        while time.monotonic() - quiet_since < 4.0:
            assert process.alive(), process.said()[-2000:]
            status = app.status()
            now = (len(stage.left.writes(stage.since["hubspot"])), len(stage.right.writes(stage.since["jobnimbus"])))
            if status["due"] or status["later"] or not stage.settled() or now != last:
                quiet_since, last = time.monotonic(), now
            assert time.monotonic() < end, f"not quiet after 180 s: {status}"
            time.sleep(0.25)

    def _idle(self, stage: Stage) -> list[dict[str, Any]]:
        """The writes of several cycles in which nobody does anything."""
        marks = {name: vendor.mark() for name, vendor in stage.vendors.items()}
        time.sleep(6.0)
        return [write for name, vendor in stage.vendors.items() for write in vendor.writes(marks[name])]

    def _trouble(self, stage: Stage, *rules: Mapping[str, Any]) -> None:
        for vendor in stage.vendors.values():
            vendor.faults(*rules)

    def _played(self, stage: Stage) -> dict[str, int]:
        counts: dict[str, int] = {}
        for vendor in stage.vendors.values():
            for rule in vendor.played():
                counts[rule["fault"]] = counts.get(rule["fault"], 0) + rule["played"]
        return counts

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[what] = time.monotonic() - began
