"""A run: one pass of the engine over a pair, with its guard, its counts and one line in the log. Rules 18 and 19.

What is not here: the steps (`worker`) and when a run happens (`service`).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Side
from syncd.engine.intake import Tick, tick
from syncd.engine.namesakes import Taken
from syncd.engine.worker import Worker, backfilled
from syncd.engine.world import Guard, Pair, World
from syncd.errors import AuthError, SyncdError
from syncd.store.marks import DUE, PLANNED, WEIGHED

log = structlog.get_logger("syncd.engine")

PERCENT_FROM = 50
"""Operations from which the guard's percentage counts: small accounts change in large shares."""


@dataclass(slots=True)
class RunReport:
    """What a run did. `state`: done, planned, held, or stopped (with `error`). `names`: those it gave, by map."""

    pair: str
    run: int | None = None
    state: str = "done"
    counts: Counter[str] = field(default_factory=Counter)
    error: str | None = None
    names: dict[str, Taken] = field(default_factory=dict)


def poll(world: World, pair: Pair) -> list[Tick]:
    """One tick of every feed of a pair, each once. Raises AuthError and Transient."""
    feeds = dict.fromkeys((m.end(side).system, m.end(side).kind) for m in pair.maps for side in Side)
    return [tick(world, system, kind) for system, kind in feeds]


def work(world: World, pair: Pair) -> RunReport:
    """Work through what is due in a pair, maps in their order, until nothing is due now.

    A run that finds nothing due leaves no trace. Trouble with a whole system ends the run with its sentence.
    """
    report = RunReport(pair.name)
    if pair.mode == "paused" or not _due(world, pair):
        return report
    with world.store.begin() as tx:
        report.run = tx.runs.start(pair.name, pair.mode, pair.digest, world.clock())
    try:
        if pair.mode == "plan":
            report.state = _pass(world, pair, report, rests=PLANNED)
        elif _may_exceed(world, pair) and not _allowed(world, pair, report):
            report.state = "held"
        else:
            report.state = _pass(world, pair, report, rests=None)
    except SyncdError as error:
        report.state, report.error = "stopped", str(error)
        _end(world, report)
        raise
    _end(world, report)
    return report


def _due(world: World, pair: Pair) -> bool:
    now = world.clock()
    with world.store.read() as tx:
        return any(tx.marks.any_due(m.key, now, linked_only=not backfilled(tx, m)) for m in pair.maps)


def _pass(world: World, pair: Pair, report: RunReport, *, rests: str | None) -> str:
    """Work on all maps, parents first; again as long as children pull parents that were passed, one map each time."""
    for _ in range(len(pair.maps) + 1):
        if not sum(_steps(world, m, report, rests) for m in pair.maps):
            break
    if world.stopping():
        return "stopped"
    return "planned" if rests == PLANNED else "done"


def _steps(world: World, m: FieldMap, report: RunReport, rests: str | None) -> int:
    """Batch after batch of one map; how many units were taken.

    What is marked on a side is mostly written to the other: each side has a worker, so that no vendor waits for the
    other one's limits. A plan is made by one, so that it is the same each time.
    """
    sides = tuple(Side) if world.side_by_side and rests is None else (None,)
    names = report.names.setdefault(m.key, {})
    workers = [Worker(world, m, report.run, rests, side, taken=names) for side in sides]
    enough = threading.Event()
    try:
        with ThreadPoolExecutor(len(workers)) as pool, _setting(enough):
            running = [pool.submit(_batches, worker, enough) for worker in workers]
            wait(running)
        troubles = [trouble for one in running if (trouble := one.exception()) is not None]
        if troubles:
            raise min(troubles, key=lambda trouble: not isinstance(trouble, AuthError))
        return sum(one.result() for one in running)
    finally:
        for worker in workers:
            report.counts.update(worker.counts)


@contextmanager
def _setting(enough: threading.Event) -> Iterator[None]:
    """Whatever ends it early, the workers end with the batch they are at."""
    try:
        yield
    except BaseException:
        enough.set()
        raise


def _batches(worker: Worker, enough: threading.Event) -> int:
    taken = 0
    with _setting(enough):
        while not (worker.world.stopping() or enough.is_set()) and (units := worker.step()):
            taken += units
    return taken


def _may_exceed(world: World, pair: Pair) -> bool:
    """Whether what is due could exceed the guard, were all of it written."""
    now, guard = world.clock(), pair.guard
    with world.store.read() as tx:
        due = sum(tx.marks.due_count(m.key, now) for m in pair.maps)
        if due > min(guard.creates, guard.updates):
            return True
        links = sum(tx.links.count(m.key) for m in pair.maps) if due >= PERCENT_FROM else 0
    return links > 0 and due * 100 > guard.percent * links


def _allowed(world: World, pair: Pair, report: RunReport) -> bool:
    """Plan the whole run without a write; within the guard its marks are due again, over it they are held.

    What an earlier run had held stays so. Raises what planning raises; then nothing was decided, and all is due again.
    """
    planned = RunReport(pair.name, report.run)
    try:
        _pass(world, pair, planned, rests=WEIGHED)
    except SyncdError:
        _unweigh(world, pair)
        raise
    with world.store.begin() as tx:
        links = sum(tx.links.count(m.key) for m in pair.maps)
        over = exceeded(pair.guard, planned.counts, links)
        for m in pair.maps if over is not None else ():
            tx.marks.hold(m.key)
    if over is None:
        _unweigh(world, pair)
        return True
    report.error = over
    report.counts.update(planned.counts)
    return False


def _unweigh(world: World, pair: Pair) -> None:
    with world.store.begin() as tx:
        for m in pair.maps:
            tx.marks.retry(m.key, world.clock(), state=WEIGHED, reread=False)


def exceeded(guard: Guard, counts: Counter[str], links: int) -> str | None:
    """The sentence that says which limit a plan exceeds; None if none."""
    creates, updates = counts["plan:create"], counts["plan:update"]
    if creates > guard.creates:
        return f"{creates} records would be created, the guard allows {guard.creates}"
    if updates > guard.updates:
        return f"{updates} records would be updated, the guard allows {guard.updates}"
    linked = counts["plan:linked"]
    if linked >= PERCENT_FROM and linked * 100 > guard.percent * links:
        return f"{linked} of {links} linked records would be updated, the guard allows {guard.percent} percent"
    return None


def _end(world: World, report: RunReport) -> None:
    if report.run is None:
        return
    with world.store.begin() as tx:
        tx.runs.end(report.run, report.state, {**report.counts, "error": report.error}, world.clock())
    log.info("run", run=report.run, pair=report.pair, state=report.state, error=report.error, **dict(report.counts))


def release_held(world: World, pair: Pair) -> int:
    """A person allowed what is held: it is planned again, and written as far as the permission goes."""
    with world.store.begin() as tx:
        return sum(tx.marks.permit(m.key, world.clock()) for m in pair.maps)


__all__ = ["DUE", "RunReport", "exceeded", "poll", "release_held", "work"]
