"""Passes that somebody waits for: `plan` reads all and shows what a run would do, `once` does it until all is done.

What is not here: the daemon, which does the same for months (`daemon`).
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import Any

import orjson

from syncd.core.plural import counted
from syncd.engine import answers, undo
from syncd.engine.intake import Tick, tick
from syncd.engine.maps import adopt
from syncd.engine.run import RunReport, poll, work
from syncd.engine.world import Pair, World
from syncd.service.health import Health
from syncd.store.marks import PLANNED
from syncd.store.sql import CHUNK

SOON = timedelta(seconds=30)
"""`once` waits for marks that become due within this time."""

SHORTLY = 0.3
"""Seconds between two looks whether another process has given back what it leased."""

Say = Callable[[str], None]


class Operations:
    """What a plan would do, record by record. They are many and much alike: all but a page of them are packed."""

    def __init__(self) -> None:
        """None yet."""
        self._packed: list[bytes] = []
        self._count = 0

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add these, in their order."""
        rest = iter(rows)
        while page := list(islice(rest, CHUNK)):
            self._packed.append(zlib.compress(orjson.dumps(page), 1))
            self._count += len(page)

    def __len__(self) -> int:
        """How many there are."""
        return self._count

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Each as it was added."""
        for page in self._packed:
            yield from orjson.loads(zlib.decompress(page))


def plan(world: World, pairs: Sequence[Pair], say: Say) -> dict[str, Any]:
    """Read both sides and show what a run would do; nothing is written to a vendor."""
    health, operations = _begin(world), Operations()
    for one in pairs:
        _read_all(world, one, health, say)
        # Of a live pair, the daemon's next run wakes what was planned, as soon as the pair is given back.
        _work(world, replace(one, mode="plan"), say, partial(_see, world, one, operations))
    counts = dict.fromkeys(("creates", "updates", "archives", "links", "conflicts"), 0)
    for row in operations:
        counts["creates"] += row["creates"] is not None
        counts["updates"] += row["creates"] is None and bool(row["writes"])
        counts["archives"] += bool(row.get("archives"))
        counts["links"] += row["action"] == "link"
        counts["conflicts"] += len(row["conflicts"])
    calls = answers.cost(world, [m for one in pairs for m in one.maps], operations)
    return {"operations": operations, **counts, "calls": calls}


def _begin(world: World) -> Health:
    """Adopt the maps; what is told well later is what was in trouble by now."""
    health = Health.of(world)
    health.begin(world.connectors)
    adopt(world)
    return health


def _see(world: World, pair: Pair, operations: Operations) -> None:
    operations.add({"pair": pair.name, **row} for row in answers.plan_rows(world.store, pair.maps, PLANNED))


def once(world: World, pairs: Sequence[Pair], say: Say) -> list[dict[str, Any]]:
    """Pass after pass until nothing is due; one report per run."""
    health = _begin(world)
    reports: list[RunReport] = []
    for one in pairs:
        reports += _until_done(world, one, partial(_read_all, world, one, health, say), say)
    return [report.row() for report in reports if report.run is not None or report.state == "paused"]


def take_back(world: World, pair: Pair, run: int, links: int, say: Say) -> dict[str, Any]:
    """Carry out what was ordered about so many links of a run, without reading what else is new; what became of it.

    `state` and `reason`: of the last run for it; what is held waits for a person. Without an order nothing is run.
    """
    reports = list(_until_done(world, pair, lambda: None, say)) if links else [RunReport(pair.name)]
    found = undo.told(world, run, [report.run for report in reports if report.run is not None])
    return {**found, "state": reports[-1].state, "reason": reports[-1].error}


def _until_done(world: World, pair: Pair, read: Callable[[], None], say: Say) -> Iterator[RunReport]:
    """Run after run, each after a reading, until nothing is due, something is held, or a system hides things."""
    while True:
        read()
        report = _work(world, pair, say)
        yield report
        if report.run is not None:
            say(f"run {report.run}: {dict(report.counts)}")
        if report.state in ("held", "paused") or not _more_due(world, pair, report):
            return


def _work(world: World, pair: Pair, say: Say, look: Callable[[], None] = lambda: None) -> RunReport:
    """One run; after that of another process, if one is at it."""
    while (report := work(world, pair, look=look)).state == "busy":
        say(f"another process runs {pair.name}; waiting for it")
        time.sleep(SHORTLY)
    return report


def _read_all(world: World, pair: Pair, health: Health, say: Say) -> None:
    """Read every feed until nothing is waiting right now. Whoever rests is asked too: somebody waits for the answer."""
    while any(one.busy for one in poll(world, pair, partial(_read_on, say))):
        say("another process reads; waiting for it")
        time.sleep(SHORTLY)
    for system in dict.fromkeys(system for system, _ in pair.kinds):
        health.clear(world, system)


def _read_on(say: Say, world: World, system: str, kind: str) -> Tick:
    """Tick after tick of one feed until nothing of it is waiting, however long the others take; the last one."""
    while True:
        found = tick(world, system, kind)
        if not found.busy:
            say(f"{system} {kind}: {counted(found.rows, 'row')}")
        if not found.due or world.stopping():
            return found


def _more_due(world: World, pair: Pair, report: RunReport) -> bool:
    """Whether another pass is worth it; waits for what becomes due within a short while."""
    if pair.mode != "live":
        return False
    with world.store.read() as tx:
        due = tx.marks.next_due([m.key for m in pair.maps])
    if due is None or due > world.clock() + SOON:
        return report.run is not None
    time.sleep(max(0.0, min((due - world.clock()).total_seconds(), SOON.total_seconds())))
    return True
