"""The first page: each system, each pair, what needs a person, and how the last day and month went.

What is not here: what is done about any of it; each number is a link to the page that does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from syncd.console.ask import Ask, Facts, Page
from syncd.console.causes import cause_of
from syncd.console.chart import Chart, Handed, handed
from syncd.console.desk import Desk
from syncd.console.pages import held
from syncd.console.pages.runs import did
from syncd.console.pages.systems import headed
from syncd.console.render import link
from syncd.console.words import cause
from syncd.core.plural import counted
from syncd.engine.auditing import summary
from syncd.kit import traffic
from syncd.service.tally import uncounted
from syncd.store import asking
from syncd.store.marks import HELD
from syncd.store.store import Tx
from syncd.store.tallies import ALL, Tally

DAY = timedelta(days=1)
Count = tuple[str, str, bool, int, datetime]
"""Map, state, whether it is due now, how many marks, and since when the oldest waits."""

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
    maps = {name: [f"{name}/{Path(file).stem}" for file in pair.maps] for name, pair in config.pairs.items()}
    with desk.ready_store.read() as tx:
        counts = tx.marks.counts(ask.now)
        new = uncounted(tx, ask.now)
        hours = [*tx.tallies.of(ALL, ask.now - 31 * DAY), *new.get(ALL, ())]
        rests = _Rests.of(tx, maps, counts)
        return {
            "day": Chart.of(hours, _hour(ask.now) - timedelta(hours=23), timedelta(hours=1), 24),
            "month": Chart.of(hours, ask.now.replace(hour=0, minute=0, second=0, microsecond=0) - 29 * DAY, DAY, 30),
            "systems": [{**one, **_asked(name)} for name, one in headed(desk, tx).items()],
            "pairs": [
                _pair(tx, desk, name, keys, counts, rests, _day(tx, name, new, ask.now)) for name, keys in maps.items()
            ],
            "needs": list(_needs(tx, rests)),
        }


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class _Rests:
    """What waits for a person. `held`: records by pair, and whether there are more; `parked`: by map and cause.

    `asked`: conflicts by map and rule; `more`: there are more of them.
    """

    held: Mapping[str, tuple[int, bool]]
    parked: Sequence[tuple[str, str, int]]
    asked: Counter[tuple[str, str]]
    more: bool

    @classmethod
    def of(cls, tx: Tx, maps: Mapping[str, Sequence[str]], counts: Sequence[Count]) -> _Rests:
        found = {row[0] for row in counts if row[1] == HELD}
        held = {name: _held(tx, mine) for name, keys in maps.items() if (mine := [key for key in keys if key in found])}
        parked = [(key, why or "", count) for key, why, count in tx.marks.causes() if not cause_of(why).alone]
        asked, more = asking.counted(tx, "open", most=MOST)
        return cls(held, parked, asked, more)

    def count(self, pair: str, keys: Sequence[str]) -> tuple[int, bool]:
        """How much of a pair needs a person, and whether it may be more."""
        held, more = self.held.get(pair, (0, False))
        parked = sum(count for key, _, count in self.parked if key in keys)
        asked = sum(count for (key, _), count in self.asked.items() if key in keys)
        return held + parked + asked, more or self.more


def _held(tx: Tx, keys: Sequence[str]) -> tuple[int, bool]:
    count = held.records_of(tx, keys)
    return (held.COUNTED, True) if count is None else (count, False)


def _asked(system: str) -> Mapping[str, Any]:
    """How often a system was asked since syncd started, and how much of its day is left."""
    sent = sum(count for (of, _), count in traffic.so_far().items() if of == system)
    return {"sent": sent, "left": traffic.left().get(system)}


def _day(tx: Tx, name: str, new: Mapping[str, Sequence[Tally]], now: datetime) -> Handed:
    since = now - DAY
    return handed([*tx.tallies.of(name, since), *new.get(name, ())], since)


def _pair(
    tx: Tx, desk: Desk, name: str, keys: Sequence[str], counts: Sequence[Count], rests: _Rests, lately: Handed
) -> Mapping[str, Any]:
    config = desk.config.pairs[name]
    last = next(iter(tx.runs.last(name, limit=1)), None)
    ready = [row for row in counts if row[0] in keys and row[2]]
    parity = [row for row in summary(tx, keys) if row["parity"] is not None]
    return {
        "name": name,
        "left": config.left,
        "right": config.right,
        "mode": config.mode,
        "last": last,
        "did": did(last) if last is not None else "",
        "links": sum(tx.links.count(key) for key in keys),
        "due": sum(row[3] for row in ready),
        "oldest": min((row[4] for row in ready), default=None),
        "needs": rests.count(name, keys),
        "handed": lately,
        "parity": min((row["parity"] for row in parity), default=None),
    }


def _needs(tx: Tx, rests: _Rests) -> Iterator[Need]:
    """What waits for a person, the most pressing first."""
    for pair, (count, more) in rests.held.items():
        told = f"More than {count:,} records" if more else counted(count, "record")
        yield Need(count, f"{told} of {pair} held: {held.why(tx, pair)[0]}", f"/held/{quote(pair, safe='')}")
    if count := rests.asked.total():
        told = f"More than {MOST:,} fields" if rests.more else counted(count, "field")
        yield Need(min(count, MOST), f"{told} changed on both sides: which is right?", "/conflicts")
    parked: Counter[str] = Counter()
    for _, why, count in rests.parked:
        parked[why] += count
    for why, count in parked.most_common():
        href = "/review" if why == "question" else link("/parked", cause=why)
        yield Need(count, f"{counted(count, 'record')} cannot go on: {cause(why).lower()}", href)


PAGES = (Page("/", "home.html", "Home", show, nav="Home"),)
