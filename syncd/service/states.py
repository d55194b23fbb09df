"""What an operator is woken or asked for, as the store tells it: each state with its sentence, remedy and runbook.

What is not here: whom it is told, and when (`alerting`).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from syncd.core.plural import counted
from syncd.engine.answers import held_rows
from syncd.engine.auditing import summary
from syncd.engine.item import PAUSED
from syncd.store.store import Tx

LEFT_ALONE = ("waiting", "later", PAUSED)
"""Causes of parked records that no person can do anything about, or wants to."""

LATE = 10
"""Intervals after which a feed that was not read is late."""

SOONEST = timedelta(minutes=10)
"""And so long at least."""

STOPPED = 3
"""Runs that ended early, one after the other, are no accident."""

SCARCE_BYTES, SCARCE_SHARE = 200_000_000, 0.03
"""A disk with less than either left will soon be full."""

UNFIT = "maps:unfit"
"""The fact that holds why maps fit no longer; None or not there if they do."""


@dataclass(frozen=True, slots=True)
class Page:
    """A runbook. `urgent`: the sync, or a part of it, stands."""

    remedy: str
    urgent: bool = False


PAGES: Mapping[str, Page] = {
    "system-paused": Page("`syncd check` says what its vendor refuses, and what to give it.", urgent=True),
    "system-waiting": Page(
        "It goes on by itself. Look at the vendor's status, and who else uses the key.", urgent=True
    ),
    "feed-late": Page("Look at the log for `tick failed`; restart syncd if it says nothing.", urgent=True),
    "maps-unfit": Page("Mend the map, or the field at the vendor; then `syncd check`, and reload.", urgent=True),
    "runs-stopped": Page("What was not done stays due. Look at the log for `trouble`.", urgent=True),
    "disk": Page("Make room. When it is full syncd stops writing; nothing is lost.", urgent=True),
    "store": Page("Make room, or see that the database runs. What is not stored is read again.", urgent=True),
    "held": Page("`syncd held show` shows it; `syncd held approve` or `discard` decides."),
    "conflicts": Page("`syncd conflicts list` shows them; `syncd conflicts take` decides."),
    "parked": Page("`syncd parked` says why for each; mend it, then `syncd retry`."),
    "parity": Page("`syncd verify` shows where; with `--plan` they are looked at again."),
}
"""Every page of docs/runbooks, by its name."""


@dataclass(frozen=True, slots=True)
class State:
    """One state of things that needs somebody. `key`: its runbook, and after a colon what it is about."""

    key: str
    sentence: str

    @property
    def page(self) -> str:
        """The runbook's name."""
        return self.key.partition(":")[0]

    @property
    def remedy(self) -> str:
        """What to do."""
        return PAGES[self.page].remedy

    @property
    def urgent(self) -> bool:
        """Whether something stands."""
        return PAGES[self.page].urgent


@dataclass(frozen=True, slots=True)
class Watched:
    """What is looked at: pairs that are not paused, how often each feed is read, and where the store lies, if here."""

    pairs: tuple[str, ...]
    systems: tuple[str, ...]
    maps: tuple[str, ...]
    feeds: Mapping[tuple[str, str], timedelta]
    disk: Path | None = None


def states(tx: Tx, now: datetime, watched: Watched) -> list[State]:
    """All that is so now."""
    return [
        *_systems(tx, watched),
        *_feeds(tx, now, watched),
        *_maps(tx),
        *_runs(tx, watched),
        *_disk(watched),
        *_held(tx, now),
        *_asked(tx, watched),
        *_parity(tx, watched),
    ]


def _systems(tx: Tx, watched: Watched) -> Iterator[State]:
    states = tx.runs.systems()
    for name in watched.systems:
        known = states.get(name)
        if known is not None and known.state == "paused":
            yield State(f"system-paused:{name}", f"{name} is paused: {known.reason}")
        elif known is not None and known.state != "ok":
            told = f"{name} does not answer, or is at its limit: {known.reason}"
            yield State(f"system-waiting:{name}", told)


def _feeds(tx: Tx, now: datetime, watched: Watched) -> Iterator[State]:
    states = tx.runs.systems()
    for feed in tx.feeds.all():
        every, known = watched.feeds.get((feed.system, feed.kind)), states.get(feed.system)
        if feed.polled_at is None or every is None or (known is not None and known.state != "ok"):
            continue
        if now - feed.polled_at > max(every * LATE, SOONEST):
            told = f"{feed.kind} of {feed.system} were last read at {feed.polled_at:%Y-%m-%d %H:%M} UTC"
            yield State(f"feed-late:{feed.system}:{feed.kind}", told)


def _maps(tx: Tx) -> Iterator[State]:
    if problems := tx.runs.fact(UNFIT):
        told = f"a vendor changed its fields, and maps fit no longer: {'; '.join(problems)}"
        yield State("maps-unfit", told)


def _runs(tx: Tx, watched: Watched) -> Iterator[State]:
    for name in watched.pairs:
        last = tx.runs.last(name, limit=STOPPED)
        # One that was told to stop has no error.
        if len(last) == STOPPED and all(run.state == "stopped" and run.counts.get("error") for run in last):
            told = f"the runs of {name} end early: {last[0].counts.get('error')}"
            yield State(f"runs-stopped:{name}", told)


def _disk(watched: Watched) -> Iterator[State]:
    if watched.disk is None:
        return
    try:
        space = shutil.disk_usage(watched.disk.parent)
    except OSError:
        return  # the store itself is asked, and says so
    if space.free < SCARCE_BYTES or space.free < space.total * SCARCE_SHARE:
        yield State("disk", f"the disk of the store has {space.free // 2**20} MiB left")


def _held(tx: Tx, now: datetime) -> Iterator[State]:
    for row in held_rows(tx, now):
        yield State(f"held:{row['pair']}", f"a run of {row['pair']} is held: {row['reason']}")


def _asked(tx: Tx, watched: Watched) -> Iterator[State]:
    if count := tx.conflicts.count("open"):
        told = f"{counted(count, 'field')} changed on both sides, and the map has you decide"
        yield State("conflicts", told)
    for key, cause, count in sorted(tx.marks.causes(), key=str):
        if key in watched.maps and cause not in LEFT_ALONE:
            told = f"{counted(count, 'record')} of {key} cannot go on: {cause}"
            yield State(f"parked:{key}:{cause}", told)


def _parity(tx: Tx, watched: Watched) -> Iterator[State]:
    for row in summary(tx, watched.maps):
        wrong = [f"{count} {name}" for name, count in row.items() if name not in ("map", "parity", "at")]
        if wrong:
            told = f"both sides of {row['map']} differ without a known reason: {', '.join(wrong)}"
            yield State(f"parity:{row['map']}", told)
