"""The feed of one kind: what changed since, then some pages of the first reading, as long as that goes on.

What is not here: how a list is read completely (`sweeps`).
The cursor is made of the vendor's clock only. It moves to the start of a poll less the index's lag when all pages of
that poll were taken, so records that are indexed late are still ahead of it; each poll reads `overlap` behind it, and
once per `settle_every` as far behind as an index is trusted only after `settle`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from syncd.kit.connector import Cursor, Page, Timing
from syncd_jobnimbus.client import Client
from syncd_jobnimbus.probes import Probes
from syncd_jobnimbus.rows import Rows
from syncd_jobnimbus.sweeps import Batch, FilterIgnored, ascending, everything, newest_first


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where a feed stands, in unix seconds of the vendor's clock.

    `high`: everything changed up to here was shown. `settled`: when the long look back was made last.
    `walk`: an unfinished poll: the stamp it goes on at, when it began, whether it looks back long.
    `backfill_at`: the date_created where the first reading goes on; None: at its start.
    """

    high: int
    settled: int
    walk: tuple[float, int, bool] | None = None
    backfill_at: float | None = None
    done: bool = False

    def cursor(self) -> Cursor:
        """This as JSON."""
        return {
            "high": self.high,
            "settled": self.settled,
            "walk": list(self.walk) if self.walk else None,
            "backfill": {"at": self.backfill_at, "done": self.done},
        }

    @staticmethod
    def load(cursor: Cursor) -> State:
        """Back from JSON."""
        backfill, walk = cursor["backfill"], cursor["walk"]
        return State(
            high=cursor["high"],
            settled=cursor["settled"],
            walk=(walk[0], walk[1], walk[2]) if walk else None,
            backfill_at=backfill["at"],
            done=backfill["done"],
        )


@dataclass(frozen=True, slots=True)
class Feed:
    """Reads the change streams of one account."""

    client: Client
    probes: Probes
    rows: Rows
    timing: Timing

    def tick(self, kind: str, since: Cursor | None, fields: Sequence[str]) -> Iterator[Page]:
        """Deltas first, then at most `backfill_pages` pages of the first reading. A failed page moves nothing."""
        state = self._begin(kind) if since is None else State.load(since)
        for after, batch in self._deltas(kind, state):
            state = after
            yield self._page(kind, after, batch, fields)
        for after, batch in self._backfill(kind, state):
            yield self._page(kind, after, batch, fields)

    def _begin(self, kind: str) -> State:
        self.probes.dates(kind, "date_updated")  # any answer will do: from here on the vendor's clock is known
        now = self._seconds(self.client.now())
        return State(high=now - self._lag, settled=now)

    def _page(self, kind: str, state: State, batch: Batch, fields: Sequence[str]) -> Page:
        return Page(
            records=self.rows.records(kind, batch.rows, fields, batch.sent_at, stale_ok=True),
            cursor=state.cursor(),
            read_to=datetime.fromtimestamp(state.high, tz=UTC) if state.done else None,
            backfilled=state.done,
            due=bool(state.walk) or not state.done,
        )

    def _deltas(self, kind: str, state: State) -> Iterator[tuple[State, Batch]]:
        """The polls' pages, each with the state after it."""
        if not self.probes.dates(kind, "date_updated"):
            yield self._unfiltered(kind, state)
            return
        low, began, settling = state.walk or self._new_walk(state)
        try:
            for batch in ascending(self.client, kind, "date_updated", low):
                began = began or self._seconds(batch.sent_at)
                if batch.last:
                    state = self._polled(state, began, settling=settling)
                else:
                    state = replace(state, walk=(batch.position or low, began, settling))
                yield state, batch
        except FilterIgnored:
            self.probes.distrust(kind, "date_updated")
            raise

    def _unfiltered(self, kind: str, state: State) -> tuple[State, Batch]:
        """Without filters: pages from the newest, all taken at once, since their order moves."""
        low, _, settling = self._new_walk(state)
        rows, sent_at = newest_first(self.client, kind, low)
        return self._polled(state, self._seconds(sent_at), settling=settling), Batch(rows, None, sent_at, last=True)

    def _new_walk(self, state: State) -> tuple[float, int, bool]:
        """Where a poll begins; its own start is filled in with its first answer."""
        low = state.high - self._whole(self.timing.overlap)
        settling = self._seconds(self.client.now()) - state.settled >= self.timing.settle_every.total_seconds()
        if settling:
            low = min(low, state.settled - self._whole(self.timing.settle))
        return low, 0, settling

    def _polled(self, state: State, began: int, *, settling: bool) -> State:
        """The state after a complete poll that began then."""
        high = max(state.high, began - self._lag)
        return replace(state, high=high, walk=None, settled=max(state.settled, began) if settling else state.settled)

    def _backfill(self, kind: str, state: State) -> Iterator[tuple[State, Batch]]:
        if state.done:
            return
        if not self.probes.dates(kind, "date_created"):
            yield replace(state, done=True), everything(self.client, kind)
            return
        for count, page in enumerate(self._by_date(kind, state), start=1):
            yield page
            if count >= self.timing.backfill_pages:
                return

    def _by_date(self, kind: str, state: State) -> Iterator[tuple[State, Batch]]:
        try:
            for batch in ascending(self.client, kind, "date_created", state.backfill_at):
                state = replace(state, backfill_at=batch.position, done=batch.last)
                yield state, batch
        except FilterIgnored:
            self.probes.distrust(kind, "date_created")
            raise

    @property
    def _lag(self) -> int:
        return self._whole(self.timing.lag)

    @staticmethod
    def _whole(duration: timedelta) -> int:
        return math.ceil(duration.total_seconds())

    @staticmethod
    def _seconds(stamp: datetime) -> int:
        return math.floor(stamp.timestamp())
