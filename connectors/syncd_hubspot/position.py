"""Where a HubSpot feed has been read up to, as a value: the cursor that the engine stores, and nothing else.

All times are HubSpot's, in epoch milliseconds. Pure: reading and moving on is done by `deltas`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from syncd.kit.connector import Cursor, Timing
from syncd_hubspot.values import from_millis

FAST, SETTLED, BIN, BACKFILL = STAGES = ("fast", "settled", "bin", "backfill")
"""The stages of a tick in their order: the two lanes, the bin of archived records, the backfill."""


@dataclass(frozen=True, slots=True)
class Window:
    """A search in progress: records modified in [lo, hi) whose id is beyond `last`."""

    lo: int
    hi: int
    last: int = 0


@dataclass(frozen=True, slots=True)
class Bin:
    """The list of archived records: what was archived since `since` is news (None: never read to its end).

    `started` and `after` belong to a reading in progress, `at` is when the last one began.
    """

    since: int | None = None
    at: int = 0
    started: int | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The watermarks of both lanes, their windows in progress, the backfill and the bin.

    `fast` runs up to now over an index that lags and may miss; `settled` follows `timing.settle` behind and is sure.
    `settled_at`: when the settled lane last finished. `t0`: when the backfill began. `turn`: the stage that comes
    first in the next tick: the one after the last page, so that ticks cut short after one page starve no stage.
    """

    fast: int
    settled: int
    t0: int
    settled_at: int = 0
    windows: Mapping[str, Window] = field(default_factory=dict)
    after: str | None = None
    done: bool = False
    bin: Bin = Bin()
    turn: str = FAST

    @staticmethod
    def begin(now: int, timing: Timing) -> Position:
        """A new feed; its first window starts two overlaps (ten minutes) before the backfill's first page."""
        start = now - span(timing.overlap)
        return Position(fast=start, settled=start, t0=now, settled_at=now)

    @staticmethod
    def load(cursor: Cursor) -> Position:
        """The position of a stored cursor."""
        backfill = cursor["backfill"]
        return Position(
            fast=cursor["fast"],
            settled=cursor["settled"],
            settled_at=cursor["settled_at"],
            windows={lane: Window(**window) for lane, window in cursor["windows"].items()},
            t0=backfill["t0"],
            after=backfill["after"],
            done=backfill["done"],
            bin=Bin(**cursor["bin"]),
            turn=cursor["turn"],
        )

    def cursor(self) -> dict[str, Any]:
        """The position as the JSON that the engine stores."""
        windows = {lane: {"lo": one.lo, "hi": one.hi, "last": one.last} for lane, one in self.windows.items()}
        gone = self.bin
        return {
            "fast": self.fast,
            "settled": self.settled,
            "settled_at": self.settled_at,
            "windows": windows,
            "backfill": {"t0": self.t0, "after": self.after, "done": self.done},
            "bin": {"since": gone.since, "at": gone.at, "started": gone.started, "after": gone.after},
            "turn": self.turn,
        }

    @property
    def read_to(self) -> datetime | None:
        """Up to when everything was surely shown: the settled lane's watermark.

        Right after the backfill it is the backfill's start, because lists read the primary store, which never lags;
        None before.
        """
        return from_millis(max(self.t0, self.settled)) if self.done else None

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages of the next tick, in their order."""
        first = STAGES.index(self.turn)
        return STAGES[first:] + STAGES[:first]

    def after_page(self, stage: str) -> Position:
        """With the turn passed on from the stage that gave a page."""
        return replace(self, turn=STAGES[(STAGES.index(stage) + 1) % len(STAGES)])

    def watermark(self, lane: str) -> int:
        """Up to when this lane has read."""
        return self.fast if lane == FAST else self.settled

    def opened(self, lane: str, hi: int, overlap: int) -> Position:
        """With a new frozen window of this lane, from its watermark less the overlap up to `hi`."""
        return self._windowed(lane, Window(self.watermark(lane) - overlap, hi))

    def advanced(self, lane: str, last: int) -> Position:
        """With the window of this lane read up to and with the id `last`."""
        return self._windowed(lane, replace(self.windows[lane], last=last))

    def closed(self, lane: str, now: int) -> Position:
        """With the window of this lane read to its end: its watermark goes up to the window's, never down."""
        rest = {one: window for one, window in self.windows.items() if one != lane}
        hi = max(self.watermark(lane), self.windows[lane].hi)
        if lane == FAST:
            return replace(self, fast=hi, windows=rest)
        return replace(self, settled=hi, settled_at=now, windows=rest)

    def _windowed(self, lane: str, window: Window) -> Position:
        return replace(self, windows={**self.windows, lane: window})


def span(duration: Any) -> int:
    """A timedelta as whole milliseconds."""
    return int(duration.total_seconds() * 1000)
