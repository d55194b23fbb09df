"""What can happen between two steps: the virtual clock, crashes, rivals, and people who meddle.

What is not here: vendors (`vendor`) and maps (`town`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy.engine import Engine

from syncd.store.store import Store, Tx

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
STEP = timedelta(milliseconds=130)

Busy = frozenset[tuple[str, str, str, str]]
"""(vendor, kind, id, field) between a comparison and its write: the milliseconds that nobody can close."""


class Crash(BaseException):
    """The process is killed here: nothing catches it, everything in memory is gone."""


@dataclass(slots=True)
class Cue:
    """Something that happens at the `left`-th point from now. `outside`: not while a transaction is open."""

    left: int
    act: Callable[[Busy], bool]
    outside: bool = False


@dataclass(slots=True)
class Stage:
    """The clock, and what is to happen at the points that engine and vendors pass."""

    now: datetime = START
    cues: list[Cue] = field(default_factory=list)
    inside: bool = False
    points: int = 0
    counter: int = 0

    def clock(self) -> datetime:
        """The engine's clock."""
        return self.now

    def number(self) -> int:
        """Numbers in the order of happening."""
        self.counter += 1
        return self.counter

    def point(self, *, busy: Busy = frozenset(), outside: bool = True) -> None:
        """A step ends here: time passes, and cues whose turn it is are acted out."""
        if self.inside:
            return
        self.points += 1
        self.now += STEP
        for cue in list(self.cues):
            cue.left -= 1
            if cue.left <= 0 and (outside or not cue.outside):
                self._act(cue, busy)

    def _act(self, cue: Cue, busy: Busy) -> None:
        self.cues.remove(cue)
        self.inside = True
        try:
            if not cue.act(busy):
                self.cues.append(Cue(1, cue.act, cue.outside))
        finally:
            self.inside = False

    def crash_in(self, points: int) -> None:
        """Kill the process at that point."""

        def act(busy: Busy) -> bool:
            raise Crash

        self.cues.append(Cue(points, act))

    def calm(self) -> None:
        """Nothing more is to happen."""
        self.cues.clear()


ENGINES: dict[str, Engine] = {}
"""One for each file that held a store of this process: an engine compiles each statement once, which takes as long as
all the rest of a short test. Its connections are closed with the store."""


class StagedStore(Store):
    """A real store whose transactions are points: before them, just before their commit, and after it."""

    def __init__(self, url: str, stage: Stage) -> None:
        super().__init__(url)
        if self.sqlite:
            self.engine = ENGINES.setdefault(url, self.engine)
        self.stage = stage

    @contextmanager
    def begin(self, *, durable: bool = False) -> Iterator[Tx]:
        """A writing transaction, with a point before, within and after."""
        self.stage.point()
        with super().begin(durable=durable) as tx:
            yield tx
            self.stage.point(outside=False)
        self.stage.point()
