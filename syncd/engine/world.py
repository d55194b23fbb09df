"""What the engine works in: the store, the systems, the pairs with their maps, the durations, the clock.

What is not here: how these come to be (`syncd.app`), and any step of the work.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Side
from syncd.kit.connector import Connector
from syncd.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """How much one run may change before a person must allow it; `percent` counts from 50 operations up.

    `day`: how many times the three counts 24 hours may come to; what a person allowed is not counted.
    """

    creates: int = 500
    updates: int = 5000
    deletes: int = 10
    percent: int = 20
    day: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The engine's own durations and sizes, from `[timing]`.

    `lease`: how long a claim holds without renewal. `landing`: how long after it was sent a write may still land.
    `retry_first`, `retry_max`: the first and longest wait before a failed mark is due again. `retry_for`: then parked.
    `proofs`: the time between two reads that prove a record gone. `look_every`: between two looks for a sample.
    `batch`: marks claimed at once.
    `flips`, `flips_within`: a field that was given one value more often within this time is frozen.
    `settle_every`: how soon an unsettled intent is looked at again. `leads_every`: how often a run looks for new leads
    between two batches; to count all that is due costs something.
    """

    lease: timedelta = timedelta(seconds=60)
    landing: timedelta = timedelta(minutes=5)
    retry_first: timedelta = timedelta(seconds=30)
    retry_max: timedelta = timedelta(hours=1)
    retry_for: timedelta = timedelta(hours=24)
    settle_every: timedelta = timedelta(seconds=15)
    leads_every: timedelta = timedelta(milliseconds=500)
    proofs: timedelta = timedelta(minutes=10)
    look_every: timedelta = timedelta(hours=1)
    batch: int = 500
    flips: int = 5
    flips_within: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two systems and the maps between them, parents first. `mode`: plan, live or paused."""

    name: str
    left: str
    right: str
    maps: tuple[FieldMap, ...]
    mode: str = "plan"
    guard: Guard = Guard()
    every: timedelta = timedelta(seconds=30)

    @property
    def kinds(self) -> tuple[tuple[str, str], ...]:
        """Every (system, kind) that its maps read, each once."""
        return tuple(dict.fromkeys((m.end(side).system, m.end(side).kind) for m in self.maps for side in Side))

    @property
    def digest(self) -> str:
        """What the maps say, in 32 hex digits: a run names it."""
        return blake2b("+".join(m.digest for m in self.maps).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything the engine's steps are handed. Read by several threads; never changed.

    A world with newer maps is made by `dataclasses.replace`; it keeps the locks of its feeds.
    `side_by_side`: each side's marks have a worker of their own, and feeds are read at once and a page ahead; False:
    one does all, in an order that can be repeated.
    `stopping`: whether the process was told to end; no further page, batch or vendor call is begun then.
    """

    store: Store
    connectors: Mapping[str, Connector]
    pairs: tuple[Pair, ...]
    clock: Callable[[], datetime]
    pace: Pace = Pace()
    side_by_side: bool = False
    stopping: Callable[[], bool] = lambda: False
    readers: Mapping[tuple[str, str], tuple[tuple[FieldMap, Side], ...]] = field(init=False)
    maps: Mapping[str, FieldMap] = field(init=False)
    _read: Mapping[tuple[str, str], tuple[str, ...]] = field(init=False)
    feed_locks: dict[tuple[str, str], threading.Lock] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Work out which maps read which kind, which fields of it, and that a feed is read by one thread at a time."""
        readers: dict[tuple[str, str], list[tuple[FieldMap, Side]]] = {}
        for m in (m for pair in self.pairs for m in pair.maps):
            for side in Side:
                readers.setdefault((m.end(side).system, m.end(side).kind), []).append((m, side))
        object.__setattr__(self, "readers", {key: tuple(several) for key, several in readers.items()})
        for key in readers:
            self.feed_locks.setdefault(key, threading.Lock())
        read = {key: {name for m, side in several for name in m.reads(side)} for key, several in readers.items()}
        object.__setattr__(self, "_read", {key: tuple(sorted(names)) for key, names in read.items()})
        object.__setattr__(self, "maps", {m.key: m for pair in self.pairs for m in pair.maps})

    def fields(self, system: str, kind: str) -> tuple[str, ...]:
        """The union of the fields that any map reads of a kind."""
        return self._read.get((system, kind), ())

    def connector(self, m: FieldMap, side: Side) -> Connector:
        """The system on one side of a map."""
        return self.connectors[m.end(side).system]
