"""Passes that somebody waits for: `plan` reads all and shows what a run would do, `once` does it until all is done.

What is not here: the daemon, which does the same for months (`daemon`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from syncd.core.plural import counted
from syncd.engine import answers, undo
from syncd.engine.intake import Tick, tick
from syncd.engine.maps import adopt
from syncd.engine.run import RunReport, poll, work
from syncd.engine.world import Pair, World
from syncd.service.health import Health
from syncd.store.marks import PLANNED

SOON = timedelta(seconds=30)
"""`once` waits for marks that become due within this time."""

SHORTLY = 0.3
"""Seconds between two looks whether another process has given back what it leased."""

Say = Callable[[str], None]


def plan(world: World, pairs: Sequence[Pair], say: Say) -> dict[str, Any]:
    """Read both sides and show what a run would do; nothing is written to a vendor."""
    health = _begin(world)
    operations: list[dict[str, Any]] = []
    calls: dict[str, int] = {}
    for one in pairs:
        rows: list[dict[str, Any]] = []
        _read_all(world, one, health, say)
        # Of a live pair, the daemon's next run wakes what was planned, as soon as the pair is given back.
        _work(world, replace(one, mode="plan"), say, partial(_see, world, one, rows))
        for system, count in answers.cost(world, one.maps, rows).items():
            calls[system] = calls.get(system, 0) + count
        operations += [{"pair": one.name, **row} for row in rows]
    return {
        "operations": operations,
        "creates": sum(1 for row in operations if row["creates"]),
        "updates": sum(1 for row in operations if not row["creates"] and row["writes"]),
        "archives": sum(1 for row in operations if row.get("archives")),
        "links": sum(1 for row in operations if row["action"] == "link"),
        "calls": calls,
        "conflicts": sum(len(row["conflicts"]) for row in operations),
    }


def _begin(world: World) -> Health:
    """Adopt the maps; what is told well later is what was in trouble by now."""
    health = Health.of(world)
    health.begin(world.connectors)
    adopt(world)
    return health


def _see(world: World, pair: Pair, rows: list[dict[str, Any]]) -> None:
    rows += answers.plan_rows(world.store, pair.maps, PLANNED)


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
