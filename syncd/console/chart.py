"""Hours and days as bars, and hand-offs as the time within which nearly all were done. What is not here: drawing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from syncd.service.tally import FAILED, SECONDS, WRITTEN
from syncd.store.tallies import Tally

WIDE, HIGH = 720, 120
"""The drawing's units."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One span of time. `x`, `width` and the heights are in the drawing's units; heights are measured from below."""

    at: datetime
    written: int
    failed: int
    x: float
    width: float
    ok: float
    bad: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars side by side. `most`: what the tallest stands for."""

    bars: Sequence[Bar]
    most: int
    written: int
    failed: int

    @classmethod
    def of(cls, rows: Iterable[Tally], begin: datetime, step: timedelta, count: int) -> Self:
        """So many bars of a step each, from a moment on."""
        sums: list[Counter[str]] = [Counter() for _ in range(count)]
        for row in rows:
            at = (row.hour - begin) // step
            if 0 <= at < count and row.what in (WRITTEN, FAILED):
                sums[at][row.what] += row.count
        most = max([one[WRITTEN] + one[FAILED] for one in sums], default=0)
        width = WIDE / count
        bars = [
            Bar(
                begin + at * step, one[WRITTEN], one[FAILED], at * width + width * 0.1, width * 0.8,
                _high(one[WRITTEN], most), _high(one[FAILED], most),
            )
            for at, one in enumerate(sums)
        ]  # fmt: skip
        return cls(bars, most, sum(one[WRITTEN] for one in sums), sum(one[FAILED] for one in sums))


def _high(count: int, most: int) -> float:
    return round(max(1.5, HIGH * count / most), 2) if count else 0.0


@dataclass(frozen=True, slots=True)
class Handed:
    """Hand-offs of a span of time. `within`: seconds in which 95 of 100 were done; None: longer than we count."""

    count: int
    within: int | None


def handed(rows: Iterable[Tally], since: datetime) -> Handed:
    """Those of the hours from a moment on."""
    buckets: Counter[str] = Counter()
    for row in rows:
        if row.hour >= since and row.what.startswith("handoff:"):
            buckets[row.what.partition(":")[2]] += row.count
    total, so_far = buckets.total(), 0
    for seconds in SECONDS:
        so_far += buckets[str(seconds)]
        if total and so_far >= 0.95 * total:
            return Handed(total, seconds)
    return Handed(total, None)
