"""Sync a stage with the real daemon until nothing is left to do, then watch it be idle, then look at both sides.

What is not here: the stage itself, and how the answer is shown (`syncd.cli`).
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from syncd.engine.world import World
from syncd.lab.compare import Comparison, compare
from syncd.lab.crm.base import Ticks
from syncd.lab.floor import Floor, floor, logged
from syncd.lab.stage import Stage
from syncd.service.daemon import Daemon
from syncd.store.marks import DUE

IDLE_POLLS = 3
"""Polls of each feed that must pass without a write."""

EVER = datetime.max.replace(tzinfo=UTC)
"""Later than anything is due, and than any lease."""

_LOOK, _TELL = 0.2, 3.0
_ALL = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How it goes: seconds since the start, what it is doing, links made, records that are due."""

    seconds: float
    doing: str
    links: int
    due: int


Say = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What came of it. `seconds`: until the last write was settled; `whole`: with the idle polls after it.

    `writes`: by system, kind, action and outcome, from the journal. `parked`: reasons with their counts.
    `quiet`: whether it came to rest at all within its patience.
    """

    quiet: bool
    seconds: float
    whole: float
    idle_polls: int
    idle_writes: tuple[str, ...]
    writes: dict[str, int]
    conflicts: int
    parked: dict[str, int]
    floor: Floor
    comparison: Comparison

    @property
    def good(self) -> bool:
        """Both sides equal (what waits for a person apart), nothing double, nothing lost, and idle is idle."""
        return self.quiet and not self.idle_writes and self.comparison.clean

    def as_data(self) -> dict[str, Any]:
        """The whole answer as plain data."""
        found = self.comparison
        return {
            "good": self.good,
            "settled": self.quiet,
            "seconds": round(self.seconds, 1),
            "idle_polls": self.idle_polls,
            "idle_writes": list(self.idle_writes),
            "requests": self.floor.requests,
            "floor": self.floor.floor,
            "over_floor_percent": round(self.floor.over * 100, 1),
            "counts": dict(sorted(found.counts.items())),
            "writes": self.writes,
            "conflicts": self.conflicts,
            "parked": self.parked,
            "differences": [asdict(one) for one in found.differences],
            "duplicates": [asdict(one) for one in found.duplicates],
            "missing": [asdict(one) for one in found.missing],
            "endpoints": [asdict(line) for line in self.floor.lines],
        }


def until_settled(
    stage: Stage, world: World, say: Say = lambda _: None, *, patience: timedelta = timedelta(minutes=10)
) -> Settled:
    """Run the daemon on this stage. `patience`: how long it may go on without a write while something is due."""
    watch = _Watch(stage, world, say)
    with running(world):
        quiet = watch.until_quiet(patience.total_seconds())
        seconds = watch.seconds()
        before = {name: vendor.mark() for name, vendor in stage.vendors.items()}
        if quiet:
            watch.wait_polls(IDLE_POLLS, "idle")
        idle_writes = tuple(
            f"{name}: {one['method']} {one['path']}"
            for name, vendor in stage.vendors.items()
            for one in vendor.writes(before[name])
        )
    whole = watch.seconds()
    asked = logged(stage)
    watch.tell("comparing")
    readers = stage.readers()
    try:
        found = compare(world, stage.vendors, readers)
    finally:
        for reader in readers.values():
            reader.close()
    return Settled(
        quiet=quiet,
        seconds=seconds,
        whole=whole,
        idle_polls=IDLE_POLLS if quiet else 0,
        idle_writes=idle_writes,
        writes=_writes(world),
        conflicts=_conflicts(world),
        parked=_parked(world),
        floor=floor(world, stage, asked, _ticks(world, stage, whole)),
        comparison=found,
    )


@contextmanager
def running(world: World, idle: timedelta = timedelta(milliseconds=250)) -> Iterator[None]:
    """The real daemon in a thread of its own; stopped, and waited for, at the end."""
    stop = threading.Event()
    thread = threading.Thread(target=Daemon(world, idle).run, args=(stop,), name="daemon", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def at_rest(world: World, stage: Stage) -> bool:
    """Whether every feed was read once, nothing is due, now or later, and the vendors' lists show everything."""
    with world.store.read() as tx:
        if any(tx.marks.any_due(key, EVER) for key in world.maps):
            return False
        feeds = tx.feeds.all()
    return len(feeds) == len(world.readers) and all(feed.backfilled for feed in feeds) and stage.settled()


@dataclass(slots=True)
class Rest:
    """Whether a stage has come to rest: for a while nothing is due, nobody wrote, and each feed was polled twice.

    The polls count because time alone proves nothing: whoever holds a feed may have been killed a moment ago, and
    what people did since is not read before its lease is over.
    """

    world: World
    stage: Stage
    _since: float = 0.0
    _marks: dict[str, int] = field(default_factory=dict)
    _last: dict[tuple[str, str], datetime | None] = field(default_factory=dict)
    _polls: Counter[tuple[str, str]] = field(default_factory=Counter)

    def held(self, seconds: float = 0.0) -> bool:
        """Look once more, and say whether it has been so for so long. To be called several times a second."""
        if not at_rest(self.world, self.stage) or self._written():
            self._since, self._last, self._polls = time.monotonic(), {}, Counter()
            return False
        now = polled(self.world)
        self._polls.update(feed for feed, at in now.items() if self._last and at != self._last[feed])
        self._last = now
        return all(self._polls[feed] >= 2 for feed in now) and time.monotonic() - self._since >= seconds

    def _written(self) -> bool:
        """Whether a vendor was written to since the last look."""
        written = 0
        for name, vendor in self.stage.vendors.items():
            more, self._marks[name] = vendor.written(self._marks.get(name, self.stage.since[name]))
            written += more
        return written > 0


def polled(world: World) -> dict[tuple[str, str], datetime | None]:
    """When each feed was polled last, by system and kind."""
    with world.store.read() as tx:
        return {(feed.system, feed.kind): feed.polled_at for feed in tx.feeds.all()}


@dataclass(slots=True)
class _Watch:
    """Looks at store and vendors from outside while the daemon works."""

    stage: Stage
    world: World
    say: Say
    began: float = 0.0

    def __post_init__(self) -> None:
        self.began = time.monotonic()

    def seconds(self) -> float:
        return time.monotonic() - self.began

    def tell(self, doing: str) -> tuple[int, int]:
        """Say how it goes; links and due marks."""
        with self.world.store.read() as tx:
            links = sum(tx.links.count(key) for key in self.world.maps)
            due = sum(row[3] for row in tx.marks.counts(self.world.clock()) if row[1] == DUE)
        self.say(Progress(seconds=self.seconds(), doing=doing, links=links, due=due))
        return links, due

    def until_quiet(self, patience: float) -> bool:
        """Wait until nothing is due, the vendors' lists show everything, and one more poll of each feed found nothing.

        False when nothing moved for so long although something was due.
        """
        moved, last, told = time.monotonic(), (-1, -1), 0.0
        rest = Rest(self.world, self.stage)
        while True:
            if time.monotonic() - told > _TELL:  # counting costs what is counted, and takes it from the work
                now, told = self.tell("syncing"), time.monotonic()
                if now != last:
                    moved, last = time.monotonic(), now
            if rest.held():
                return True
            if time.monotonic() - moved > patience:
                return False
            time.sleep(_LOOK)

    def wait_polls(self, count: int, doing: str) -> None:
        """Wait until each feed was polled so many more times."""
        polls: Counter[tuple[str, str]] = Counter()
        last = polled(self.world)
        while len(polls) < len(last) or min(polls.values()) < count:
            time.sleep(_LOOK)
            now = polled(self.world)
            if now != last:  # counting costs what is counted
                self.tell(doing)
            polls.update(feed for feed, at in now.items() if at != last.get(feed))
            last = now


def _ticks(world: World, stage: Stage, seconds: float) -> Ticks:
    def fits(interval: timedelta) -> int:
        return int(seconds / interval.total_seconds())

    every = min(pair.every for pair in world.pairs)
    settled, gone = stage.interval("settle_every"), stage.interval("gone_every")
    return Ticks(polls=fits(every), settled=fits(settled), bin=fits(gone))


def _writes(world: World) -> dict[str, int]:
    with world.store.read() as tx:
        counts = tx.journal.counts()
    found: Counter[str] = Counter()
    for (key, side, action, outcome), count in counts.items():
        end = world.maps[key].end(side)
        found[f"{end.system} {end.kind} {action} {outcome or 'open'}"] += count
    return dict(sorted(found.items()))


def _conflicts(world: World) -> int:
    with world.store.read() as tx:
        return len(tx.conflicts.list(states=["open"], limit=_ALL))


def _parked(world: World) -> dict[str, int]:
    with world.store.read() as tx:
        found = Counter(f"{mark.map.split('/')[-1]}: {mark.cause}" for mark in tx.marks.resting("parked", limit=_ALL))
    return dict(found)
