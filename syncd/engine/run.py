"""A run: one pass of the engine over a pair, with its guard, its counts and one line in the log. Rules 18 and 19.

What is not here: the steps (`worker`) and when a run happens (`service`).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars

from syncd.core.fieldmap import FieldMap
from syncd.engine.crew import Crew, side_by_side
from syncd.engine.guard import exceeded, lately, links_of, may_exceed, weigh
from syncd.engine.intake import Tick, tick
from syncd.engine.lookout import Hidden, must_be_whole
from syncd.engine.worker import backfilled, feeds_of
from syncd.engine.world import Pair, World
from syncd.errors import SyncdError, Transient
from syncd.store.marks import PLANNED, WEIGHED
from syncd.store.store import Tx

log = structlog.get_logger("syncd.engine")

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class RunReport:
    """What a run did.

    `state`: done, planned, held, stopped (with `error`), paused (with what a system hides as `error`), or busy: another
    process runs the pair. `due_by`: what became due after it was not weighed, and belongs to the next run.
    """

    pair: str
    run: int | None = None
    fence: int = 0
    state: str = "done"
    counts: Counter[str] = field(default_factory=Counter)
    error: str | None = None
    due_by: datetime = NEVER

    def row(self) -> dict[str, Any]:
        """As people and scripts read it."""
        held = self.state == "held"
        return {"run": self.run, "pair": self.pair, "state": self.state, "error": self.error, "held": held,
                **self.counts}  # fmt: skip


def poll(world: World, pair: Pair, read: Callable[[World, str, str], Tick] = tick) -> list[Tick]:
    """Every feed of a pair, each read once, by one tick if nothing else is said. Raises AuthError and Transient."""
    feeds = pair.kinds
    if not world.side_by_side:
        return [read(world, system, kind) for system, kind in feeds]
    enough = threading.Event()
    watched = replace(world, stopping=lambda: enough.is_set() or world.stopping())
    return side_by_side([partial(read, watched, system, kind) for system, kind in feeds], enough)


def work(world: World, pair: Pair, *, look: Callable[[], None] = lambda: None) -> RunReport:
    """Work through what is due in a pair when the run begins, maps in their order.

    What comes while it works is left to the next run, and so is what it brings about for other records: nothing is
    written that the guard did not see. New leads alone do not wait for it, and the guard is asked anew for them.
    A run that finds nothing due leaves no trace, nor does one that may not begin because a system hides things: its
    feed tells of that, and must not be kept from looking. Trouble with a whole system ends the run with its sentence.
    The pair is leased meanwhile: what the guard weighs must be all there is. `look`: done before it is given back.
    """
    report = RunReport(pair.name)
    if pair.mode == "paused" or not due(world, pair):
        look()
        return report
    with bound_contextvars(pair=pair.name):
        return _work(world, pair, report, look)


def _work(world: World, pair: Pair, report: RunReport, look: Callable[[], None]) -> RunReport:
    try:
        if not _begin(world, pair, report):
            report.state = "busy"
            return report
        with bound_contextvars(run=report.run):
            report.state = _passes(world, pair, report)
        look()
    except Hidden as error:
        report.state, report.error = "paused", str(error)
        look()
    except Exception as error:
        report.state, report.error = "stopped", str(error)
        _end(world, report)
        raise
    _end(world, report)
    return report


def _begin(world: World, pair: Pair, report: RunReport) -> bool:
    """Lease the pair and note the run; one that was killed has ended, and what it weighed is due again.

    So is what was only planned, if this run may write: since the pair is live, or by a plan beside it.
    False: somebody has the pair. Raises Hidden.
    """
    with world.store.begin() as tx:
        must_be_whole(tx, world, pair)
        # No other transaction writes meanwhile: what is due by now is stored.
        now = report.due_by = world.clock()
        report.fence = tx.runs.next_fence()
        if not tx.pair_leases.take(pair.name, now=now, until=now + world.pace.lease, fence=report.fence):
            return False
        _unweigh(tx, pair, now)
        if pair.mode != "plan":
            for m in pair.maps:
                tx.marks.retry(m.key, now, state=PLANNED, reread=False)
        tx.runs.abandon(pair.name, now)
        report.run = tx.runs.start(pair.name, pair.mode, pair.digest, now)
    return True


def _hold(world: World, report: RunReport, tx: Tx) -> None:
    """Hold on to the pair. Raises Transient if another process has taken it over, and Hidden."""
    if not tx.pair_leases.hold(report.pair, until=world.clock() + world.pace.lease, fence=report.fence):
        raise Transient(f"another process has taken over pair {report.pair}.", retry_after=1.0)
    must_be_whole(tx, world, next(pair for pair in world.pairs if pair.name == report.pair))


def _passes(world: World, pair: Pair, report: RunReport) -> str:
    if pair.mode == "plan":
        return _pass(world, pair, report, rests=PLANNED)
    if may_exceed(world, pair, report.due_by) and not _allowed(world, pair, report):
        # What a person has allowed does not wait for others, nor do leads that came since and are few.
        _pass(world, pair, report, rests=None)
        return "held"
    return _pass(world, pair, report, rests=None)


def due(world: World, pair: Pair) -> bool:
    """Whether a run would find something to do now."""
    now, left = world.clock(), (WEIGHED,) if pair.mode == "plan" else (WEIGHED, PLANNED)
    with world.store.read() as tx:
        return any(
            tx.marks.any_due(m.key, now, linked_only=not backfilled(world, tx, m)) or tx.plans.any(m.key, left)
            for m in pair.maps
        )


def awaited(world: World) -> list[Pair]:
    """The pairs for which a run would find something to do now, and that nobody runs.

    Asked in a few looks for all of them: costs what there is to do, however many pairs there are.
    """
    now = world.clock()
    with world.store.read() as tx:
        marked, weighed, planned = tx.marks.maps_due(now), tx.plans.maps(WEIGHED), tx.plans.maps(PLANNED)
        read, taken = tx.feeds.backfilled() if marked else set(), tx.pair_leases.taken(now)

        def waits(pair: Pair, m: FieldMap) -> bool:
            if m.key in weighed or (m.key in planned and pair.mode != "plan"):
                return True
            return m.key in marked and (read >= feeds_of(world, m) or tx.marks.any_due(m.key, now, linked_only=True))

        free = [pair for pair in world.pairs if pair.mode != "paused" and (pair.name,) not in taken]
        return [pair for pair in free if any(waits(pair, m) for m in pair.maps)]


def _pass(world: World, pair: Pair, report: RunReport, *, rests: str | None) -> str:
    """Work on all maps, parents first; again as long as planned children pull parents that were passed."""
    hold = partial(_hold, world, report)
    crew = Crew(
        world=world, pair=pair, run=report.run, rests=rests, due_by=report.due_by, hold=hold, counts=report.counts
    )
    for _ in range(len(pair.maps) + 1):
        if not sum(crew.work(m) for m in pair.maps):
            break
    if world.stopping():
        return "stopped"
    return "planned" if rests == PLANNED else "done"


def _allowed(world: World, pair: Pair, report: RunReport) -> bool:
    """Plan the whole run without a write; within the guard its marks are due again, over it they are held.

    What a person has allowed neither weighs nor is held. What an earlier run had held stays so. Raises what planning
    raises; then nothing was decided, and all is due again.
    """
    planned = RunReport(pair.name, report.run, report.fence)
    try:
        _pass(world, pair, planned, rests=WEIGHED)
    except SyncdError:
        with world.store.begin() as tx:
            if tx.pair_leases.held(pair.name, fence=report.fence):
                _unweigh(tx, pair, report.due_by)
        raise
    # Read beside everybody else: what is marked again meanwhile is neither let go nor held.
    with world.store.read() as tx:
        weight = weigh(tx, pair)
        over = exceeded(pair.guard, weight, lately(world, tx, pair), links_of(tx, pair))
    with world.store.begin() as tx:
        _hold(world, report, tx)
        for m in pair.maps if over is not None else ():
            tx.plans.hold(m.key)
        _unweigh(tx, pair, report.due_by)
    if over is None:
        return True
    report.error = over
    report.counts.update(
        {**planned.counts, "plan:create": weight.creates, "plan:update": weight.updates, "plan:archive": weight.deletes}
    )
    return False


def _unweigh(tx: Tx, pair: Pair, due_at: datetime) -> None:
    """What was weighed is due since a moment that its run still takes in; what came meanwhile is due after it."""
    for m in pair.maps:
        tx.plans.unweigh(m.key, due_at)


def _end(world: World, report: RunReport) -> None:
    if report.run is None:
        return
    with world.store.begin() as tx:
        tx.pair_leases.give_back(report.pair, fence=report.fence)
        tx.runs.end(report.run, report.state, {**report.counts, "error": report.error}, world.clock())
    log.info("run", run=report.run, pair=report.pair, state=report.state, error=report.error, **dict(report.counts))
