"""Sums up what was done, hour by hour, for the console's charts. What is not here: the charts.

Runs and hand-offs are counted when they have ended, once, whichever process looks: how far was looked is in the store.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from syncd.service.lately import Seen, ended, handed_over
from syncd.service.scheduler import Tick
from syncd.store.journal import Made
from syncd.store.runs import Run
from syncd.store.store import Store, Tx
from syncd.store.tallies import ALL, Tally

EVERY = timedelta(seconds=30)
LOOKED = "tally:seen"
"""The fact that says how far was looked."""

KEPT = timedelta(days=400)
BITE = 500

SECONDS = (1, 2, 5, 10, 20, 40, 90, 300, 1800, 7200)
"""Hand-offs are counted as `handoff:N`: they took N seconds at most, and longer than the one before; `handoff:more`."""

WRITTEN, FAILED = "written", "failed"


@dataclass(frozen=True, slots=True)
class Tallying:
    """In this store. `pairs`: their names."""

    store: Store
    clock: Callable[[], datetime]
    pairs: Sequence[str]

    def tick(self) -> Tick:
        """For the schedule."""
        return Tick("tally", EVERY, self.once)

    def once(self) -> bool:
        """Count what has ended since the last time; whether there is more."""
        now = self.clock()
        with self.store.read() as tx:
            known = tx.runs.fact(LOOKED)
            if known is not None and not _anything(*ended(tx, seen := _seen(known)), seen):
                return False
        with self.store.begin() as tx:
            known = tx.runs.fact(LOOKED)
            if known is None:
                tx.runs.set_fact(LOOKED, asdict(Seen.now(tx)))
                return False
            runs, made, seen = ended(tx, _seen(known))
            tx.tallies.add(_counted(runs, made, now))
            tx.runs.set_fact(LOOKED, asdict(seen))
            tx.tallies.forget([*self.pairs, ALL], now - KEPT, most=BITE)
        return False


def uncounted(tx: Tx, now: datetime) -> Mapping[str, Sequence[Tally]]:
    """By pair, and for all: what has ended since it was counted last, as the next count will have it."""
    known, found = tx.runs.fact(LOOKED), defaultdict[str, list[Tally]](list)
    if known is not None:
        runs, made, _ = ended(tx, _seen(known))
        for (pair, hour, what), count in _counted(runs, made, now).items():
            found[pair].append(Tally(pair, hour, what, count))
    return found


def _counted(runs: Sequence[Run], made: Sequence[Made], now: datetime) -> Counter[tuple[str, datetime, str]]:
    counts: Counter[tuple[str, datetime, str]] = Counter()
    for pair, at, what, count in (*_of_runs(runs), *_of_made(made, now)):
        for one in (pair, ALL):
            counts[one, _hour(at), what] += count
    return counts


def _seen(known: dict[str, Any]) -> Seen:
    return Seen(**known)


def _anything(runs: Sequence[Run], made: Sequence[Made], now: Seen, before: Seen) -> bool:
    return bool(runs or made) or now != before


def _of_runs(runs: Sequence[Run]) -> Iterator[tuple[str, datetime, str, int]]:
    for run in runs:
        at = run.ended_at or run.started_at
        yield run.pair, at, f"run:{run.state}"[:32], 1
        for name, count in run.counts.items():
            action, colon, outcome = name.partition(":")
            if colon and action in ("create", "update", "archive"):
                yield run.pair, at, WRITTEN if outcome == "written" else FAILED, int(count)


def _of_made(made: Sequence[Made], now: datetime) -> Iterator[tuple[str, datetime, str, int]]:
    for key, seconds in handed_over(made):
        yield key.partition("/")[0], now, took(seconds), 1


def took(seconds: float) -> str:
    """What a hand-off is counted as that took so long."""
    at = bisect_left(SECONDS, seconds)
    return f"handoff:{SECONDS[at]}" if at < len(SECONDS) else "handoff:more"


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
