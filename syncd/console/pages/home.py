"""The first page: each system, each pair, what needs a person, and how the last day and month went.

What is not here: what is done about any of it; each number is a link to the page that does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from syncd.console.ask import Ask, Facts, Page
from syncd.console.chart import Chart, handed
from syncd.console.desk import Desk
from syncd.console.words import cause, title
from syncd.core.plural import counted
from syncd.engine.answers import done
from syncd.engine.auditing import summary
from syncd.kit import traffic
from syncd.store import asking
from syncd.store.marks import COMING, DUE, HELD, PARKED, PLANNED
from syncd.store.store import Tx
from syncd.store.tallies import ALL

DAY = timedelta(days=1)
MOST = 1000
"""So many conflicts are counted; nobody needs to know by how many there are more."""


@dataclass(frozen=True, slots=True)
class Need:
    """Something that needs a person: how much of what, and where it is done."""

    count: int
    text: str
    href: str


def show(desk: Desk, ask: Ask) -> Facts:
    """All of it, from one view of the store."""
    config = desk.config
    maps = {name: [f"{name}/{_stem(file)}" for file in pair.maps] for name, pair in config.pairs.items()}
    with desk.ready_store.read() as tx:
        counts = tx.marks.counts(ask.now)
        hours = tx.tallies.of(ALL, ask.now - 31 * DAY)
        return {
            "day": Chart.of(hours, _hour(ask.now) - timedelta(hours=23), timedelta(hours=1), 24),
            "month": Chart.of(hours, ask.now.replace(hour=0, minute=0, second=0, microsecond=0) - 29 * DAY, DAY, 30),
            "systems": [_system(tx, desk, name) for name in config.systems],
            "pairs": [_pair(tx, desk, name, keys, counts, ask.now - DAY) for name, keys in maps.items()],
            "needs": list(_needs(tx, counts)),
        }


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _stem(file: str) -> str:
    return file.rpartition("/")[2].rpartition(".")[0]


def _system(tx: Tx, desk: Desk, name: str) -> Mapping[str, Any]:
    config, state = desk.config.systems[name], tx.runs.system(name)
    feeds = [feed for feed in tx.feeds.all() if feed.system == name]
    sent = sum(count for (system, _), count in traffic.so_far().items() if system == name)
    left = traffic.left().get(name)
    return {
        "name": name,
        "title": title(config.connector),
        "state": state.state if state else ("ok" if feeds else "not asked yet"),
        "reason": state.reason if state else None,
        "since": state.since if state else None,
        "again": state.again_at if state else None,
        "feeds": feeds,
        "sent": sent,
        "left": left,
    }


def _pair(tx: Tx, desk: Desk, name: str, keys: list[str], counts: list[Any], since: datetime) -> Mapping[str, Any]:
    config = desk.config.pairs[name]
    last = next(iter(tx.runs.last(name, limit=1)), None)
    waits = {state: sum(row[3] for row in counts if row[0] in keys and row[1] == state) for state in _STATES}
    ready = [row for row in counts if row[0] in keys and row[2]]
    parity = [row for row in summary(tx, keys) if row["parity"] is not None]
    return {
        "name": name,
        "left": desk.config.systems[config.left].connector,
        "right": desk.config.systems[config.right].connector,
        "mode": config.mode,
        "last": last,
        "did": done(last.counts) if last is not None else "",
        "links": sum(tx.links.count(key) for key in keys),
        "due": sum(row[3] for row in ready),
        "oldest": min((row[4] for row in ready), default=None),
        "waits": waits,
        "handed": handed(tx.tallies.of(name, since), since),
        "parity": min((row["parity"] for row in parity), default=None),
        "maps": keys,
    }


_STATES = (DUE, COMING, PLANNED, PARKED, HELD)


def _needs(tx: Tx, counts: list[Any]) -> Iterator[Need]:
    """What waits for a person, the most pressing first."""
    held: dict[str, int] = {}
    for key, state, _, count, _ in counts:
        if state == HELD:
            held[key.partition("/")[0]] = held.get(key.partition("/")[0], 0) + count
    for pair, count in held.items():
        run = next(iter(tx.runs.last(pair, state="held", limit=1)), None)
        reason = run.counts.get("error") if run is not None else "goes beyond what was allowed"
        yield Need(count, f"{counted(count, 'record')} of {pair} held: {reason}", f"/held/{pair}")
    asked, more = asking.counted(tx, "open", most=MOST)
    if count := asked.total():
        told = f"More than {MOST:,} fields" if more else counted(count, "field")
        yield Need(min(count, MOST), f"{told} changed on both sides: which is right?", "/conflicts")
    parked: dict[str, int] = {}
    for _, why, count in tx.marks.causes():
        if why not in ("waiting", "later"):
            parked[why or ""] = parked.get(why or "", 0) + count
    for why, count in sorted(parked.items(), key=lambda one: -one[1]):
        href = "/review" if why == "question" else f"/parked?cause={why}"
        yield Need(count, f"{counted(count, 'record')} cannot go on: {cause(why).lower()}", href)


PAGES = (Page("/", "home.html", "Home", show, nav="Home"),)
