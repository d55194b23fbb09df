"""Where a Salesforce feed has been read up to, as a value: the cursor that the engine stores, and nothing else.

All times are Salesforce's, as the texts that its queries take. Pure: reading and moving on is done by `deltas`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from syncd.kit.connector import Cursor

ROWS, ROLES, LEADS, BACKFILL = STAGES = ("rows", "roles", "leads", "backfill")
"""The stages of a tick in their order: changed records, contact roles and leads that point at them, the first reading.
"""

_BACKFILLED = ("after", "listed", "bulk", "job", "locator", "began", "over")


@dataclass(frozen=True, slots=True)
class Window:
    """A reading in progress: everything up to and with (`at`, `last`) was shown; it began when it was `hi`."""

    at: str
    hi: str
    last: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The watermark of each lane, its window in progress, and the backfill.

    `t0`: when the feed began. `after`: up to which id the backfill has come, page by page, and `listed`: how many
    records these were. `job`, `locator`: the bulk query that reads the rest, and the part of it that comes next;
    `began`: when it began, known with its first part; `bulk`: whether one may be begun. `over`: all was read through.
    `turn`: the stage that comes first in the next tick: the one after the last page, so that ticks cut short after one
    page starve no stage.
    """

    marks: Mapping[str, str]
    t0: str
    windows: Mapping[str, Window] = field(default_factory=dict)
    after: str | None = None
    listed: int = 0
    bulk: bool = True
    job: str | None = None
    locator: str | None = None
    began: str | None = None
    over: bool = False
    turn: str = ROWS

    @staticmethod
    def begin(now: datetime) -> Position:
        """A new feed: its deltas start before the first page of the backfill was asked for, by the overlap."""
        stamp = text(now)
        return Position(marks={ROWS: stamp, ROLES: stamp, LEADS: stamp}, t0=stamp)

    @staticmethod
    def load(cursor: Cursor) -> Position:
        """The position of a stored cursor."""
        backfill = cursor["backfill"]
        return Position(
            marks=dict(cursor["marks"]),
            windows={lane: Window(**window) for lane, window in cursor["windows"].items()},
            t0=backfill["t0"],
            **{name: backfill[name] for name in _BACKFILLED if name in backfill},
            turn=cursor["turn"],
        )

    def cursor(self) -> dict[str, Any]:
        """The position as the JSON that the engine stores."""
        windows = {lane: {"at": one.at, "hi": one.hi, "last": one.last} for lane, one in self.windows.items()}
        return {
            "marks": dict(self.marks),
            "windows": windows,
            "backfill": {"t0": self.t0, **{name: getattr(self, name) for name in _BACKFILLED}},
            "turn": self.turn,
        }

    def read_to(self, overlap: timedelta) -> datetime | None:
        """Up to when everything was surely shown: what was saved later may still be in a transaction.

        None before the backfill is complete.
        """
        return moment(self.marks[ROWS]) - overlap if self.done else None

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages of the next tick, in their order."""
        first = STAGES.index(self.turn)
        return STAGES[first:] + STAGES[:first]

    def after_page(self, stage: str) -> Position:
        """With the turn passed on from the stage that gave a page."""
        return replace(self, turn=STAGES[(STAGES.index(stage) + 1) % len(STAGES)])

    def opened(self, lane: str, now: datetime, overlap: timedelta) -> Position:
        """With a new window of this lane, from its watermark less the overlap on."""
        return self._windowed(lane, Window(at=text(moment(self.marks.get(lane, self.t0)) - overlap), hi=text(now)))

    def advanced(self, lane: str, at: str, last: str) -> Position:
        """With the window of this lane read up to and with that id of that moment."""
        return self._windowed(lane, replace(self.windows[lane], at=at, last=last))

    def closed(self, lane: str) -> Position:
        """With the window of this lane read to its end: its watermark goes up to its beginning, never down."""
        rest = {one: window for one, window in self.windows.items() if one != lane}
        return replace(
            self, windows=rest, marks={**self.marks, lane: max(self.marks.get(lane, self.t0), self.windows[lane].hi)}
        )

    @property
    def done(self) -> bool:
        """Whether the backfill is complete: all was read, and what changed since a bulk query began was told again."""
        return self.over and (self.began is None or self.marks[ROWS] >= self.began)

    def without_job(self) -> Position:
        """With the bulk query behind us: what changed since it began is to be told once more.

        A record that was deleted meanwhile was told before the part that shows it alive.
        """
        gone = replace(self, job=None, locator=None)
        if self.began is None:
            return gone
        rest = {lane: window for lane, window in self.windows.items() if lane != ROWS}
        before = text(moment(self.began) - timedelta(seconds=1))
        return replace(gone, windows=rest, marks={**self.marks, ROWS: min(self.marks[ROWS], before)})

    def _windowed(self, lane: str, window: Window) -> Position:
        return replace(self, windows={**self.windows, lane: window})


def text(when: datetime) -> str:
    """A moment as SOQL takes it: UTC, whole seconds, cut down."""
    return when.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat() + "Z"


def moment(stamp: str) -> datetime:
    """The moment of such a text."""
    return datetime.fromisoformat(stamp)
