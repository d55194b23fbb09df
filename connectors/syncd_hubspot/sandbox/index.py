"""The search index of one object type: what searches see, some seconds to minutes behind the primary store.

What is not here: the query language (`search`). Rows arrive one by one after their own delay, so a record changed
later can be visible before one changed earlier; an older state never replaces a newer one of the same record.
"""

from __future__ import annotations

import heapq
import random
from bisect import bisect_left, insort
from collections.abc import Mapping
from typing import Any, NamedTuple


class Seen(NamedTuple):
    """A record as the index knows it. `values` None: gone from the index. Times are epoch ms."""

    id: int
    modified: int
    created: int
    version: int
    values: Mapping[str, str] | None


class Index:
    """Rows by id, ids by modified time, and what is still on its way (due time, sequence number, row)."""

    def __init__(self) -> None:
        """Begin empty."""
        self.rows: dict[int, Seen] = {}
        self.by_modified: list[tuple[int, int]] = []
        self._coming: list[tuple[int, int, Seen]] = []
        self._versions: dict[int, int] = {}
        self._sequence = 0

    def later(self, seen: Seen, due: int) -> None:
        """Let `seen` become visible at `due` (epoch ms)."""
        self._sequence += 1
        heapq.heappush(self._coming, (due, self._sequence, seen))

    def tick(self, now: int) -> None:
        """Show everything that is due."""
        while self._coming and self._coming[0][0] <= now:
            self._show(heapq.heappop(self._coming)[2])

    def catch_up(self) -> None:
        """Show everything at once."""
        while self._coming:
            self._show(heapq.heappop(self._coming)[2])

    def settled_at(self) -> int | None:
        """When the last row on its way is due, epoch ms; None when nothing is."""
        return max((due for due, _, _ in self._coming), default=None)

    def between(self, low: int, high: int) -> list[int]:
        """Ids whose indexed modified time is in [low, high)."""
        start, end = bisect_left(self.by_modified, (low, -1)), bisect_left(self.by_modified, (high, -1))
        return [one for _, one in self.by_modified[start:end]]

    def _show(self, seen: Seen) -> None:
        if self._versions.get(seen.id, -1) > seen.version:
            return
        self._versions[seen.id] = seen.version
        old = self.rows.pop(seen.id, None)
        if old is not None:
            del self.by_modified[bisect_left(self.by_modified, (old.modified, old.id))]
        if seen.values is not None:
            self.rows[seen.id] = seen
            insort(self.by_modified, (seen.modified, seen.id))


def lag_ms(setting: Any, rng: random.Random) -> int:
    """How long this write takes to reach the index, by the switch `index_lag`.

    `normal`: mostly 1-10 s, sometimes up to a minute, rarely some minutes (multiplied by `scale`);
    `none`; `fixed` with `seconds`.
    """
    kind = setting if isinstance(setting, str) else str(setting.get("kind", "normal"))
    if kind == "none":
        return 0
    options = {} if isinstance(setting, str) else setting
    if kind == "fixed":
        return int(float(options.get("seconds", options.get("fixed", 5))) * 1000)
    draw = rng.random()
    span = (1.0, 10.0) if draw < 0.85 else (10.0, 60.0) if draw < 0.98 else (60.0, 300.0)
    return int(rng.uniform(*span) * float(options.get("scale", 1)) * 1000)
